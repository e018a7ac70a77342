//! Pieces of connections in, what they say out: bounded in sockets and bytes, whatever the order.

use crate::assembly::{Assembly, WINDOW};
use crate::clear::{self, Head};
use crate::dns::{self, Message};
use crate::quic::{self, Initials};
use crate::tls::{self, Hello, Read};
use crate::{Name, dns::message};
use lru::LruCache;
use std::hash::Hash;

/// Connections that are remembered.
const SOCKETS: usize = 4_096;
/// Bytes that wait for more, of all connections.
const HELD: usize = 2 << 20;
/// Bytes of clear text that are given of a connection.
const TEXT: usize = 64 << 10;
/// Bytes of text given once more in front of what follows, so that no value is cut.
const AGAIN: usize = 256;
/// Port of resolvers.
const RESOLVER: u16 = 53;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// None of these: its bytes are given as text.
    Other,
    /// DNS.
    Dns,
    /// TLS.
    Tls,
    /// QUIC.
    Quic,
    /// HTTP without TLS.
    Http,
    /// SMTP.
    Smtp,
    /// FTP.
    Ftp,
    /// SSH.
    Ssh,
}

/// Bytes of a connection.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    /// A datagram, whole as it was sent.
    pub datagram: bool,
    /// This host sent them.
    pub outbound: bool,
    /// Port of the service.
    pub port: u16,
    /// Their place in what this side sent; of a datagram it does not matter.
    pub offset: u64,
    /// They.
    pub bytes: &'a [u8],
}

/// What a piece brings to light.
pub enum Fact<'a> {
    /// What the connection is. Told again only when more is known.
    Known {
        /// What it speaks.
        protocol: Protocol,
        /// The other side, as this host calls it.
        name: Option<Name>,
        /// The true name may be another, encrypted one.
        hidden: bool,
    },
    /// Clear text that this host sent; `fresh` bytes at its end were not given before.
    Text {
        /// The text, behind the end of what was given last.
        text: &'a [u8],
        /// Bytes of it that are new.
        fresh: usize,
    },
    /// So many bytes of clear text are not given: the connection has had its share.
    Passed(usize),
    /// A message of DNS.
    Dns(Message),
}

/// One direction of a connection.
#[derive(Default)]
struct Side {
    state: State,
    assembly: Assembly,
    /// Bytes of the window that were given as text.
    given: usize,
    /// The first lines said what it speaks, or nothing.
    read: bool,
    /// Its beginning was not seen.
    headless: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Hello,
    Text,
    Dns,
    Done,
}

/// How much of a connection was told.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    #[default]
    Nothing,
    Other,
    Protocol,
    Name,
}

#[derive(Default)]
struct Socket {
    sides: [Side; 2],
    quic: Option<Box<Initials>>,
    told: Told,
    text: usize,
}

/// Connections by what the caller calls them.
pub struct Streams<K: Hash + Eq> {
    sockets: LruCache<K, Socket>,
    held: usize,
}

impl<K: Hash + Eq> Default for Streams<K> {
    fn default() -> Streams<K> {
        // Grows as it is used: room for all of them at once would be held at rest.
        Streams { sockets: LruCache::unbounded(), held: 0 }
    }
}

impl<K: Hash + Eq> Streams<K> {
    /// Takes a piece of the connection `key` and tells what it brings.
    pub fn push(&mut self, key: K, piece: Piece<'_>, tell: &mut impl FnMut(Fact<'_>)) {
        let socket = self.sockets.get_or_insert_mut(key, Socket::default);
        let before = socket.held();
        socket.push(piece, tell);
        self.held = (self.held + socket.held()).saturating_sub(before);
        while self.sockets.len() > SOCKETS || (self.held > HELD && self.sockets.len() > 1) {
            let Some((_, gone)) = self.sockets.pop_lru() else { break };
            self.held = self.held.saturating_sub(gone.held());
        }
    }

    /// Bytes that wait for more.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }
}

impl Socket {
    fn held(&self) -> usize {
        let sides: usize = self.sides.iter().map(|side| side.assembly.held()).sum();
        sides + self.quic.as_ref().map_or(0, |quic| quic.held())
    }

