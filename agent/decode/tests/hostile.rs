//! Any bytes, in any pieces: no panic, every byte accounted for, and the pieces do not show.
#![allow(clippy::unwrap_used)] // helpers outside #[test] functions

mod common;

use common::{csv_mapping, decode, decode_growing, options, step};
use kuzet_decode::{DecodeOptions, Edge, FORMATS, Format};
use kuzet_event::{Action, Outcome, Witness};
use proptest::prelude::*;
use std::sync::Arc;

/// Words of logs that are fed in beside those of databases.
fn fed() -> Vec<&'static [u8]> {
    vec![
        b"10.0.0.7 - clerk [23/Nov/2026:04:08:12 +0000] \"GET /a?b=1 HTTP/1.1\" 200 3 \"-\" \"curl/7\"\n",
        b"mfo.kz:80 10.0.0.7 - - [23/Nov/2026:04:08:12 +0000] \"",
        b"\\x22\" 404 - \"\\\"",
        b"{\"time_iso8601\":\"2026-11-23T04:08:12+00:00\",\"remote_addr\":\"h\",\"request\":\"GET / x\",\"status\":\"200\"}\n",
        b"10.0.0.7:1 [23/Nov/2026:04:08:53.038] f b/s 0/0/0/1/+9 200 2 - - ---- 1/1/0/0/0 0/0 {a.b|c/d#2} \"GET /#22 HTTP/1.1\"\n",
        b"1795406937.395     17 10.0.0.7 TCP_MISS/200 320 GET http://mfo.kz/a? clerk HIER_DIRECT/1.2.3.4 -\n",
        b"[2026/11/23 17:02:44.536801,  1] ../../source3/modules/vfs_full_audit.c:643(do_log)\n",
        b"[2026/11/23 17:02:44,  0] ../../source3/smbd/server.c:1741(main)\n",
        b"  a|10.0.0.7|ws|kyc|pread_send|ok|/s/a\n",
        b"  a|10.0.0.7|ws|kyc|create_file|ok|0x10000|dir|open|/s/f\n  a|10.0.0.7|ws|kyc|renameat|ok|/s/f|/s/",
        b"Nov 23 17:02:44 vm smbd_audit: a|::1|kyc|/s|unlinkat|fail (Permission denied)|b\n",
        b"{\"deploymentid\":\"1\",\"time\":\"2026-11-23T17:02:44Z\",\"accessKey\":\"a\",\"api\":{\"name\":\"GetObject\",\"bucket\":\"b\",\"object\":\"c\",\"statusCode\":206}}\n",
        b"{\"deploymentid\":\"1\",\"time\":\"2026-11-23T17:02:44Z\",\"api\":{\"name\":\"DeleteMultipleObjects\",\"statusCode\":200,\"objects\":[{\"objectName\":\"c",
        b"o b [23/Nov/2026:17:02:44 +0000] 10.0.0.7 a R REST.GET.OBJECT c%20d \"GET /c HTTP/1.1\" 200 - 1 1 1 1 \"-\" \"x/1\" -\n",
        b"type=SYSCALL msg=audit(1795406983.461:12): arch=c000003e syscall=82 success=yes exit=0\n",
        b"type=CWD msg=audit(1795406983.461:12): cwd=\"/s\"\n",
        b"type=PATH msg=audit(1795406983.461:12): item=2 name=\"a\" mode=0100644 nametype=DELETE\n",
        b"type=PATH msg=audit(1795406983.461:12): item=3 name=\"/s/b\" mode=0100644 nametype=CREATE\n",
        b"type=SYSCALL msg=audit(1795406983.459:10): arch=c000003e syscall=59 success=yes ppid=1 pid=2 exe=\"/bin/ls\"\n",
        b"type=EXECVE msg=audit(1795406983.459:10): argc=2 a0=\"ls\" a1[0]=2D6C a1[1]=61\n",
        b"type=SYSCALL msg=audit(1795406983.460:11): arch=c000003e syscall=42 success=no exit=-115\n",
        b"type=SOCKADDR msg=audit(1795406983.460:11): saddr=020001BBCB0071090000000000000000\n",
        b"{\"ID\":\"1795406983.459:10\",\"SYSCALL\":{\"syscall\":59,\"ARGV\":[\"0x1\"],\"exe\":\"/x\"},\"EXECVE\":{\"ARGV\":[\"ls\"]}}\n",
        b"{\"ID\":\"1795406983.459:11\",\"USER_LOGIN\":{\"msg\":\"op=login acct=\\\"a\\\" res=failed\"}}\n",
        b"type=PROCTITLE msg=audit(1795406983.459:10): proctitle=6C73\n",
        b"{\"sensor\":\"exec\",\"at\":1,\"process\":{\"pid\":1,\"began\":0,\"name\":\"a\",\"parents\":[[\"b\",2]]}}\n",
        b"{\"sensor\":\"flow\",\"at\":1,\"phase\":\"open\",\"direction\":\"out\",\"socket\":\"f\",\"local\":[\"::\",1]}\n",
        b"{\"sensor\":\"flow\",\"at\":-9223372036854775808,\"phase\":\"closed\",\"sent\":18446744073709551615",
        b"type=PROCTITLE msg=audit(1795406983.460:11): proctitle=\"x\"\n",
        // A request of HTTP, the beginning of a hello, a question to DNS.
        b"{\"sensor\":\"file\",\"at\":1,\"do\":\"rename\",\"path\":\"/a/\xd0\x90.b\",\"to\":\"/c\",\"folder\":true,\"bytes\":7,\"process\":{\"pid\":1,\"began\":0,\"name\":\"a\"}}\n",
        b"{\"sensor\":\"bytes\",\"at\":1,\"protocol\":6,\"direction\":\"out\",\"socket\":\"f\",\"local\":[\"::\",1],\"remote\":[\"::\",2],\"data\":\"R0VUIC8gSFRUUC8xLjENCkhvc3Q6IGEua3oNCg0K\"}\n",
        b"{\"sensor\":\"bytes\",\"at\":9,\"protocol\":6,\"direction\":\"in\",\"socket\":\"e\",\"local\":[\"::\",1],\"remote\":[\"::\",2],\"offset\":3,\"data\":\"FgMBAgAB\"}\n",
        b"{\"sensor\":\"bytes\",\"at\":9,\"protocol\":17,\"direction\":\"out\",\"socket\":\"f\",\"local\":[\"::\",1],\"remote\":[\"::\",53],\"data\":\"AAcBAAABAAAAAAAAAWECa3oAABAAAQ==\"}\n",
        b"#separator \\x09\n#set_separator\t,\n#path\tdns\n",
        b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tanswers\n",
        b"1591367999.3\tC1\t10.0.0.5\t1\t10.0.0.1\t53\ta.kz\t192.0.2.1,192.0.2.2\n",
        b"{\"_path\":\"ssl\",\"ts\":1.5,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.5\",\"id.resp_h\":\"::1\",\"server_name\":\"a.kz\"}\n",
        b"{\"_path\":\"conn\",\"ts\":1.5,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.5\",\"id.resp_h\":\"192.0.2.1\",\"duration\":1e9}\n",
        b"{\"timestamp\":\"2026-11-23T09:08:57.1+0500\",\"flow_id\":7,\"event_type\":\"tls\",\"src_ip\":\"10.0.0.5\",\"dest_ip\":\"::1\",\"tls\":{\"sni\":\"a\"}}\n",
        b"{\"timestamp\":\"2026-11-23T09:08:57.1+0500\",\"flow_id\":7,\"event_type\":\"flow\",\"src_ip\":\"10.0.0.5\",\"dest_ip\":\"::1\",\"flow\":{\"bytes_toserver\":1",
        b",\"pkts_toserver\":18446744073709551615}}\n",
        b"netflow 1795406938000000 10.0.0.1:9 ",
        b"0005000100000001698f2ed90000000000000007000000000a000005cb007109000000000000000000000002000000640000000000000001c36c01bb00180600000000000000\n",
        b"000900020000000a698f2ed90000000100000000",
        b"0000001401000003000800040004000100010002\n",
        b"010000140a00000506000a0a00000606ffff0000",
        b"000a00380000000000000001000000070002001001010002000800040172ffff0101000c0a00000503616263\n",
        b"000a001c000000000000000100000007",
        b"type=PATH msg=audit(1795406989.459:12): name=\"x\" nametype=CREATE\n",
        b"node=n type=USER_LOGIN msg=audit(1795406989.459:13): pid=1 msg='op=login acct=\"a\" res=failed'\x1dUID=\"root\"\n",
    ]
}

