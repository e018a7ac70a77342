//! Twenty-four hours of a data host's ordinary traffic give no incident, and each of six ways to take data away on that day
//! gives exactly one: through the whole core, with all rules, on a fresh agent and on one that knows the days before.

mod day;

use crate::support::Scratch;
use day::{Attack, DAY, START, ordinary};
use kuzet::config::{Config, Content};
use kuzet::core::Core;
use kuzet::setup;
use kuzet::source::{FileInfo, Sink};
use kuzet_decode::{Chunk, Edge};
use kuzet_event::{FileId, SourceId, Timestamp};
use kuzet_incident::Incident;
use kuzet_personal::Key;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Days that a warm agent knows: more than it learns.
const BEFORE: i64 = 8;

const REGISTER: &str = "[[recipient]]\nname = \"Backup store\"\naddress = \"2.72.0.20\"\nport = 443\ncountry = \"KZ\"\n\
    contract = \"No. 3\"\nbasis = \"contract\"\ncategories = [\"iin\", \"name\"]\nowner = \"it\"\nexpires = 2099-01-01\n";

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn core(format: &str) -> Core {
    let scratch = Scratch::new("traffic");
    std::fs::write(scratch.join("recipients.toml"), REGISTER).expect("own file");
    let text = format!(
        "[[source]]\nname = \"host\"\nformat = \"{format}\"\npaths = [\"/var/log/sensor\"]\n\
         [rules]\noff = [\"host_dump_program\"] # the nightly backup is one\n[place]\nrecipients = {:?}\n",
        scratch.join("recipients.toml").display().to_string()
    );
    std::fs::write(scratch.join("kuzet.toml"), text).expect("own file");
    let config = Config::load(Some(&scratch.join("kuzet.toml"))).unwrap_or_else(|faults| panic!("{faults:?}")).0;
    let content = Content::load(&config).unwrap_or_else(|faults| panic!("{faults:?}"));
    let feeds = setup::feeds(&config, &Key::new([7; 32]));
    Core::new(setup::parts(feeds, content, config.thresholds.clone(), &config.fold, Box::new(|_| {})))
}

/// What `text`, written by `until`, comes to for an agent that has kept `rows`; and what it has kept then.
fn replay(rows: &Rows, text: &str, until: i64) -> (Vec<Incident>, Rows) {
    replay_of("sensor", rows, text, until)
}

/// The same of another source than the sensor.
fn replay_of(format: &str, rows: &Rows, text: &str, until: i64) -> (Vec<Incident>, Rows) {
    let (mut core, mut rows) = (core(format), rows.clone());
    core.detectors().restore(rows.clone());
    let path = Arc::from(Path::new("/var/log/sensor"));
    let info = FileInfo { source: SourceId(0), file: FileId(1), path, decoder: Arc::from([]) };
    core.set_now(Timestamp(until));
    let chunk = Chunk { source: SourceId(0), file: FileId(1), offset: 0, bytes: text.as_bytes(), edge: Edge::End };
    assert_eq!(core.chunk(&info, chunk), text.len());
    core.finish();
    assert_eq!(core.status()[0].tally.lost, 0, "the agent does not understand the lines");
    for (key, value) in core.detectors().changes() {
        match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
    core.folder.changes();
    (core.folder.incidents().cloned().collect(), rows)
}

fn with(number: i64, attack: Option<Attack>) -> (String, i64) {
    let mut day = ordinary(number);
    if let Some(attack) = attack {
        attack.play(number, &mut day);
    }
    (day.text(), START + (number + 1) * DAY)
}

fn one_each(rows: &Rows, number: i64) {
    for attack in Attack::ALL {
        let (text, until) = with(number, Some(attack));
        let (incidents, _) = replay(rows, &text, until);
        let told: Vec<String> = incidents.iter().map(kuzet_incident::describe).collect();
        assert_eq!(incidents.len(), 1, "{attack:?} on day {number}: {told:#?}");
        let (expected, user) = match attack {
            Attack::Trickle | Attack::Short => ("foreign_transfer", "games"),
            Attack::Renamed | Attack::DnsTunnel | Attack::DumpToNetcat => ("covert_channel", "games"),
            Attack::ForeignClient => ("exposed_service", "postgres"),
        };
        let kinds: Vec<&str> = incidents[0].kinds.iter().map(|one| one.kind.name()).collect();
        assert!(kinds.contains(&expected) && incidents[0].user == user, "{attack:?}: {told:#?}");
        assert!(!incidents[0].transfers.is_empty(), "{attack:?}: {told:#?}");
    }
}

fn quiet(rows: &Rows, number: i64) -> Rows {
    let (text, until) = with(number, None);
    let (incidents, rows) = replay(rows, &text, until);
    let told: Vec<String> = incidents.iter().map(kuzet_incident::describe).collect();
    assert!(incidents.is_empty(), "day {number}: {told:#?}");
    rows
}

#[test]
fn a_first_day_gives_no_incident_and_each_theft_on_it_gives_one() {
    quiet(&Rows::new(), 0);
    one_each(&Rows::new(), 0);
}

#[test]
fn a_day_like_those_before_gives_no_incident_and_each_theft_on_it_gives_one() {
    let warm = (0..BEFORE).fold(Rows::new(), |rows, number| quiet(&rows, number));
    quiet(&warm, BEFORE);
    one_each(&warm, BEFORE);
}

/// Questions to DNS as a gateway's logs tell them, one a second: `part` stands in each name.
fn asked(format: &str, part: &str) -> String {
    let line = |second: i64| {
        let name = format!("{second:04}{part}.t.evil-tunnel.net");
        match format {
            "zeek" => format!(
                "{{\"_path\":\"dns\",\"ts\":{}.5,\"uid\":\"C{second}\",\"id.orig_h\":\"10.0.0.9\",\"id.orig_p\":5353,\
                 \"id.resp_h\":\"10.0.0.1\",\"id.resp_p\":53,\"proto\":\"udp\",\"query\":\"{name}\",\"qtype\":16}}\n",
                START / 1_000_000 + second
            ),
            _ => format!(
                "{{\"timestamp\":\"2026-11-23T08:{:02}:{:02}.5+0500\",\"flow_id\":{second},\"event_type\":\"dns\",\
                 \"src_ip\":\"10.0.0.9\",\"src_port\":5353,\"dest_ip\":\"10.0.0.1\",\"dest_port\":53,\"proto\":\"UDP\",\
                 \"dns\":{{\"type\":\"query\",\"rrname\":\"{name}\",\"rrtype\":\"TXT\"}}}}\n",
                second / 60,
                second % 60
            ),
        }
    };
    (0..300).map(line).collect()
}

#[test]
fn a_tunnel_through_dns_is_told_where_a_gateway_sees_it() {
    let part = "mzxw6ytboi2dgnbvgy3tqojqgezdgnbvgy3tqojq";
    for format in ["zeek", "suricata_eve"] {
        let (incidents, _) = replay_of(format, &Rows::new(), &asked(format, part), START + DAY);
        let told: Vec<String> = incidents.iter().map(kuzet_incident::describe).collect();
        assert!(told.len() == 1 && told[0].contains("evil-tunnel.net"), "{format}: {told:#?}");
        assert_eq!(incidents[0].kinds[0].kind.name(), "covert_channel");
        // Many short names below one domain are none.
        assert!(replay_of(format, &Rows::new(), &asked(format, "a"), START + DAY).0.is_empty());
    }
}
