//! Accounts of servers begin no connections abroad, and programs that read databases whole send nothing there: a server
//! that was taken over does, a backup or a replica that nobody registered does.

use super::{Books, Detector};
use crate::Kind;
use crate::flows::Passage;
use crate::flows::sender::SERVICE;
use crate::hash;
use crate::teller::{FlowCall, Teller};
use crate::toml_file::glob;
use kuzet_event::Count;

pub(super) static DETECTOR: Detector = Detector {
    name: "service_traffic",
    kinds: &[Kind::ServiceTraffic],
    thresholds: &["server_accounts", "database_ports"],
    on_event: None,
    on_touch: None,
    on_flow: Some(on_flow),
};

/// Programs that read whole databases or copy whole folders, and clients of databases.
const STREAMS: [&str; 21] = [
    "pg_dump",
    "pg_dumpall",
    "pg_basebackup",
    "pg_receivewal",
    "pg_recvlogical",
    "psql",
    "mysqldump",
    "mariadb-dump",
    "mysqlbinlog",
    "mariadb-binlog",
    "mariabackup",
    "xtrabackup",
    "mysql",
    "mariadb",
    "mongodump",
    "mongosh",
    "redis-cli",
    "rclone",
    "restic",
    "borg",
    "duplicity",
];
const SAID: u32 = 1;

fn on_flow(p: &Passage<'_>, books: &mut Books<'_>, teller: &mut Teller<'_>) {
    if !p.moved.leaves || !p.abroad() || p.joined() || p.live.sent == Some(0) {
        return;
    }
    let thresholds = teller.thresholds;
    let Some(remote) = p.flow.remote else { return };
    let server =
        p.process().is_some_and(|process| thresholds.server_accounts.iter().any(|one| glob(one, &process.user)));
    let name = p.process().map_or("", |process| name(&process.path, &process.name));
    let stream = STREAMS.contains(&name) || thresholds.database_ports.contains(&remote.port());
    if !server && !stream {
        return;
    }
    let to = hash::narrow(&remote.ip().to_string());
    let sender = books.sender((SERVICE, p.account(true), to), p.event.at.0, thresholds);
    let fresh = sender.say(SAID, p.event.at.0, thresholds.story_seconds);
    // What was in it nobody saw.
    let call = FlowCall { detector: DETECTOR.name, kind: Kind::ServiceTraffic, volume: Count::Unknown, fresh };
    teller.tell_flow(p, call, || match (server, STREAMS.contains(&name)) {
        (true, _) => format!("{}, an account of a server, began a connection to {}", p.by(), p.to()),
        (false, true) => format!("{}, which reads databases or folders whole, sends to {}", p.by(), p.to()),
        (false, false) => format!("{} sends to a database outside Kazakhstan: {}", p.by(), p.to()),
    });
}

/// Name of a program: that of its file, whatever it calls itself.
fn name<'a>(path: &'a str, name: &'a str) -> &'a str {
    path.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or(name)
}
