//! Files that are encrypted for everybody: with an empty password, to forbid printing or copying. Readers open them without a
//! question, and so do we; a file that asks for a password stays closed.

use ring::digest::{SHA256, SHA384, SHA512, digest};

use super::cipher::{Aes, md5, rc4};
use super::object::{Dict, Object};

/// What stands in for the characters that a password lacks.
const PAD: [u8; 32] = [
    0x28, 0xBF, 0x4E, 0x5E, 0x4E, 0x75, 0x8A, 0x41, 0x64, 0x00, 0x4E, 0x56, 0xFF, 0xFA, 0x01, 0x08, 0x2E, 0x2E, 0x00,
    0xB6, 0xD0, 0x68, 0x3E, 0x80, 0x2F, 0x0C, 0xA9, 0xFE, 0x64, 0x53, 0x69, 0x7A,
];

#[derive(Clone, Copy, PartialEq)]
enum Method {
    None,
    Rc4,
    Aes,
}

/// How streams and texts of a file are decrypted.
pub(super) struct Crypt {
    key: Vec<u8>,
    streams: Method,
    texts: Method,
    /// The key is that of the file, not one for each object.
    one_key: bool,
}

impl Crypt {
    /// The way in without a password, if there is one. `id` is the first identifier of the file.
    pub(super) fn open(dict: &Dict, id: &[u8]) -> Option<Crypt> {
        if !dict.is(b"Filter", b"Standard") {
            return None;
        }
        let int = |key: &[u8]| dict.get(key).and_then(Object::int);
        let (version, revision) = (int(b"V")?, int(b"R")?);
        let (streams, texts) = match version {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(dict, b"StmF")?, method(dict, b"StrF")?),
            _ => return None,
        };
        let key = match revision {
            2..=4 => {
                // Forty bits, or as many as are told; with filters always 128.
                let length = match version {
                    1 => 5,
                    4 => 16,
                    _ => usize::try_from(int(b"Length").unwrap_or(40) / 8)
                        .ok()
                        .filter(|length| (5..=16).contains(length))?,
                };
                old_key(dict, id, revision, length)?
            }
            5 | 6 => new_key(dict, revision)?,
            _ => return None,
        };
        Some(Crypt { key, streams, texts, one_key: version == 5 })
    }

    pub(super) fn stream(&self, number: u32, generation: u16, bytes: &[u8]) -> Vec<u8> {
        self.decrypt(self.streams, number, generation, bytes)
    }

    /// Decrypts the texts of an object.
    pub(super) fn texts(&self, number: u32, generation: u16, object: &mut Object) {
        match object {
            Object::Text(text) => *text = self.decrypt(self.texts, number, generation, text),
            Object::Array(items) => items.iter_mut().for_each(|item| self.texts(number, generation, item)),
            Object::Dict(dict) => dict.values().for_each(|value| self.texts(number, generation, value)),
            _ => {}
        }
    }

    fn decrypt(&self, method: Method, number: u32, generation: u16, bytes: &[u8]) -> Vec<u8> {
        let mut key = self.key.clone();
        if !self.one_key {
            key.extend_from_slice(&number.to_le_bytes()[..3]);
            key.extend_from_slice(&generation.to_le_bytes());
            if method == Method::Aes {
                key.extend_from_slice(b"sAlT");
            }
            let length = (self.key.len() + 5).min(16);
            key = md5(&key)[..length].to_vec();
        }
        match method {
            Method::None => bytes.to_vec(),
            Method::Rc4 => rc4(&key, bytes),
            Method::Aes => {
                let Some((start, blocks)) = bytes.split_first_chunk::<16>() else { return Vec::new() };
                let mut plain = Aes::new(&key).decrypt(*start, blocks);
                // The last byte tells how many were put behind.
                let padding = usize::from(plain.last().copied().unwrap_or(0));
                if (1..=16).contains(&padding) {
                    plain.truncate(plain.len().saturating_sub(padding));
                }
                plain
            }
        }
    }
}

fn method(dict: &Dict, which: &[u8]) -> Option<Method> {
    let Some(Object::Name(name)) = dict.get(which) else { return Some(Method::None) };
    if name == b"Identity" {
        return Some(Method::None);
    }
    let Some(Object::Dict(filters)) = dict.get(b"CF") else { return None };
    let Some(Object::Dict(filter)) = filters.get(name) else { return None };
    match filter.get(b"CFM") {
        Some(Object::Name(name)) if name == b"V2" => Some(Method::Rc4),
        Some(Object::Name(name)) if name == b"AESV2" || name == b"AESV3" => Some(Method::Aes),
        Some(Object::Name(name)) if name == b"None" => Some(Method::None),
        _ => None,
    }
}

fn text<'a>(dict: &'a Dict, key: &[u8], length: usize) -> Option<&'a [u8]> {
    match dict.get(key) {
        Some(Object::Text(text)) => text.get(..length),
        _ => None,
    }
}

/// Up to 128 bits, by MD5 and RC4.
fn old_key(dict: &Dict, id: &[u8], revision: i64, length: usize) -> Option<Vec<u8>> {
    let rights = dict.get(b"P").and_then(Object::int)?;
    let mut seed = PAD.to_vec();
    seed.extend_from_slice(text(dict, b"O", 32)?);
    seed.extend_from_slice(&rights.to_le_bytes()[..4]);
    seed.extend_from_slice(id);
    if revision == 4 && matches!(dict.get(b"EncryptMetadata"), Some(Object::Word(word)) if word == b"false") {
        seed.extend_from_slice(&[0xFF; 4]);
    }
    let mut key = md5(&seed)[..length].to_vec();
    if revision > 2 {
        for _ in 0..50 {
            key = md5(&key)[..length].to_vec();
        }
    }
    // The proof that the empty password is the right one.
    let proof = if revision == 2 {
        rc4(&key, &PAD)
    } else {
        let start = md5(&[&PAD[..], id].concat()).to_vec();
        (0..20u8).fold(start, |proof, round| rc4(&key.iter().map(|byte| byte ^ round).collect::<Vec<u8>>(), &proof))
    };
    (text(dict, b"U", proof.len())? == proof).then_some(key)
}

/// 256 bits, by SHA-2 and AES.
fn new_key(dict: &Dict, revision: i64) -> Option<Vec<u8>> {
    let user = text(dict, b"U", 48)?;
    let hash = |salt: &[u8]| if revision == 5 { digest(&SHA256, salt).as_ref().to_vec() } else { stretched(salt) };
    if hash(&user[32..40]) != user[..32] {
        return None;
    }
    Some(Aes::new(&hash(&user[40..48])).decrypt([0; 16], text(dict, b"UE", 32)?))
}

/// The hash of revision 6 (ISO 32000-2, 7.6.4.3.4) of an empty password.
fn stretched(salt: &[u8]) -> Vec<u8> {
    let mut key = digest(&SHA256, salt).as_ref().to_vec();
    for round in 0u32.. {
        let Some((first, second)) = key.split_at_checked(16) else { break };
        let Some(start) = second.first_chunk::<16>() else { break };
        let packed = Aes::new(first).encrypt(*start, &key.repeat(64));
        // A number of sixteen bytes by three is the sum of its bytes by three.
        let kind = packed[..16].iter().map(|byte| u32::from(*byte)).sum::<u32>() % 3;
        let last = packed.last().copied().unwrap_or(0);
        key = digest([&SHA256, &SHA384, &SHA512][kind as usize], &packed).as_ref().to_vec();
        if round >= 63 && u32::from(last) + 32 <= round + 1 {
            break;
        }
    }
    key.truncate(32);
    key
}