/// Text that gets far into the decoders: their own words, joined at random.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let mut words: Vec<&[u8]> = vec![
        b"2026-11-22 16:24:44.235 UTC",
        b"2026-11-22 21:24:44 +05",
        b"2026-11-22 16:24:44.377 UTC [5087] app@mfo/psql 127.0.0.1 6b03174c.13df:4 3/794/0 -87 LOG:  ",
        b"2026-11-22 16:24:44.377 UTC [77] FATAL:  ",
        b"2026-11-22 16:24:44.377 UTC [5087] app@mfo/psql 127.0.0.1 6b03174c.13df:4 3/794/0 -87 STATEMENT:  ",
        b",\"app\",\"mfo\",5087,\"127.0.0.1:4\",6b03174c.13df,4,\"SELECT\",2026-11-22 16:24:44 UTC,3/794,0,LOG,00000,\"",
        b"\",,,,,,,,,\"psql\",\"client backend\",,0\n",
        b"{\"timestamp\":\"2026-11-22 16:24:44.235 UTC\",\"user\":\"app\",\"error_severity\":\"LOG\",\"message\":\"",
        b"\"}\n",
        b"AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.t,",
        b"\"\"SELECT \"\"\"\"a\"\"\"\"\"\",<none>,1",
        b"SELECT 1,<none>,0",
        b"connection authorized: user=app database=mfo application_name=psql",
        b"parameter \"pgaudit.log\" changed to \"none\"",
        b"execute <unnamed>: SELECT 1",
        b"parameters: $1 = 'x''', $2 = NULL",
        b"261122 16:27:58\t    11 Connect\tapp@127.0.0.1 on mfo using TCP/IP\n",
        b"\t\t    11 Query\tSELECT 1\n",
        b"2020-10-23T08:36:48.508034Z\t   50 Query\t",
        b"Access denied for user 'a'@'b' to database 'c'\n",
        b"# Time: 261122 16:27:58\n",
        b"# User@Host: app[app] @  [127.0.0.1]  Id:  3\n",
        b"# Thread_id: 10  Schema: mfo  Rows_sent: 3  Bytes_sent: 5\nSET timestamp=1795364877;\n",
        b"use mfo;\n",
        b"2026-11-22 16:28:00 21 [Warning] Aborted connection 10 to db: 'x' user: 'y' host: 'z' (KILLED)\n",
        b"261122 16:28:01 server_audit: logging was stopped.",
        b", Version: started with:\n",
        b"[\n{ \"timestamp\": \"2019-10-03 14:23:35\", \"class\": \"general\", \"event\": \"status\", \"connection_id\": 5, ",
        b"\"general_data\": { \"command\": \"Query\", \"query\": \"SELECT 1\", \"status\": 0 } },\n",
        b"{\"audit_record\":{\"name\":\"Query\",\"timestamp\":\"2021-06-30T15:07:58 UTC\",\"sqltext\":\"",
        b"\"}}",
        b"{",
        b"}",
        b"]",
        b"<AUDIT>\n",
        b"<AUDIT_RECORD>",
        b"<AUDIT_RECORD\n NAME=\"Query\" TIMESTAMP=\"2019-10-03T14:25:24 UTC\" SQLTEXT=\"",
        b"\"/>",
        b"<TIMESTAMP>2019-10-03T14:09:38 UTC</TIMESTAMP><NAME>TableRead</NAME><CONNECTION_ID>5</CONNECTION_ID>",
        b"</AUDIT_RECORD>",
        b"&lt;",
        b"\"Query\",\"22567_2021\",\"2021-06-30T16:19:00 UTC\",\"select\",\"2\",0,\"",
        b"\",\"root[root] @ localhost []\",\"localhost\",\"\",\"\",\"\"\n",
        b"Nov 22 16:24:44 db1 postgres[77]: [5-1] app@mfo LOG:  statement: SELECT 1\n",
        b"Nov 22 16:24:44 db1 postgres[77]: [5-2] #011 FROM t",
        b"Jan  1 00:00:00 db1 postgres[78]: [2] #011 FROM t\n",
        b"<14>Nov 22 16:28:46 mysql-server_auditing:  vm,app,h,1,1,QUERY,mfo,'SELECT 1',0\n",
        b"<134>1 2026-11-22T16:24:44.1Z db1 postgres 77 - [a b=\"c\"] [5-1] app@mfo/x LOG:  statement: SELECT 1\n",
        b"2026-11-22T16:24:44.1+05:00 db1 pgbouncer[7]: C-0x5: mfo/app@h:1 login attempt: db=mfo user=app tls=no\n",
        b"{\"__REALTIME_TIMESTAMP\":\"1795386000004005\",\"_PID\":\"7\",\"SYSLOG_IDENTIFIER\":\"postgres\",\"MESSAGE\":",
        b"\"[7-1] app@mfo LOG:  statement: SELECT 1\"}\n",
        b"[91,55,45,50,93,32,9,120]}\n",
        b"2026-11-22 22:12:17.619 UTC [29865] LOG C-0x5: mfo/app@127.0.0.1:55250 ",
        b"login attempt: db=mfo user=app tls=no\n",
        b"closing because: client close request (age=0s)\n",
        b"1339518083.107412 [0 127.0.0.1:60866] \"GET\" \"borrower:7\"",
        b"{\"at\":1339518083107412,\"count\":2,\"reason\":\"key\",\"object\":\"borrower:7\",\"username\":\"a\",\"client\":\"addr=h:1 cmd=get\"}",
        b"{\"at\":1339518083107412,\"sessions\":\"addr=127.0.0.1:60866 user=app\"}\n",
        b"{\"atype\":\"authCheck\",\"ts\":{\"$date\":\"2026-11-22T16:24:44Z\"},\"param\":{\"command\":\"find\",\"args\":",
        b"{\"t\":{\"$date\":\"2026-11-22T16:24:44Z\"},\"s\":\"I\",\"ctx\":\"conn1\",\"msg\":\"Slow query\",\"attr\":{\"command\":",
        b"{\"t\":{\"$date\":\"2026-11-22T16:24:44Z\"},\"s\":\"I\",\"ctx\":\"conn1\",\"msg\":\"Successfully authenticated\",\"attr\":{\"user\":\"x\"}}\n",
        b"{\"find\":\"t\",\"filter\":{\"$or\":[{\"iin\":\"1\"}]},\"$db\":\"d\"}}}\n",
        b"{\"t\":\"2026-11-22T16:24:44Z\",\"u\":\"app\",\"a\":\"view\",\"o\":\"x\",\"p\":[\"1\",\"2\"]}\n",
        b"22.11.2026 10:15:09;app;;view;t;\"a;\"\"b\";\n",
        b"\n",
        b"\r\n",
        b"\n\t",
        b"\t",
        b",",
        b"\"",
        b"\\u0000",
        b"\\ud800",
        b"\xff\xfe",
        b"\0",
        b"a",
    ];
    words.extend(fed());
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![fragments(), fragments(), prop::collection::vec(any::<u8>(), 0..600)]
}

