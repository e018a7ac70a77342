//! Exported flows decoded per CPU-second on one thread: version 5, version 9 and IPFIX as softflowd writes them, of 1,024
//! hosts inside, every flow in two records (one a direction), no flow twice. Beside it the bound: the same lines, digits to bytes and the same
//! fields added up, with no flow kept and no event made. Interleaved rounds, told as medians.
//!
//! `cargo bench -p kuzet-decode --bench netflow`
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout)] // a bench reads the clock, prints figures

use kuzet_decode::{Chunk, DecodeOptions, Edge, Format, Tally};
use kuzet_event::{Event, FileId, SourceId};
use kuzet_personal::Key;

const ROUNDS: usize = 7;
/// As much as a stream gives at once.
const CHUNK: usize = 256 << 10;
const DATAGRAMS: u32 = 10_000;
const RECORDS: usize = 30;
const SENT: u32 = 1_795_406_937;

/// CPU nanoseconds of this process (its only thread).
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Bytes that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// The template for IPv4 of softflowd 1.1: 42 bytes a record.
fn template() -> Vec<u8> {
    words(&[
        1024, 16, 8, 4, 12, 4, 22, 4, 21, 4, 1, 4, 2, 4, 10, 4, 14, 4, 61, 1, 136, 1, 7, 2, 11, 2, 4, 1, 6, 1, 60, 1,
        5, 1,
    ])
}

/// Addresses and ports of one flow: a client inside, a server outside.
fn ends(random: &mut Random) -> [(u32, u16); 2] {
    let port = 32_768 + (random.next() % 28_000) as u16;
    [(0x0a00_0000 | random.next() & 0x3ff, port), (0xcb00_0000 | random.next() & 0xff_ffff, 443)]
}

fn record(version: u16, [from, to]: [(u32, u16); 2], bytes: u32) -> Vec<u8> {
    let (times, counts) = ([5000u32.to_be_bytes(), 9000u32.to_be_bytes()], [10u32.to_be_bytes(), bytes.to_be_bytes()]);
    let ports = words(&[from.1, to.1]);
    let (from, to) = (from.0.to_be_bytes(), to.0.to_be_bytes());
    if version == 5 {
        return [
            &from[..],
            &to,
            &[0; 8],
            &counts[0],
            &counts[1],
            &times[0],
            &times[1],
            &ports,
            &[0, 0x1b, 6, 0],
            &[0; 8],
        ]
        .concat();
    }
    [&from[..], &to, &times[0], &times[1], &counts[1], &counts[0], &[0; 8], &[0, 3], &ports, &[6, 0x1b, 4, 0]].concat()
}

fn log(version: u16) -> Vec<u8> {
    let (mut random, mut log, mut sequence) = (Random(7), Vec::new(), 0u32);
    for number in 0..DATAGRAMS {
        let mut records = Vec::new();
        for _ in 0..RECORDS / 2 {
            let [client, server] = ends(&mut random);
            records.extend(record(version, [client, server], 1000 + random.next() % 100_000));
            records.extend(record(version, [server, client], 1000 + random.next() % 100_000));
        }
        let (sent, up) = (SENT.to_be_bytes(), 10_000u32.to_be_bytes());
        let mut sets = Vec::new();
        if version != 5 && number % 100 == 0 {
            let id = if version == 9 { 0 } else { 2 };
            sets.extend([words(&[id, 4 + template().len() as u16]), template()].concat());
        }
        sets.extend([words(&[1024, 4 + records.len() as u16]), records.clone()].concat());
        let told = sequence.to_be_bytes();
        let message = match version {
            5 => [&words(&[5, RECORDS as u16])[..], &up, &sent, &[0; 4], &told, &[0; 4], &records].concat(),
            9 => [&words(&[9, RECORDS as u16])[..], &up, &sent, &told, &[0; 4], &sets].concat(),
            _ => [&words(&[10, 16 + sets.len() as u16])[..], &sent, &told, &[0; 4], &sets].concat(),
        };
        sequence += if version == 9 { 1 } else { RECORDS as u32 };
        log.extend_from_slice(format!("netflow {SENT}000000 10.0.0.254:2055 ").as_bytes());
        log.extend(message.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
        log.push(b'\n');
    }
    log
}

fn decode(bytes: &[u8]) -> u64 {
    let mut decoder = Format::Netflow.decoder(&DecodeOptions::new(Key::new([7; 32])));
    let (mut tally, mut events, mut at, mut count) = (Tally::default(), Vec::<Event>::new(), 0, 0);
    while at < bytes.len() {
        let end = (at + CHUNK).min(bytes.len());
        let edge = if end == bytes.len() { Edge::End } else { Edge::More };
        let chunk = Chunk { source: SourceId(0), file: FileId(0), offset: at as u64, bytes: &bytes[at..end], edge };
        let done = decoder.decode(chunk, &mut events);
        tally.add(done.tally);
        at += done.consumed;
        count += std::hint::black_box(&events).len() as u64;
        events.clear();
    }
    assert_eq!((tally.lost, tally.handled), (0, u64::from(DATAGRAMS)), "{tally:?}");
    count
}

/// Digits to bytes, and the sum of what stands where the fields are.
fn bare(bytes: &[u8]) -> u64 {
    let digit = |byte: u8| (byte & 15) + 9 * (byte >> 6);
    let (mut records, mut sum, mut message) = (0, 0u64, Vec::new());
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let digits = line.rsplit(|byte| *byte == b' ').next().unwrap();
        message.clear();
        message.extend(digits.as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)));
        let each = if message[1] == 5 { 48 } else { 42 };
        let first = message.len() - RECORDS * each;
        for record in message[first..].chunks_exact(each) {
            let field = |at: usize| u64::from(u32::from_be_bytes(record[at..at + 4].try_into().unwrap()));
            sum = [0, 4, 8, 12, 16, 20, 30, 34].iter().fold(sum, |sum, at| sum.wrapping_add(field(*at)));
            records += 1;
        }
    }
    std::hint::black_box(sum);
    records
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    for (name, version) in [("version 5", 5), ("version 9", 9), ("IPFIX", 10)] {
        let log = log(version);
        let (mut own, mut bound) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (work, rates) in [(decode as fn(&[u8]) -> u64, &mut own), (bare, &mut bound)] {
                let start = cpu();
                let records = work(&log);
                assert_eq!(records, u64::from(DATAGRAMS) * RECORDS as u64);
                rates.push(records as f64 * 1e9 / (cpu() - start) as f64);
            }
        }
        println!("{name}: {:.0} records/cpu-s; bound {:.0} records/cpu-s", median(own), median(bound));
    }
}
