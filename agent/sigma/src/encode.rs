//! How attackers hide a text, as the modifiers say it: UTF-16, base64, and base64 from any offset.

use crate::modifier::Transform;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `text` encoded step by step; `None` where the result is no text.
pub(crate) fn encode(text: &str, steps: &[Transform]) -> Option<Vec<String>> {
    let mut bytes = text.as_bytes().to_vec();
    for step in steps {
        match step {
            Transform::Utf16Le => bytes = utf16(text, u16::to_le_bytes),
            Transform::Utf16Be => bytes = utf16(text, u16::to_be_bytes),
            Transform::Utf16 => {
                bytes = vec![0xff, 0xfe];
                bytes.extend(utf16(text, u16::to_le_bytes));
            }
            Transform::Base64 => return Some(vec![base64(&bytes)]),
            Transform::Base64Offset => return Some((0..3).map(|offset| base64_piece(&bytes, offset)).collect()),
            Transform::Windash => {}
        }
    }
    String::from_utf8(bytes).ok().map(|text| vec![text])
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = if at <= group.len() { ALPHABET[(bits >> (18 - 6 * at) & 63) as usize] } else { b'=' };
            text.push(char::from(letter));
        }
    }
    text
}

/// The letters that stand for `bytes` alone, whatever `offset` bytes stand before them and whatever follows.
fn base64_piece(bytes: &[u8], offset: usize) -> String {
    const BEFORE: [usize; 3] = [0, 2, 3];
    const BEHIND: [usize; 3] = [0, 3, 2];
    let mut padded = vec![b' '; offset];
    padded.extend_from_slice(bytes);
    let text = base64(&padded);
    let end = text.len() - BEHIND[padded.len() % 3];
    text[BEFORE[offset].min(end)..end].to_owned()
}
