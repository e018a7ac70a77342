//! One record of `server_audit`: its fields, as bytes of the log.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Connect,
    Disconnect,
    FailedConnect,
    ProxyConnect,
    /// QUERY and its narrower classes.
    Query,
    Read,
    /// WRITE, CREATE, ALTER, RENAME, DROP of a table.
    Write,
}

impl Operation {
    fn parse(word: &[u8]) -> Option<Operation> {
        Some(match word {
            b"QUERY" | b"QUERY_DDL" | b"QUERY_DML" | b"QUERY_DML_NO_SELECT" | b"QUERY_DCL" => Operation::Query,
            b"READ" => Operation::Read,
            b"WRITE" | b"CREATE" | b"ALTER" | b"RENAME" | b"DROP" => Operation::Write,
            b"CONNECT" => Operation::Connect,
            b"DISCONNECT" => Operation::Disconnect,
            b"FAILED_CONNECT" => Operation::FailedConnect,
            b"PROXY_CONNECT" => Operation::ProxyConnect,
            _ => return None,
        })
    }
}

/// When a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp<'a> {
    /// `20261122 16:27:58`, in the zone of the server.
    Civil(&'a [u8; 17]),
    /// Microseconds since 1970, as Aurora writes them.
    Epoch(i64),
    /// Told by the envelope: the syslog form.
    Outside,
}

/// Fields of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) time: Stamp<'a>,
    /// Written by Amazon's plugin for MySQL: Aurora, or RDS with more fields behind the code.
    pub(super) mysql: bool,
    pub(super) user: &'a [u8],
    pub(super) client: &'a [u8],
    pub(super) connection: u64,
    pub(super) query: u64,
    pub(super) operation: Operation,
    pub(super) database: &'a [u8],
    /// Statement as escaped by the plugin, table, or nothing.
    pub(super) object: &'a [u8],
    /// Error number, 0 for none; empty where the plugin writes none.
    pub(super) code: &'a [u8],
}

/// Most commas looked at for the operation: names may hold some.
const FIELDS: usize = 64;

/// The record in `line` (without its newline).
pub(super) fn parse(line: &[u8]) -> Option<Record<'_>> {
    fields(starts(line)?, line.get(memchr::memchr(b',', line)? + 1..)?)
}

/// The record in what stands behind the time.
pub(super) fn fields<'a>(time: Stamp<'a>, rest: &'a [u8]) -> Option<Record<'a>> {
    let (rest, more) = without_connection_type(rest);
    let mysql = more || matches!(time, Stamp::Epoch(_));
    // Names are written as they are, so the operation with two numbers before it is what can be relied on.
    let mut commas = [0usize; FIELDS];
    let mut found = 0;
    for comma in memchr::memchr_iter(b',', rest).take(FIELDS) {
        commas[found] = comma;
        found += 1;
        // host, user, client, connection, query, operation: five commas before it, one behind.
        if found < 6 {
            continue;
        }
        let field = |index: usize| rest.get(commas[index - 1] + 1..commas[index]);
        let Some(operation) = field(found - 1).and_then(Operation::parse) else { continue };
        let (Some(connection), Some(query)) = (field(found - 3).and_then(number), field(found - 2).and_then(number))
        else {
            continue;
        };
        let (database, object, code) = tail(rest.get(comma + 1..)?, operation)?;
        let user = rest.get(commas[0] + 1..commas[found - 5])?;
        let client = field(found - 4)?;
        return Some(Record { time, mysql, user, client, connection, query, operation, database, object, code });
    }
    None
}

/// The record without the fields that the plugin of RDS for MySQL writes behind the code: `,,` behind a statement, the type
/// of the connection behind a login (`,SSL/TLS`). And whether there were any.
fn without_connection_type(rest: &[u8]) -> (&[u8], bool) {
    const TYPES: [&[u8]; 6] = [b"TCP/IP", b"SOCKET", b"NAMED PIPE", b"SSL/TLS", b"SHARED MEMORY", b"UNDEFINED"];
    if let Some(front) = rest.strip_suffix(b",,")
        && front.last().is_some_and(u8::is_ascii_digit)
    {
        return (front, true);
    }
    match memchr::memrchr(b',', rest) {
        Some(comma) if TYPES.iter().any(|known| rest[comma + 1..].eq_ignore_ascii_case(known)) => {
            (&rest[..comma], true)
        }
        _ => (rest, false),
    }
}

/// `database,object,code` with the code taken from the end, for the database is written as it is.
fn tail(rest: &[u8], operation: Operation) -> Option<(&[u8], &[u8], &[u8])> {
    let comma = memchr::memrchr(b',', rest)?;
    let (front, code) = (&rest[..comma], &rest[comma + 1..]);
    if !code.iter().all(u8::is_ascii_digit) || code.len() > 5 {
        return None;
    }
    if operation == Operation::Query {
        let open = memchr::memchr(b'\'', front).filter(|open| *open > 0 && front[open - 1] == b',')?;
        let object = front.get(open + 1..)?.strip_suffix(b"'")?;
        return (!code.is_empty()).then_some((&front[..open - 1], object, code));
    }
    let comma = memchr::memrchr(b',', front)?;
    Some((&front[..comma], &front[comma + 1..], code))
}

