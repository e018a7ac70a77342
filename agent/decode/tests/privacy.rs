//! No value comes out of a statement: planted values in every lexical form, in both dialects, in statements that are
//! valid, broken and cut, and none of them, nor its digits, in what is told.

mod common;

use kuzet_decode::{Analyzer, Format, Parameters};
use kuzet_event::{Code, Flags, Place, SessionId, System, Timestamp};
use kuzet_personal::Key;
use proptest::prelude::*;
use smallvec::SmallVec;

/// What is told of `text` by a fresh analyser, in Debug.
fn told(system: System, text: &[u8], truncated: bool) -> String {
    let mut identifiers = SmallVec::new();
    let mut analyzer = Analyzer::new(system, Key::new([7; 32]));
    let mut statement = (*analyzer.analyze(text, &Parameters::new(), truncated, &mut identifiers)).clone();
    // A hash of the literal-free text and a set of bits: their digits mean nothing.
    (statement.fingerprint, statement.flags) = (0, Flags::NONE);
    format!("{statement:?}")
}

/// Events of one record with `text` in every place that has a statement, without what is a hash or a count of bytes.
fn events(format: Format, text: &str, bound: &str) -> String {
    let csv = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let log = match format {
        Format::MariadbServerAudit => {
            let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
            format!("20261122 16:27:58,vm,analyst,127.0.0.1,12,4,QUERY,mfo,'{text}',0\n")
        }
        Format::MariadbGeneralLog => {
            format!("261122 16:27:58\t    12 Query\t{text}\n\t\t    12 Execute\t{text}\n")
        }
        Format::MariadbSlowLog => format!(
            "# Time: 261122 16:27:58\n# User@Host: analyst[analyst] @  [127.0.0.1]\n\
             # Thread_id: 12  Schema: mfo  QC_hit: No\n# Query_time: 0.1  Rows_sent: 1\nSET timestamp=1795364878;\n{text};\n"
        ),
        Format::MysqlAuditJson => {
            let line = serde_json::json!({"audit_record": {
                "name": "Query", "timestamp": "2026-11-22T16:22:30 UTC", "connection_id": "12", "status": 0,
                "sqltext": text, "user": "analyst[analyst] @ h [127.0.0.1]", "ip": "127.0.0.1", "db": "mfo",
            }});
            format!("{line}\n")
        }
        Format::MysqlAuditXml => {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            format!(
                "<AUDIT_RECORD NAME=\"Query\" TIMESTAMP=\"2026-11-22T16:22:30 UTC\" CONNECTION_ID=\"12\" STATUS=\"0\" \
                 USER=\"analyst[analyst] @ h [127.0.0.1]\" SQLTEXT=\"{text}\"/>\n"
            )
        }
        Format::MysqlAuditCsv => {
            let (head, tail) = (
                "\"Query\",\"1_2026\",\"2026-11-22T16:22:30 UTC\",\"select\",\"12\",0",
                "\"h\",\"\",\"127.0.0.1\",\"mfo\"",
            );
            format!("{head},{},\"analyst[analyst] @ h [127.0.0.1]\",{tail}\n", csv(text))
        }
        _ => {
            let head = "2026-11-22 16:22:30.123 UTC,\"analyst\",\"mfo\",7,\"127.0.0.1:46096\",6b0316c6.7";
            let tail = "\"SELECT\",2026-11-22 16:22:30 UTC,3/343,0";
            let audit = format!("AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.borrowers,{},{},1", csv(text), csv(bound));
            let logged = csv(&format!("statement: {text}"));
            let detail = csv(&format!("parameters: $1 = '{}'", bound.replace('\'', "''")));
            let error = csv(&format!("syntax error at or near \"{bound}\""));
            let end = "\"psql\",\"client backend\",,0";
            format!(
                "{head},1,{tail},LOG,00000,{},,,,,,,,,{end}\n{head},2,{tail},LOG,00000,{logged},{detail},,,,,,,,{end}\n\
                 {head},3,{tail},ERROR,42601,{error},{detail},,,,,{},1,,{end}\n",
                csv(&audit),
                csv(text)
            )
        }
    };
    shown(format, &log)
}