    fn push(&mut self, piece: Piece<'_>, tell: &mut impl FnMut(Fact<'_>)) {
        if piece.datagram {
            return self.datagram(piece, tell);
        }
        let mut rest = piece;
        loop {
            let side = &mut self.sides[usize::from(piece.outbound)];
            if side.state == State::Done {
                return;
            }
            if side.state == State::Text && self.text >= TEXT {
                side.assembly = Assembly::default();
                return tell(Fact::Passed(rest.bytes.len()));
            }
            let taken = side.assembly.insert(rest.offset, rest.bytes);
            rest.offset = rest.offset.saturating_add(taken as u64);
            rest.bytes = &rest.bytes[taken..];
            let full = side.assembly.is_full() || !rest.bytes.is_empty();
            let moved = self.read(piece, full, tell);
            if rest.bytes.is_empty() {
                return;
            }
            if !moved && taken == 0 {
                // What is missing will not come any more.
                self.sides[usize::from(piece.outbound)].jump(rest.offset);
            }
        }
    }

    /// Reads what is there of one side; gives whether that made room.
    fn read(&mut self, piece: Piece<'_>, full: bool, tell: &mut impl FnMut(Fact<'_>)) -> bool {
        let mut moved = false;
        loop {
            let side = &mut self.sides[usize::from(piece.outbound)];
            let before = (side.state, side.assembly.prefix().len());
            match side.state {
                State::Start => {
                    side.start(piece.port);
                    if side.state == State::Done && piece.outbound {
                        tell(Fact::Passed(side.assembly.prefix().len()));
                    }
                }
                State::Hello => self.hello(piece.outbound, full, tell),
                State::Text => self.text(piece.outbound, full, tell),
                State::Dns => self.questions(piece.outbound, tell),
                State::Done => {}
            }
            let side = &mut self.sides[usize::from(piece.outbound)];
            if side.state == State::Done {
                side.assembly = Assembly::default();
                return true;
            }
            if before == (side.state, side.assembly.prefix().len()) {
                return moved;
            }
            moved = true;
        }
    }

    fn hello(&mut self, outbound: bool, full: bool, tell: &mut impl FnMut(Fact<'_>)) {
        let side = &mut self.sides[usize::from(outbound)];
        match tls::records(side.assembly.prefix(), full) {
            Read::More => {}
            Read::Not => side.state = State::Text,
            Read::Done(hello) => {
                side.state = State::Done;
                self.know(Protocol::Tls, hello, outbound, tell);
            }
        }
    }

    fn text(&mut self, outbound: bool, full: bool, tell: &mut impl FnMut(Fact<'_>)) {
        let side = &mut self.sides[usize::from(outbound)];
        let text = side.assembly.prefix();
        let fresh = text.len() - side.given.min(text.len());
        // Text that turns to TLS (STARTTLS, behind CONNECT): only where a piece begins so.
        if side.given > 0 && matches!(text[text.len() - fresh..], [22, 3, 0..=4, ..]) {
            side.assembly.advance(side.given);
            (side.given, side.state) = (0, State::Hello);
            return;
        }
        let mut known = None;
        if !side.read {
            match clear::head(text, full || text.len() >= WINDOW) {
                Read::More => {}
                Read::Not => side.read = true,
                Read::Done(head) => {
                    side.read = true;
                    known = Some(head);
                }
            }
        }
        // Behind its first line SSH names methods like addresses of mail (`umac-64@openssh.com`), and then nothing is clear.
        let ssh = known.as_ref().is_some_and(|head| head.protocol == Protocol::Ssh);
        if outbound && fresh > 0 && !ssh {
            let given = fresh.min(TEXT.saturating_sub(self.text));
            self.text += given;
            if given > 0 {
                tell(Fact::Text { text: &text[..text.len() - fresh + given], fresh: given });
            }
            if fresh > given {
                tell(Fact::Passed(fresh - given));
            }
        }
        side.given = text.len();
        if side.read {
            let gone = side.given.saturating_sub(AGAIN);
            side.assembly.advance(gone);
            side.given -= gone;
            if !outbound {
                side.state = State::Done;
            }
        }
        if let Some(Head { protocol, name }) = known {
            if ssh {
                side.state = State::Done;
            }
            self.know(protocol, Hello { name, ..Hello::default() }, outbound, tell);
        }
    }

    /// Messages of DNS behind their lengths.
    fn questions(&mut self, outbound: bool, tell: &mut impl FnMut(Fact<'_>)) {
        let side = &mut self.sides[usize::from(outbound)];
        let bytes = side.assembly.prefix();
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(bytes) = rest.get(..length) else {
            if length + 2 > WINDOW {
                side.state = State::Done;
            }
            return;
        };
        let read = message(bytes);
        side.assembly.advance(2 + length);
        match read {
            Some(message) => self.dns(message, tell),
            None => side.state = State::Done,
        }
    }

    fn dns(&mut self, message: Message, tell: &mut impl FnMut(Fact<'_>)) {
        self.know(Protocol::Dns, Hello::default(), true, tell);
        tell(Fact::Dns(message));
    }

    fn datagram(&mut self, piece: Piece<'_>, tell: &mut impl FnMut(Fact<'_>)) {
        let state = self.sides[1].state;
        if piece.port == RESOLVER
            && let Some(message) = dns::message(piece.bytes)
        {
            return self.dns(message, tell);
        }
        if !piece.outbound || state == State::Done {
            return;
        }
        if state != State::Text && (self.quic.is_some() || quic::begins(piece.bytes)) {
            if let Read::Done(hello) = self.quic.get_or_insert_default().push(piece.bytes) {
                self.quic = None;
                self.sides[1].state = State::Done;
                self.know(Protocol::Quic, hello, true, tell);
            }
            return;
        }
        if state == State::Start {
            self.sides[1].state = State::Text;
            self.know(Protocol::Other, Hello::default(), true, tell);
        }
        let given = piece.bytes.len().min(TEXT.saturating_sub(self.text));
        self.text += given;
        if given > 0 {
            tell(Fact::Text { text: &piece.bytes[..given], fresh: given });
        }
        if piece.bytes.len() > given {
            tell(Fact::Passed(piece.bytes.len() - given));
        }
    }

    /// Tells what is known, where that is more than was told. Only what this host sends names the other side.
    fn know(&mut self, protocol: Protocol, hello: Hello, outbound: bool, tell: &mut impl FnMut(Fact<'_>)) {
        let name = hello.name.filter(|_| outbound);
        let told = match (&name, protocol) {
            (Some(_), _) => Told::Name,
            (None, Protocol::Other) => Told::Other,
            (None, _) => Told::Protocol,
        };
        if told > self.told {
            self.told = told;
            tell(Fact::Known { protocol, name, hidden: hello.hidden });
        }
    }
}

impl Side {
    /// By the first bytes.
    fn start(&mut self, port: u16) {
        /// What a client of PostgreSQL asks before TLS.
        const ASKS: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
        let bytes = self.assembly.prefix();
        self.state = match bytes {
            [] => State::Start,
            _ if port == RESOLVER => State::Dns,
            [20..=23] | [20..=23, 3] => State::Start,
            [20..=23, 3, 0..=4, ..] => State::Hello,
            _ if bytes.starts_with(&ASKS) => {
                self.assembly.advance(ASKS.len());
                State::Start
            }
            _ if ASKS.starts_with(bytes) => State::Start,
            // Its server agrees with one letter.
            [b'S'] => State::Start,
            [b'S', 22, 3, ..] => {
                self.assembly.advance(1);
                State::Start
            }
            // Without its first line SSH is not known, and names its methods like addresses of mail: text has no such byte.
            _ if self.headless && bytes.contains(&0) => State::Done,
            _ => State::Text,
        };
    }

    /// Goes on behind a hole.
    fn jump(&mut self, offset: u64) {
        self.headless |= self.state == State::Start;
        self.assembly.jump(offset);
        self.given = 0;
    }
}
