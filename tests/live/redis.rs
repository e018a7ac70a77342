//! A private Redis server: denied commands become records once, whoever restarts, and every command where that is wanted.

use super::servers::{command_as, directory_for, program};
use crate::streams::Rig;
use crate::support::agent::Setup;
use crate::support::{Guard, Scratch, free_port};
use kuzet::source::stream::{RedisAddress, RedisSettings, StreamSettings};
use kuzet_event::Timestamp;
use rustix::process::Signal;
use serde_json::Value;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A running server with the accounts `kuzet` and `analyst`.
pub struct Redis {
    scratch: Scratch,
    port: u16,
    _server: Guard,
}

impl Redis {
    pub fn start() -> Redis {
        let (scratch, port) = (Scratch::new("redis"), free_port());
        directory_for("redis", &scratch.join("data"), 0o700);
        let mut command = command_as("redis", &program("redis-server", &["/usr/bin/redis-server"]));
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--requirepass",
            "root-secret",
        ]);
        command.arg("--dir").arg(scratch.join("data"));
        let mut server = Guard::spawn("redis", &mut command, &scratch.join("redis.log"), Signal::TERM);
        server.ready(Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let redis = Redis { scratch, port, _server: server };
        let kuzet = ["on", ">kuzet-secret", "-@all", "+acl|log", "+client|list", "+monitor"];
        redis.cli("default", "root-secret", &[&["ACL", "SETUSER", "kuzet"][..], &kuzet].concat());
        redis.cli("default", "root-secret", &["ACL", "SETUSER", "analyst", "on", ">pw", "~public:*", "+get", "+set"]);
        std::fs::write(redis.password(), "kuzet-secret\n").unwrap();
        std::fs::set_permissions(redis.password(), PermissionsExt::from_mode(0o600)).unwrap();
        redis
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn password(&self) -> PathBuf {
        self.scratch.join("password")
    }

    fn cli(&self, user: &str, password: &str, words: &[&str]) -> String {
        let mut command = Command::new(program("redis-server", &["/usr/bin/redis-cli"]));
        command.args(["-p", &self.port.to_string(), "--user", user, "--no-auth-warning"]).args(words);
        String::from_utf8(command.env("REDISCLI_AUTH", password).output().unwrap().stdout).unwrap()
    }

    pub fn denied(&self, key: &str) {
        let answer = self.cli("analyst", "pw", &["GET", key]);
        assert!(answer.contains("NOPERM"), "{answer}");
    }

    fn source(&self, monitor: bool) -> StreamSettings {
        StreamSettings::Redis(RedisSettings {
            address: RedisAddress::Tcp("127.0.0.1".to_owned(), self.port),
            user: Some("kuzet".to_owned()),
            password_file: Some(self.password()),
            monitor,
            poll: Duration::from_millis(50),
            from_beginning: false,
        })
    }
}

/// Object and count of every entry.
fn told(rig: &Rig) -> Vec<(String, u64)> {
    let entry = |line: &String| {
        let entry: Value = serde_json::from_str(line).ok()?;
        Some((entry["object"].as_str()?.to_owned(), entry["count"].as_u64()?))
    };
    rig.taken.lines.iter().filter_map(entry).collect()
}

fn times(rig: &Rig, object: &str) -> u64 {
    told(rig).iter().filter(|(name, _)| name == object).map(|(_, count)| count).sum()
}

#[test]
fn what_is_denied_is_told_once_across_a_restart() {
    let redis = Redis::start();
    redis.denied("borrower:history");
    let mut rig = Rig::new(redis.source(false));
    // The first look is where it begins.
    crate::support::until("a position", crate::streams::LIMIT, || {
        rig.read();
        rig.streams.checkpoints(Timestamp(1), |_, _| Vec::new()).pop()
    });
    (0..3).for_each(|_| redis.denied("borrower:1"));
    redis.denied("borrower:2");
    let clock = kuzet::clock::Clock::wall(&kuzet::clock::System).0;
    crate::support::until("four denials", crate::streams::LIMIT, || {
        rig.read();
        (times(&rig, "borrower:1") == 3 && times(&rig, "borrower:2") == 1).then_some(())
    });
    assert_eq!(times(&rig, "borrower:history"), 0);
    let first: Value = serde_json::from_str(&rig.taken.lines[0]).unwrap();
    assert_eq!((&first["reason"], &first["username"]), (&"key".into(), &"analyst".into()), "{first}");
    assert!(first["client"].as_str().unwrap().contains("addr=127.0.0.1:"), "{first}");
    assert!((first["at"].as_i64().unwrap() - clock).abs() < 60_000_000, "{first}");
    let saved = rig.streams.checkpoints(Timestamp(1), |_, _| Vec::new());
    assert_eq!(saved.len(), 1);
    assert!(!String::from_utf8_lossy(&saved[0].decoder).contains("borrower"), "a position names nobody");
    rig.stop();

    redis.denied("borrower:1");
    let mut again = Rig::resumed(redis.source(false), saved);
    crate::support::until("what came meanwhile", crate::streams::LIMIT, || {
        again.read();
        (times(&again, "borrower:1") == 1).then_some(())
    });
    assert_eq!(told(&again).len(), 1);
    again.stop();
}

#[test]
fn every_command_is_followed_with_who_sent_it() {
    let redis = Redis::start();
    let mut rig = Rig::new(redis.source(true));
    crate::support::until("a command of the analyst", crate::streams::LIMIT, || {
        redis.cli("analyst", "pw", &["GET", "public:1"]);
        rig.read();
        rig.taken.lines.iter().any(|line| line.contains("] \"GET\" \"public:1\"")).then_some(())
    });
    rig.until("the session of the agent", |taken| {
        taken.lines.iter().any(|line| line.starts_with("{\"at\":") && line.contains("user=kuzet"))
    });
    assert!(rig.taken.lines.iter().all(|line| !line.contains("secret")), "passwords are not shown");
    rig.stop();
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let redis = Redis::start();
    std::fs::write(redis.password(), "wrong-secret\n").unwrap();
    let mut rig = Rig::new(redis.source(false));
    let problem = crate::support::until("the problem", crate::streams::LIMIT, || {
        rig.read();
        rig.problem()
    });
    assert_eq!(problem, "the server refuses: WRONGPASS");
    rig.stop();
}

#[test]
fn a_denied_command_is_an_event_of_the_agent() {
    let redis = Redis::start();
    let source = format!(
        "[[source]]\nname = \"cache\"\nredis = {{ url = \"redis://kuzet@127.0.0.1:{}\", password_file = \"{}\", poll_seconds = 1 }}",
        redis.port,
        redis.password().display()
    );
    let agent = Setup::new("redis-agent").with(&source).start();
    crate::support::until("an event", crate::streams::LIMIT, || {
        redis.denied("borrower:900101300017");
        agent.setup.metric("kuzet_events_total{source=\"cache\"}").filter(|events| *events > 0.0)
    });
    agent.setup.accounted("cache");
    assert_eq!(agent.setup.metric("kuzet_source_readable{source=\"cache\"}"), Some(1.0));
}
