//! One record of the audit log: its head, and its fields in clear.

use crate::times::Times;
use kuzet_event::Timestamp;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Fields of one record, at most.
const FIELDS: usize = 512;

/// Whether more records of the same event may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event of its own: what programs and the daemon itself report.
    Alone,
    /// Others come.
    Part,
    /// None comes behind it.
    Last,
}

/// What a record says of itself.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) kind: Kind,
    /// SYSCALL, EXECVE, USER_LOGIN …
    pub(super) name: &'a str,
    pub(super) at: Timestamp,
    pub(super) serial: u64,
    pub(super) body: &'a [u8],
}

impl<'a> Head<'a> {
    /// `[node=NAME ]type=NAME msg=audit(SECONDS.MILLIS:SERIAL): …`
    pub(super) fn read(line: &'a [u8]) -> Option<Head<'a>> {
        let line = match line.strip_prefix(b"node=") {
            Some(rest) => &rest[memchr::memchr(b' ', rest)? + 1..],
            None => line,
        };
        let rest = line.strip_prefix(b"type=")?;
        let end = memchr::memchr(b' ', &rest[..rest.len().min(64)])?;
        let name = std::str::from_utf8(&rest[..end]).ok()?;
        let rest = rest[end + 1..].strip_prefix(b"msg=audit(")?;
        let close = memchr::memchr(b')', &rest[..rest.len().min(48)])?;
        let colon = memchr::memchr(b':', &rest[..close])?;
        let at = Times::epoch(&rest[..colon])?;
        let serial = std::str::from_utf8(&rest[colon + 1..close]).ok()?.parse().ok()?;
        let body = rest[close + 1..].strip_prefix(b":")?;
        let body = body.strip_prefix(b" ").unwrap_or(body);
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        // A type that the daemon does not know: UNKNOWN[1334].
        let known = !name.is_empty() && name.bytes().all(|byte| plain(byte) || matches!(byte, b'[' | b']'));
        let alone = name.starts_with("DAEMON_") || memchr::memmem::find(body, b" msg='").is_some();
        let kind = match name {
            "PROCTITLE" | "EOE" => Kind::Last,
            _ if alone => Kind::Alone,
            _ => Kind::Part,
        };
        known.then_some(Head { kind, name, at, serial, body })
    }
}

/// The fields of a record, in order. Names that the daemon resolved (`UID="root"`) stand among them in capitals.
#[derive(Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    pub(super) fn read(head: &Head<'a>) -> Fields<'a> {
        let mut fields = Fields(Vec::new());
        for part in head.body.split(|byte| *byte == 0x1d) {
            fields.part(part, head.name, 0);
        }
        fields
    }

    fn part(&mut self, mut rest: &'a [u8], record: &str, depth: u8) {
        while self.0.len() < FIELDS {
            rest = rest.trim_ascii_start();
            let Some(sign) = memchr::memchr2(b'=', b' ', rest) else { return };
            if rest[sign] == b' ' {
                // A word that has no name goes on with the value before: op=adding user.
                if let (Ok(word), Some((_, value))) = (std::str::from_utf8(&rest[..sign]), self.0.last_mut())
                    && value.len() < 256
                {
                    let value = value.to_mut();
                    value.push(' ');
                    value.push_str(word);
                }
                rest = &rest[sign + 1..];
                continue;
            }
            let Ok(key) = std::str::from_utf8(&rest[..sign]) else { return };
            rest = &rest[sign + 1..];
            let (raw, behind, is_quoted) = match rest.first() {
                Some(quote @ (b'"' | b'\'')) => {
                    let inside = &rest[1..];
                    // What a program reports is quoted as a whole; it may hold quotes, so that the last one counts.
                    let last =
                        if *quote == b'\'' { memchr::memrchr(*quote, inside) } else { memchr::memchr(*quote, inside) };
                    let end = last.unwrap_or(inside.len());
                    (&inside[..end], inside.get(end + 1..).unwrap_or_default(), true)
                }
                _ => {
                    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                    (&rest[..end], &rest[end..], false)
                }
            };
            rest = behind;
            if key == "msg" && is_quoted && depth == 0 {
                self.part(raw, record, 1);
                continue;
            }
            let hex = || (!is_quoted && encodable(key, record)).then(|| unhex(raw)).flatten();
            let value = match hex() {
                Some(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
                None => String::from_utf8_lossy(raw),
            };
            self.0.push((Cow::Borrowed(key), value));
        }
    }

    /// Adds a field as it is.
    pub(super) fn push(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        if self.0.len() < FIELDS {
            self.0.push((key, value));
        }
    }

    /// Adds a field, or a word to the value that it has.
    pub(super) fn join(&mut self, key: &'static str, word: Cow<'a, str>) {
        match self.0.last_mut().filter(|(known, value)| known == key && value.len() < 64 << 10) {
            Some((_, value)) => {
                let value = value.to_mut();
                value.push(' ');
                value.push_str(&word);
            }
            None => self.push(Cow::Borrowed(key), word),
        }
    }

    /// Adds what a program reports, which stands in one text.
    pub(super) fn report(&mut self, text: &str) {
        let mut inner = Fields::default();
        inner.part(text.as_bytes(), "", 1);
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        self.0.extend(inner.0.into_iter().map(|(key, value)| (owned(key), owned(value))));
        self.0.truncate(FIELDS);
    }

    /// The value of a field; nothing where the record does not say: `?`, `(null)`, `(none)`.
    pub(super) fn one(&self, key: &str) -> &str {
        let value = self.0.iter().find(|(own, _)| *own == key).map_or("", |(_, value)| value);
        if matches!(value, "?" | "(null)" | "(none)") { "" } else { value }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Arguments of an EXECVE record, each put together from its pieces (`a1[0]`, `a1[1]`).
    pub(super) fn arguments(&self) -> Vec<(usize, String)> {
        let mut arguments: Vec<(usize, String)> = Vec::new();
        for (key, value) in &self.0 {
            let Some(rest) = key.strip_prefix('a') else { continue };
            let number = rest.split('[').next().unwrap_or(rest);
            let Ok(number) = number.parse::<usize>() else { continue };
            match arguments.last_mut().filter(|(last, _)| *last == number) {
                Some((_, text)) => text.push_str(value),
                None => arguments.push((number, value.to_string())),
            }
        }
        arguments
    }
}

/// Whether the kernel writes the field in hexadecimal digits when it holds a blank, a quote or a control character.
fn encodable(key: &str, record: &str) -> bool {
    match key {
        "name" | "comm" | "exe" | "cwd" | "proctitle" | "acct" | "cmd" | "path" | "dir" | "data" | "key" | "vm"
        | "ocomm" | "new-disk" | "old-disk" => true,
        _ => record == "EXECVE" && key.starts_with('a') && key != "argc" && !key.ends_with("_len"),
    }
}

/// Bytes of an even number of hexadecimal digits, in capitals.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() || pairs.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Address and port of `saddr=`, the bytes of a `sockaddr` of this machine's order (little-endian family).
pub(super) fn socket(saddr: &str) -> Option<(IpAddr, u16)> {
    let bytes = unhex(saddr.as_bytes())?;
    match bytes.as_slice() {
        [2, 0, high, low, a, b, c, d, ..] => {
            Some((IpAddr::V4(Ipv4Addr::new(*a, *b, *c, *d)), u16::from_be_bytes([*high, *low])))
        }
        [10, 0, high, low, _, _, _, _, rest @ ..] => {
            let address = Ipv6Addr::from(*rest.first_chunk::<16>()?);
            Some((IpAddr::V6(address).to_canonical(), u16::from_be_bytes([*high, *low])))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Vec<String> {
        let head = Head::read(line.as_bytes()).unwrap();
        Fields::read(&head).all().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn values_are_told_in_clear() {
        let line = "type=EXECVE msg=audit(1795406983.459:10): argc=3 a0=\"sh\" a1=2D63 a2=6563686F2022D29B22";
        assert_eq!(fields(line), ["argc=3", "a0=sh", "a1=-c", "a2=echo \"қ\""]);
        let line = "node=db1 type=USER_LOGIN msg=audit(1.2:3): pid=7 uid=0 msg='op=login acct=\"o'k\" exe=\"/usr/sbin/sshd\" addr=10.0.0.9 res=failed'\u{1d}UID=\"root\" AUID=\"unset\"";
        assert_eq!(
            fields(line),
            [
                "pid=7",
                "uid=0",
                "op=login",
                "acct=o'k",
                "exe=/usr/sbin/sshd",
                "addr=10.0.0.9",
                "res=failed",
                "UID=root",
                "AUID=unset"
            ]
        );
        assert_eq!(fields("type=USER_MGMT msg=audit(1.2:3): op=adding user id=7"), ["op=adding user", "id=7"]);
        assert_eq!(fields("type=PATH msg=audit(1.2:3): name=(null) nametype=NORMAL")[0], "name=(null)");
        // A number is no encoded text.
        assert_eq!(fields("type=SYSCALL msg=audit(1.2:3): a0=7FFC a1=41"), ["a0=7FFC", "a1=41"]);
    }

    #[test]
    fn arguments_in_pieces() {
        let line = "type=EXECVE msg=audit(1.2:3): argc=2 a0=\"x\" a1_len=4 a1[0]=\"ab\" a1[1]=6364";
        let head = Head::read(line.as_bytes()).unwrap();
        assert_eq!(Fields::read(&head).arguments(), [(0, "x".to_owned()), (1, "abcd".to_owned())]);
    }

    #[test]
    fn heads_and_addresses() {
        let kind = |line: &str| Head::read(line.as_bytes()).map(|head| head.kind);
        assert_eq!(kind("type=EOE msg=audit(1.2:3): "), Some(Kind::Last));
        assert_eq!(kind("type=UNKNOWN[1420] msg=audit(1.2:3): subj=x"), Some(Kind::Part));
        assert_eq!(kind("type=DAEMON_START msg=audit(1.2:3): op=start"), Some(Kind::Alone));
        for line in ["", "type=", "type=A msg=audit(1:2)", "type=a msg=audit(1.2:3): x", "type=A msg=audit(1.2:x): y"] {
            assert_eq!(kind(line), None, "{line}");
        }
        assert_eq!(socket("020001BBCB0071090000000000000000"), Some(("203.0.113.9".parse().unwrap(), 443)));
        assert_eq!(socket("0A000050000000000000000000000000000000000000000100000000").unwrap().1, 80);
        assert_eq!((socket("0100"), socket(""), socket("0A00")), (None, None, None));
    }
}
