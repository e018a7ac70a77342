//! The smallest PostgreSQL client that binds parameters, because psql 15 cannot: an application's driver sends
//! Parse/Bind/Execute, and that is what the log then shows.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// A session over TCP with a password in clear.
pub struct Session(TcpStream);

impl Session {
    /// Logs in.
    pub fn open(port: u16, user: &str, password: &str, database: &str, program: &str) -> io::Result<Session> {
        let mut session = Session(TcpStream::connect(("127.0.0.1", port))?);
        session.0.set_nodelay(true)?;
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", program] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        session.0.write_all(&((body.len() + 4) as u32).to_be_bytes())?;
        session.0.write_all(&body)?;
        let (kind, body) = session.message()?;
        if (kind, body.get(..4)) != (b'R', Some(&3_u32.to_be_bytes())) {
            return Err(io::Error::other(format!("no request for a password: {}", String::from_utf8_lossy(&body))));
        }
        session.send(b'p', &[password.as_bytes(), &[0]].concat())?;
        session.rows()?;
        Ok(session)
    }

    /// Runs one statement with `parameters` bound as text; gives the first column of every row.
    pub fn query(&mut self, text: &str, parameters: &[&str]) -> io::Result<Vec<String>> {
        self.send(b'P', &[&[0], text.as_bytes(), &[0, 0, 0]].concat())?;
        let mut bind = vec![0, 0, 0, 0];
        bind.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
        for value in parameters {
            bind.extend_from_slice(&(value.len() as u32).to_be_bytes());
            bind.extend_from_slice(value.as_bytes());
        }
        bind.extend_from_slice(&[0, 0]);
        self.send(b'B', &bind)?;
        self.send(b'E', &[0, 0, 0, 0, 0])?;
        self.send(b'S', &[])?;
        self.rows()
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let length = ((body.len() + 4) as u32).to_be_bytes();
        self.0.write_all(&[&[kind], length.as_slice(), body].concat())
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; length.saturating_sub(4)];
        self.0.read_exact(&mut body)?;
        Ok((head[0], body))
    }

    /// Reads until the server is ready for more.
    fn rows(&mut self) -> io::Result<Vec<String>> {
        let (mut rows, mut error) = (Vec::new(), None);
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'D' => {
                    let length = body.get(2..6).map_or(0, |l| u32::from_be_bytes([l[0], l[1], l[2], l[3]]) as usize);
                    rows.push(String::from_utf8_lossy(body.get(6..6 + length).unwrap_or_default()).into_owned());
                }
                b'E' => error = Some(io::Error::other(String::from_utf8_lossy(&body).into_owned())),
                b'Z' => return error.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.send(b'X', &[]);
    }
}
