//! What is delivered, to whom, in which order, and when it is tried again.

use super::incidents::{json, life};
use super::outbox::State;
use super::rig::{Rig, START};
use super::server::{Answer, Server};
use crate::support::Scratch;
use kuzet::notify::{ChannelKind, ChannelSettings};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// A webhook channel named `hook`.
pub fn webhook(url: &str) -> ChannelSettings {
    ChannelSettings {
        name: "hook".into(),
        kind: Some(ChannelKind::Webhook),
        url: Some(url.into()),
        timeout_seconds: Some(1),
        ..ChannelSettings::default()
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn nothing_runs_before_there_is_something_to_tell() {
    let server = Server::start(&[]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    assert_eq!(rig.turn().next, None);
    assert!(!rig.desk.is_running());
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    assert!(rig.desk.is_running());
}

#[test]
fn a_webhook_gets_the_incident_in_order_under_a_stable_id() {
    let server = Server::start(&[Answer::Status(500, "", ""), Answer::Close, Answer::Status(200, "", "taken")]);
    let mut rig = Rig::new(&[webhook(&server.url("/in?team=dpo"))]);
    let [opened, graver, closed] = life("analyst", START);
    let name = opened.id.to_string();
    for (sequence, incident) in [(1, &opened), (2, &graver), (3, &closed)] {
        rig.put(&name, sequence, &json(incident));
    }
    rig.settle();
    let requests = server.requests();
    let ids: Vec<&str> = requests.iter().map(|request| request.headers["idempotency-key"].as_str()).collect();
    let expected: Vec<String> = [1, 1, 1, 2, 3].iter().map(|sequence| format!("{name}-{sequence}")).collect();
    assert_eq!(ids, expected);
    assert_eq!(requests[0].line, "POST /in?team=dpo HTTP/1.1");
    assert_eq!(requests[0].body, requests[2].body);
    let body = parsed(&requests[4].body);
    assert_eq!(body["schema"], "kuzet.notification/1");
    assert_eq!((&body["id"], &body["sequence"]), (&Value::from(expected[4].as_str()), &Value::from(3)));
    assert_eq!(body["incident"], parsed(&json(&closed)));
    assert_eq!((rig.counts[0].delivered, rig.counts[0].retried), (3, 2));
    assert_eq!(rig.outbox.rows[0].entry.attempts, 2);
}

#[test]
fn the_envelope_is_what_its_schema_says() {
    let server = Server::start(&[]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    let [opened, ..] = life("analyst", START);
    rig.put(&opened.id.to_string(), 1, &json(&opened));
    rig.settle();
    let body = parsed(&server.requests()[0].body);
    let path = crate::support::root().join("docs/schema/notification-1.json");
    let schema = parsed(&std::fs::read_to_string(path).unwrap());
    let mut required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    required.sort_unstable();
    let has: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(has, required);
    let described: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(has, described);
    assert_eq!(body["schema"], schema["properties"]["schema"]["const"]);
    let (name, number) = body["id"].as_str().unwrap().rsplit_once('-').unwrap();
    assert!(name.parse::<kuzet_incident::IncidentId>().is_ok() && number.parse::<u64>().is_ok(), "{name}");
}

#[test]
fn a_retry_waits_longer_each_time_and_as_long_as_asked() {
    let asked = Answer::Status(503, "Retry-After: 120\r\n", "");
    let fail = Answer::Status(500, "", "");
    let server = Server::start(&[fail.clone(), fail.clone(), fail, asked]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    rig.put("KZ-1", 1, "{}");
    let mut waits = Vec::new();
    for attempts in 1..=4 {
        rig.run(|rig| rig.outbox.rows[0].entry.attempts == attempts);
        let row = &rig.outbox.rows[0];
        assert!(row.error.starts_with("HTTP 50"), "{}", row.error);
        waits.push(row.next_at.since(kuzet::clock::Clock::wall(&rig.clock)));
    }
    for (wait, whole) in waits.iter().zip([1, 2, 4]) {
        assert!(*wait >= Duration::from_secs(whole) * 3 / 4 && *wait <= Duration::from_secs(whole), "{wait:?}");
    }
    assert_eq!(waits[3], Duration::from_secs(120));
    rig.settle();
    assert_eq!(rig.counts[0].delivered, 1);
}

#[test]
fn while_the_other_side_is_down_one_entry_probes_and_then_all_go() {
    let server = Server::start(&[Answer::Hang, Answer::Junk, Answer::Status(502, "", "")]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    for number in 0..40 {
        rig.put(&format!("KZ-{number}"), 1, "{}");
    }
    let turn = rig.turn();
    assert_eq!(turn.channels[0].backlog.pending, 40);
    assert_eq!(turn.channels[0].backlog.oldest, Some(START));
    rig.settle();
    let counts = rig.counts[0];
    assert_eq!((counts.delivered, counts.retried, counts.refused), (40, 3, 0));
    assert_eq!(server.requests().len(), 43);
    assert_eq!(rig.turn().channels[0].backlog.oldest, None);
}

#[test]
fn one_entry_that_always_fails_holds_up_its_own_incident_only() {
    let fail = Answer::Status(500, "", "");
    let server = Server::start(&[fail.clone(), Answer::Status(200, "", ""), fail.clone(), fail]);
    let mut rig = Rig::new(&[ChannelSettings { max_attempts: Some(3), ..webhook(&server.url("/")) }]);
    let bad = rig.put("KZ-BAD", 1, "{}");
    let later = rig.put("KZ-BAD", 2, "{}");
    let good = rig.put("KZ-GOOD", 1, "{}");
    rig.run(|rig| rig.outbox.rows[good as usize].state == State::Done);
    assert_eq!(rig.outbox.rows[bad as usize].state, State::Pending);
    assert_eq!(rig.outbox.rows[later as usize].state, State::Pending);
    rig.settle();
    assert!(matches!(&rig.outbox.rows[bad as usize].state, State::Dead(why) if why == "HTTP 500"));
    assert_eq!(rig.outbox.rows[later as usize].state, State::Done);
    assert_eq!((rig.counts[0].expired, rig.counts[0].delivered), (1, 2));
}

#[test]
fn what_is_not_taken_within_a_week_is_given_up_and_stays_visible() {
    let server = Server::start(&[]);
    let url = server.url("/");
    drop(server);
    let mut rig = Rig::new(&[webhook(&url)]);
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    let row = &rig.outbox.rows[0];
    assert!(matches!(&row.state, State::Dead(why) if why.contains("cannot connect")), "{:?}", row.state);
    // 300 seconds at most between two attempts, doubling from 1 second.
    assert!((2000..3000).contains(&row.entry.attempts), "{}", row.entry.attempts);
    assert!(kuzet::clock::Clock::wall(&rig.clock) >= START + Duration::from_secs(7 * 24 * 3600));
    assert_eq!(rig.turn().channels[0].backlog.dead, 1);
}

#[test]
fn statuses_tell_what_can_be_mended_from_what_cannot() {
    let taken = [200, 201, 202, 204, 299];
    let refused = [400, 406, 409, 410, 413, 415, 422, 451];
    let again = [301, 307, 401, 403, 404, 405, 407, 408, 421, 425, 429, 500, 501, 503, 599];
    for (statuses, expected) in [(&taken[..], 0), (&refused, 1), (&again, 2)] {
        for status in statuses {
            let server = Server::start(&[Answer::Status(*status, "Location: http://127.0.0.1:1/\r\n", "")]);
            let mut rig = Rig::new(&[webhook(&server.url("/"))]);
            rig.put("KZ-1", 1, "{}");
            rig.settle();
            let counts = rig.counts[0];
            let told = [counts.delivered, counts.refused, counts.retried];
            assert_eq!(told, [[1, 0, 0], [0, 1, 0], [1, 0, 1]][expected], "{status}");
        }
    }
}

#[test]
fn a_restart_tells_what_was_not_told() {
    let server = Server::start(&[]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    for sequence in 1..=3 {
        rig.put("KZ-1", sequence, "{}");
    }
    rig.turn();
    let Rig { mut desk, mut outbox, clock, .. } = rig;
    desk.stop(&mut outbox, Duration::from_secs(10)).unwrap();
    assert_eq!(outbox.rows[0].state, State::Done);
    assert_eq!(outbox.rows[1].state, State::Pending);
    let mut again = Rig::new(&[webhook(&server.url("/"))]);
    (again.outbox, again.clock) = (outbox, clock);
    again.settle();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn json_lines_go_to_a_file_that_only_its_owner_reads() {
    let scratch = Scratch::new("lines");
    let path = scratch.join("incidents.jsonl");
    let channel = || ChannelSettings {
        name: "file".into(),
        kind: Some(ChannelKind::JsonLines),
        path: Some(path.clone()),
        ..ChannelSettings::default()
    };
    let mut rig = Rig::new(&[channel()]);
    let [opened, ..] = life("analyst", START);
    rig.put("KZ-1", 1, &json(&opened));
    rig.settle();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A crash in the middle of a line.
    let cut = std::fs::read_to_string(&path).unwrap() + "{\"schema\":\"kuz";
    std::fs::write(&path, cut).unwrap();
    let mut rig = Rig::new(&[channel()]);
    rig.put("KZ-1", 2, "{\n}");
    rig.settle();
    // Rotated away.
    std::fs::rename(&path, scratch.join("old.jsonl")).unwrap();
    rig.put("KZ-1", 3, "{}");
    rig.settle();
    let old = std::fs::read_to_string(scratch.join("old.jsonl")).unwrap();
    let lines: Vec<&str> = old.lines().collect();
    assert_eq!(lines.len(), 3, "{old}");
    assert_eq!(parsed(lines[0])["incident"], parsed(&json(&opened)));
    assert_eq!(parsed(lines[2])["sequence"], 2);
    assert_eq!(parsed(std::fs::read_to_string(&path).unwrap().trim_end())["id"], "KZ-1-3");
}

#[test]
fn a_file_that_others_read_or_a_link_gets_nothing() {
    let scratch = Scratch::new("lines");
    let (open, link) = (scratch.join("open"), scratch.join("link"));
    std::fs::write(&open, "").unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink(scratch.join("target"), &link).unwrap();
    for path in [&open, &link] {
        let mut rig = Rig::new(&[ChannelSettings {
            name: "file".into(),
            kind: Some(ChannelKind::JsonLines),
            path: Some(path.clone()),
            max_attempts: Some(2),
            ..ChannelSettings::default()
        }]);
        rig.put("KZ-1", 1, "{}");
        rig.settle();
        assert!(matches!(rig.outbox.rows[0].state, State::Dead(_)));
    }
    assert_eq!(std::fs::read(&open).unwrap(), b"");
    assert!(!scratch.join("target").exists());
}
