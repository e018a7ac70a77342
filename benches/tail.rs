//! From a line appended to a chunk given: delay, CPU and memory of the tailer, beside a bare loop of inotify and read.
//!
//! `cargo bench --bench tail` prints tables; with `writer PATH RATE SECONDS` behind it, it is the process that writes.
//! CPU is that of all threads of this process (the kernel's schedstat); the writer is another process.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kuzet::clock::{Clock, System};
use kuzet::message::Gap;
use kuzet::source::{DirectRead, FileInfo, Sink, Start, TailOptions, TailSource, Tailer};
use kuzet_decode::Chunk;
use kuzet_event::{FileId, SourceId};
use rustix::fs::inotify;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

/// A csvlog record of usual length that ends with the moment of its writing (microseconds).
fn line(stamp: i64) -> String {
    format!(
        "2026-11-22 16:22:30.784 +05,\"crm\",\"loans\",4101,\"10.0.4.17:50112\",6921b2aa.1005,17,\"SELECT\",\
         2026-11-22 16:20:01 +05,3/118,0,LOG,00000,\"AUDIT: SESSION,17,1,READ,SELECT,TABLE,loans.contract,\"\"SELECT id, \
         status, amount FROM loans.contract WHERE branch_code = $1\"\",<none>\",,,,,,,,,\"crm-web\",\"client \
         backend\",,0 stamp={stamp:020}\n"
    )
}

/// Delays of all records that came, microseconds.
#[derive(Default)]
struct Delays(Vec<i64>);

impl Delays {
    /// Takes whole lines; says how many bytes they are.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let whole = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let now = System.wall().0;
        for end in memchr::memchr_iter(b'\n', &bytes[..whole]) {
            let stamp =
                std::str::from_utf8(&bytes[end.saturating_sub(20)..end]).ok().and_then(|text| text.parse().ok());
            self.0.extend(stamp.map(|stamp: i64| now - stamp));
        }
        whole
    }

    fn quantile(&mut self, part: f64) -> i64 {
        self.0.sort_unstable();
        self.0[((self.0.len() - 1) as f64 * part) as usize]
    }
}

impl Sink for Delays {
    fn chunk(&mut self, _: &FileInfo, chunk: Chunk<'_>) -> usize {
        self.take(chunk.bytes)
    }
    fn gap(&mut self, gap: Gap) {
        panic!("{gap:?}");
    }
    fn finished(&mut self, _: SourceId, _: FileId) {}
}

/// CPU nanoseconds of all threads of this process.
fn cpu() -> u64 {
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0)
    };
    std::fs::read_dir("/proc/self/task").unwrap().flatten().map(of).sum()
}

/// A line of the kernel's status of this process, kB.
fn memory(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.unwrap_or(0)
}

fn write(path: &Path, rate: u64, seconds: u64) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    let (start, mut written) = (System.monotonic(), 0);
    while written < rate * seconds {
        let due = (System.monotonic() - start).as_micros() as u64 * rate / 1_000_000;
        while written <= due && written < rate * seconds {
            // One write a record, as a server's logging process does.
            file.write_all(line(System.wall().0).as_bytes()).unwrap();
            written += 1;
        }
        let next = Duration::from_micros((written * 1_000_000).div_ceil(rate));
        std::thread::sleep(next.saturating_sub(System.monotonic() - start));
    }
}

fn writer(path: &Path, rate: u64, seconds: u64) -> Child {
    let own = std::env::current_exe().unwrap();
    Command::new(own).arg("writer").arg(path).arg(rate.to_string()).arg(seconds.to_string()).spawn().unwrap()
}

fn source(path: &Path) -> TailSource {
    TailSource {
        id: SourceId(0),
        name: "bench".to_owned(),
        patterns: vec![path.to_str().unwrap().to_owned()],
        current_logfiles: None,
        start: Start::End,
    }
}

fn row(what: &str, rate: u64, delays: &mut Delays, cpu: u64, wall: Duration) {
    println!(
        "| {what} | {rate} | {} | {} | {} | {} | {:.2} |",
        delays.0.len(),
        delays.quantile(0.5),
        delays.quantile(0.99),
        delays.quantile(1.0),
        cpu as f64 / wall.as_nanos() as f64 * 100.0
    );
}

/// The tailer under one rate.
fn tailer(directory: &Path, rate: u64, seconds: u64, notify: bool) {
    let path = directory.join(format!("tail-{rate}-{notify}.log"));
    File::create(&path).unwrap();
    let options = TailOptions { notify, ..TailOptions::default() };
    let mut tailer = Tailer::open(vec![source(&path)], &[], options, Arc::new(System)).unwrap();
    let mut delays = Delays::default();
    while tailer.read(&mut delays).more {}
    let mut child = writer(&path, rate, seconds);
    let (start, before) = (System.monotonic(), cpu());
    while (delays.0.len() as u64) < rate * seconds {
        tailer.wait(Duration::from_secs(1));
        tailer.read(&mut delays);
    }
    let (spent, passed) = (cpu() - before, System.monotonic() - start);
    child.wait().unwrap();
    // Its event thread ends behind it; a sum over threads must not lose one in the next measurement.
    drop(tailer);
    while std::fs::read_dir("/proc/self/task").unwrap().count() > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    row(if notify { "tailer" } else { "tailer, polling only" }, rate, &mut delays, spent, passed);
}

