//! A real Alertmanager: alerts fire, grow, end and survive its absence. A real TLS certificate, made by openssl.

use super::faults::file;
use super::incidents::{json, life};
use super::outbox::State;
use super::rig::{Rig, START};
use super::server::{Server, Stream, Wrap};
use crate::live::observe::Alertmanager;
use crate::support::{Scratch, free_port, run, until};
use kuzet::clock::Clock;
use kuzet::notify::{ChannelKind, ChannelSettings};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A certificate that is its own authority, for this host's address.
const CERTIFICATE: &str = "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n[name]\nCN = kuzet test\n\
    [more]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n";

fn channel(url: &str) -> ChannelSettings {
    ChannelSettings {
        name: "am".into(),
        kind: Some(ChannelKind::Alertmanager),
        url: Some(url.into()),
        resend_seconds: Some(1),
        generator_url: Some("https://kuzet.example/incidents".into()),
        ..ChannelSettings::default()
    }
}

/// A rig whose clock shows the real time: Alertmanager has its own.
fn rig(url: &str) -> Rig {
    let rig = Rig::new(&[channel(url)]);
    rig.clock.advance_to(kuzet::clock::System.wall());
    rig
}

/// Every alert that has not ended.
fn firing(server: &Alertmanager) -> Vec<Value> {
    server.alerts().as_array().unwrap().clone()
}

#[test]
fn an_alert_fires_grows_and_is_resolved() {
    let server = Alertmanager::start(None);
    let mut rig = rig(&server.url());
    let at = rig.clock.wall();
    let [opened, graver, closed] = life("analyst", at);
    let name = opened.id.to_string();
    rig.put(&name, 1, &json(&opened));
    rig.settle();
    let alerts = until("the alert", Duration::from_secs(10), || {
        let alerts = firing(&server);
        (alerts.len() == 1).then_some(alerts)
    });
    let labels = &alerts[0]["labels"];
    for (label, value) in [
        ("alertname", "KuzetIncident"),
        ("incident", &name),
        ("severity", "high"),
        ("kind", "bulk_read"),
        ("family", "access"),
        ("store", "borrowers"),
        ("system", "postgresql"),
        ("host", "db1"),
        ("clause", "5.5"),
    ] {
        assert_eq!(labels[label], value, "{labels}");
    }
    assert_eq!(labels.as_object().unwrap().len(), 9, "{labels}");
    let said = &alerts[0]["annotations"];
    assert!(said["summary"].as_str().unwrap().contains("analyst"), "{said}");
    assert_eq!(said["people"], "from 1 to 10000");
    assert_eq!(said["rows"], "12000");
    assert_eq!(alerts[0]["generatorURL"], "https://kuzet.example/incidents");

    // Graver: the alert of the old severity is over at once, and one is left.
    rig.put(&name, 2, &json(&graver));
    rig.settle();
    until("the graver alert alone", Duration::from_secs(10), || {
        let alerts = firing(&server);
        (alerts.len() == 1 && alerts[0]["labels"]["severity"] == "critical").then_some(())
    });
    // As amtool shows it.
    let mut amtool = Command::new("amtool");
    let shown = run(amtool.args(["alert", "query", "severity=critical", "--alertmanager.url"]).arg(server.url()));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("KuzetIncident"));

    rig.put(&name, 3, &json(&closed));
    rig.settle();
    until("the end of the alert", Duration::from_secs(10), || firing(&server).is_empty().then_some(()));
    assert_eq!((rig.counts[0].delivered, rig.counts[0].refused), (3, 0));
}

