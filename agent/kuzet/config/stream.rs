//! The keys of a `[[source]]` that is no file: where it listens or what it asks, checked.

use super::file::Faults;
use crate::source::stream::{
    JournaldSettings, Limits, ListenSettings, Network, RedisAddress, RedisSettings, SensorSettings, StreamSettings,
    TlsFiles, Transport,
};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Keys of `[[source]]` beside those of files.
#[derive(Default)]
pub(super) struct RawStream {
    pub(super) listen: Option<String>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) allow: Vec<String>,
    pub(super) journald: Option<RawJournald>,
    pub(super) redis: Option<RawRedis>,
    pub(super) sensor: Option<RawSensor>,
    pub(super) netflow: Option<RawNetflow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetflow {
    listen: String,
    #[serde(default)]
    from: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSensor {
    socket: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRedis {
    url: String,
    password_file: Option<PathBuf>,
    #[serde(default)]
    monitor: bool,
    poll_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJournald {
    #[serde(default)]
    units: Vec<String>,
    #[serde(default)]
    identifiers: Vec<String>,
    directory: Option<PathBuf>,
}

impl RawStream {
    /// How many sources it names.
    pub(super) fn count(&self) -> usize {
        let named = [
            self.listen.is_some(),
            self.journald.is_some(),
            self.redis.is_some(),
            self.sensor.is_some(),
            self.netflow.is_some(),
        ];
        named.map(usize::from).iter().sum()
    }
}

impl Faults<'_> {
    /// The stream of the source that begins at `at`, if it is one.
    pub(super) fn stream(
        &mut self,
        raw: RawStream,
        name: &str,
        at: Option<usize>,
        from_beginning: bool,
    ) -> Option<StreamSettings> {
        let RawStream { listen, cert, key, client_ca, allow, journald, redis, sensor, netflow } = raw;
        if let Some(listen) = listen {
            return self.listener(&listen, (cert, key, client_ca), &allow, name, at).map(StreamSettings::Listen);
        }
        if cert.is_some() || key.is_some() || client_ca.is_some() || !allow.is_empty() {
            let message = format!("source \"{name}\" has keys of a listener and does not listen");
            self.push("KZ061", at, message, "add listen = \"tls://ADDRESS:PORT\", or take them out");
        }
        if let Some(redis) = redis {
            return self.redis(redis, name, at, from_beginning).map(StreamSettings::Redis);
        }
        if let Some(netflow) = netflow {
            return self.netflow(&netflow, name, at).map(StreamSettings::Listen);
        }
        if let Some(sensor) = sensor {
            let settings = SensorSettings { socket: sensor.socket, folders: Vec::new() };
            return Some(StreamSettings::Sensor(settings));
        }
        journald.and_then(|raw| self.journald(raw, name, at, from_beginning)).map(StreamSettings::Journald)
    }

    fn listener(
        &mut self,
        listen: &str,
        (cert, key, client_ca): (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>),
        allow: &[String],
        name: &str,
        at: Option<usize>,
    ) -> Option<ListenSettings> {
        let faults = self.count();
        let split = listen.split_once("://").and_then(|(kind, text)| Some((kind, text.parse::<SocketAddr>().ok()?)));
        let Some((kind, address)) = split.filter(|(kind, _)| ["udp", "tcp", "tls"].contains(kind)) else {
            let help =
                "write udp://, tcp:// or tls:// and an address of this host with a port: \"tls://192.0.2.10:6514\"";
            self.push("KZ062", at, format!("source \"{name}\": \"{listen}\" is nothing to listen on"), help);
            return None;
        };
        let transport = match (kind, cert, key) {
            ("tls", Some(cert), Some(key)) => {
                let files = TlsFiles { cert, key, client_ca };
                self.files(&files, name, at);
                Transport::Tls(files)
            }
            ("tls", ..) => {
                let help = "add cert = \"/etc/…/server.pem\" and key = \"/etc/…/server.key\"";
                self.push(
                    "KZ063",
                    at,
                    format!("source \"{name}\" listens with TLS and has no certificate or key"),
                    help,
                );
                return None;
            }
            (_, None, None) if client_ca.is_none() => {
                if kind == "udp" {
                    Transport::Udp
                } else {
                    Transport::Tcp
                }
            }
            _ => {
                let message = format!("source \"{name}\" has a certificate and does not use it on {kind}://");
                self.push("KZ063", at, message, "write tls://, or take cert, key and client_ca out");
                return None;
            }
        };
        if !matches!(transport, Transport::Tls(_)) && !address.ip().is_loopback() {
            let message = format!(
                "source \"{name}\" takes records in clear on {address}: anybody on the way can read, \
                 change and forge them"
            );
            self.warn("KZ064", at, message, "listen on tls:// with client_ca, or on 127.0.0.1 behind a local relay");
        }
        let allow = self.networks(allow, "allow", name, at);
        (self.count() == faults).then_some(ListenSettings { transport, address, allow, limits: Limits::default() })
    }

    fn netflow(&mut self, raw: &RawNetflow, name: &str, at: Option<usize>) -> Option<ListenSettings> {
        let faults = self.count();
        let Some(address) = raw.listen.strip_prefix("udp://").and_then(|text| text.parse::<SocketAddr>().ok()) else {
            let help = "write udp:// and an address of this host with a port: \"udp://192.0.2.10:2055\"";
            let message = format!("source \"{name}\": \"{}\" is nothing to listen on for exported flows", raw.listen);
            self.push("KZ062", at, message, help);
            return None;
        };
        if raw.from.is_empty() && !address.ip().is_loopback() {
            let message =
                format!("source \"{name}\" takes flows from everybody who reaches {address}: anybody can make them up");
            self.warn("KZ064", at, message, "name the exporters: from = [\"10.0.0.1\"]");
        }
        let (transport, allow) = (Transport::Netflow, self.networks(&raw.from, "from", name, at));
        (self.count() == faults).then_some(ListenSettings { transport, address, allow, limits: Limits::default() })
    }

    /// Who may send, by the key `key`.
    fn networks(&mut self, texts: &[String], key: &str, name: &str, at: Option<usize>) -> Vec<Network> {
        let network = |text: &String| match text.parse::<Network>() {
            Ok(network) => Some(network),
            Err(error) => {
                let help = "write \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\"";
                self.push("KZ065", at, format!("source \"{name}\": {key} \"{text}\" is {error}"), help);
                None
            }
        };
        texts.iter().filter_map(network).collect()
    }

    /// A listener whose files cannot be used is a fault now and not at the first connection.
    fn files(&mut self, files: &TlsFiles, name: &str, at: Option<usize>) {
        for path in [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()].into_iter().flatten() {
            self.absolute(path, at);
        }
        if let Err(why) = files.load() {
            let help = "PEM files; the key is readable by the user of the agent and not by everybody";
            self.push("KZ063", at, format!("source \"{name}\": {why}"), help);
        }
    }

    fn journald(
        &mut self,
        raw: RawJournald,
        name: &str,
        at: Option<usize>,
        from_beginning: bool,
    ) -> Option<JournaldSettings> {
        let faults = self.count();
        let RawJournald { units, identifiers, directory } = raw;
        if units.is_empty() && identifiers.is_empty() {
            let help = "add units = [\"postgresql@15-main.service\"] or identifiers = [\"postgres\"]";
            self.push("KZ066", at, format!("source \"{name}\" names no unit and no identifier of the journal"), help);
        }
        let plain = |unit: &&String| !unit.contains(['*', '?', '[', '\n', '\0']) && unit.contains('.');
        if let Some(unit) = units.iter().find(|unit| !plain(unit)) {
            let help = "write the whole name, as systemctl shows it: \"postgresql@15-main.service\"";
            self.push("KZ066", at, format!("source \"{name}\": \"{unit}\" is not the name of a unit"), help);
        }
        if let Some(name) = identifiers.iter().find(|name| name.is_empty() || name.contains(['\n', '\0'])) {
            let help = "write what stands before the colon in the output of journalctl: \"postgres\"";
            self.push("KZ066", at, format!("\"{}\" is not an identifier", name.escape_debug()), help);
        }
        if let Some(directory) = &directory {
            self.absolute(directory, at);
        }
        (self.count() == faults).then_some(JournaldSettings { units, identifiers, directory, from_beginning })
    }

    fn redis(&mut self, raw: RawRedis, name: &str, at: Option<usize>, from_beginning: bool) -> Option<RedisSettings> {
        let faults = self.count();
        let Some((user, address)) = redis_address(&raw.url) else {
            let help = "write \"redis://user@127.0.0.1:6379\" or \"unix:///run/redis/redis.sock\"; a password stands in \
                        password_file or REDISCLI_AUTH";
            self.push("KZ067", at, format!("source \"{name}\": the url is not that of a Redis server"), help);
            return None;
        };
        if let Some(path) = &raw.password_file {
            self.absolute(path, at);
        }
        if let RedisAddress::Tcp(host, _) = &address
            && host != "localhost"
            && !host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        {
            let message = format!("source \"{name}\" sends its password to {host} in clear");
            self.warn("KZ068", at, message, "run the agent beside the server, or reach it through a local TLS tunnel");
        }
        let (monitor, password_file) = (raw.monitor, raw.password_file);
        let poll = Duration::from_secs(raw.poll_seconds.unwrap_or(5).clamp(1, 3600));
        let settings = RedisSettings { address, user, password_file, monitor, poll, from_beginning };
        (self.count() == faults).then_some(settings)
    }

    fn absolute(&mut self, path: &Path, at: Option<usize>) {
        if !path.is_absolute() {
            let message = format!("path \"{}\" is relative", path.display());
            self.push("KZ017", at, message, "write it from / on: a service has no working directory of yours");
        }
    }
}

/// `redis://[USER@]HOST[:PORT]` and `unix://[USER@]/PATH`; a url with a password is none.
fn redis_address(url: &str) -> Option<(Option<String>, RedisAddress)> {
    let (kind, rest) = url.split_once("://")?;
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let user = match user {
        Some(user) if user.is_empty() || user.contains([':', '/', '@']) => return None,
        user => user.map(str::to_owned),
    };
    let address = match kind {
        "unix" if place.starts_with('/') => RedisAddress::Unix(PathBuf::from(place)),
        "redis" => {
            let (host, port) = match place.rsplit_once(':') {
                Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
                _ => (place, 6379),
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            if host.is_empty() || host.contains('/') {
                return None;
            }
            RedisAddress::Tcp(host.to_owned(), port)
        }
        _ => return None,
    };
    Some((user, address))
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use crate::source::stream::StreamSettings;
    use std::path::Path;

    fn codes(source: &str) -> Vec<String> {
        let text = format!("[[source]]\nname = \"s\"\n{source}\n");
        match load_text(&text, Path::new("/etc/kuzet/kuzet.toml")) {
            Ok((_, warnings)) => warnings.into_iter().map(|fault| fault.code).collect(),
            Err(faults) => faults.into_iter().map(|fault| fault.code).collect(),
        }
    }

    #[test]
    fn a_source_is_one_thing() {
        assert_eq!(codes(""), ["KZ015"]);
        assert_eq!(codes("listen = 'udp://127.0.0.1:5514'\npaths = ['/x']"), ["KZ060"]);
        assert_eq!(codes("listen = 'udp://127.0.0.1:5514'\njournald = { identifiers = ['x'] }"), ["KZ060"]);
        assert_eq!(codes("paths = ['/x']\nallow = ['10.0.0.0/8']"), ["KZ061"]);
    }

    #[test]
    fn listeners() {
        assert!(codes("listen = 'udp://127.0.0.1:5514'\nallow = ['10.0.0.0/8']").is_empty());
        for bad in ["127.0.0.1:514", "udp://:514", "udp://localhost:514", "http://127.0.0.1:1", "tcp://127.0.0.1"] {
            assert_eq!(codes(&format!("listen = '{bad}'")), ["KZ062"], "{bad}");
        }
        assert_eq!(codes("listen = 'tls://127.0.0.1:6514'"), ["KZ063"]);
        assert_eq!(codes("listen = 'tls://127.0.0.1:6514'\ncert = '/none.pem'\nkey = '/none.key'"), ["KZ063"]);
        assert_eq!(codes("listen = 'tcp://127.0.0.1:6514'\ncert = '/none.pem'"), ["KZ063"]);
        assert_eq!(codes("listen = 'tls://127.0.0.1:6514'\ncert = 'a.pem'\nkey = '/b'"), ["KZ017", "KZ063"]);
        assert_eq!(codes("listen = 'udp://0.0.0.0:5514'"), ["KZ064"], "a warning");
        assert_eq!(codes("listen = 'udp://127.0.0.1:5514'\nallow = ['10.0.0.0/8', 'all']"), ["KZ065"]);
    }

    #[test]
    fn exported_flows() {
        assert!(codes("netflow = { listen = 'udp://0.0.0.0:2055', from = ['10.0.0.1'] }").is_empty());
        assert!(codes("netflow = { listen = 'udp://127.0.0.1:2055' }").is_empty());
        assert_eq!(codes("netflow = { listen = 'udp://0.0.0.0:2055' }"), ["KZ064"], "a warning");
        assert_eq!(codes("netflow = { listen = 'udp://0.0.0.0:2055', from = ['router'] }"), ["KZ065"]);
        for bad in ["tcp://127.0.0.1:2055", "udp://127.0.0.1", "127.0.0.1:2055"] {
            assert_eq!(codes(&format!("netflow = {{ listen = '{bad}' }}")), ["KZ062"], "{bad}");
        }
        assert_eq!(codes("netflow = { listen = 'udp://127.0.0.1:2055' }\nsensor = {}"), ["KZ060"]);
        let text = "[[source]]\nname = 's'\nnetflow = { listen = 'udp://127.0.0.1:2055' }\n";
        let (config, _) = load_text(text, Path::new("/k.toml")).unwrap();
        assert_eq!(config.sources[0].format.as_deref(), Some("netflow"));
    }

    #[test]
    fn sensors() {
        assert!(codes("sensor = {}").is_empty());
        assert!(codes("sensor = { socket = '/run/s.sock' }").is_empty());
        assert_eq!(codes("sensor = { folders = ['/srv'] }"), ["KZ010"]);
    }

    #[test]
    fn redis_servers() {
        assert!(codes("redis = { url = 'redis://kuzet@127.0.0.1', monitor = true }").is_empty());
        assert!(codes("redis = { url = 'redis://[::1]:6380' }").is_empty());
        assert!(codes("redis = { url = 'unix:///run/redis.sock' }").is_empty());
        assert_eq!(codes("redis = { url = 'redis://10.0.0.5:6379' }"), ["KZ068"], "a warning");
        for bad in ["127.0.0.1", "http://x", "redis://user:pw@h", "redis://", "redis://h:port", "unix://run"] {
            assert_eq!(codes(&format!("redis = {{ url = '{bad}' }}")), ["KZ067"], "{bad}");
        }
        assert_eq!(codes("redis = { url = 'redis://::1', password_file = 'p' }"), ["KZ017"]);
    }

    #[test]
    fn journals() {
        assert_eq!(codes("journald = {}"), ["KZ066"]);
        assert_eq!(codes("journald = { units = ['postgresql@*.service'] }"), ["KZ066"]);
        assert_eq!(codes("journald = { units = ['postgresql'] }"), ["KZ066"]);
        assert_eq!(codes("journald = { identifiers = [''] }"), ["KZ066"]);
        assert_eq!(codes("journald = { identifiers = ['x'], directory = 'journal' }"), ["KZ017"]);
        let text = "[[source]]\nname = 's'\nfrom_beginning = true\njournald = { units = ['a.service'] }\n";
        let (config, _) = load_text(text, Path::new("/k.toml")).unwrap();
        let Some(StreamSettings::Journald(journald)) = &config.sources[0].stream else { panic!("a journal") };
        assert!(journald.from_beginning);
    }
}