/// Known and unknown prefixes.
fn all_options() -> [DecodeOptions; 3] {
    let (mut guessed, mut bare) = (options(), options());
    guessed.mapping = Some(Arc::new(csv_mapping()));
    guessed.log_line_prefix = None;
    bare.log_line_prefix = Some("%m [%p] ".into());
    [options(), guessed, bare]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pieces_do_not_show(bytes in bytes(), cuts in prop::collection::vec(1usize..200, 0..20), restart: bool) {
        for info in FORMATS {
            for options in all_options() {
                let whole = decode(info.format, &options, &bytes);
                // Bytes of connections wait in memory only: what they said half before a restart, they did not say.
                let restart = restart && info.format != Format::Sensor;
                let parts = decode_growing(info.format, &options, &bytes, &cuts, restart);
                prop_assert_eq!(&parts, &whole, "{}", info.name);
                if !matches!(info.format, Format::PostgresqlStderr | Format::Syslog | Format::Mapped) {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_full_buffer_always_moves_on(bytes in bytes(), size in 1usize..300, end: bool) {
        for info in FORMATS {
            let mut decoder = info.format.decoder(&options());
            let (mut at, mut events, mut lost) = (0, Vec::new(), 0);
            let mut seen = kuzet_decode::Tally::default();
            while at < bytes.len() {
                let stop = (at + size).min(bytes.len());
                let edge = if stop == bytes.len() && end { Edge::End } else { Edge::Full };
                let done = step(decoder.as_mut(), &bytes[at..stop], at as u64, edge, &mut events);
                at += done.consumed;
                lost += done.tally.lost_bytes;
                seen.add(done.tally);
            }
            prop_assert!(lost <= bytes.len() as u64);
            // Bytes that gave no understood record are lost bytes, all of them.
            if seen.handled + seen.suppressed == 0 {
                prop_assert_eq!(lost, bytes.len() as u64);
            }
        }
    }

    #[test]
    fn any_snapshot_is_taken_or_left(snapshot in prop::collection::vec(any::<u8>(), 0..80), bytes in fragments()) {
        for info in FORMATS {
            let mut decoder = info.format.decoder(&options());
            decoder.restore(&snapshot);
            step(decoder.as_mut(), &bytes, 0, Edge::End, &mut Vec::new());
        }
    }
}

/// What a record may hold: text with every character that a format must escape.
fn text() -> impl Strategy<Value = String> {
    prop::string::string_regex("[ -~\n\tқаз\u{1f600}]{0,60}").unwrap()
}

fn name() -> impl Strategy<Value = String> {
    prop::string::string_regex("[a-z][a-z \"',\\\\]{0,12}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Records written by other libraries are read back, in both structured formats alike.
    #[test]
    fn written_records_are_read(records in prop::collection::vec((name(), name(), text(), text(), any::<bool>()), 1..8)) {
        let mut csv = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let mut json = Vec::new();
        for (user, program, statement, value, audited) in &records {
            let mut inner = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
            inner.write_record(["SESSION", "4", "1", "READ", "SELECT", "TABLE", "public.t", statement, value, "3"]).unwrap();
            let inner = String::from_utf8(inner.into_inner().unwrap()).unwrap();
            let message = if *audited {
                format!("AUDIT: {}", inner.trim_end_matches('\n'))
            } else {
                format!("statement: {statement}")
            };
            let detail = if *audited { String::new() } else { format!("parameters: $1 = '{}'", value.replace('\'', "''")) };
            csv.write_record([
                "2026-11-22 21:24:44.235 +05", user, "mfo", "7", "10.0.0.1:4", "6b03174c.7", "1", "SELECT",
                "2026-11-22 21:24:44 +05", "3/1", "0", "LOG", "00000", &message, &detail, "", "", "", "", "", "", "",
                program, "client backend", "", "9",
            ]).unwrap();
            let line = serde_json::json!({
                "timestamp": "2026-11-22 21:24:44.235 +05", "user": user, "dbname": "mfo", "pid": 7,
                "remote_host": "10.0.0.1", "session_id": "6b03174c.7", "error_severity": "LOG", "message": message,
                "detail": detail, "application_name": program, "later_key": {"a": [1, null]},
            });
            json.extend_from_slice(line.to_string().as_bytes());
            json.push(b'\n');
        }
        let csv = csv.into_inner().unwrap();
        let (events, tally) = decode(Format::PostgresqlCsvlog, &options(), &csv);
        prop_assert_eq!((tally.seen, tally.handled), (records.len() as u64, records.len() as u64));
        let (other, other_tally) = decode(Format::PostgresqlJsonlog, &options(), &json);
        prop_assert_eq!(other_tally.handled, tally.handled);
        for ((event, other), (user, program, ..)) in events.iter().zip(&other).zip(&records) {
            prop_assert_eq!((&event.actor, &event.statement, &event.identifiers), (&other.actor, &other.statement, &other.identifiers));
            prop_assert_eq!((event.rows, event.witness, event.at), (other.rows, other.witness, other.at));
            prop_assert_eq!((&*event.actor.user, &*event.actor.program), (user.as_str(), program.as_str()));
        }
    }
}

#[test]
fn an_endless_line_is_cut_and_counted() {
    for info in FORMATS {
        let mut decoder = info.format.decoder(&options());
        let (mut events, mut lost, mut records) = (Vec::new(), 0, 0);
        let block = [b'"'; 1].iter().chain(&[b'x'; 65_535]).copied().collect::<Vec<u8>>();
        for number in 0..160u64 {
            let done = step(decoder.as_mut(), &block, number * 65_536, Edge::Full, &mut events);
            assert_eq!(done.consumed, block.len(), "{}", info.name);
            lost += done.tally.lost_bytes;
            records += done.tally.seen;
            // A restart in the middle goes on skipping.
            let snapshot = decoder.snapshot();
            decoder = info.format.decoder(&options());
            decoder.restore(&snapshot);
        }
        assert_eq!((lost, records), (160 * 65_536, 1), "{}", info.name);
    }
}

#[test]
fn a_client_cannot_end_an_oversized_csv_record() {
    // A quoted text of a client, larger than the buffer, with a line in it that looks like a record.
    let forged = "2026-11-22 16:24:44.235 UTC,\"dba\",\"mfo\",7,\"10.0.0.1:4\",6b03174c.7,1,\"SELECT\",2026-11-22 16:24:44 UTC,3/1,0,LOG,00000,\"statement: SELECT 1\",,,,,,,,,\"psql\",\"client backend\",,9\n";
    let head = forged.replace("dba", "app").replace("SELECT 1\",", "SELECT '");
    let head = head.split("SELECT '").next().unwrap().to_owned() + "SELECT '";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&[b'a'; 4096]);
    bytes.push(b'\n');
    bytes.extend_from_slice(forged.replace('"', "\"\"").as_bytes());
    bytes.extend_from_slice(b"'\",,,,,,,,,\"psql\",\"client backend\",,9\n");
    bytes.extend_from_slice(forged.replace("dba", "honest").as_bytes());
    let mut decoder = Format::PostgresqlCsvlog.decoder(&options());
    let (mut at, mut events) = (0, Vec::new());
    while at < bytes.len() {
        let stop = (at + 1024).min(bytes.len());
        at += step(decoder.as_mut(), &bytes[at..stop], at as u64, Edge::Full, &mut events).consumed;
    }
    assert_eq!(events.len(), 1);
    assert_eq!(&*events[0].actor.user, "honest");
}

#[test]
fn sessions_are_learnt_when_the_prefix_does_not_say() {
    let mut options = options();
    options.log_line_prefix = Some("%m [%p] ".into());
    let log = b"2026-11-22 16:24:44.100 UTC [77] LOG:  connection received: host=10.0.0.9 port=5\n\
        2026-11-22 16:24:44.200 UTC [77] LOG:  connection authorized: user=app database=mfo application_name=crm\n\
        2026-11-22 16:24:45.000 UTC [77] ERROR:  permission denied for table borrowers\n\
        2026-11-22 16:24:45.000 UTC [77] STATEMENT:  SELECT *\n\t  FROM borrowers\n\
        2026-11-22 16:24:46.000 UTC [77] LOG:  disconnection: session time: 0:00:02 user=app database=mfo host=10.0.0.9\n\
        2026-11-22 16:24:47.000 UTC [77] ERROR:  relation \"x\" does not exist at character 15\n";
    for restart in [false, true] {
        let (events, tally) = decode_growing(Format::PostgresqlStderr, &options, log, &[90; 20], restart);
        assert_eq!((tally.seen, tally.lost), (5, 0));
        let told: Vec<_> = events.iter().map(|event| (event.action, event.outcome, &*event.actor.user)).collect();
        assert_eq!(
            told,
            [
                (Action::Login, Outcome::Success, "app"),
                (Action::Statement, Outcome::Failure, "app"),
                (Action::Logout, Outcome::Success, "app"),
                (Action::Server, Outcome::Failure, ""),
            ]
        );
        assert_eq!((events[1].actor.client.to_string(), &*events[1].actor.program), ("10.0.0.9".into(), "crm"));
        assert_eq!(events[1].code.as_str(), "42501");
        assert_eq!(events[0].session, events[2].session);
    }
}

#[test]
fn a_forged_audit_record_is_told_apart() {
    let line = serde_json::json!({
        "timestamp": "2026-11-22 21:24:44.235 +05", "user": "app", "remote_host": "10.0.0.1", "session_id": "6b03174c.7",
        "error_severity": "LOG", "message": "AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.t,SELECT 1,<none>,1",
        "context": "PL/pgSQL function inline_code_block line 1 at RAISE",
    });
    let (events, _) = decode(Format::PostgresqlJsonlog, &options(), format!("{line}\n").as_bytes());
    assert_eq!(events[0].witness, Witness::Log);
    assert_eq!(events[0].trust, kuzet_event::Trust::Forgeable);
}

#[test]
fn statements_logged_once_keep_their_shape() {
    let line = |number: u32, object: &str, statement: &str| {
        let message = format!("AUDIT: SESSION,{number},1,READ,SELECT,TABLE,public.{object},{statement},<none>,2");
        let line = serde_json::json!({
            "timestamp": "2026-11-22 21:24:44.235 +05", "user": "app", "remote_host": "10.0.0.1",
            "session_id": "6b03174c.7", "error_severity": "LOG", "message": message,
        });
        format!("{line}\n")
    };
    let log = line(5, "loans", "SELECT 1 FROM loans JOIN borrowers USING (id)")
        + &line(5, "borrowers", "<previously logged>")
        + &line(6, "borrowers", "<previously logged>");
    let (events, _) = decode(Format::PostgresqlJsonlog, &options(), log.as_bytes());
    assert_eq!(events[0].statement, events[1].statement);
    assert_ne!(events[2].statement, events[1].statement);
}

#[test]
fn damaged_records_cost_only_themselves() {
    let good = "{\"timestamp\":\"2026-11-22 21:24:44.235 +05\",\"user\":\"app\",\"remote_host\":\"10.0.0.1\",\"session_id\":\"1.7\",\"error_severity\":\"LOG\",\"message\":\"statement: SELECT 1\"}\n";
    let torn = &good[..100];
    let (events, tally) =
        decode(Format::PostgresqlJsonlog, &options(), format!("{good}{torn}\n{good}{torn}").as_bytes());
    assert_eq!((events.len(), tally.seen, tally.lost, tally.lost_bytes), (2, 4, 2, 201));
    // Bytes that are no UTF-8 (a database in Windows-1251) are replaced, the record stays.
    let foreign = [good.as_bytes(), good.as_bytes()].concat();
    let foreign: Vec<u8> = foreign.iter().map(|byte| if *byte == b'1' { 0xe0 } else { *byte }).collect();
    assert_eq!(decode(Format::PostgresqlJsonlog, &options(), &foreign).1.seen, 2);
    let foreign = good.replace("SELECT 1", "SELECT '\u{1}'").into_bytes();
    let foreign: Vec<u8> = foreign.iter().map(|byte| if *byte == 1 { 0xe0 } else { *byte }).collect();
    assert_eq!(decode(Format::PostgresqlJsonlog, &options(), &foreign).1.handled, 1);
    // A csv record torn in its quotes: the line that it runs into is lost with it, the next one is read.
    let good = "2026-11-22 16:24:44.235 UTC,\"dba\",\"mfo\",7,\"10.0.0.1:4\",6b03174c.7,1,\"SELECT\",2026-11-22 16:24:44 UTC,3/1,0,LOG,00000,\"statement: SELECT 1\",,,,,,,,,\"psql\",\"client backend\",,9\n";
    let torn = &good[..150];
    let (events, tally) = decode(Format::PostgresqlCsvlog, &options(), format!("{good}{torn}{good}{good}").as_bytes());
    assert_eq!((events.len(), tally.seen, tally.lost), (2, 3, 1));
    // Columns of later versions are taken.
    let wide = good.replace(",9\n", ",9,new,\"columns\"\n");
    assert_eq!(decode(Format::PostgresqlCsvlog, &options(), wide.as_bytes()).1.handled, 1);
    let narrow = good.replace(",\"client backend\",,9\n", "\n");
    assert_eq!(decode(Format::PostgresqlCsvlog, &options(), narrow.as_bytes()).1.handled, 1);
}
