//! The ordinary day of a data host as its sensor tells it, and six ways to take data away on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt::Write as _;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const HOUR: i64 = 3_600 * SECOND;
pub(super) const DAY: i64 = 24 * HOUR;
/// 2026-11-23, midnight in Kazakhstan.
pub(super) const START: i64 = 1_795_374_000 * SECOND;

/// A program: name, file, account, login session.
#[derive(Clone, Copy)]
struct Who(&'static str, &'static str, &'static str, u32);

const CHRONY: Who = Who("chronyd", "/usr/sbin/chronyd", "_chrony", 0);
const RESOLVED: Who = Who("systemd-resolve", "/usr/lib/systemd/systemd-resolved", "systemd-resolve", 0);
const APT: Who = Who("https", "/usr/lib/apt/methods/https", "_apt", 0);
const MANAGER: Who = Who("NetworkManager", "/usr/sbin/NetworkManager", "root", 0);
const SNAPD: Who = Who("snapd", "/usr/lib/snapd/snapd", "root", 0);
const EXPORTER: Who = Who("node_exporter", "/usr/bin/node_exporter", "prometheus", 0);
const FIREFOX: Who = Who("firefox", "/usr/lib/firefox/firefox", "admin", 4_100);
const RSYSLOG: Who = Who("rs:main", "/usr/sbin/rsyslogd", "syslog", 0);
const RESTIC: Who = Who("restic", "/usr/bin/restic", "backup", 0);
const PG_DUMP: Who = Who("pg_dump", "/usr/lib/postgresql/15/bin/pg_dump", "backup", 0);
const CERTBOT: Who = Who("certbot", "/usr/bin/certbot", "root", 0);
const SMTP: Who = Who("smtp", "/usr/lib/postfix/sbin/smtp", "postfix", 0);
const POSTGRES: Who = Who("postgres", "/usr/lib/postgresql/15/bin/postgres", "postgres", 0);
const SSHD: Who = Who("sshd", "/usr/sbin/sshd", "root", 0);

/// A connection.
struct Connection {
    who: Who,
    protocol: u8,
    direction: &'static str,
    local: u16,
    to: (String, u16),
}

fn out(who: Who, to: &str, port: u16) -> Connection {
    Connection { who, protocol: 6, direction: "out", local: 0, to: (to.to_owned(), port) }
}

/// Lines with their times; one sensor's sockets are numbered through.
#[derive(Default)]
pub(super) struct Day {
    lines: Vec<(i64, String)>,
    socket: u64,
    random: u64,
}

impl Day {
    fn below(&mut self, most: i64) -> i64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33).cast_signed() % most.max(1)
    }

    fn line(&mut self, at: i64, rest: &str) {
        self.lines.push((at, format!("{{\"sensor\":{rest}}}\n")));
    }

    fn process(who: Who) -> String {
        let Who(name, path, user, session) = who;
        let login = if session > 0 { format!("\"{user}\"") } else { "null".to_owned() };
        let pid = 500 + name.len() * 40 + path.len();
        format!(
            "{{\"pid\":{pid},\"parent\":1,\"began\":{START},\"name\":\"{name}\",\"path\":\"{path}\",\"user\":\"{user}\",\
             \"login\":{login},\"session\":{session},\"container\":null,\"parents\":[[\"systemd\",1]]}}"
        )
    }

    fn ends(one: &Connection) -> String {
        let near = if one.to.0.starts_with("127.") { "127.0.0.1" } else { "10.0.0.5" };
        let local = if one.local > 0 { one.local } else { 40_123 };
        format!(
            "\"local\":[\"{near}\",{local}],\"remote\":[\"{}\",{}],\"namespace\":4026531833,\"protocol\":{}",
            one.to.0, one.to.1, one.protocol
        )
    }

    /// How far a connection has come.
    fn tell(&mut self, at: i64, phase: &str, socket: u64, opened: i64, one: &Connection, bytes: (u64, u64)) {
        let rest = format!(
            "\"flow\",\"at\":{at},\"phase\":\"{phase}\",\"direction\":\"{}\",\"socket\":\"{socket:x}\",\"opened\":{opened},\
             \"sent\":{},\"received\":{},{},\"process\":{}",
            one.direction,
            bytes.0,
            bytes.1,
            Day::ends(one),
            Day::process(one.who)
        );
        self.line(at, &rest);
    }

    /// A short connection.
    fn short(&mut self, at: i64, one: &Connection, bytes: (u64, u64)) {
        self.socket += 1;
        self.tell(at + SECOND, "closed", self.socket, at, one, bytes);
    }

    /// One that is told each `every`, until it ends after `lasts`.
    fn long(&mut self, at: i64, lasts: i64, every: i64, one: &Connection, bytes: (u64, u64)) {
        self.socket += 1;
        let (socket, parts) = (self.socket, (lasts / every).max(1));
        for part in 0..=parts {
            let so_far = |all: u64| all * part.unsigned_abs() / parts.unsigned_abs();
            let phase = if part == 0 {
                "open"
            } else if part == parts {
                "closed"
            } else {
                "going"
            };
            self.tell(at + part * every, phase, socket, at, one, (so_far(bytes.0), so_far(bytes.1)));
        }
    }

    /// A program asks for a name; the local resolver asks on.
    fn ask(&mut self, at: i64, who: Who, name: &str) {
        let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap_or(63));
            packet.extend_from_slice(label.as_bytes());
        }
        packet.extend_from_slice(&[0, 0, 1, 0, 1]);
        let data = BASE64.encode(&packet);
        for (who, to) in [(who, "127.0.0.53"), (RESOLVED, "10.0.0.1")] {
            self.socket += 1;
            let (socket, one) = (self.socket, Connection { protocol: 17, ..out(who, to, 53) });
            self.tell(at, "going", socket, at, &one, (packet.len() as u64, 0));
            let ends = Day::ends(&one);
            let rest = format!(
                "\"bytes\",\"at\":{at},\"socket\":\"{socket:x}\",\"direction\":\"out\",\"offset\":0,{ends},\"data\":\"{data}\""
            );
            self.line(at, &rest);
        }
    }

    fn started(&mut self, at: i64, who: Who) {
        let rest = format!("\"exec\",\"at\":{at},\"process\":{}", Day::process(who));
        self.line(at, &rest);
    }

    /// The lines in the order of their times.
    pub(super) fn text(mut self) -> String {
        self.lines.sort_by_key(|(at, _)| *at);
        self.lines.into_iter().fold(String::new(), |mut text, (_, line)| {
            let _ = write!(text, "{line}");
            text
        })
    }
}

