//! `log_line_prefix` as a parser: the setting is compiled once and then read backwards, from lines to fields.
//!
//! Escapes: <https://www.postgresql.org/docs/17/runtime-config-logging.html#GUC-LOG-LINE-PREFIX>. Names are printed raw,
//! so a line can be ambiguous: the shortest names that make the whole prefix fit and a severity follow are taken.

use crate::times::looks_like_time;

/// Longest prefix looked at, in bytes: names have 63 bytes each, a program name too.
const LONGEST: usize = 1024;
/// Attempts to fit one line; hostile names cannot cost more.
const FUEL: u32 = 2000;
/// Longest free text of one field.
const LONGEST_NAME: usize = 256;

/// What stands in a field of the prefix. Absent fields are those that the prefix lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    /// `%m`, `%t`: as written, with zone.
    pub(crate) time: Option<&'a [u8]>,
    /// `%n`.
    pub(crate) epoch: Option<&'a [u8]>,
    /// `%p`.
    pub(crate) pid: Option<&'a [u8]>,
    /// `%c`.
    pub(crate) session: Option<&'a [u8]>,
    /// `%s`.
    pub(crate) start: Option<&'a [u8]>,
    /// `%u`.
    pub(crate) user: Option<&'a [u8]>,
    /// `%d`.
    pub(crate) database: Option<&'a [u8]>,
    /// `%a`.
    pub(crate) program: Option<&'a [u8]>,
    /// `%h`, or `%r` without its port.
    pub(crate) client: Option<&'a [u8]>,
    /// Port of `%r`.
    pub(crate) port: Option<&'a [u8]>,
    /// `%e`.
    pub(crate) code: Option<&'a [u8]>,
    /// The prefix ended at `%q`: a process that serves no client.
    pub(crate) background: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Time,
    Epoch,
    Start,
    Pid,
    Digits,
    Signed,
    Session,
    Code,
    Transaction,
    Host,
    HostPort,
    User,
    Database,
    Program,
    Free,
}

#[derive(Debug)]
enum Part {
    Literal(Vec<u8>),
    /// Kind and width: positive is padded on the left, negative on the right.
    Field(Kind, i32),
    /// `%q`: processes that serve no session stop here.
    Quit,
}

/// A compiled `log_line_prefix`.
#[derive(Debug)]
pub(crate) struct Prefix {
    parts: Vec<Part>,
}

impl Prefix {
    /// Compiles the setting. What PostgreSQL ignores (unknown escapes) is ignored here.
    pub(crate) fn new(setting: &str) -> Prefix {
        let mut parts: Vec<Part> = Vec::new();
        let mut bytes = setting.bytes().peekable();
        let literal = |parts: &mut Vec<Part>, byte: u8| match parts.last_mut() {
            Some(Part::Literal(text)) => text.push(byte),
            _ => parts.push(Part::Literal(vec![byte])),
        };
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                literal(&mut parts, byte);
                continue;
            }
            let left = bytes.next_if_eq(&b'-').is_some();
            let mut width = 0i32;
            while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                width = (width * 10 + i32::from(digit - b'0')).min(200);
            }
            let width = if left { -width } else { width };
            let kind = match bytes.next() {
                Some(b'%') => {
                    literal(&mut parts, b'%');
                    continue;
                }
                Some(b'q') => {
                    parts.push(Part::Quit);
                    continue;
                }
                Some(escape) => match kind(escape) {
                    Some(kind) => kind,
                    None => continue,
                },
                None => continue,
            };
            parts.push(Part::Field(kind, width));
        }
        Prefix { parts }
    }

    /// The fields of `line` and the length of the prefix. `behind` says whether what follows a prefix is right (a
    /// severity); it decides between readings.
    pub(crate) fn read<'a>(&self, line: &'a [u8], behind: &dyn Fn(&[u8]) -> bool) -> Option<(Fields<'a>, usize)> {
        let mut reading = Reading { line, fields: Fields::default(), fuel: FUEL, behind };
        let end = reading.fit(&self.parts, 0)?;
        Some((reading.fields, end))
    }
}

