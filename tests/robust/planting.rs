//! Records of every format with planted values in every word of every field: what must not come out goes in everywhere.

use super::privacy::Planted;
use crate::support::{Random, people, root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kuzet_decode::{FORMATS, Format};

/// So many copies of a sample, each with other words replaced: together all of them, alone about one a record.
const PHASES: usize = 48;
/// Bytes of a sample that are taken.
const LONGEST: usize = 6_000;

/// A mapping with every key that takes a value of a record.
pub const MAPPING: &str = r#"
[source.map]
form = "json"
time = "at"
user = "user.login"
person = "user.employee"
client = "ip"
program = "module"
session = "sid"
action = "event"
actions = { view = "read", "report.*" = "export", signin_failed = "login_failed" }
otherwise = "read"
object_field = "entity"
people = [{ field = "clients.iin", kind = "iin" }, { field = "phone" }, { field = "url", after = "client/" }]
rows = "count"
outcome = "ok"
success = ["true"]
failure = ["false"]
"#;

/// A journal of that mapping.
const JOURNAL: &str = r#"{"at":"2026-11-22T10:15:09+05:00","event":"view","user":{"login":"clerk7","employee":"e107"},"ip":"10.0.0.7","module":"desk","sid":"a1","entity":"borrowers","clients":[{"iin":"850830346939"}],"phone":"+77010000001","url":"/client/7","count":9000,"ok":"true","note":"{name}; {address}"}
{"at":"2026-11-22T10:15:10+05:00","event":"report.all","user":{"login":"clerk7","employee":"e107"},"ip":"crm1.example","module":"desk","sid":"a1","entity":"loans","count":2500,"ok":"false","error":"{secret} {name}"}
{"at":"2026-11-22T10:15:11+05:00","event":"signin_failed","user":{"login":"clerk8"},"ip":"10.0.0.8","sid":"a2","password":"{secret}"}
"#;

/// What the agent itself asks a server.
fn status(system: &str) -> String {
    let record = |kind: &str, fields: &str| format!("{{\"{system}\":\"{kind}\",\"at\":1795410000000000{fields}}}\n");
    let who = r#","user":"analyst","database":"mfo","client":"10.0.0.7","program":"psql""#;
    let text = r#","text":"SELECT * FROM borrowers WHERE full_name = '{name}' OR note = '{secret}' -- note""#;
    let calls = r#","since":1795409999000000,"calls":1,"rows":9000,"bytes":9000,"declared":["DECLARE c CURSOR FOR SELECT '{address}' FROM borrowers"]"#;
    [
        record("began", ""),
        record("session", &format!("{who}{text},\"session\":\"6b0316a5.7d78\"")),
        record("calls", &format!("{who}{text}{calls}")),
        record("setting", r#","name":"pgaudit.log","value":"none""#),
        record("setting", r#","name":"archive_command","value":"cp '{address}' {secret}""#),
        record("change", r#","text":"ALTER ROLE analyst SUPERUSER PASSWORD '{secret}'""#),
        record("change", r#","text":"GRANT SELECT ON borrowers TO clerk""#),
    ]
    .concat()
}

/// Records with values that stand nowhere in the samples.
fn more(format: Format) -> String {
    match format {
        Format::MongodbLog => r#"{"t":{"$date":"2026-11-22T16:28:25.123+00:00"},"s":"I","c":"COMMAND","id":51803,"ctx":"conn281","msg":"Slow query","attr":{"type":"command","ns":"mfo.borrowers","appName":"crm","command":{"find":"borrowers","filter":{"full_name":"{name}","address":{"$in":["{address}"]},"note":{"$regex":"{secret}"}},"comment":"{name}","$db":"mfo"},"planSummary":"COLLSCAN","nreturned":9000,"remote":"10.0.0.9:42034","durationMillis":7}}
"#.to_owned(),
        Format::MongodbAudit => r#"{"atype":"authCheck","ts":{"$date":"2026-11-22T16:28:03.123+00:00"},"local":{"ip":"10.0.0.5","port":27017},"remote":{"ip":"10.0.0.9","port":42034},"users":[{"user":"clerk","db":"mfo"}],"roles":[],"param":{"command":"find","ns":"mfo.borrowers","args":{"find":"borrowers","filter":{"full_name":"{name}","address":"{address}"},"comment":"{secret}"}},"result":0}
"#.to_owned(),
        Format::Redis => "1795385531.885697 [0 127.0.0.1:36892] \"SET\" \"borrower:1\" \"{name}\"\n1795385531.885698 [0 127.0.0.1:36892] \"HSET\" \"borrower:1\" \"address\" \"{address}\" \"{secret}\" \"x\"\n".to_owned(),
        Format::PostgresqlStatus => status("postgresql"),
        Format::MariadbStatus => status("mariadb"),
        Format::Mapped => JOURNAL.to_owned(),
        _ => String::new(),
    }
}

/// Recordings of a format; a format without any does not compile.
fn recordings(format: Format) -> &'static [&'static str] {
    match format {
        Format::PostgresqlJsonlog => &["postgresql/pgaudit-sqli.json", "postgresql/logall-failed_logins.json"],
        Format::PostgresqlCsvlog => &["postgresql/pgaudit-sqli.csv", "postgresql/logall-failed_logins.csv"],
        Format::PostgresqlStderr => &["postgresql/pgaudit-sqli.log", "postgresql/logall-failed_logins.log"],
        Format::MariadbServerAudit => &["mariadb/sqli.audit.log", "mysql/rds.audit.log", "mysql/aurora.audit.log"],
        Format::MariadbGeneralLog => &["mariadb/tour.general.log", "mysql/mysql8.general.log"],
        Format::MariadbSlowLog => &["mariadb/tour.slow.log", "mysql/mysql8.slow.log", "mysql/percona.slow.log"],
        Format::MariadbErrorLog => &["mariadb/failed_logins.error.log", "mysql/mysql8.error.log"],
        Format::MysqlAuditJson => {
            &["mysql/enterprise.audit.json", "mysql/percona.audit.json", "mysql/percona_filter.audit.json"]
        }
        Format::MysqlAuditXml => &[
            "mysql/enterprise_new.audit.xml",
            "mysql/enterprise_old.audit.xml",
            "mysql/percona_new.audit.xml",
            "mysql/percona_old.audit.xml",
        ],
        Format::MysqlAuditCsv => &["mysql/percona.audit.csv"],
        Format::MongodbAudit => &["mongodb/audit.json"],
        Format::MongodbLog => &["mongodb/mongod.json"],
        Format::Redis => &["redis/monitor.txt", "redis/acl-log.jsonl"],
        Format::Pgbouncer => &["pgbouncer/pgbouncer.log"],
        Format::Syslog => &[
            "syslog/postgresql-3164.log",
            "syslog/postgresql-5424.log",
            "syslog/postgresql-unsplit.log",
            "syslog/mariadb-server_audit.log",
            "syslog/haproxy.log",
            "syslog/samba.log",
        ],
        Format::WebAccessLog => &["web/nginx-combined.log", "web/apache-vhost.log", "web/apache-common.log"],
        Format::WebAccessJson => &["web/nginx.json"],
        Format::HaproxyHttp => &["web/haproxy.log"],
        Format::SquidAccess => &["web/squid.log"],
        Format::SambaFullAudit => &["files/samba.log"],
        Format::MinioAudit => &["files/minio-audit.json"],
        Format::S3Access => &["files/s3-access.log"],
        Format::LinuxAudit => &["linux/audit.log"],
        Format::LinuxLaurel => &["linux/laurel.json"],
        Format::Sensor => &["host/sensor.jsonl"],
        Format::Inventory => &["host/inventory.jsonl"],
        Format::Zeek => &["network/zeek-conn.log", "network/zeek-ssl.log", "network/zeek.json"],
        Format::Netflow => &["network/netflow-v9.log", "network/netflow-ipfix.log"],
        Format::SuricataEve => &["network/eve.json"],
        Format::Journald => &["journald/journal.json"],
        // Written here: see `more`.
        Format::Mapped | Format::PostgresqlStatus | Format::MariadbStatus => &[],
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Where the first word of `text` stands. An address is one.
fn next(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let from = bytes.iter().position(|byte| word(*byte))?;
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let inside = |at: &usize| word(bytes[*at]) || bytes[*at] == b'.' && digit(at - 1) && digit(at + 1);
    let to = (from + 1..bytes.len()).find(|at| !inside(at)).unwrap_or(bytes.len());
    Some((from, to))
}

/// Copies of `text`, each with other words replaced by `marks` in turn. A number becomes no other number: how many rows
/// there were is nobody's identifier.
fn replaced(text: &str, marks: &[String]) -> String {
    let letters: Vec<&String> = marks.iter().filter(|mark| mark.contains(|c: char| c.is_ascii_alphabetic())).collect();
    let mut all = String::new();
    for phase in 0..PHASES {
        let (mut number, mut rest) = (0, text);
        while let Some((from, to)) = next(rest) {
            let (token, turn) = (&rest[from..to], number / PHASES + phase);
            all.push_str(&rest[..from]);
            all.push_str(match token.bytes().all(|byte| byte.is_ascii_digit()) {
                _ if number % PHASES != phase => token,
                true => letters[turn % letters.len()],
                false => &marks[turn % marks.len()],
            });
            number += 1;
            rest = &rest[to..];
        }
        all.push_str(rest);
    }
    all
}

/// `text` with what stands between single quotes on one line replaced by `marks` in turn: literals. Names of accounts
/// (`'app'@'10.0.0.5'`) and values of the server's own settings are shown, so they are left.
fn quoted(text: &str, marks: &[String]) -> String {
    let mut all = String::new();
    for (line, mark) in text.lines().zip((0..).map(|turn| &marks[turn % marks.len()])) {
        let own = line.contains("'@'") || line.to_ascii_lowercase().contains("set global");
        let parts: Vec<&str> = line.split('\'').collect();
        let literal =
            |at: usize, part: &&str| !own && at % 2 == 1 && at + 1 < parts.len() && !part.contains(['"', '{', '}']);
        let parts: Vec<&str> =
            parts.iter().enumerate().map(|(at, part)| if literal(at, part) { mark } else { *part }).collect();
        all.push_str(&parts.join("'"));
        all.push('\n');
    }
    all
}

/// First bytes of connections that hold `marks` wherever bytes are read, and `values` where no name stands.
fn spoken(marks: &[String], values: &[String]) -> String {
    let mut log = String::new();
    let mut say = |number: usize, protocol: u16, port: u16, bytes: &[u8]| {
        let (data, at) = (BASE64.encode(bytes), 1_795_412_149_000_000 + number);
        log.push_str(&format!(
            "{{\"sensor\":\"bytes\",\"at\":{at},\"socket\":\"{number:x}\",\"namespace\":4026531833,\"protocol\":{protocol},\
             \"direction\":\"out\",\"local\":[\"10.0.0.5\",50270],\"remote\":[\"203.0.113.7\",{port}],\"offset\":0,\"data\":\"{data}\"}}\n"
        ));
    };
    for (number, (mark, value)) in marks.iter().zip(values.iter().cycle()).enumerate() {
        let label = mark.replace(' ', "-");
        let post = format!(
            "POST /{mark}?q={value} HTTP/1.1\r\nHost: {label}.example.com\r\nCookie: {value}\r\n\r\n{mark}\t{value}\n"
        );
        say(4 * number, 6, 80, post.as_bytes());
        say(4 * number + 1, 6, 25, format!("EHLO {label}\r\nMAIL FROM:<{mark}>\r\n\r\n{value}\r\n").as_bytes());
        // A hello of TLS and a question to DNS with the value for a label.
        let name = format!("{label}.example.com");
        let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
        let list = long(&[&[0][..], &long(name.as_bytes())].concat());
        let extensions = long(&[&[0, 0][..], &long(&list)].concat());
        let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
        let hello = [&[22, 3, 1][..], &long(&[&[1, 0][..], &long(&body)].concat())].concat();
        say(4 * number + 2, 6, 443, &hello);
        let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
        let head = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0].into_iter();
        let question: Vec<u8> = head.chain(labels).chain([0, 0, 16, 0, 1]).collect();
        say(4 * number + 3, 17, 53, &question);
    }
    log
}

/// A log of every format of the list, with what was planted in it.
pub fn logs() -> (Vec<(Format, String)>, Planted) {
    let mut random = Random::new(11);
    let (mut anywhere, mut values) = (Vec::new(), Vec::new());
    for (number, person) in people::people(12).into_iter().enumerate() {
        let card = people::card("4400", 16, &mut random);
        let email = format!("m{number:03}.synaq@poshta-synaq.kz");
        anywhere.extend([person.iin, person.phone, person.iban, card, email]);
        values.extend([person.full_name, format!("Qupiya{number:03}xZ"), person.address.replace(['\'', '"'], "")]);
    }
    let take = |path: &&str| {
        let text = std::fs::read_to_string(root().join("tests/data/samples").join(path)).expect("a sample");
        let short = &text[..text.floor_char_boundary(LONGEST)];
        short[..short.rfind('\n').map_or(short.len(), |at| at + 1)].to_owned()
    };
    let mut all = Vec::new();
    for info in FORMATS {
        let recorded: Vec<String> = recordings(info.format).iter().map(take).chain([more(info.format)]).collect();
        assert!(recorded.iter().any(|text| !text.is_empty()), "{} has nothing to plant in", info.name);
        let mut log = String::new();
        for text in &recorded {
            log.push_str(&quoted(text, &values));
            log.push_str(&replaced(text, &anywhere));
        }
        if info.format == Format::Sensor {
            log.push_str(&spoken(&anywhere, &values));
        }
        for (name, turn) in [("{name}", 0), ("{secret}", 1), ("{address}", 2)] {
            log = log.replace(name, &values[turn]);
        }
        all.push((info.format, log));
    }
    let identifiers = anywhere.clone();
    values.extend(anywhere);
    (all, Planted { values, identifiers })
}