/// The ordinary day that begins at `from`.
pub(super) fn ordinary(number: i64) -> Day {
    let from = START + number * DAY;
    let mut day = Day { random: number.unsigned_abs() + 7, socket: number.unsigned_abs() * 100_000, ..Day::default() };
    // Clocks; whether the net works, every five minutes; the store of snaps.
    for step in 0..85 {
        let at = from + step * 1_024 * SECOND;
        for server in ["162.159.200.1", "46.4.20.1"] {
            let ntp = Connection { protocol: 17, ..out(CHRONY, server, 123) };
            day.short(at, &ntp, (48, 48));
        }
    }
    for step in 0..288 {
        day.short(from + step * 300 * SECOND, &out(MANAGER, "46.4.20.2", 80), (87, 148));
    }
    for step in 0..4 {
        let late = day.below(HOUR);
        day.ask(from + step * 6 * HOUR + late, SNAPD, "api.snapcraft.io");
        day.short(from + step * 6 * HOUR + late, &out(SNAPD, "46.4.20.3", 443), (2_300, 48_000));
    }
    // Monitoring asks this host and this host answers; what it tells itself.
    for step in 0..480 {
        let at = from + step * 180 * SECOND;
        let scrape = Connection { direction: "in", local: 9_100, ..out(EXPORTER, "10.0.0.70", 50_000) };
        day.short(at, &scrape, (90_000, 300));
        day.short(at + SECOND, &out(EXPORTER, "10.0.0.71", 9_091), (900, 40));
    }
    updates(&mut day, from);
    people(&mut day, from);
    // Logs to a collector in Kazakhstan, and a backup to a registered store there.
    day.long(from, 86_000 * SECOND, 600 * SECOND, &out(RSYSLOG, "2.72.0.10", 6_514), (90_000_000, 4_000));
    day.started(from + HOUR, PG_DUMP);
    day.long(from + HOUR, 600 * SECOND, 60 * SECOND, &out(PG_DUMP, "127.0.0.1", 5_432), (9_000, 500_000_000));
    day.started(from + 2 * HOUR, RESTIC);
    day.long(from + 2 * HOUR, HOUR, 120 * SECOND, &out(RESTIC, "2.72.0.20", 443), (600_000_000, 90_000));
    // Certificates, mail to the relay and past it.
    for step in 0..2 {
        let at = from + (3 + 12 * step) * HOUR + day.below(HOUR);
        day.ask(at, CERTBOT, "e6.o.lencr.org");
        day.short(at, &out(CERTBOT, "46.4.20.4", 80), (420, 1_900));
    }
    for step in 0..60 {
        let at = from + 8 * HOUR + step * 600 * SECOND + day.below(300 * SECOND);
        let size = 4_000 + day.below(20_000).unsigned_abs();
        // Its block lists are asked for addresses.
        day.ask(at, SMTP, &format!("{}.113.0.203.zen.spamhaus.org", step + 1));
        day.short(at, &out(SMTP, "2.72.0.30", 25), (size, 400));
        if step % 6 == 0 {
            day.short(at + 2 * SECOND, &out(SMTP, "46.4.20.5", 25), (size, 400));
        }
    }
    // The application works with the database.
    for step in 0..200 {
        let client = Connection { direction: "in", local: 5_432, ..out(POSTGRES, "10.0.0.6", 51_000) };
        day.short(from + 8 * HOUR + step * 180 * SECOND, &client, (40_000, 9_000));
    }
    day
}