fn kind(escape: u8) -> Option<Kind> {
    Some(match escape {
        b'a' => Kind::Program,
        b'u' => Kind::User,
        b'd' => Kind::Database,
        b'r' => Kind::HostPort,
        b'h' | b'L' => Kind::Host,
        b'b' | b'i' => Kind::Free,
        b'p' => Kind::Pid,
        b'P' | b'l' | b'x' => Kind::Digits,
        b't' | b'm' => Kind::Time,
        b'n' => Kind::Epoch,
        b'e' => Kind::Code,
        b'c' => Kind::Session,
        b's' => Kind::Start,
        b'v' => Kind::Transaction,
        b'Q' => Kind::Signed,
        _ => return None,
    })
}

struct Reading<'a, 'b> {
    line: &'a [u8],
    fields: Fields<'a>,
    fuel: u32,
    behind: &'b dyn Fn(&[u8]) -> bool,
}

impl<'a> Reading<'a, '_> {
    /// Fits `parts` from byte `at`; gives the end of the prefix.
    fn fit(&mut self, parts: &[Part], at: usize) -> Option<usize> {
        self.fuel = self.fuel.checked_sub(1)?;
        if at > LONGEST {
            return None;
        }
        let Some((part, others)) = parts.split_first() else {
            return (self.behind)(&self.line[at..]).then_some(at);
        };
        match part {
            Part::Literal(text) => {
                self.line[at..].starts_with(text).then_some(())?;
                self.fit(others, at + text.len())
            }
            Part::Quit => {
                let saved = self.fields;
                if let Some(end) = self.fit(others, at) {
                    return Some(end);
                }
                self.fields = saved;
                self.fields.background = true;
                (self.behind)(&self.line[at..]).then_some(at)
            }
            Part::Field(kind, width) => self.field(*kind, *width, others, at),
        }
    }

    /// Tries each length that a field may have.
    fn field(&mut self, kind: Kind, width: i32, others: &[Part], at: usize) -> Option<usize> {
        let room = usize::try_from(width.unsigned_abs()).ok()?;
        let blanks = match width {
            1.. => self.line[at..].iter().take(room).take_while(|byte| **byte == b' ').count(),
            _ => 0,
        };
        let start = at + blanks;
        let saved = self.fields;
        let mut from = 0;
        while let Some(length) = self.length(kind, others, start, from) {
            let text = &self.line[start..start + length];
            let mut end = Some(start + length);
            if blanks > 0 && blanks + length != room {
                end = None;
            }
            if width < 0 && length < room {
                let padding = self.line.get(start + length..start + room);
                end = padding.filter(|padding| padding.iter().all(|byte| *byte == b' ')).map(|_| start + room);
            }
            if let Some(end) = end {
                self.keep(kind, if width < 0 { text.trim_ascii_end() } else { text });
                if let Some(end) = self.fit(others, end) {
                    return Some(end);
                }
                self.fields = saved;
            }
            from = length + 1;
            self.fuel = self.fuel.checked_sub(1)?;
        }
        None
    }

    /// The next length, at least `from`, that a field of this kind may have at `start`.
    fn length(&self, kind: Kind, others: &[Part], start: usize, from: usize) -> Option<usize> {
        let rest = self.line.get(start..)?;
        let rest = &rest[..rest.len().min(LONGEST_NAME)];
        let run = |wanted: fn(&u8) -> bool| rest.iter().take_while(|byte| wanted(byte)).count();
        let digit = |byte: &u8| byte.is_ascii_digit();
        let once = |length: usize| (length >= from).then_some(length);
        match kind {
            Kind::Time | Kind::Start => time_lengths(rest).into_iter().flatten().find(|length| *length >= from),
            Kind::Epoch => once(run(|byte| byte.is_ascii_digit() || *byte == b'.')).filter(|length| *length > 0),
            Kind::Pid => once(run(u8::is_ascii_digit)).filter(|length| *length > 0),
            Kind::Digits => once(run(u8::is_ascii_digit)),
            Kind::Signed => {
                let sign = usize::from(rest.first() == Some(&b'-'));
                once(sign + rest[sign..].iter().take_while(|byte| digit(byte)).count())
            }
            Kind::Session => once(run(|byte| byte.is_ascii_hexdigit() || *byte == b'.'))
                .filter(|length| memchr::memchr(b'.', &rest[..*length]).is_some()),
            Kind::Code => {
                (from <= 5 && rest.len() >= 5 && rest[..5].iter().all(u8::is_ascii_alphanumeric)).then_some(5)
            }
            Kind::Transaction => {
                // `3/152`, or nothing outside a transaction: then a literal slash may follow all the same.
                let sign = usize::from(rest.first() == Some(&b'-'));
                let left = sign + rest[sign..].iter().take_while(|byte| digit(byte)).count();
                let full = (left > 0 && rest.get(left) == Some(&b'/'))
                    .then(|| left + 1 + rest[left + 1..].iter().take_while(|byte| digit(byte)).count());
                // Longest first: `from` counts down the two readings.
                match (full, from) {
                    (Some(length), 0) => Some(length),
                    (Some(_), _) => None,
                    (None, 0) => Some(0),
                    (None, _) => None,
                }
            }
            Kind::Host if rest.starts_with(b"[") => bracketed(rest).and_then(once),
            Kind::HostPort if rest.starts_with(b"[") => bracketed(rest).and_then(once),
            Kind::Host => once(run(is_host)),
            Kind::HostPort => {
                let host = run(is_host);
                let port = match rest[host..].strip_prefix(b"(") {
                    Some(behind) => {
                        let digits = behind.iter().take_while(|byte| digit(byte)).count();
                        if digits > 0 && behind.get(digits) == Some(&b')') { digits + 2 } else { 0 }
                    }
                    None => 0,
                };
                once(host + port)
            }
            Kind::User | Kind::Database | Kind::Program | Kind::Free => {
                let behind = rest.get(from..)?;
                match others.iter().find(|part| !matches!(part, Part::Quit)) {
                    Some(Part::Literal(text)) => memchr::memmem::find(behind, text).map(|at| at + from),
                    // Without a delimiter any length may be right.
                    _ => Some(from),
                }
            }
        }
    }

    fn keep(&mut self, kind: Kind, text: &'a [u8]) {
        let known = |text: &'a [u8]| Some(if text == b"[unknown]" { &text[..0] } else { text });
        match kind {
            Kind::Time => self.fields.time = Some(text),
            Kind::Epoch => self.fields.epoch = Some(text),
            Kind::Start => self.fields.start = Some(text),
            Kind::Pid => self.fields.pid = Some(text),
            Kind::Session => self.fields.session = Some(text),
            Kind::Code => self.fields.code = Some(text),
            Kind::User => self.fields.user = known(text),
            Kind::Database => self.fields.database = known(text),
            Kind::Program => self.fields.program = known(text),
            Kind::Host => self.fields.client = known(text),
            Kind::HostPort => {
                let end = memchr::memchr(b'(', text).unwrap_or(text.len());
                self.fields.client = known(&text[..end]);
                self.fields.port = text[end..].strip_prefix(b"(").and_then(|port| port.strip_suffix(b")"));
            }
            Kind::Digits | Kind::Signed | Kind::Transaction | Kind::Free => {}
        }
    }
}