/// Events of `log`, none of which may be lost, without what is a hash or a count of bytes.
fn shown(format: Format, log: &str) -> String {
    let (events, tally) = common::decode(format, &common::options(), log.as_bytes());
    assert_eq!(tally.lost, 0, "{log}");
    let mut shown = String::new();
    for mut event in events {
        (event.place, event.session, event.client_port) = (Place::default(), SessionId(0), 0);
        // Neither a stamp nor an error code is a value; both are digits.
        (event.at, event.code) = (Timestamp(0), Code::NONE);
        event.identifiers.clear(); // keyed hashes
        event.flow = event.flow.map(|flow| {
            let mut flow = (*flow).clone();
            flow.id = 0;
            if let Some(query) = &mut flow.query {
                (query.domain_key, query.name_key) = (0, 0);
            }
            flow.into()
        });
        event.statement = event.statement.map(|statement| {
            let mut statement = (*statement).clone();
            (statement.fingerprint, statement.flags) = (0, Flags::NONE);
            statement.into()
        });
        shown.push_str(&format!("{event:?}\n"));
    }
    shown
}

/// What a decoder keeps of `log`, without the numbers of connections.
fn kept(format: Format, log: &str) -> String {
    let mut decoder = format.decoder(&common::options());
    common::step(decoder.as_mut(), log.as_bytes(), 0, kuzet_decode::Edge::End, &mut Vec::new());
    let snapshot = String::from_utf8_lossy(&decoder.snapshot()).into_owned();
    let line = |line: &str| {
        line.split('\t').enumerate().filter(|(at, _)| *at != 1).map(|(_, part)| part.to_owned() + " ").collect()
    };
    snapshot.lines().map(line).collect::<Vec<String>>().join("\n")
}

/// A run of six digits or more of `value`, or one of its words, that stands in `shown`.
fn leaked<'a>(value: &'a str, shown: &str) -> Option<&'a str> {
    let shown = shown.to_lowercase();
    let plain = |c: char| !c.is_alphanumeric();
    value.split(plain).find(|word| word.chars().count() > 3 && shown.contains(&word.to_lowercase())).or_else(|| {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        let long = digits.len() >= 6
            && digits.as_bytes().windows(6).any(|six| shown.contains(std::str::from_utf8(six).unwrap_or("?")));
        long.then_some(value)
    })
}

/// `shown` without times and the hashes that stand for accounts and paths: four of their digits may be those of a value.
fn without_hashes(shown: &str) -> String {
    let mut parts = shown.split("person-");
    let first = parts.next().unwrap_or_default().to_owned();
    let mut shown = parts.fold(first, |all, part| all + part.get(12..).unwrap_or_default());
    for name in [", key: ", ", folder: ", "Timestamp("] {
        let mut parts = shown.split(name);
        let first = parts.next().unwrap_or_default().to_owned();
        shown = parts.fold(first, |all, part| all + part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    shown
}

/// Values of people. Every word of theirs is looked for.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]{7}",
        "N[1-9][0-9]{7}",
        "\\+77[0-9]{9}",
        "4400 [0-9]{4} [0-9]{4} [0-9]{4}",
        "KZ[0-9]{18}",
        "[a-z]{4}zq[0-9]{3}@poshta-synaq\\.kz",
        "(Ахметов|Серікқызы|Иванов|Нұрланова) (Нурлан|Айгуль|Серик)( Серикович)?",
        "(Akhmetov|Ivanov|Petrova) (Nurlan|Aigul|Serik)",
        "(Алматы|Қарағанды), Абайқұнан к-сі [0-9]{1,3}",
    ]
}

/// A secret: only where no name can stand, for nothing tells it from one.
fn secret() -> impl Strategy<Value = String> {
    "[A-Z][a-z]{3}[0-9]{3}xZ[!%#]"
}

