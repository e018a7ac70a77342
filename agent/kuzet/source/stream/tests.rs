//! Streams alone: order, backpressure, loss, positions and ends, with real threads and no file.

use super::*;
use crate::clock::System;
use crate::source::{TailOptions, Tailer};
use proptest::prelude::*;

/// A sink for lines: takes whole ones, and everything at the end.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    chunks: Vec<(u64, Edge)>,
    lost: Loss,
    gaps: Vec<Gap>,
    /// The last line is kept until it is quiet, as a decoder of records of many lines does.
    lazy: bool,
}

impl Sink for Lines {
    fn chunk(&mut self, _: &FileInfo, chunk: Chunk<'_>) -> usize {
        self.chunks.push((chunk.offset, chunk.edge));
        let mut whole = match chunk.edge {
            Edge::End | Edge::Full => chunk.bytes.len(),
            _ => chunk.bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1),
        };
        if self.lazy && chunk.edge == Edge::More && whole > 0 {
            whole = chunk.bytes[..whole - 1].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        }
        let text = String::from_utf8_lossy(&chunk.bytes[..whole]);
        self.lines.extend(text.lines().map(str::to_owned));
        whole
    }

    fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    fn finished(&mut self, _: SourceId, _: FileId) {}

    fn lost(&mut self, _: &FileInfo, _: u64, records: u64, bytes: u64) {
        self.lost.add(Loss { records, bytes });
    }
}

const SOURCE: SourceId = SourceId(3);
const WALL: Timestamp = Timestamp(1_000_000);

fn tailer() -> Tailer {
    Tailer::open(Vec::new(), &[], TailOptions { notify: false, ..TailOptions::default() }, Arc::new(System)).unwrap()
}

