//! Many short connections a second beside an agent: what it costs, and whether each is told.
//!
//! `cargo bench --bench connections -- KUZET [RATE [SECONDS]]` (root) starts the built binary twice: `kuzet sensor` alone, whose
//! lines are counted, and `kuzet run` with a sensor of its own, whose record counts are asked for. CPU is the time on a
//! processor of each process (/proc/PID/schedstat) as a share of one core; what the kernel program costs whoever connects
//! is not in it. Connections go to addresses of 127.0.0.0/8, so that both ends are on this host and both are told.

#![allow(clippy::print_stdout)] // a bench prints its figures
#![allow(clippy::disallowed_methods)] // and measures by the clock

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes of a request.
const BYTES: usize = 200;
const PORT: u16 = 39_001;

/// Seconds on a processor, threads included.
fn cpu(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    nanos.sum::<u64>() as f64 / 1e9
}

/// Children of a process.
fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default().to_owned();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// Answers everybody at once; ends with the program.
fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read_exact(&mut [0; BYTES]).and_then(|()| stream.write_all(b"y"));
        }
    });
    Ok(())
}

/// Makes connections at a rate; gives how many there were.
fn load(rate: u64, seconds: u64) -> u64 {
    let (begin, made) = (Instant::now(), AtomicU64::new(0));
    let total = rate * seconds;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        break;
                    }
                    let due = Duration::from_nanos(number * 1_000_000_000 / rate);
                    if let Some(ahead) = due.checked_sub(begin.elapsed()) {
                        std::thread::sleep(ahead.max(Duration::from_millis(1)));
                    }
                    let [_, a, b, c] = (number as u32 / 20_000 + 1).to_be_bytes();
                    let to = SocketAddr::from(([127, a, b, c.max(1)], PORT));
                    let Ok(mut stream) = TcpStream::connect(to) else { continue };
                    let _ = stream.write_all(&[b'x'; BYTES]).and_then(|()| stream.read_exact(&mut [0]));
                }
            });
        }
    });
    total
}

/// The sensor alone.
fn sensor(kuzet: &str, rate: u64, seconds: u64) -> anyhow::Result<()> {
    let mut child = Command::new(kuzet).arg("sensor").stdout(Stdio::piped()).spawn()?;
    let (told, right) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let output = child.stdout.take().ok_or_else(|| anyhow::anyhow!("no output"))?;
    let (ready, begun) = std::sync::mpsc::channel();
    let lost = Arc::new(AtomicU64::new(0));
    let counts = (Arc::clone(&told), Arc::clone(&right), Arc::clone(&lost));
    std::thread::spawn(move || {
        for line in BufReader::with_capacity(1 << 20, output).lines().map_while(Result::ok) {
            if line.starts_with("{\"sensor\":\"sight\"") {
                let _ = ready.send(());
            } else if line.starts_with("{\"sensor\":\"lost\"") {
                counts.2.fetch_add(1, Ordering::Relaxed);
            } else if line.contains("\"phase\":\"closed\"")
                && line.contains("\"direction\":\"out\"")
                && line.contains(",39001]")
            {
                counts.0.fetch_add(1, Ordering::Relaxed);
                counts.1.fetch_add(u64::from(line.contains("\"sent\":200,")), Ordering::Relaxed);
            }
        }
    });
    begun.recv_timeout(Duration::from_secs(30))?;
    let idle = share(&[child.id()], || std::thread::sleep(Duration::from_secs(20)));
    let mut made = 0;
    let busy = share(&[child.id()], || made = load(rate, seconds));
    wait(|| told.load(Ordering::Relaxed) >= made);
    let (told, right) = (told.load(Ordering::Relaxed), right.load(Ordering::Relaxed));
    let lost = lost.load(Ordering::Relaxed);
    println!(
        "sensor: {made} connections, told {told}, with right bytes {right}, told of loss {lost} times; {:.2} % of a core, idle \
         {:.3} %, rss {} KiB",
        busy[0] * 100.0,
        idle[0] * 100.0,
        resident(child.id())
    );
    end(&mut child)
}

/// The agent with its sensor.
fn agent(kuzet: &str, rate: u64, seconds: u64) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("kuzet-connections-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("kuzet.toml");
    let text = format!("state = {:?}\n[[source]]\nname = \"host\"\nsensor = {{}}\n", folder.join("state"));
    std::fs::write(&file, text)?;
    let mut child =
        Command::new(kuzet).args(["run", "--config"]).arg(&file).stderr(Stdio::null()).stdout(Stdio::null()).spawn()?;
    wait(|| !children(child.id()).is_empty());
    std::thread::sleep(Duration::from_secs(3));
    let all: Vec<u32> = std::iter::once(child.id()).chain(children(child.id())).collect();
    let idle = share(&all, || std::thread::sleep(Duration::from_secs(20)));
    let mut made = 0;
    let busy = share(&all, || made = load(rate, seconds));
    std::thread::sleep(Duration::from_secs(3));
    let status = Command::new(kuzet).args(["status", "--json", "--config"]).arg(&file).output()?;
    let status: serde_json::Value = serde_json::from_slice(&status.stdout)?;
    let host = &status["sources"][0];
    let sum = |list: &[f64]| list.iter().sum::<f64>() * 100.0;
    println!(
        "agent and sensor: {made} connections, records handled {}, lost {}; {:.2} % of a core (agent {:.2}), idle {:.3} %, rss {} \
         KiB",
        host["handled"],
        host["lost"],
        sum(&busy),
        busy[0] * 100.0,
        sum(&idle),
        resident(child.id())
    );
    end(&mut child)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Share of a core of each process while `work` goes on.
fn share(pids: &[u32], work: impl FnOnce()) -> Vec<f64> {
    let before: Vec<f64> = pids.iter().map(|pid| cpu(*pid)).collect();
    let begin = Instant::now();
    work();
    let seconds = begin.elapsed().as_secs_f64();
    pids.iter().zip(before).map(|(pid, before)| (cpu(*pid) - before) / seconds).collect()
}

/// Waits for ten seconds at most.
fn wait(mut ready: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !ready() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn end(child: &mut Child) -> anyhow::Result<()> {
    Command::new("kill").arg(child.id().to_string()).status()?;
    child.wait()?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [kuzet, numbers @ ..] = arguments.as_slice() else {
        println!("usage: connections KUZET [RATE [SECONDS]]");
        return Ok(());
    };
    let number = |at: usize, or: u64| numbers.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (rate, seconds) = (number(0, 10_000), number(1, 60));
    serve()?;
    sensor(kuzet, rate, seconds)?;
    agent(kuzet, rate, seconds)
}