/// The forms in which a value is written.
fn forms(value: &str) -> Vec<String> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02X}")).collect();
    vec![
        format!("'{value}'"),
        format!("E'{value}'"),
        format!("N'{value}'"),
        format!("_utf8mb4'{value}'"),
        format!("$${value}$$"),
        format!("$q${value}$q$"),
        format!("\"{value}\""),
        format!("`{value}`"),
        format!("U&\"{value}\""),
        format!("x'{hex}'"),
        format!("0x{hex}"),
        format!("/* {value} */ 1"),
        format!("'{value}\\'' || '{value}'"),
        format!("'a\\', '{value}'"),
        format!("'{value}'::text"),
        format!("date '{value}'"),
        format!(":\"{value}\""),
        format!("data->>'{value}'"),
        format!("{{\"name\": \"{value}\"}}"),
        format!("\u{ab}{value}\u{bb}"),
        format!("\u{2018}{value}\u{2019}"),
    ]
}

const TEMPLATES: &[&str] = &[
    "SELECT * FROM borrowers WHERE iin = {}",
    "SELECT {} AS x, iin FROM borrowers WHERE a IN ({}, {}) OR b LIKE {}",
    "SELECT {} FROM borrowers",
    "INSERT INTO borrowers (iin, name) VALUES ({}, {}), ({}, {})",
    "INSERT INTO borrowers VALUES ({})",
    "UPDATE borrowers SET name = {}, b = {} WHERE id = {} LIMIT {}",
    "DELETE FROM borrowers WHERE lower(name) = {} -- {}",
    "SET app.person = {}",
    "SET @person = {}",
    "SET app.person TO {}",
    "CALL note({}, {}); SELECT {}",
    "DO {}",
    "COPY borrowers TO {}",
    "EXECUTE p({}, {})",
    "WITH x AS (SELECT {} AS a) SELECT * FROM x WHERE a <> {}",
    "COMMENT ON TABLE borrowers IS {}",
    "SELECT * FROM borrowers WHERE (iin = {} AND",
    "SELEC * FORM borrowers WHER iin {} {}",
    "{} please look at this one {} FROM the list",
    "{}",
    "'{}",
    "1\t{}\t{}\t\\N",
    "GRANT SELECT ON borrowers TO x IDENTIFIED BY {}",
    "CREATE USER x IDENTIFIED BY {}",
    "ALTER ROLE x PASSWORD {}",
    "ALTER GROUP g ADD USER u PASSWORD {}",
    "SET PASSWORD FOR 'u' {}",
    "SELECT set_config('app.x', {}, true)",
    "KILL QUERY {}",
    "NOTIFY x, {}",
];

