//! The hello of a TLS client: the name it asks for, from as many bytes as are there.

use crate::Name;
use crate::reader::Reader;

/// What bytes that may grow say so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// Nothing yet.
    More,
    /// They are something else.
    Not,
    /// This.
    Done(T),
}

/// What a client says first.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// The name it asks for (SNI).
    pub name: Option<Name>,
    /// An encrypted name is there as well (ECH), or bytes that look like one: the name in clear may be that of a front.
    pub hidden: bool,
    /// Protocols it offers inside (ALPN).
    pub protocols: Vec<Box<[u8]>>,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPTED_HELLO: u16 = 0xfe0d;
/// Protocols that are kept of an offer.
const PROTOCOLS: usize = 8;

/// Reads the records at the front of a stream. `full`: no more will come, so that what is there has to do. A side that is
/// no client gives a hello without a name.
#[must_use]
pub fn records(bytes: &[u8], full: bool) -> Read<Hello> {
    let (mut reader, mut message) = (Reader::new(bytes), Vec::new());
    loop {
        match reader.rest() {
            [] | [20..=23] | [20..=23, 3] => break,
            [HANDSHAKE, 3, 0..=4, ..] => {}
            // Past its beginning, or an alert.
            [20..=23, 3, 0..=4, ..] => return Read::Done(hello(&message)),
            _ if message.is_empty() => return Read::Not,
            _ => return Read::Done(hello(&message)),
        }
        reader.take_up_to(3);
        let Some(length) = reader.u16() else { break };
        message.extend_from_slice(reader.take_up_to(usize::from(length)));
        if let Some(whole) = whole(&message) {
            return whole;
        }
    }
    if full { Read::Done(hello(&message)) } else { Read::More }
}

/// Reads the first message of a handshake, as QUIC carries it.
#[must_use]
pub fn handshake(bytes: &[u8], full: bool) -> Read<Hello> {
    match whole(bytes) {
        Some(read) => read,
        None if full => Read::Done(hello(bytes)),
        None => Read::More,
    }
}

/// The first message, once it is whole or seen to be another.
fn whole(message: &[u8]) -> Option<Read<Hello>> {
    let mut reader = Reader::new(message);
    if reader.u8()? != CLIENT_HELLO {
        return Some(Read::Done(Hello::default()));
    }
    let length = reader.u24()? as usize;
    (reader.rest().len() >= length).then(|| Read::Done(hello(&message[..4 + length])))
}

/// What a message says, as far as it goes.
fn hello(message: &[u8]) -> Hello {
    let mut hello = Hello::default();
    if message.first() == Some(&CLIENT_HELLO) {
        let _ = read(message, &mut hello);
    }
    hello
}

fn read(message: &[u8], hello: &mut Hello) -> Option<()> {
    let mut reader = Reader::new(message);
    // Kind, length, version, random.
    reader.take(4 + 2 + 32)?;
    // Session, ciphers, compression, length of the extensions.
    reader.short()?;
    reader.long()?;
    reader.short()?;
    reader.u16()?;
    loop {
        let kind = reader.u16()?;
        let length = reader.u16()?;
        let mut inside = Reader::new(reader.take_up_to(usize::from(length)));
        match kind {
            SERVER_NAME => {
                let mut list = Reader::new(inside.long()?);
                if list.u8()? == 0 {
                    hello.name = Name::of_host(list.long()?);
                }
            }
            ALPN => {
                let mut list = Reader::new(inside.long()?);
                while let Some(protocol) = list.short().filter(|_| hello.protocols.len() < PROTOCOLS) {
                    hello.protocols.push(protocol.into());
                }
            }
            // The outer kind; the inner one is 1, and stands inside what is encrypted.
            ENCRYPTED_HELLO => hello.hidden |= inside.u8()? == 0,
            _ => {}
        }
    }
}