/// Letters of addresses and host names.
fn is_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%')
}

/// `[local]`, `[unknown]`.
fn bracketed(rest: &[u8]) -> Option<usize> {
    memchr::memchr(b']', rest).map(|at| at + 1)
}

/// Lengths that a time at the front may have, shortest zone first: `+05`, `+0530`, `+05:30`, `UTC`, none.
fn time_lengths(rest: &[u8]) -> [Option<usize>; 4] {
    if !looks_like_time(rest) {
        return [None; 4];
    }
    let digits = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = 19;
    if rest.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if rest.get(end) != Some(&b' ') {
        return [Some(end), None, None, None];
    }
    let zone = end + 1;
    match rest.get(zone) {
        Some(b'+' | b'-') => {
            let hours = zone + 1 + digits(zone + 1);
            let minutes = (rest.get(hours) == Some(&b':') && digits(hours + 1) >= 2).then_some(hours + 3);
            let glued = (hours > zone + 3).then_some(zone + 3);
            [glued, Some(hours), minutes, None]
        }
        Some(letter) if letter.is_ascii_alphabetic() => {
            let letters = rest[zone..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            [Some(zone + letters), None, None, None]
        }
        _ => [Some(end), None, None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(text: &[u8]) -> bool {
        text.starts_with(b"LOG:  ")
    }

    fn read<'a>(setting: &str, line: &'a str) -> Option<(Fields<'a>, &'a str)> {
        Prefix::new(setting).read(line.as_bytes(), &behind).map(|(fields, end)| (fields, &line[end..]))
    }

    const LAB: &str = "%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ";

    #[test]
    fn a_full_prefix() {
        let line = "2026-11-22 16:24:44.377 UTC [5087] app@mfo/evil?name, \"x\" ?? 127.0.0.1 6b03174c.13df:4 3/794/0 -87 LOG:  x";
        let (fields, rest) = read(LAB, line).unwrap();
        assert_eq!(rest, "LOG:  x");
        assert_eq!(fields.time, Some(&b"2026-11-22 16:24:44.377 UTC"[..]));
        assert_eq!((fields.pid, fields.user), (Some(&b"5087"[..]), Some(&b"app"[..])));
        assert_eq!((fields.database, fields.program), (Some(&b"mfo"[..]), Some(&b"evil?name, \"x\" ??"[..])));
        assert_eq!((fields.client, fields.session), (Some(&b"127.0.0.1"[..]), Some(&b"6b03174c.13df"[..])));
    }

    #[test]
    fn a_background_process_stops_at_the_quit_mark() {
        let (fields, _) = read(LAB, "2026-11-22 21:24:44.377 +05 [77] LOG:  x").unwrap();
        assert_eq!((fields.pid, fields.user), (Some(&b"77"[..]), None));
        assert_eq!(fields.time, Some(&b"2026-11-22 21:24:44.377 +05"[..]));
    }

    #[test]
    fn outside_a_transaction_and_before_login() {
        let line =
            "2026-11-22 16:24:44.235 UTC [5084] [unknown]@[unknown]/[unknown] [local] 6b03174c.13dc:1 /0 0 LOG:  x";
        let (fields, _) = read(LAB, line).unwrap();
        assert_eq!((fields.user, fields.client), (Some(&b""[..]), Some(&b"[local]"[..])));
    }

    #[test]
    fn other_prefixes_in_use() {
        let rds = "2026-11-22 16:24:44 UTC:10.0.0.5(45118):app@mfo:[77]:LOG:  x";
        let (fields, _) = read("%t:%r:%u@%d:[%p]:", rds).unwrap();
        assert_eq!(
            (fields.client, fields.user, fields.pid),
            (Some(&b"10.0.0.5"[..]), Some(&b"app"[..]), Some(&b"77"[..]))
        );
        // A numeric zone runs into the colon and the address.
        let east = "2026-11-22 16:24:44 +05:10.0.0.5(45118):app@mfo:[77]:LOG:  x";
        assert_eq!(read("%t:%r:%u@%d:[%p]:", east).unwrap().0.time, Some(&b"2026-11-22 16:24:44 +05"[..]));
        let badger = "2026-11-22 16:24:44 UTC [77]: user=app,db=mfo,app=a, b,client=::1 LOG:  x";
        let (fields, _) = read("%t [%p]: user=%u,db=%d,app=%a,client=%h ", badger).unwrap();
        assert_eq!((fields.program, fields.client), (Some(&b"a, b"[..]), Some(&b"::1"[..])));
        assert!(read("100%% %e %n ", "100% 42P01 1795364550.784 LOG:  x").is_some());
        assert_eq!(read("", "LOG:  x").unwrap().1, "LOG:  x");
    }

    #[test]
    fn padding() {
        let (fields, _) = read("[%8p] [%-8u] ", "[      77] [app     ] LOG:  x").unwrap();
        assert_eq!((fields.pid, fields.user), (Some(&b"77"[..]), Some(&b"app"[..])));
        let (fields, _) = read("%-3u|%3p ", "longer|12345 LOG:  x").unwrap();
        assert_eq!((fields.pid, fields.user), (Some(&b"12345"[..]), Some(&b"longer"[..])));
    }

    #[test]
    fn hostile_names_end() {
        let line = format!("{} LOG:", "@/ ".repeat(400));
        assert_eq!(Prefix::new("%u@%d/%a %u@%d/%a ").read(line.as_bytes(), &behind), None);
        assert_eq!(Prefix::new("%u%d%a%u%d").read(line.as_bytes(), &behind), None);
        assert_eq!(read("%", "LOG:  x").unwrap().1, "LOG:  x");
        assert_eq!(read("%-", "LOG:  x").unwrap().1, "LOG:  x");
    }
}