fn streams(capacity: usize, checkpoints: Vec<Checkpoint>) -> Streams {
    Streams::new(capacity, tailer().waker(), checkpoints)
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn records_become_lines_of_one_file_with_offsets_that_count_bytes() {
    let (mut streams, mut sink) = (streams(1 << 16, Vec::new()), Lines::default());
    let sender = streams.sender(SOURCE, "net");
    assert!(sender.send(b"one") && sender.offer(b"two\r\n") && sender.send(b"") && sender.send(b"a\nb"));
    streams.read(seconds(1), WALL, &mut sink);
    assert!(sender.send(b"three"));
    let progress = streams.read(seconds(1), WALL, &mut sink);
    assert_eq!(sink.lines, ["one", "two", "a#012b", "three"]);
    assert_eq!(sink.chunks, [(0, Edge::More), (15, Edge::More)]);
    assert_eq!(progress, Progress { bytes: 6, consumed: 6, more: false });
    let saved = streams.checkpoints(WALL, |_, _| vec![7]);
    assert_eq!((saved.len(), saved[0].offset, saved[0].is_stream()), (1, 21, true));
    assert!(streams.checkpoints(WALL, |_, _| Vec::new()).is_empty(), "nothing has moved");
}

#[test]
fn what_stands_aside_leaves_room_for_others() {
    let (mut streams, mut sink) = (streams(100, Vec::new()), Lines::default());
    let sender = streams.sender(SOURCE, "net");
    assert!((0..9).all(|_| sender.offer_aside(b"aside 678")));
    assert!((0..4).all(|_| sender.offer(b"other 678")));
    streams.read(seconds(1), WALL, &mut sink);
    let others = sink.lines.iter().filter(|line| line.starts_with("other")).count();
    assert_eq!((sink.lines.len(), others, sink.lost.records), (9, 4, 4), "{:?}", sink.lines);
}

#[test]
fn a_last_record_is_complete_when_nothing_follows() {
    let (mut streams, mut sink) = (streams(1 << 16, Vec::new()), Lines { lazy: true, ..Lines::default() });
    let sender = streams.sender(SOURCE, "net");
    assert_eq!(streams.due(), None);
    assert!(sender.send(b"one"));
    streams.read(seconds(1), WALL, &mut sink);
    assert!(sink.lines.is_empty());
    assert_eq!(streams.due(), Some(seconds(1) + QUIET));
    streams.read(seconds(1) + QUIET, WALL, &mut sink);
    assert_eq!((sink.lines.len(), streams.due()), (1, None));
    assert_eq!(sink.chunks.last(), Some(&(0, Edge::Quiet)));
}

#[test]
fn who_can_wait_waits_and_nothing_is_lost() {
    let (mut tailer, mut sink) = (tailer(), Lines::default());
    let mut streams = Streams::new(256, tailer.waker(), Vec::new());
    let body = |sender: StreamSender| {
        let sent = (0..5_000).take_while(|number| sender.send(format!("record {number}").as_bytes())).count();
        sender.problem(Some(format!("{sent} sent")));
    };
    streams.spawn(SOURCE, "net", body).unwrap();
    while sink.lines.len() < 5_000 {
        tailer.wait(seconds(10));
        tailer.read(&mut Lines::default());
        let progress = streams.read(seconds(1), WALL, &mut sink);
        assert!(progress.bytes <= 256 + 16, "at most what the channel holds");
    }
    assert!(streams.stop(seconds(10), seconds(2), WALL, &mut sink).is_empty());
    assert!(sink.lines.iter().enumerate().all(|(number, line)| *line == format!("record {number}")));
    assert_eq!((sink.lines.len(), sink.lost), (5_000, Loss::default()));
    assert_eq!(streams.problems(), [("net".to_owned(), Some("5000 sent".to_owned()))]);
}

#[test]
fn a_source_that_waits_ends_when_the_agent_stops() {
    let (mut streams, mut sink) = (streams(16, Vec::new()), Lines::default());
    streams.spawn(SOURCE, "full", |sender| while sender.send(b"0123456789abcdef") {}).unwrap();
    streams.spawn(SourceId(4), "idle", |sender| while sender.pause(seconds(3600)) {}).unwrap();
    assert!(streams.stop(seconds(10), seconds(1), WALL, &mut sink).is_empty());
    let (held, hang) = std::sync::mpsc::channel::<()>();
    streams.spawn(SourceId(5), "deaf", move |_| hang.recv().unwrap_or_default()).unwrap();
    assert_eq!(streams.stop(Duration::from_millis(1), seconds(1), WALL, &mut sink), ["deaf"]);
    drop(held);
    assert!(streams.stop(seconds(10), seconds(1), WALL, &mut sink).is_empty());
}

#[test]
fn losses_are_told_at_once_and_then_gathered() {
    let (mut streams, mut sink) = (streams(1 << 16, Vec::new()), Lines::default());
    let sender = streams.sender(SOURCE, "net");
    for second in 1..=25 {
        sender.lost(2, 100);
        streams.read(seconds(second), WALL, &mut sink);
    }
    assert_eq!(sink.lost, Loss { records: 50, bytes: 2_500 });
    let gaps: Vec<_> = sink.gaps.iter().map(|gap| gap.bytes).collect();
    assert_eq!(gaps, [Count::Known(100), Count::Known(1_000), Count::Known(1_000)]);
    assert!(sink.gaps.iter().all(|gap| gap.reason == GapReason::Dropped));
    assert_eq!(streams.due(), Some(seconds(31)));
    streams.stop(seconds(1), seconds(26), WALL, &mut sink);
    assert_eq!(sink.gaps.last().unwrap().bytes, Count::Known(400), "the rest is told at the end");
}

#[test]
fn a_position_moves_with_the_records_that_are_done() {
    let (mut first, mut sink) = (streams(1 << 16, Vec::new()), Lines { lazy: true, ..Lines::default() });
    let sender = first.sender(SOURCE, "journal");
    assert!(sender.position().is_empty());
    assert!(sender.send_at(b"one", b"c1") && sender.send_at(b"two", b"c2") && sender.send_at(b"three", b"c3"));
    first.read(seconds(1), WALL, &mut sink);
    let saved = first.checkpoints(WALL, |source, _| vec![u8::try_from(source.0).unwrap()]);
    first.stop(seconds(1), seconds(1), WALL, &mut sink);
    assert_eq!(sink.lines, ["one", "two"], "what is not done is asked for again");

    let mut second = streams(1 << 16, saved);
    let sender = second.sender(SOURCE, "journal");
    assert_eq!(sender.position(), b"c2");
    assert!(sender.send_at(b"three", b"c3"));
    second.read(seconds(1), WALL, &mut sink);
    assert_eq!(sink.chunks.last(), Some(&(8, Edge::More)), "offsets go on");
    assert_eq!(&*second.streams[0].info.decoder, [3]);
    assert!(second.sender(SOURCE, "another").position().is_empty());
}

#[test]
fn an_endless_record_is_cut_and_a_too_long_one_is_lost() {
    let (mut streams, mut sink) = (streams(8 << 20, Vec::new()), Lines { lazy: true, ..Lines::default() });
    let sender = streams.sender(SOURCE, "net");
    assert!(sender.send(&vec![b'x'; MAX_RECORD + 1]) && sender.offer(&vec![b'x'; MAX_RECORD + 1]));
    assert!(sender.send(&vec![b'y'; MAX_RECORD]));
    streams.read(seconds(1), WALL, &mut sink);
    assert_eq!((sink.lost.records, sink.lines.len()), (2, 1));
    assert_eq!(sink.chunks, [(0, Edge::Full)]);
}

#[test]
fn packed_state_comes_back_and_nothing_else_does() {
    assert_eq!(unpack(&pack(b"cursor", b"state")), (&b"cursor"[..], &b"state"[..]));
    for other in [&b""[..], b"abc", b"\xff\xff\xff\xffx"] {
        assert_eq!(unpack(other), (&b""[..], &b""[..]));
    }
}

proptest! {
    /// Whatever is offered is handed on or counted, whenever the data thread reads.
    #[test]
    fn offered_is_taken_and_lost(
        capacity in 1_usize..200,
        steps in proptest::collection::vec((1_usize..60, any::<bool>(), any::<bool>()), 0..200),
    ) {
        let (mut streams, mut sink) = (streams(capacity, Vec::new()), Lines { lazy: true, ..Lines::default() });
        let sender = streams.sender(SOURCE, "net");
        for (now, (length, read, refused)) in (1..).zip(&steps) {
            if *refused {
                sender.lost(1, *length as u64);
            } else {
                prop_assert!(sender.offer(&vec![b'x'; *length]));
            }
            if *read {
                streams.read(seconds(now), WALL, &mut sink);
            }
        }
        streams.stop(seconds(1), seconds(1_000), WALL, &mut sink);
        prop_assert_eq!(sink.lines.len() as u64 + sink.lost.records, steps.len() as u64);
        let taken: usize = sink.lines.iter().map(String::len).sum();
        let offered: usize = steps.iter().map(|(length, ..)| length).sum();
        prop_assert_eq!(taken as u64 + sink.lost.bytes, offered as u64);
        let told: u64 = sink.gaps.iter().filter_map(|gap| gap.bytes.known()).sum();
        prop_assert_eq!(told, sink.lost.bytes);
    }
}