fn fill(template: &str, literals: &[String]) -> String {
    let mut text = String::new();
    for (index, piece) in template.split("{}").enumerate() {
        if index > 0 {
            text.push_str(&literals[index % literals.len()]);
        }
        text.push_str(piece);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_value_is_told(
        template in prop::sample::select(TEMPLATES),
        values in prop::collection::vec((value(), 0usize..21), 2..4),
        cut in prop::option::of(0.0f64..1.0),
        head in prop::option::weighted(0.2, 0usize..30),
        garbage in prop::sample::select(&["", "", "", "'", "\"", "`", "$$", "' ", "\\", "\u{ab}", ")", "/*"]),
    ) {
        let literals: Vec<String> = values.iter().map(|(value, form)| forms(value).swap_remove(*form)).collect();
        let mut text = format!("{garbage}{}", fill(template, &literals));
        if let Some(cut) = cut {
            text.truncate(text.floor_char_boundary((text.len() as f64 * cut) as usize));
        }
        if let Some(head) = head {
            text.drain(..text.floor_char_boundary(head.min(text.len())));
        }
        for system in [System::Postgresql, System::Mariadb] {
            let shown = told(system, text.as_bytes(), cut.is_some());
            for (value, _) in &values {
                prop_assert_eq!(leaked(value, &shown), None, "{} in {}", text, shown);
            }
        }
    }

    #[test]
    fn no_value_is_told_by_an_event(
        template in prop::sample::select(TEMPLATES),
        values in prop::collection::vec((value(), 0usize..21), 2..4),
    ) {
        let literals: Vec<String> = values.iter().map(|(value, form)| forms(value).swap_remove(*form)).collect();
        let text = fill(template, &literals);
        for format in [
            Format::PostgresqlCsvlog,
            Format::MariadbServerAudit,
            Format::MariadbGeneralLog,
            Format::MariadbSlowLog,
            Format::MysqlAuditJson,
            Format::MysqlAuditXml,
            Format::MysqlAuditCsv,
        ] {
            let shown = events(format, &text, &values[0].0);
            prop_assert!(shown.contains("Statement {"), "{}", shown);
            for (value, _) in &values {
                prop_assert_eq!(leaked(value, &shown), None, "{} in {}", text, shown);
            }
        }
    }

    #[test]
    fn no_value_is_told_by_a_journal(value in value(), other in value()) {
        let (text, quoted) = (serde_json::json!(value), serde_json::json!(other));
        let pattern = value.replace(' ', "_");
        let byte = |byte: u8| if (32..127).contains(&byte) { char::from(byte).to_string() } else { format!("\\x{byte:02x}") };
        let word: String = pattern.bytes().map(byte).collect();
        let syslog = value.replace('\'', "''");
        for (format, log) in [
            (Format::Redis, format!("1339518083.107412 [0 10.0.0.9:60866] \"SET\" \"borrower:{word}\" \"{word}\"\n")),
            (Format::Redis, format!("1339518083.107412 [0 10.0.0.9:60866] \"KEYS\" \"*{word}*\"\n")),
            (Format::Redis, format!("1339518083.107412 [0 10.0.0.9:60866] \"EVAL\" \"{word}\" \"1\" \"{word}\"\n")),
            (Format::MongodbAudit, format!(
                "{{\"atype\":\"authCheck\",\"ts\":{{\"$date\":\"2026-11-22T16:24:44Z\"}},\"param\":{{\"command\":\"find\",\"ns\":\"mfo.t\",\
                 \"args\":{{\"find\":\"t\",\"filter\":{{\"iin\":{text},\"$or\":[{{\"name\":{{\"$regex\":{quoted}}}}},{{\"x\":{{\"$in\":[{text}]}}}}]}},\
                 \"comment\":{text},\"projection\":{{\"x\":{{\"$literal\":{text}}}}},\"$db\":\"mfo\"}}}},\"result\":0}}\n"
            )),
            (Format::MongodbLog, format!(
                "{{\"t\":{{\"$date\":\"2026-11-22T16:24:44Z\"}},\"s\":\"I\",\"ctx\":\"conn1\",\"msg\":\"Slow query\",\"attr\":{{\"type\":\"update\",\
                 \"ns\":\"mfo.t\",\"command\":{{\"q\":{{\"a\":{text}}},\"u\":{{\"$set\":{{\"b\":{quoted}}},\"c\":{text}}}}},\"errMsg\":{text}}}}}\n"
            )),
            (Format::Mapped, format!(
                "{{\"t\":\"2026-11-22T16:24:44Z\",\"u\":\"clerk\",\"a\":\"view\",\"o\":{text},\"p\":[{text},{quoted}],\"z\":{text}}}\n"
            )),
            (Format::Syslog, format!(
                "Nov 22 16:24:44 db1 postgres[77]: [5-1] 2026-11-22 16:24:44.377 UTC [77] a@mfo/psql 10.0.0.1 6b03174c.13df:4 3/794/0 \
                 -87 LOG:  statement: SELECT 1 FROM t\nNov 22 16:24:44 db1 postgres[77]: [5-2] #011 WHERE x = '{syslog}'\n"
            )),
        ] {
            let shown = shown(format, &log);
            prop_assert!(shown.contains("Statement {"), "{}", log);
            for value in [&value, &other] {
                prop_assert_eq!(leaked(value, &shown), None, "{} in {}", log, shown);
            }
        }
    }

    /// Rules see the text of these; whatever else there is of the event, its copies included, does not have it.
    #[test]
    fn no_value_is_told_by_a_feed(value in value(), other in value()) {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let plus = value.replace(' ', "+");
        let hex: String = value.bytes().map(|byte| format!("{byte:02X}")).collect();
        let nul: String = other.bytes().map(|byte| format!("{byte:02X}")).collect();
        let (quoted, text) = (serde_json::json!(other), serde_json::json!(format!("/{value}/card?name={value}&q={other}")));
        let access = |target: &str| format!(
            "10.0.0.7 - {value} [23/Nov/2026:04:08:12 +0000] \"GET {target} HTTP/1.1\" 200 3 \"http://a/{value}\" \"{other}\"\n"
        );
        let audit = |record: &str| format!("type={record}\n").replace("(S)", "(1795406983.459:10)");
        for (format, log) in [
            (Format::WebAccessLog, access(&format!("/{encoded}/card?iin={encoded}&{encoded}={plus}"))),
            (Format::WebAccessLog, access(&format!("/{plus}/{value}?{value}"))),
            (Format::WebAccessLog, access(&value)),
            (Format::WebAccessJson, format!(
                "{{\"time_iso8601\":\"2026-11-23T04:08:12+00:00\",\"remote_addr\":\"10.0.0.7\",\"remote_user\":{quoted},\"status\":\"200\",                 \"request_uri\":{text},\"request_method\":{quoted},\"host\":{quoted},\"http_user_agent\":{quoted},\"http_cookie\":{quoted}}}\n"
            )),
            (Format::HaproxyHttp, format!(
                "10.0.0.7:1 [23/Nov/2026:04:08:53.038] f b/s 0/0/0/1/9 200 2 - - ---- 1/1/0/0/0 0/0 {{{value}|{other}/1}} \"GET /{value}/a?iin={value} HTTP/1.1\"\n"
            )),
            (Format::SquidAccess, format!(
                "1795406937.395 17 10.0.0.7 TCP_MISS/200 320 GET http://{encoded}:{encoded}@{encoded}/{encoded}/a?b={encoded} {encoded} HIER_DIRECT/{encoded} {encoded}\n"
            )),
            (Format::SambaFullAudit, format!(
                "[2026/11/23 17:02:44.536801,  1] ../../source3/modules/vfs_full_audit.c:643(do_log)\n  {value}|10.0.0.7|{other}|{value}|renameat|ok|/srv/{value}/{other}.pdf|/srv/{other}/{value}\n"
            )),
            (Format::MinioAudit, format!(
                "{}\n",
                serde_json::json!({
                    "deploymentid": value, "time": "2026-11-23T17:02:44.5Z", "remotehost": other, "accessKey": value, "parentUser": other,
                    "userAgent": value, "requestHeader": {"X-Amz-Copy-Source": format!("/{value}/{other}")},
                    "api": {"name": "CopyObject", "bucket": other, "object": format!("{value}/{other}.pdf"), "statusCode": 200},
                })
            )),
            (Format::S3Access, format!(
                "{encoded} {encoded} [23/Nov/2026:17:02:44 +0000] 10.0.0.7 {encoded} {encoded} REST.GET.OBJECT {encoded} \"GET /{value} HTTP/1.1\" 200 - 1 1 1 1 \"{other}\" \"{value}\" -\n"
            )),
            (Format::LinuxAudit, [
                audit(&format!("SYSCALL msg=audit(S): arch=c000003e syscall=59 success=yes pid=7 auid=1 uid=0 comm={hex} exe={hex} key={hex}\u{1d}UID=\"{value}\" AUID=\"{other}\"")),
                audit(&format!("EXECVE msg=audit(S): argc=3 a0=\"{value}\" a1={hex} a2[0]={hex}")),
                audit(&format!("CWD msg=audit(S): cwd=\"/srv/{value}\"")),
                audit(&format!("PATH msg=audit(S): item=0 name=\"/srv/{other}\" nametype=CREATE")),
                audit(&format!("PROCTITLE msg=audit(S): proctitle={nul}")),
            ].concat()),
            (Format::LinuxLaurel, format!(
                "{}\n",
                serde_json::json!({
                    "ID": "1795406983.459:10",
                    "SYSCALL": {"syscall": 59, "success": "yes", "pid": 7, "exe": format!("/srv/{value}"), "comm": value, "UID": value,
                        "AUID": other, "PPID": {"exe": format!("/opt/{other}")}},
                    "EXECVE": {"ARGV": [value, other]},
                    "CWD": {"cwd": value},
                    "PATH": [{"name": other, "nametype": "CREATE"}],
                    "PROCTITLE": {"ARGV": [value, other]},
                })
            )),
            (Format::Sensor, format!(
                "{{\"sensor\":\"exec\",\"at\":1,\"process\":{}}}\n",
                serde_json::json!({
                    "pid": 7, "began": 1, "name": value, "path": format!("/srv/{value}/{other}"), "user": value, "login": other,
                    "container": value, "parents": [[value, 1], [other, 2]],
                })
            )),
            (Format::Sensor, format!(
                "{{\"sensor\":\"file\",{}\n",
                serde_json::json!({
                    "at": 1, "do": "rename", "path": format!("/srv/{value}/{other}.pdf"), "to": format!("/{other}/a.{value}"),
                    "process": {"pid": 7, "began": 1, "name": value, "path": format!("/srv/{value}"), "user": value},
                }).to_string().trim_start_matches('{')
            )),
            (Format::Zeek, format!(
                "{}\n",
                serde_json::json!({
                    "_path": "ssl", "ts": 1.5, "uid": value, "id.orig_h": "10.0.0.5", "id.orig_p": 5, "id.resp_h": "192.0.2.1",
                    "id.resp_p": 443, "server_name": format!("{value}.{other}.kz"), "proto": other,
                })
            )),
            (Format::Zeek, format!(
                "{}\n",
                serde_json::json!({
                    "_path": "http", "ts": 1.5, "uid": value, "id.orig_h": "10.0.0.5", "id.resp_h": "192.0.2.1", "host": value,
                    "uri": other, "user_agent": other,
                })
            )),
            (Format::Netflow, {
                // userName and applicationName, of any length, and both addresses.
                let template = common::words(&[300, 4, 371, 0xffff, 96, 0xffff, 8, 4, 12, 4]);
                let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
                let data = [text(&value), text(&other), vec![10, 0, 0, 5, 192, 0, 2, 1]].concat();
                common::ipfix(0, &[(2, template), (300, data)])
            }),
            (Format::SuricataEve, format!(
                "{}\n",
                serde_json::json!({
                    "timestamp": "2026-11-23T09:08:57.1+0500", "flow_id": value, "event_type": "alert", "src_ip": "10.0.0.5",
                    "dest_ip": "192.0.2.1", "proto": value, "alert": {"signature": other, "action": value},
                    "http": {"hostname": value, "url": other}, "payload_printable": other,
                })
            )),
            (Format::SuricataEve, format!(
                "{}\n",
                serde_json::json!({
                    "timestamp": "2026-11-23T09:08:57.1+0500", "flow_id": 7, "event_type": "tls", "src_ip": "10.0.0.5",
                    "dest_ip": "192.0.2.1", "tls": {"sni": format!("{other}.{value}"), "subject": value},
                })
            )),
            (Format::Sensor, format!(
                "{{\"sensor\":\"flow\",\"at\":1,\"phase\":\"open\",\"protocol\":6,\"direction\":\"out\",\"socket\":\"f\",\"local\":[\"::\",1],\"user\":{}}}\n",
                serde_json::json!(value)
            )),
            (Format::LinuxAudit, audit(&format!("PATH msg=audit(S): item=0 name=\"/srv/{value}/{other}.sql\" nametype=CREATE"))),
            (Format::LinuxAudit, audit(&format!(
                "USER_LOGIN msg=audit(S): pid=1 uid=0 auid=1 msg='op={value} acct=\"{value}\" exe=\"/{other}\" hostname={encoded} addr=? terminal={encoded} res=failed'"
            ))),
            (Format::LinuxAudit, audit(&format!("SERVICE_START msg=audit(S): pid=1 msg='unit={encoded} comm=\"{value}\" res=success'"))),
        ] {
            let (events, tally) = common::decode(format, &common::options(), log.as_bytes());
            prop_assert_eq!((tally.lost, events.len()), (0, 1), "{}", log);
            let told = events[0].raw.as_ref().is_some_and(|raw| raw.topics().len() > 0);
            prop_assert!(told || events[0].flow.is_some() || events[0].file.is_some());
            prop_assert!(events[0].clone().raw.is_none_or(|raw| raw.topics().len() == 0));
            let shown = without_hashes(&format!("{} {}", shown(format, &log), kept(format, &log)));
            for value in [&value, &other] {
                prop_assert_eq!(leaked(value, &shown), None, "{} in {}", log, shown);
            }
        }
    }

    #[test]
    fn no_value_is_told_by_what_a_connection_says(value in value(), other in value(), cut in 1usize..400) {
        let (spaced, dashed) = (value.as_bytes(), other.replace([' ', ','], "-"));
        let labels: Vec<&[u8]> = value.as_bytes().chunks(5).chain([dashed.as_bytes(), b"t", b"example", b"com"]).collect();
        let post = format!(
            "POST /{value}?iin={other} HTTP/1.1\r\nHost: {dashed}.example.com\r\nCookie: {value}\r\n\r\n{{\"iin\":\"{value}\"}}\t{other}\n"
        );
        let mail = format!("EHLO {dashed}\r\nMAIL FROM:<{value}>\r\nDATA\r\nSubject: {other}\r\n\r\n{value}\r\n.\r\nSTARTTLS\r\n");
        let hellos = [common::hello(spaced), common::hello(dashed.as_bytes()), common::hello(format!("{dashed}.kz").as_bytes())];
        let questions = [common::question(&labels), common::question(&[spaced]), common::question(&[dashed.as_bytes(), b"kz"])];
        let answer = |mut bytes: Vec<u8>| {
            bytes[2] = 0x81;
            bytes[7] = 1;
            bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 203, 0, 113, 7]);
            bytes
        };
        let flow = |protocol: u16, port: u16| format!(
            "{{\"sensor\":\"flow\",\"at\":1,\"phase\":\"open\",\"protocol\":{protocol},\"direction\":\"unknown\",\"socket\":\"{:x}\",\"opened\":1,\
             \"namespace\":9,\"local\":[\"10.0.0.5\",50270],\"remote\":[\"203.0.113.7\",{port}]}}\n",
            if protocol == 6 { port } else { 0x1f }
        );
        let mut log = String::new();
        for (port, bytes) in (100u16..).zip([post.as_bytes(), mail.as_bytes(), spaced].into_iter().chain(hellos.iter().map(Vec::as_slice))) {
            let cut = cut.min(bytes.len());
            log.push_str(&common::bytes_line(1, 6, "out", port, 0, &bytes[..cut]));
            log.push_str(&common::bytes_line(1, 6, "out", port, cut, &bytes[cut..]));
            log.push_str(&common::bytes_line(1, 17, "out", port, 0, bytes));
            log.push_str(&flow(6, port));
            log.push_str(&flow(17, port));
        }
        for bytes in questions {
            log.push_str(&common::bytes_line(1, 17, "out", 53, 0, &bytes));
            log.push_str(&common::bytes_line(1, 17, "in", 53, 0, &answer(bytes)));
        }
        log.push_str(&flow(17, 53));
        let (events, tally) = common::decode(Format::Sensor, &common::options(), log.as_bytes());
        prop_assert!(tally.lost == 0 && events.len() > 15, "{} {:?}", log, tally);
        prop_assert!(events.iter().all(|event| event.clone().raw.is_none_or(|raw| raw.topics().len() == 0)));
        let shown = format!("{} {}", shown(Format::Sensor, &log), kept(Format::Sensor, &log));
        for value in [&value, &other] {
            prop_assert_eq!(leaked(value, &shown), None, "{}", shown);
        }
    }

    #[test]
    fn no_secret_is_told(secret in secret(), form in 0usize..4, template in prop::sample::select(&[
        "CREATE USER x IDENTIFIED BY {}", "CREATE ROLE x LOGIN PASSWORD {}", "ALTER USER x WITH PASSWORD {} SUPERUSER",
        "ALTER GROUP g ADD USER u PASSWORD {}", "SET PASSWORD FOR x = {}", "SET PASSWORD FOR 'x' {}",
        "GRANT ALL ON *.* TO 'x'@'%' IDENTIFIED BY {}", "SET app.token = {}", "CREATE USER x IDENTIFED {}",
    ])) {
        let literal = [format!("'{secret}'"), format!("\"{secret}\""), format!("E'{secret}'"), format!("'{secret}")];
        let text = template.replace("{}", &literal[form]);
        let word = &secret[..secret.len() - 1];
        for system in [System::Postgresql, System::Mariadb] {
            prop_assert_eq!(leaked(word, &told(system, text.as_bytes(), false)), None, "{}", text);
        }
    }
}