#[test]
fn an_open_alert_is_told_again_also_after_both_sides_were_restarted() {
    let port = free_port();
    let server = Alertmanager::start_on(port, None);
    let mut rig = rig(&server.url());
    let [opened, ..] = life("analyst", rig.clock.wall());
    rig.put(&opened.id.to_string(), 1, &json(&opened));
    rig.settle();
    let ends = |server: &Alertmanager| firing(server).first().map(|alert| alert["endsAt"].as_str().unwrap().to_owned());
    let first = until("the alert", Duration::from_secs(10), || ends(&server));
    until("a later end", Duration::from_secs(15), || {
        rig.clock.advance_to(kuzet::clock::System.wall());
        ends(&server).filter(|end| *end > first)
    });
    rig.turn();
    assert!(rig.counts[0].resent > 0);
    drop(server);
    // Its memory is gone with it.
    let server = Alertmanager::start_on(port, None);
    until("the alert in the new server", Duration::from_secs(15), || {
        rig.clock.advance_to(kuzet::clock::System.wall());
        ends(&server)
    });
    // And the agent's: only the store knows.
    drop(rig);
    until("the end of an alert that nobody repeats", Duration::from_secs(20), || {
        firing(&server).is_empty().then_some(())
    });
    let mut rig = self::rig(&server.url());
    rig.desk.remember([Arc::from(json(&opened))]);
    until("the alert after the agent's restart", Duration::from_secs(10), || ends(&server));
}

#[test]
fn what_happened_while_alertmanager_was_away_is_told_when_it_is_back() {
    let port = free_port();
    let mut rig = rig(&format!("http://127.0.0.1:{port}"));
    for number in 0..20 {
        let [opened, graver, _] = life(&format!("role{number}"), rig.clock.wall());
        rig.put(&opened.id.to_string(), 1, &json(&opened));
        rig.put(&opened.id.to_string(), 2, &json(&graver));
    }
    // An hour of attempts, as time goes here.
    let start = rig.clock.wall();
    rig.run(|rig| rig.clock.wall() > start + Duration::from_secs(3600));
    let turn = rig.turn();
    assert_eq!((turn.channels[0].backlog.pending, turn.channels[0].backlog.dead), (40, 0));
    assert!(rig.counts[0].retried >= 20, "{:?}", rig.counts);
    assert!(rig.outbox.rows.iter().any(|row| row.error.contains("cannot connect")));
    let server = Alertmanager::start_on(port, None);
    rig.settle();
    assert_eq!((rig.counts[0].delivered, rig.counts[0].expired), (40, 0));
    // The clock here is an hour ahead of the server's, so the alerts of the lower severity have not ended there yet.
    until("twenty alerts", Duration::from_secs(10), || {
        let alerts = firing(&server);
        let critical = alerts.iter().filter(|alert| alert["labels"]["severity"] == "critical");
        (critical.count() == 20).then_some(())
    });
}

#[test]
fn a_certificate_of_the_given_authority_is_trusted_and_no_other() {
    let scratch = Scratch::new("tls");
    for name in ["mine", "other"] {
        let (key, certificate) = (scratch.join(format!("{name}.key")), scratch.join(format!("{name}.pem")));
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]);
        openssl.arg("-config").arg(file(&scratch, "openssl.cnf", CERTIFICATE, 0o644).unwrap());
        run(openssl.arg("-keyout").arg(key).arg("-out").arg(certificate));
    }
    let server = Server::start_with(&[], tls(&scratch));
    let hook = |authority: &str| ChannelSettings {
        name: "hook".into(),
        kind: Some(ChannelKind::Webhook),
        url: Some(format!("https://127.0.0.1:{}/", server.port)),
        ca_file: Some(scratch.join(authority)),
        token_file: file(&scratch, "token", "s3cr3t", 0o600),
        max_attempts: Some(1),
        ..ChannelSettings::default()
    };
    let mut rig = Rig::new(&[hook("mine.pem")]);
    rig.put("KZ-1", 1, "{}");
    rig.settle();
    assert_eq!(rig.outbox.rows[0].state, State::Done);
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer s3cr3t");
    let mut stranger = Rig::new(&[hook("other.pem")]);
    stranger.put("KZ-1", 1, "{}");
    stranger.settle();
    let State::Dead(why) = &stranger.outbox.rows[0].state else { panic!() };
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(server.requests().len(), 1, "nothing may be sent to a stranger");
    assert_eq!(stranger.clock.wall(), START);
}

/// TLS with the certificate `mine` of `scratch`.
fn tls(scratch: &Scratch) -> Wrap {
    let certificate = CertificateDer::from_pem_file(scratch.join("mine.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(scratch.join("mine.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    Box::new(move |mut stream: TcpStream| {
        let mut session = rustls::ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
        // The handshake first, so that a client that refuses the certificate is no request.
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        let stream: Box<dyn Stream> = Box::new(rustls::StreamOwned::new(session, stream));
        Ok(stream)
    })
}
