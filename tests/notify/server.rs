//! A small real HTTP server that answers as a list says, well or badly, and keeps what it was sent.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// One answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status with headers and a body.
    Status(u16, &'static str, &'static str),
    /// Reads the request and closes without an answer.
    Close,
    /// Reads the request and keeps silent until the client goes away.
    Hang,
    /// A success whose body goes on until the client goes away.
    Endless,
    /// A refusal whose body goes on until the client goes away.
    EndlessRefusal,
    /// Not HTTP at all.
    Junk,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// The server; ends on drop.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A connection, plain or not.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Makes a plain connection into what is to be spoken over it.
pub type Wrap = Box<dyn Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send>;

impl Server {
    /// Answers in this order, then 200.
    pub fn start(answers: &[Answer]) -> Server {
        Server::start_with(answers, Box::new(|stream| Ok(Box::new(stream))))
    }

    /// The same, over whatever `wrap` makes of a connection.
    pub fn start_with(answers: &[Answer], wrap: Wrap) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.iter().cloned().collect());
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // One connection at a time: the agent has one a channel. A client that goes away is no error here.
                if let Ok(stream) = wrap(stream) {
                    let _ = serve(stream, &answers, &kept);
                }
            }
        });
        Server { port, requests, stop, thread: Some(thread) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it was sent so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        // A client may still hold the last connection; the thread then ends with the process.
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            let _ = self.thread.take().unwrap().join();
        }
    }
}

fn serve(stream: Box<dyn Stream>, answers: &Mutex<VecDeque<Answer>>, kept: &Mutex<Vec<Request>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream)?;
    kept.lock().unwrap().push(request);
    let answer = answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(200, "", ""));
    let out = stream.get_mut();
    match answer {
        Answer::Status(status, headers, body) => {
            let length = body.len();
            write!(out, "HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")?;
            out.flush()
        }
        Answer::Close => Ok(()),
        Answer::Hang => stream.read_to_end(&mut Vec::new()).map(drop),
        Answer::Endless => endless(out, 200),
        Answer::EndlessRefusal => endless(out, 400),
        Answer::Junk => out.write_all(b"\x16\x03\x01junk\r\n\r\n"),
    }
}

fn endless(out: &mut Box<dyn Stream>, status: u16) -> io::Result<()> {
    write!(out, "HTTP/1.1 {status} x\r\nConnection: close\r\n\r\n")?;
    loop {
        out.write_all(&[b'x'; 4096])?;
    }
}

fn read(stream: &mut BufReader<Box<dyn Stream>>) -> io::Result<Request> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        match header.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Request { line: line.trim_end().into(), headers, body: String::from_utf8(body).unwrap() })
}
