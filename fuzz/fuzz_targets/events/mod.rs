//! A few events of a day: reads, an export, changes of roles and of the audit, for what people declare about such work.

use kuzet_decode::{Chunk, DecodeOptions, Edge, Format};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;

const LOG: &str = include_str!("../../../tests/data/samples/mariadb/mysqldump.audit.log");
const AUDIT: &str = include_str!("../../../tests/data/samples/mariadb/audit_tamper.audit.log");

pub fn events() -> Vec<Event> {
    let mut events = Vec::new();
    for log in [LOG, AUDIT] {
        let mut decoder = Format::MariadbServerAudit.decoder(&DecodeOptions::new(Key::new([1; 32])));
        let (bytes, source, file) = (log.as_bytes(), SourceId(0), FileId(0));
        decoder.decode(Chunk { bytes, offset: 0, source, file, edge: Edge::End }, &mut events);
    }
    events
}
