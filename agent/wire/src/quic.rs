//! The first packets of QUIC, versions 1 and 2. Their keys follow from what they carry in clear (RFC 9001, 5.2; RFC 9369),
//! so that whoever sees them can read the hello inside.

use crate::assembly::Assembly;
use crate::reader::Reader;
use crate::tls::{self, Hello, Read};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// Datagrams of a connection that are looked at: a hello takes two or three, and some may come twice.
const DATAGRAMS: u8 = 16;
/// Longest datagram that is looked at.
const LONGEST: usize = 4 << 10;
const TAG: usize = 16;

struct Version {
    number: u32,
    /// What the first byte of an Initial has in its bits for the kind of packet.
    initial: u8,
    salt: [u8; 20],
    labels: [&'static [u8]; 3],
}

static VERSIONS: [Version; 2] = [
    Version {
        number: 1,
        initial: 0,
        salt: [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb,
            0x7f, 0x0a,
        ],
        labels: [b"quic key", b"quic iv", b"quic hp"],
    },
    Version {
        number: 0x6b33_43cf,
        initial: 1,
        salt: [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd,
            0x2e, 0xd9,
        ],
        labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
    },
];

/// A client's keys for its first packets.
struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    mask: quic::HeaderProtectionKey,
}

/// Bytes that are no key of an algorithm of ring's.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

impl Keys {
    /// From the first number that the client gave the server (destination connection id).
    fn new(version: &Version, number: &[u8]) -> Option<Keys> {
        let secret = Salt::new(HKDF_SHA256, &version.salt).extract(number);
        let mut client = [0; 32];
        expand(&secret, b"client in", &mut client)?;
        let client = Prk::new_less_safe(HKDF_SHA256, &client);
        let [of_key, of_iv, of_mask] = version.labels;
        let (mut key, mut iv, mut mask) = ([0; 16], [0; 12], [0; 16]);
        expand(&client, of_key, &mut key)?;
        expand(&client, of_iv, &mut iv)?;
        expand(&client, of_mask, &mut mask)?;
        Some(Keys {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).ok()?),
            iv,
            mask: quic::HeaderProtectionKey::new(&quic::AES_128, &mask).ok()?,
        })
    }

    /// The frames inside `packet`, whose protected number stands at `number`.
    fn open(&self, packet: &[u8], number: usize) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        let mask = self.mask.new_mask(packet.get(number + 4..number + 4 + TAG)?).ok()?;
        packet[0] ^= mask[0] & 0xf;
        let length = usize::from(packet[0] & 3) + 1;
        let mut nonce = self.iv;
        for (at, mask) in mask[1..].iter().enumerate().take(length) {
            packet[number + at] ^= mask;
            nonce[12 - length + at] ^= packet[number + at];
        }
        let mut sealed = packet.split_off(number + length);
        let plain =
            self.key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(&packet), &mut sealed).ok()?;
        let plain = plain.len();
        sealed.truncate(plain);
        Some(sealed)
    }
}

/// HKDF-Expand-Label of TLS 1.3, without context.
fn expand(secret: &Prk, label: &[u8], out: &mut [u8]) -> Option<()> {
    let head = [0, out.len() as u8, 6 + label.len() as u8];
    secret.expand(&[&head, b"tls13 ", label, &[0]], Bytes(out.len())).ok()?.fill(out).ok()
}

/// A packet in a datagram.
struct Packet<'a> {
    version: &'static Version,
    /// Number that the client gives the server.
    number: &'a [u8],
    /// The packet alone.
    bytes: &'a [u8],
    /// Where its protected number stands.
    at: usize,
    rest: &'a [u8],
    /// One that carries a hello.
    initial: bool,
}

/// The first packet of `bytes`; `None` for what has no long header of a known version.
fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8().filter(|byte| byte & 0x80 != 0)?;
    let number = reader.u32()?;
    let version = VERSIONS.iter().find(|version| version.number == number)?;
    let number = reader.short().filter(|number| number.len() <= 20)?;
    reader.short().filter(|number| number.len() <= 20)?;
    let initial = first >> 4 & 3 == version.initial;
    if initial {
        let token = usize::try_from(reader.varint()?).ok()?;
        reader.take(token)?;
    }
    let length = usize::try_from(reader.varint()?).ok()?;
    let at = reader.place();
    reader.take(length)?;
    Some(Packet { version, number, bytes: &bytes[..at + length], at, rest: &bytes[at + length..], initial })
}

/// Whether a datagram of a client begins a connection of QUIC.
#[must_use]
pub fn begins(datagram: &[u8]) -> bool {
    packet(datagram).is_some_and(|packet| packet.initial)
}

/// What came so far of a client's hello.
#[derive(Default)]
pub struct Initials {
    keys: Option<Keys>,
    hello: Assembly,
    datagrams: u8,
}

impl Initials {
    /// Takes the next datagram of the client, in any order.
    #[must_use]
    pub fn push(&mut self, datagram: &[u8]) -> Read<Hello> {
        self.datagrams = self.datagrams.saturating_add(1);
        let mut rest = &datagram[..datagram.len().min(LONGEST)];
        while let Some(packet) = packet(rest) {
            rest = packet.rest;
            if packet.initial {
                self.take(&packet);
            }
        }
        let full = self.hello.is_full() || self.datagrams >= DATAGRAMS;
        tls::handshake(self.hello.prefix(), full)
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.hello.held() + if self.keys.is_some() { size_of::<Keys>() } else { 0 }
    }

    fn take(&mut self, packet: &Packet<'_>) {
        if let Some(frames) = self.keys.as_ref().and_then(|keys| keys.open(packet.bytes, packet.at)) {
            let _ = crypto(&frames, &mut self.hello);
            return;
        }
        // The first packet, or the first behind a Retry, which gives new numbers.
        let Some(keys) = Keys::new(packet.version, packet.number) else { return };
        if let Some(frames) = keys.open(packet.bytes, packet.at) {
            (self.keys, self.hello) = (Some(keys), Assembly::default());
            let _ = crypto(&frames, &mut self.hello);
        }
    }
}

/// Puts the pieces of the hello together; ends at a frame that no client sends here.
fn crypto(frames: &[u8], hello: &mut Assembly) -> Option<()> {
    let mut reader = Reader::new(frames);
    loop {
        match reader.u8()? {
            // Padding, a ping.
            0 | 1 => {}
            kind @ (2 | 3) => {
                // Acknowledged: the largest, the delay, ranges, the first of them.
                reader.varint()?;
                reader.varint()?;
                let ranges = reader.varint()?;
                reader.varint()?;
                for _ in 0..2 * ranges.min(256) {
                    reader.varint()?;
                }
                for _ in 0..if kind == 3 { 3 } else { 0 } {
                    reader.varint()?;
                }
            }
            6 => {
                let (offset, length) = (reader.varint()?, reader.varint()?);
                hello.insert(offset, reader.take(usize::try_from(length).ok()?)?);
            }
            _ => return None,
        }
    }
}
