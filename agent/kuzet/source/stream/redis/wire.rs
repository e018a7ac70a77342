//! The part of the Redis protocol (RESP2) that asking for a log takes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for a connection, and for an answer to a question.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest text in an answer.
const LONGEST: usize = 4 << 20;

/// Most parts of an answer.
const MOST: usize = 4096;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisAddress {
    /// Host and port.
    Tcp(String, u16),
    /// A socket of this host.
    Unix(PathBuf),
}

impl std::fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RedisAddress::Tcp(host, port) => write!(f, "{host}:{port}"),
            RedisAddress::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// An answer that is no error.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Reply>),
    Nothing,
}

impl Reply {
    pub(super) fn text(&self) -> String {
        match self {
            Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Reply::Number(number) => number.to_string(),
            Reply::List(_) | Reply::Nothing => String::new(),
        }
    }
}

/// Both kinds of socket.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn connect(address: &RedisAddress) -> std::io::Result<Socket> {
        match address {
            RedisAddress::Tcp(host, port) => {
                let mut last = ErrorKind::NotFound.into();
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match TcpStream::connect_timeout(&address, PATIENCE) {
                        Ok(stream) => return Ok(Socket::Tcp(stream)),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            RedisAddress::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
        }
    }

    fn patience(&self, time: Option<Duration>) -> std::io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_read_timeout(time).and(stream.set_write_timeout(Some(PATIENCE))),
            Socket::Unix(stream) => stream.set_read_timeout(time).and(stream.set_write_timeout(Some(PATIENCE))),
        }
    }

    fn another(&self) -> std::io::Result<Socket> {
        match self {
            Socket::Tcp(stream) => stream.try_clone().map(Socket::Tcp),
            Socket::Unix(stream) => stream.try_clone().map(Socket::Unix),
        }
    }

    /// Ends whatever waits on it.
    pub(super) fn shut(&self) {
        // It may be over already.
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
            Socket::Unix(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }
}

/// A connection.
pub(super) struct Client(BufReader<Socket>);

impl Client {
    pub(super) fn connect(address: &RedisAddress) -> Result<Client, String> {
        let failed = |error| format!("{address}: {error}");
        let socket = Socket::connect(address).map_err(failed)?;
        socket.patience(Some(PATIENCE)).map_err(failed)?;
        Ok(Client(BufReader::new(socket)))
    }

    /// A handle that ends the connection from another thread.
    pub(super) fn handle(&self) -> Result<Socket, String> {
        self.0.get_ref().another().map_err(|error| error.to_string())
    }

    /// From now on an answer may come any time.
    pub(super) fn wait_for_ever(&self) -> Result<(), String> {
        self.0.get_ref().patience(None).map_err(|error| error.to_string())
    }

    /// Asks. An error of the server is one: its first word is a code, the rest may hold names and is left out.
    pub(super) fn ask(&mut self, words: &[&str]) -> Result<Reply, String> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        let sent = match self.0.get_mut() {
            Socket::Tcp(stream) => stream.write_all(request.as_bytes()),
            Socket::Unix(stream) => stream.write_all(request.as_bytes()),
        };
        sent.map_err(|error| error.to_string())?;
        self.reply(0)
    }

    /// The next line of a feed, without its sign.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let read =
            (&mut self.0).take(LONGEST as u64).read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Err("the server ended the connection".to_owned());
        }
        line.truncate(line.trim_ascii_end().len());
        Ok(line)
    }

    fn reply(&mut self, depth: usize) -> Result<Reply, String> {
        let line = self.line()?;
        let strange = || "the server does not answer as Redis does".to_owned();
        let (sign, rest) = line.split_first().ok_or_else(strange)?;
        let number = || std::str::from_utf8(rest).ok()?.parse::<i64>().ok();
        match sign {
            b'+' => Ok(Reply::Text(rest.to_vec())),
            b'-' => Err(format!("the server refuses: {}", code(rest))),
            b':' => number().map(Reply::Number).ok_or_else(strange),
            b'$' => match number().ok_or_else(strange)? {
                -1 => Ok(Reply::Nothing),
                length => {
                    let length =
                        usize::try_from(length).ok().filter(|length| *length <= LONGEST).ok_or_else(strange)?;
                    let mut text = vec![0; length + 2];
                    self.0.read_exact(&mut text).map_err(|error| error.to_string())?;
                    text.truncate(length);
                    Ok(Reply::Text(text))
                }
            },
            b'*' => match number().ok_or_else(strange)? {
                -1 => Ok(Reply::Nothing),
                length if depth < 4 && usize::try_from(length).is_ok_and(|length| length <= MOST) => {
                    (0..length).map(|_| self.reply(depth + 1)).collect::<Result<_, _>>().map(Reply::List)
                }
                _ => Err(strange()),
            },
            _ => Err(strange()),
        }
    }
}

/// `NOPERM`, `WRONGPASS`, `ERR`: what an error begins with.
fn code(error: &[u8]) -> String {
    let word = error.split(|byte| *byte == b' ').next().unwrap_or_default();
    word.iter().take(32).filter(|byte| byte.is_ascii_uppercase()).map(|byte| char::from(*byte)).collect()
}
