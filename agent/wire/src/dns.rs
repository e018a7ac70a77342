//! Messages of DNS: what was asked, and which addresses the asked name has.

use crate::Name;
use crate::reader::Reader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Records of one message that are looked at.
const RECORDS: usize = 128;
/// Names that one asked name may lead to (CNAME).
const ALIASES: usize = 16;
/// Longest name, with the lengths of its labels.
const NAME: usize = 255;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// One message.
pub struct Message {
    /// An answer, not a question.
    pub response: bool,
    /// What was asked.
    pub name: Name,
    /// Type of the records asked for.
    pub record: u16,
    /// Addresses of the asked name, with the seconds they hold; through every alias.
    pub addresses: Vec<(IpAddr, u32)>,
}

/// Reads one message; `None` for bytes that are none.
#[must_use]
pub fn message(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(bytes);
    let (_, flags, questions, answers) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    reader.take(4)?;
    // An ordinary query has operation 0.
    if flags >> 11 & 0xf != 0 || questions == 0 {
        return None;
    }
    let name = name(bytes, &mut reader)?;
    let record = reader.u16()?;
    reader.u16()?;
    let response = flags & 0x8000 != 0;
    let addresses = if response && questions == 1 { addresses(bytes, reader, answers, &name) } else { Vec::new() };
    Some(Message { response, name, record, addresses })
}

/// A name, whose labels may stand farther ahead. Each such jump leads to the front, so there is an end.
fn name<'a>(bytes: &'a [u8], reader: &mut Reader<'a>) -> Option<Name> {
    let (mut labels, mut length, mut at) = (Vec::new(), 0, *reader);
    let mut jumped = false;
    let mut front = reader.place();
    loop {
        match at.u8()? {
            0 => break,
            size @ 1..=63 => {
                length += usize::from(size) + 1;
                if length > NAME {
                    return None;
                }
                labels.push(at.take(usize::from(size))?);
            }
            high @ 0xc0.. => {
                let to = usize::from(high & 0x3f) << 8 | usize::from(at.u8()?);
                if !jumped {
                    *reader = at;
                    jumped = true;
                }
                if to >= front {
                    return None;
                }
                front = to;
                at = Reader::at(bytes, to);
            }
            _ => return None,
        }
    }
    if !jumped {
        *reader = at;
    }
    Some(Name::of_labels(labels))
}

enum Said {
    Alias(Name),
    Address(IpAddr, u32),
}

/// Addresses of `asked` among the answers. Aliases may stand behind what they lead to, so they are followed first.
fn addresses<'a>(bytes: &'a [u8], mut reader: Reader<'a>, answers: u16, asked: &Name) -> Vec<(IpAddr, u32)> {
    let count = usize::from(answers).min(RECORDS);
    let mut records: Vec<(Name, Said)> = Vec::new();
    for _ in 0..count {
        // What is cut off tells nothing; what came before it does.
        match answer(bytes, &mut reader) {
            None => break,
            Some(record) => records.extend(record),
        }
    }
    let mut names = vec![asked];
    for at in 0..ALIASES {
        let Some(name) = names.get(at).copied() else { break };
        let next = records.iter().find_map(|(owner, said)| match said {
            Said::Alias(to) if owner == name && !names.contains(&to) => Some(to),
            _ => None,
        });
        names.extend(next);
    }
    let of_asked = records.iter().filter_map(|(owner, said)| match said {
        Said::Address(address, seconds) if names.contains(&owner) => Some((*address, *seconds)),
        _ => None,
    });
    of_asked.collect()
}

fn answer<'a>(bytes: &'a [u8], reader: &mut Reader<'a>) -> Option<Option<(Name, Said)>> {
    let owner = name(bytes, reader)?;
    let (kind, _, seconds) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let mut inside = Reader::at(bytes, reader.place() + 2);
    let data = reader.long()?;
    Some(
        match (kind, data.len()) {
            (A, 4) => <[u8; 4]>::try_from(data).ok().map(|four| Said::Address(Ipv4Addr::from(four).into(), seconds)),
            (AAAA, 16) => <[u8; 16]>::try_from(data).ok().map(|all| Said::Address(Ipv6Addr::from(all).into(), seconds)),
            (CNAME, _) => name(bytes, &mut inside).map(Said::Alias),
            _ => None,
        }
        .map(|said| (owner, said)),
    )
}
