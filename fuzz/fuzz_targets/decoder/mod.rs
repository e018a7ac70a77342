//! What holds for every decoder and any bytes; shared by the targets of the log formats.

use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, MapAction, MapForm, MapObject, MapPerson, MapTime, Mapping, Tally};
use kuzet_event::{Event, FileId, SourceId, System, Timestamp};
use kuzet_personal::{Encoding, Key};
use std::sync::Arc;

/// Decodes `bytes` in one piece and in pieces with restarts: no panic, every byte accounted for, the pieces do not show.
pub fn check(format: Format, bytes: &[u8]) {
    let cut = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    for log_line_prefix in [None, Some("%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ".to_owned())] {
        let mut options = DecodeOptions::new(Key::new([1; 32]));
        options.mapping = Some(Arc::new(mapping(log_line_prefix.is_some())));
        options.log_line_prefix = log_line_prefix;
        options.latest = Some(Timestamp(1_795_478_400_000_000));
        let mut parts = run(format, &options, bytes, cut, true);
        if format == Format::Sensor {
            // Bytes of connections wait in memory only: what they said half before a restart, they did not say.
            parts = run(format, &options, bytes, cut, false);
        }
        assert_eq!(run(format, &options, bytes, bytes.len(), false), parts);
        full(format, &options, bytes, cut);
        if !matches!(format, Format::PostgresqlStderr | Format::Syslog | Format::Mapped) {
            return;
        }
    }
}

fn run(format: Format, options: &DecodeOptions, bytes: &[u8], cut: usize, restart: bool) -> (Vec<Event>, Tally) {
    let mut decoder = format.decoder(options);
    let (mut events, mut tally, mut start, mut end) = (Vec::new(), Tally::default(), 0, 0);
    loop {
        end = (end + cut).min(bytes.len());
        let edge = if end == bytes.len() { Edge::End } else { Edge::More };
        let chunk =
            Chunk { source: SourceId(0), file: FileId(0), offset: start as u64, bytes: &bytes[start..end], edge };
        let done = decoder.decode(chunk, &mut events);
        assert!(done.consumed <= end - start);
        tally.add(done.tally);
        start += done.consumed;
        if edge == Edge::End {
            assert_eq!(start, bytes.len());
            assert_eq!(tally.seen, tally.handled + tally.suppressed + tally.lost);
            assert!(tally.lost_bytes <= bytes.len() as u64);
            return (events, tally);
        }
        let snapshot = decoder.snapshot();
        assert!(snapshot.len() <= 64 << 10);
        if restart {
            decoder = format.decoder(options);
            decoder.restore(&snapshot);
        }
    }
}

/// A buffer that cannot grow always moves on.
fn full(format: Format, options: &DecodeOptions, bytes: &[u8], size: usize) {
    let (mut decoder, mut events, mut at) = (format.decoder(options), Vec::new(), 0);
    while at < bytes.len() {
        let end = (at + size).min(bytes.len());
        let piece = &bytes[at..end];
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: at as u64, bytes: piece, edge: Edge::Full };
        let done = decoder.decode(chunk, &mut events);
        assert!(done.consumed > 0 && done.consumed <= piece.len());
        at += done.consumed;
    }
}

/// A mapping of a journal with the fields `t`, `u`, `a`, `o`, `p`.
fn mapping(csv: bool) -> Mapping {
    let columns = ["t", "u", "a", "o", "p"].map(str::to_owned).to_vec();
    let field = |name: &str| Some(name.to_owned());
    Mapping {
        form: if csv { MapForm::Csv { delimiter: ';', columns } } else { MapForm::Json },
        encoding: if csv { Encoding::Windows1251 } else { Encoding::Utf8 },
        system: System::Application,
        database: String::new(),
        time: vec!["t".to_owned()],
        time_form: if csv { MapTime::Pattern("%d.%m.%Y %H:%M:%S".to_owned()) } else { MapTime::UnixSeconds },
        user: field("u"),
        person: field("p"),
        client: None,
        program: None,
        session: None,
        action: field("a"),
        actions: vec![("login".to_owned(), MapAction::Login)],
        otherwise: Some(MapAction::Read),
        object_field: field("o"),
        object: MapObject::Told,
        people: vec![MapPerson { field: "p".to_owned(), column: "iin".to_owned(), after: None }],
        rows: None,
        outcome: None,
        success: Vec::new(),
        failure: Vec::new(),
    }
}