/// Lists and packages from mirrors and content networks, morning and evening.
fn updates(day: &mut Day, from: i64) {
    for (hour, packages) in [(6, 40), (18, 6)] {
        let at = from + hour * HOUR + day.below(1_800 * SECOND);
        day.started(at, APT);
        for package in 0..packages {
            let to = ["151.101.2.132", "46.4.20.6"][usize::from(package % 2 == 1)];
            day.ask(at + package * SECOND, APT, "deb.debian.org");
            let size = 200_000 + day.below(3_000_000).unsigned_abs();
            day.short(at + package * SECOND, &out(APT, to, 443), (1_400, size));
        }
    }
}

/// An administrator comes by ssh, reads manuals in a browser and goes.
fn people(day: &mut Day, from: i64) {
    let ssh = Connection { direction: "in", local: 22, ..out(SSHD, "10.0.0.50", 52_000) };
    day.long(from + 10 * HOUR, 2 * HOUR, 300 * SECOND, &ssh, (4_000_000, 300_000));
    for page in 0..60 {
        let at = from + 10 * HOUR + day.below(2 * HOUR);
        let to = format!("46.4.{}.{}", 30 + page % 5, 1 + page % 12);
        day.ask(at, FIREFOX, &format!("www{page}.docs-{}.example", page % 12));
        let (sent, received) = (1_500 + day.below(4_000), 30_000 + day.below(900_000));
        day.short(at, &out(FIREFOX, &to, 443), (sent.unsigned_abs(), received.unsigned_abs()));
    }
}

const ABROAD: &str = "46.4.7.1";
const GAMES: fn(&'static str, &'static str) -> Who = |name, path| Who(name, path, "games", 7_000);

/// Ways to take data away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// Two kilobytes a second for ten minutes.
    Trickle,
    /// Three thousand connections of a kilobyte.
    Short,
    /// curl under the name of a thread of the kernel.
    Renamed,
    /// In names that DNS is asked for.
    DnsTunnel,
    /// The database is asked from abroad.
    ForeignClient,
    /// A dump into netcat.
    DumpToNetcat,
}

impl Attack {
    pub(super) const ALL: [Attack; 6] = [
        Attack::Trickle,
        Attack::Short,
        Attack::Renamed,
        Attack::DnsTunnel,
        Attack::ForeignClient,
        Attack::DumpToNetcat,
    ];

    /// Happens at three in the afternoon of the day.
    pub(super) fn play(self, number: i64, day: &mut Day) {
        let at = START + number * DAY + 15 * HOUR;
        match self {
            Attack::Trickle => {
                let curl = out(GAMES("curl", "/usr/bin/curl"), ABROAD, 443);
                day.long(at, 600 * SECOND, SECOND, &curl, (1_228_800, 30_000));
            }
            Attack::Short => {
                let python = out(GAMES("python3", "/usr/bin/python3"), ABROAD, 443);
                (0..3_000).for_each(|step| day.short(at + step * SECOND / 50, &python, (1_024, 90)));
            }
            Attack::Renamed => {
                let hidden = GAMES("kworker/0:1", "/var/tmp/.font/kworker");
                day.started(at, hidden);
                day.long(at, 60 * SECOND, SECOND, &out(hidden, ABROAD, 443), (5_000_000, 30_000));
            }
            Attack::DnsTunnel => {
                let part = "mzxw6ytboi2dgnbvgy3tqojqgezdgnbvgy3tqojq";
                for step in 0..300 {
                    let name = format!("{step:04}{part}.{part}{step:04}.{part}.t.evil-tunnel.net");
                    day.ask(at + step * SECOND / 2, GAMES("dnscat", "/usr/bin/dnscat"), &name);
                }
            }
            Attack::ForeignClient => {
                let client = Connection { direction: "in", local: 5_432, ..out(POSTGRES, ABROAD, 50_111) };
                day.long(at, 120 * SECOND, SECOND, &client, (3_000_000, 2_000));
            }
            Attack::DumpToNetcat => {
                let (dump, netcat) =
                    (GAMES("pg_dump", "/usr/lib/postgresql/15/bin/pg_dump"), GAMES("nc", "/usr/bin/nc.openbsd"));
                day.started(at, dump);
                day.started(at, netcat);
                day.long(at, 30 * SECOND, SECOND, &out(dump, "127.0.0.1", 5_432), (900, 4_000_000));
                day.long(at, 30 * SECOND, SECOND, &out(netcat, ABROAD, 9_000), (4_000_000, 0));
            }
        }
    }
}
