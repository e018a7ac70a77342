//! Helpers of the decoder tests: samples from disk, decoding in one or many chunks.
#![allow(dead_code, unreachable_pub, clippy::disallowed_methods, clippy::unwrap_used)] // each test uses its own part; tests read files

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kuzet_decode::{
    Chunk, DecodeOptions, Decoded, Decoder, Edge, Format, MapAction, MapForm, MapObject, MapPerson, MapTime, Mapping,
    Tally,
};
use kuzet_event::{Event, FileId, SourceId, System, Timestamp};
use kuzet_personal::{Encoding, Key};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const LAB_PREFIX: &str = "%m [%p] %q%u@%d/%a %h %c:%l %v/%x %Q ";

pub fn options() -> DecodeOptions {
    let mut options = DecodeOptions::new(Key::new([7; 32]));
    options.log_line_prefix = Some(LAB_PREFIX.into());
    options.latest = Some(Timestamp(1_795_478_400_000_000));
    options.mapping = Some(Arc::new(mapping()));
    options
}

/// A JSON journal with the fields `t`, `u`, `w`, `a`, `o`, `p`, `s`.
pub fn mapping() -> Mapping {
    let field = |name: &str| Some(name.to_owned());
    Mapping {
        form: MapForm::Json,
        encoding: Encoding::Utf8,
        system: System::Application,
        database: String::new(),
        time: vec!["t".to_owned()],
        time_form: MapTime::Rfc3339,
        user: field("u"),
        person: field("w"),
        client: None,
        program: None,
        session: field("s"),
        action: field("a"),
        actions: vec![("view".to_owned(), MapAction::Read)],
        otherwise: None,
        object_field: field("o"),
        object: MapObject::Told,
        people: vec![MapPerson { field: "p".to_owned(), column: "iin".to_owned(), after: None }],
        rows: None,
        outcome: None,
        success: Vec::new(),
        failure: Vec::new(),
    }
}

/// The same fields in CSV, Windows-1251, with a pattern of time.
pub fn csv_mapping() -> Mapping {
    let columns = ["t", "u", "w", "a", "o", "p", "s"].map(str::to_owned).to_vec();
    Mapping {
        form: MapForm::Csv { delimiter: ';', columns },
        encoding: Encoding::Windows1251,
        time_form: MapTime::Pattern("%d.%m.%Y %H:%M:%S".to_owned()),
        ..mapping()
    }
}

pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/samples/postgresql")
}

/// Names of the recordings (`pgaudit-copy_out`), sorted.
pub fn scenarios() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(samples())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".log").map(str::to_owned))
        .collect();
    names.sort();
    names
}

pub fn sample(scenario: &str, format: Format) -> Option<Vec<u8>> {
    let extension = match format {
        Format::PostgresqlJsonlog => "json",
        Format::PostgresqlCsvlog => "csv",
        _ => "log",
    };
    std::fs::read(samples().join(format!("{scenario}.{extension}"))).ok()
}

/// One call, with the invariants that hold for every call.
pub fn step(decoder: &mut dyn Decoder, bytes: &[u8], offset: u64, edge: Edge, events: &mut Vec<Event>) -> Decoded {
    let before = events.len();
    let chunk = Chunk { source: SourceId(3), file: FileId(9), offset, bytes, edge };
    let done = decoder.decode(chunk, events);
    let tally = done.tally;
    assert!(done.consumed <= bytes.len());
    assert_eq!(tally.seen, tally.handled + tally.suppressed + tally.lost);
    assert!(tally.lost_bytes <= done.consumed as u64);
    assert!(decoder.snapshot().len() <= 64 << 10);
    match edge {
        Edge::End => assert_eq!(done.consumed, bytes.len()),
        Edge::Full => assert!(done.consumed > 0 || bytes.is_empty()),
        Edge::More | Edge::Quiet => {}
    }
    for event in &events[before..] {
        assert!(event.place.offset >= offset);
        assert!(event.place.offset + u64::from(event.place.length) <= offset + done.consumed as u64);
    }
    done
}

/// Whole file in one chunk.
pub fn decode(format: Format, options: &DecodeOptions, bytes: &[u8]) -> (Vec<Event>, Tally) {
    let mut events = Vec::new();
    let done = step(format.decoder(options).as_mut(), bytes, 0, Edge::End, &mut events);
    (events, done.tally)
}

/// The file as it grows: `cuts` are the lengths of what is added each time. Restarts the decoder from its snapshot
/// each time when `restart` is set.
pub fn decode_growing(
    format: Format,
    options: &DecodeOptions,
    bytes: &[u8],
    cuts: &[usize],
    restart: bool,
) -> (Vec<Event>, Tally) {
    let mut decoder = format.decoder(options);
    let (mut events, mut tally, mut start, mut end) = (Vec::new(), Tally::default(), 0, 0);
    for cut in cuts {
        end = (end + cut).min(bytes.len());
        let done = step(decoder.as_mut(), &bytes[start..end], start as u64, Edge::More, &mut events);
        tally.add(done.tally);
        start += done.consumed;
        if restart {
            let snapshot = decoder.snapshot();
            decoder = format.decoder(options);
            decoder.restore(&snapshot);
        }
    }
    let done = step(decoder.as_mut(), &bytes[start..], start as u64, Edge::End, &mut events);
    tally.add(done.tally);
    (events, tally)
}

/// A line of the sensor with the first bytes of a connection to `port` of a host abroad.
pub fn bytes_line(at: i64, protocol: u16, direction: &str, port: u16, offset: usize, bytes: &[u8]) -> String {
    let socket = if protocol == 6 { port } else { 0x1f };
    format!(
        "{{\"sensor\":\"bytes\",\"at\":{at},\"socket\":\"{socket:x}\",\"namespace\":9,\"protocol\":{protocol},\
         \"direction\":\"{direction}\",\"local\":[\"10.0.0.5\",50270],\"remote\":[\"203.0.113.7\",{port}],\
         \"offset\":{offset},\"data\":\"{}\"}}\n",
        BASE64.encode(bytes)
    )
}

/// A question to DNS for TXT records of a name of these labels, cut to what a label may hold.
pub fn question(labels: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        let label = &label[..label.len().min(63)];
        bytes.push(label.len() as u8);
        bytes.extend(label);
    }
    bytes.extend([0, 0, 16, 0, 1]);
    bytes
}

/// A hello of TLS that asks for `name`.
pub fn hello(name: &[u8]) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let list = long(&[&[0][..], &long(name)].concat());
    let extensions = long(&[&[0, 0][..], &long(&list)].concat());
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &extensions].concat();
    let message = [&[1, 0][..], &long(&body)].concat();
    [&[22, 3, 1][..], &long(&message)].concat()
}

/// One IPFIX message of exporter 10.0.0.254 as a line: sets with their numbers.
pub fn ipfix(sequence: u32, sets: &[(u16, Vec<u8>)]) -> String {
    let mut body = Vec::new();
    for (id, set) in sets {
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(&u16::try_from(set.len() + 4).unwrap().to_be_bytes());
        body.extend_from_slice(set);
    }
    let length = u16::try_from(body.len() + 16).unwrap().to_be_bytes();
    let sent = 1_795_406_937u32.to_be_bytes();
    let message =
        [&10u16.to_be_bytes()[..], &length, &sent, &sequence.to_be_bytes(), &7u32.to_be_bytes(), &body].concat();
    datagram(&message)
}

/// Any datagram as a line.
pub fn datagram(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("netflow 1795406938000000 10.0.0.254:2055 {digits}\n")
}

/// Numbers of two bytes, one behind the other.
pub fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