#[test]
fn values_that_look_like_names() {
    for (text, value) in [
        ("SELECT Иванов FROM t", "Иванов"),
        ("SELECT \"ИВАН ИВАНОВ\" FROM t", "ИВАН ИВАНОВ"),
        ("SELECT * FROM \"ИВАН ИВАНОВ\"", "ИВАН ИВАНОВ"),
        ("SELECT * FROM Ахметов", "Ахметов"),
        ("SELECT $$N12345678$$ FROM t", "N12345678"),
        // Cut inside a dollar quote, it parses in MariaDB: a column and a variable.
        ("SELECT $$aaaazq000@posht", "aaaazq000"),
        ("SELECT $q$aaaazq000", "aaaazq000"),
        ("SELECT $$Абай к-сі$$ AS x FROM t", "Абай"),
        ("SELECT 8508_3034_6939", "8508_3034_6939"),
        ("SELECT * FROM t LIMIT 850830346939", "850830346939"),
        ("SELECT * FROM t WHERE city = Шымкент", "Шымкент"),
        ("Абайқұнан, 7' AND name = 'x", "Абайқұнан"),
        ("GRANT x TO \"Иванов Иван\"", "Иванов"),
        ("SET app.person = ivanov", "ivanov"),
        ("SELECT @ivanov, :ivanov, t.ivanov FROM t", "ivanov"),
        ("850830346939\tИванов Иван\t7701", "850830346939"),
    ] {
        for system in [System::Postgresql, System::Mariadb] {
            let shown = told(system, text.as_bytes(), false);
            assert_eq!(leaked(value, &shown), None, "{text} {system:?}: {shown}");
        }
    }
}

#[test]
fn names_that_are_no_values_stay() {
    for (text, name) in [
        ("SELECT id, iin FROM public.borrowers_202611 b WHERE b.status = 'x'", "borrowers_202611"),
        ("SELECT iin FROM borrowers WHERE iin = '1", "iin = ?"),
        ("SELECT iin FROM borrowers WHERE ((", "borrowers"),
        ("SELECT иин FROM заемщики", "заемщики"),
        ("SELECT note FROM \"Договор\"", "Договор"),
        ("GRANT reader TO intruder", "intruder"),
    ] {
        for system in [System::Postgresql, System::Mariadb] {
            if system == System::Mariadb && text.contains('"') {
                continue;
            }
            let shown = told(system, text.as_bytes(), false);
            assert!(shown.contains(name), "{text} {system:?}: {shown}");
        }
    }
}