/// The time at the start of a line that could begin a record.
pub(super) fn starts(line: &[u8]) -> Option<Stamp<'_>> {
    let time = line.first_chunk::<17>()?;
    if time[..16].iter().all(u8::is_ascii_digit) && time[16] == b',' {
        return number(&time[..16]).and_then(|micros| i64::try_from(micros).ok()).map(Stamp::Epoch);
    }
    let digits = |range: std::ops::Range<usize>| time[range].iter().all(u8::is_ascii_digit);
    let marks = line.get(17) == Some(&b',') && time[8] == b' ' && time[11] == b':' && time[14] == b':';
    (marks && digits(0..8) && digits(9..11) && digits(12..14) && digits(15..17)).then_some(Stamp::Civil(time))
}

fn number(field: &[u8]) -> Option<u64> {
    if field.is_empty() || field.len() > 19 {
        return None;
    }
    field.iter().try_fold(0u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// Seconds since 1970 of a civil time, taken as UTC; nothing for a date that is none.
pub(super) fn seconds(time: &[u8; 17]) -> Option<i64> {
    let part = |from: usize, to: usize| time[from..to].iter().fold(0i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    let (hour, minute, second) = (part(9, 11), part(12, 14), part(15, 17));
    let real = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !real {
        return None;
    }
    // Days from civil (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Undoes the plugin's escapes. Gives the text itself when it has none.
pub(super) fn unescape<'a>(text: &'a [u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    let Some(first) = memchr::memchr(b'\\', text) else { return text };
    buffer.clear();
    buffer.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let [b'\\', escaped, behind @ ..] = rest {
        buffer.push(match escaped {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            other => *other,
        });
        let plain = memchr::memchr(b'\\', behind).unwrap_or(behind.len());
        buffer.extend_from_slice(&behind[..plain]);
        rest = &behind[plain..];
    }
    buffer // a lone backslash at the end is half of an escape that was cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_query() {
        let record =
            parse(br"20261122 16:27:58,vm,analyst,127.0.0.1,12,160,QUERY,mfo,'SELECT \'a,b\',1',1064").unwrap();
        assert_eq!((record.user, record.client, record.database), (&b"analyst"[..], &b"127.0.0.1"[..], &b"mfo"[..]));
        assert_eq!((record.connection, record.query, record.code), (12, 160, &b"1064"[..]));
        let mut buffer = Vec::new();
        assert_eq!(unescape(record.object, &mut buffer), b"SELECT 'a,b',1");
        assert_eq!(record.time, Stamp::Civil(b"20261122 16:27:58"));
        assert_eq!(seconds(b"20261122 16:27:58"), Some(1_795_364_878));
    }

    #[test]
    fn names_may_hold_commas_and_newlines() {
        let record = parse(b"20261122 16:28:00,vm,x,y\n2026,127.0.0.1,31,0,FAILED_CONNECT,,,1045").unwrap();
        assert_eq!(record.user, b"x,y\n2026");
        assert_eq!(record.operation, Operation::FailedConnect);
        assert_eq!(record.code, b"1045");
        let record = parse(b"20261122 16:28:00,vm,app,h,31,5,QUERY,odd,name,'SELECT 1',0").unwrap();
        assert_eq!((record.database, record.object), (&b"odd,name"[..], &b"SELECT 1"[..]));
    }

    #[test]
    fn dialects_of_amazon() {
        let query =
            parse(br"20230501 10:02:19,ip-10-1-0-50,app,localhost,7,585281,QUERY,,'select \'x\',0,,',1064,,").unwrap();
        assert_eq!((query.object, query.code, query.mysql), (&br"select \'x\',0,,"[..], &b"1064"[..], true));
        let login = parse(b"20221201 14:07:05,ip-10-22-1-51,app,localhost,821,0,CONNECT,mfo,,0,SOCKET").unwrap();
        assert_eq!((login.database, login.object, login.code), (&b"mfo"[..], &b""[..], &b"0"[..]));
        let aurora = parse(b"1603439251354761,database-1,admin,10.0.0.9,30,966941,CREATE,world,customers,").unwrap();
        assert_eq!((aurora.time, aurora.database), (Stamp::Epoch(1_603_439_251_354_761), &b"world"[..]));
        assert_eq!((aurora.object, aurora.operation, aurora.mysql), (&b"customers"[..], Operation::Write, true));
    }

    #[test]
    fn no_records() {
        for line in [
            &b""[..],
            b"20261122 16:28:00,vm,x,y",
            b"20261122 16:28:00,vm,app,h,31,5,QUERY,mfo,'SELECT 1',",
            b"20261122 16:28:00,vm,app,h,31,5,QUERY,mfo,'SELECT 1",
            b"20261122 16:28:00,vm,app,h,a,5,QUERY,mfo,'SELECT 1',0",
            b"2026-11-22 16:28:00,vm,app,h,1,5,QUERY,mfo,'SELECT 1',0",
        ] {
            assert_eq!(parse(line), None, "{:?}", String::from_utf8_lossy(line));
        }
        assert_eq!(seconds(b"20261322 16:28:00"), None);
    }
}