/// One thread that blocks on inotify and reads: what the kernel allows. `gather` sleeps after every event.
fn bare(directory: &Path, rate: u64, seconds: u64, gather: Duration) {
    let path = directory.join(format!("bare-{rate}-{}.log", gather.as_micros()));
    let mut file = File::create_new(&path).and_then(|_| File::open(&path)).unwrap();
    let queue = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&queue, &path, inotify::WatchFlags::MODIFY).unwrap();
    let mut space = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&queue, &mut space);
    let (mut delays, mut buffer, mut filled) = (Delays::default(), vec![0; 256 * 1024], 0);
    let mut child = writer(&path, rate, seconds);
    let (start, before) = (System.monotonic(), cpu());
    while (delays.0.len() as u64) < rate * seconds {
        events.next().unwrap();
        while !events.is_buffer_empty() {
            events.next().unwrap();
        }
        std::thread::sleep(gather);
        loop {
            let read = file.read(&mut buffer[filled..]).unwrap();
            filled += read;
            let taken = delays.take(&buffer[..filled]);
            buffer.copy_within(taken..filled, 0);
            filled -= taken;
            if read == 0 {
                break;
            }
        }
    }
    let (spent, passed) = (cpu() - before, System.monotonic() - start);
    child.wait().unwrap();
    let name = if gather.is_zero() { "bare inotify + read" } else { "bare, gathering 3 ms" };
    row(name, rate, &mut delays, spent, passed);
}

fn idle(directory: &Path, seconds: u64) {
    let paths: Vec<PathBuf> = (0..8).map(|number| directory.join(format!("idle-{number}.log"))).collect();
    let sources = paths.iter().enumerate().map(|(number, path)| {
        std::fs::write(path, line(0)).unwrap();
        TailSource { id: SourceId(number as u16), name: number.to_string(), ..source(path) }
    });
    let mut tailer = Tailer::open(sources.collect(), &[], TailOptions::default(), Arc::new(System)).unwrap();
    let mut delays = Delays::default();
    while tailer.read(&mut delays).more {}
    let (start, before) = (System.monotonic(), cpu());
    while System.monotonic() - start < Duration::from_secs(seconds) {
        tailer.wait(Duration::from_secs(1));
        tailer.read(&mut delays);
    }
    let (spent, passed) = (cpu() - before, System.monotonic() - start);
    println!(
        "\nIdle, 8 files in 8 sources, {seconds} s: {:.4} % of a core; VmRSS {} kB, RssAnon {} kB.",
        spent as f64 / passed.as_nanos() as f64 * 100.0,
        memory("VmRSS:"),
        memory("RssAnon:")
    );
}

/// Consumes whole lines.
struct Lines;

impl Sink for Lines {
    fn chunk(&mut self, _: &FileInfo, chunk: Chunk<'_>) -> usize {
        memchr::memrchr(b'\n', chunk.bytes).map_or(0, |at| at + 1)
    }
    fn gap(&mut self, gap: Gap) {
        panic!("{gap:?}");
    }
    fn finished(&mut self, _: SourceId, _: FileId) {}
}

/// Catching up: bytes a CPU second, beside read() alone; interleaved, medians.
fn catch_up(directory: &Path) {
    let path = directory.join("catch-up.log");
    let mut file = File::create(&path).unwrap();
    let block = line(0).repeat(2000);
    while file.metadata().unwrap().len() < 256 << 20 {
        file.write_all(block.as_bytes()).unwrap();
    }
    let bytes = file.metadata().unwrap().len();
    let (mut read, mut tailed, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    let mut buffer = vec![0; 256 * 1024];
    for _ in 0..7 {
        let before = cpu();
        let mut plain = File::open(&path).unwrap();
        while plain.read(&mut buffer).unwrap() > 0 {}
        let between = cpu();
        let from = TailSource { start: Start::Beginning, ..source(&path) };
        let options = TailOptions { notify: false, ..TailOptions::default() };
        let mut tailer = Tailer::open(vec![from], &[], options, Arc::new(System)).unwrap();
        let mut given = 0;
        while given < bytes {
            given += tailer.read(&mut Lines).consumed;
        }
        let middle = cpu();
        DirectRead::new(TailOptions::default()).file(SourceId(0), &path, &mut Lines, &mut |_| {}).unwrap();
        direct.push(cpu() - middle);
        read.push(between - before);
        tailed.push(middle - between);
    }
    let speed = |times: &mut Vec<u64>| {
        times.sort_unstable();
        bytes as f64 / times[times.len() / 2] as f64
    };
    let (read, tailed, direct) = (speed(&mut read), speed(&mut tailed), speed(&mut direct));
    println!(
        "\nCatching up, 256 MiB, medians of 7, GB a CPU second: read() alone {read:.1}, tailer {tailed:.1}, direct {direct:.1}."
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, path, rate, seconds] = &arguments[..]
        && mode == "writer"
    {
        return write(Path::new(path), rate.parse().unwrap(), seconds.parse().unwrap());
    }
    let directory = std::env::temp_dir().join(format!("kuzet-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    println!("| what | records/s | records | p50 us | p99 us | max us | CPU % of a core |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for round in 0..3 {
        for (rate, seconds) in [(100, 10), (10_000, 10)] {
            let inside = directory.join(format!("{round}-{rate}"));
            std::fs::create_dir_all(&inside).unwrap();
            bare(&inside, rate, seconds, Duration::ZERO);
            if rate > 1000 {
                bare(&inside, rate, seconds, Duration::from_millis(3));
            }
            tailer(&inside, rate, seconds, true);
        }
    }
    tailer(&directory, 100, 10, false);
    idle(&directory, 20);
    catch_up(&directory);
    std::fs::remove_dir_all(&directory).unwrap();
}
