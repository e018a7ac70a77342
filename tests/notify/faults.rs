//! What goes wrong: slow and endless answers, secrets in bad places, settings that cannot be honoured, damaged rows.

use super::delivery::webhook;
use super::outbox::State;
use super::rig::Rig;
use super::server::{Answer, Server};
use crate::support::Scratch;
use base64::Engine;
use kuzet::notify::{ChannelKind, ChannelSettings};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A file with `text` and `mode`.
pub fn file(scratch: &Scratch, name: &str, text: &str, mode: u32) -> Option<PathBuf> {
    let path = scratch.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    Some(path)
}

fn codes(channel: ChannelSettings) -> Vec<&'static str> {
    match Rig::try_new(&[channel]) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(|fault| fault.code).collect(),
    }
}

#[test]
fn an_endless_answer_costs_a_bounded_amount() {
    let server = Server::start(&[Answer::Endless, Answer::EndlessRefusal]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    rig.put("KZ-1", 1, "{}");
    rig.put("KZ-1", 2, "{}");
    rig.settle();
    assert_eq!(rig.outbox.rows[0].state, State::Done);
    let State::Dead(why) = &rig.outbox.rows[1].state else { panic!("{:?}", rig.outbox.rows[1]) };
    assert_eq!(*why, format!("HTTP 400: {}", "x".repeat(200)));
}

#[test]
fn a_secret_is_sent_and_shown_nowhere() {
    let scratch = Scratch::new("secret");
    let token_file = file(&scratch, "token", "s3cr3t-token\n", 0o600);
    let server = Server::start(&[Answer::Status(400, "", "no such token: s3cr3t-token")]);
    let mut rig = Rig::new(&[ChannelSettings { token_file, ..webhook(&server.url("/")) }]);
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer s3cr3t-token");
    assert_eq!(rig.outbox.rows[0].state, State::Dead("HTTP 400".into()));

    let server = Server::start(&[]);
    let password_file = file(&scratch, "password", "pa:ss", 0o400);
    let user = Some("kuzet".to_owned());
    let mut rig = Rig::new(&[ChannelSettings { user, password_file, ..webhook(&server.url("/")) }]);
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    assert_eq!(server.requests()[0].headers["authorization"], "Basic a3V6ZXQ6cGE6c3M=");
}

#[test]
fn a_signature_covers_id_time_and_body() {
    let scratch = Scratch::new("secret");
    let key = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let secret_file = file(&scratch, "key", &format!("whsec_{key}"), 0o600);
    let server = Server::start(&[]);
    let mut rig = Rig::new(&[ChannelSettings { secret_file, ..webhook(&server.url("/")) }]);
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    let request = &server.requests()[0];
    let (id, time) = (&request.headers["webhook-id"], &request.headers["webhook-timestamp"]);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]);
    let signature = request.headers["webhook-signature"].strip_prefix("v1,").unwrap();
    let tag = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    let signed = format!("{id}.{time}.{}", request.body);
    assert!(ring::hmac::verify(&key, signed.as_bytes(), &tag).is_ok());
}

#[test]
fn secrets_in_bad_places_are_refused() {
    let scratch = Scratch::new("secret");
    let at = "https://hook.example/";
    let of = |name: &str, text: &str, mode: u32| ChannelSettings {
        token_file: file(&scratch, name, text, mode),
        ..webhook(at)
    };
    for mode in [0o644, 0o640, 0o602] {
        assert_eq!(codes(of("a", "token", mode)), ["channel-secret"], "{mode:o}");
    }
    assert_eq!(codes(of("b", "\n", 0o600)), ["channel-secret"]);
    assert_eq!(codes(of("c", "a\r\nX-Evil: 1", 0o600)), ["channel-secret"]);
    assert_eq!(codes(of("d", "token", 0o600)), [""; 0]);
    let missing = ChannelSettings { token_file: Some(scratch.join("none")), ..webhook(at) };
    assert_eq!(codes(missing), ["channel-secret"]);
    let unset = ChannelSettings { token_env: Some("KUZET_TEST_NOT_SET".into()), ..webhook(at) };
    assert_eq!(codes(unset), ["channel-secret"]);
    // Cargo sets this one for every test.
    let set = ChannelSettings { token_env: Some("CARGO_PKG_NAME".into()), ..webhook(at) };
    assert_eq!(codes(set), [""; 0]);
    let weak = ChannelSettings { secret_file: file(&scratch, "e", "whsec_YWJj", 0o600), ..webhook(at) };
    assert_eq!(codes(weak), ["channel-key"]);
}

#[test]
fn settings_that_cannot_be_honoured_are_told_all_at_once() {
    let with = |url: &str| codes(webhook(url));
    assert_eq!(with("http://192.0.2.1/hook"), ["channel-plain-http"]);
    assert_eq!(codes(ChannelSettings { insecure_http: true, ..webhook("http://192.0.2.1/") }), [""; 0]);
    for local in ["http://localhost:1/", "http://127.9.9.9/", "http://[::1]:9093/x", "https://192.0.2.1/"] {
        assert_eq!(with(local), [""; 0], "{local}");
    }
    assert_eq!(with("ftp://127.0.0.1/"), ["channel-url"]);
    assert_eq!(with("127.0.0.1:80"), ["channel-url"]);
    assert_eq!(with("https://me:pw@hook.example/"), ["channel-url-secret"]);
    let scratch = Scratch::new("ca");
    let junk = file(&scratch, "ca.pem", "no certificate", 0o644);
    assert_eq!(codes(ChannelSettings { ca_file: junk, ..webhook("https://a.example/") }), ["channel-ca"]);
    let foreign = ChannelSettings {
        name: "a b".into(),
        kind: Some(ChannelKind::Terminal),
        url: Some("https://a.example/".into()),
        path: Some("x".into()),
        ..ChannelSettings::default()
    };
    assert_eq!(codes(foreign), ["channel-name", "channel-field", "channel-field"]);
    let half = ChannelSettings { user: Some("u".into()), timeout_seconds: Some(0), ..webhook("https://a.example/") };
    assert_eq!(codes(half), ["channel-auth", "channel-timeout"]);
    let twice = Rig::try_new(&[webhook("https://a.example/"), webhook("https://b.example/")]);
    assert_eq!(twice.err().map(|faults| faults[0].code), Some("channel-repeated"));
}

#[test]
fn a_damaged_row_is_a_dead_letter_and_not_a_stop() {
    let server = Server::start(&[]);
    let mut rig = Rig::new(&[webhook(&server.url("/"))]);
    rig.put("KZ-1", 1, "{\"schema\": \"kuzet");
    rig.put("KZ-1", 2, "{}");
    rig.settle();
    assert!(matches!(&rig.outbox.rows[0].state, State::Dead(why) if why.contains("not JSON")));
    assert_eq!(rig.outbox.rows[1].state, State::Done);
}
