//! Takes a value with keys inside apart: JSON, arrays, hstore, XML. Tolerant and bounded: what is broken is read as far
//! as it goes.

/// Calls `found` with the nearest key and the text of every scalar inside `value`; false when `value` is no such thing.
/// Keys that look like values themselves (`{"850830346939": …}`) are given under the key before them.
pub(super) fn each(value: &[u8], mut found: impl FnMut(&str, &[u8])) -> bool {
    match value {
        [b'{', .., b'}'] | [b'[', .., b']'] => {}
        // Cut by the sampler in the middle.
        [b'{' | b'[', b'"' | b'{' | b'[', ..] => {}
        [b'<', next, ..] if next.is_ascii_alphabetic() || matches!(next, b'?') || *next >= 0x80 => {
            elements(value, &mut found);
            return true;
        }
        [b'"', ..] if memchr::memmem::find(value, b"\"=>").is_some() => {}
        _ => return false,
    }
    members(value, &mut found);
    true
}

/// JSON, hstore and arrays: strings and bare words, of which those before `:` or `=>` are keys.
fn members(value: &[u8], found: &mut impl FnMut(&str, &[u8])) {
    let mut key = String::new();
    let mut text = Vec::new();
    let mut at = 0;
    while at < value.len() {
        match value[at] {
            b'"' => at = quoted(value, at + 1, &mut text),
            byte if plain(byte) => {
                let end = value[at..].iter().position(|byte| !(plain(*byte) || *byte == b' '));
                let end = end.map_or(value.len(), |more| at + more);
                text.clear();
                text.extend_from_slice(value[at..end].trim_ascii());
                at = end;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        let rest = value[at..].trim_ascii_start();
        if rest.starts_with(b":") || rest.starts_with(b"=>") {
            if text.len() >= 9 && text[0].is_ascii_digit() {
                found(&key, &text);
            } else {
                key = String::from_utf8_lossy(&text).into_owned();
            }
            at = value.len() - rest.len() + 1 + usize::from(rest[0] == b'=');
        } else if !matches!(&*text, b"null" | b"NULL" | b"true" | b"false" | b"") {
            found(&key, &text);
        }
    }
}

/// A byte of a bare word or number.
fn plain(byte: u8) -> bool {
    byte > b' ' && !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b'=' | b'>')
}

/// Reads a quoted string from behind its quote into `text`, with `\"` and `\u0410` undone; gives the index behind it.
fn quoted(value: &[u8], mut at: usize, text: &mut Vec<u8>) -> usize {
    text.clear();
    while let Some(&byte) = value.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => match value.get(at + 1) {
                Some(b'u') => {
                    let code = value.get(at + 2..at + 6).and_then(|hex| std::str::from_utf8(hex).ok());
                    let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
                    let mut buffer = [0; 4];
                    text.extend_from_slice(code.unwrap_or('?').encode_utf8(&mut buffer).as_bytes());
                    at += 6;
                }
                Some(b'n' | b't' | b'r') => {
                    text.push(b' ');
                    at += 2;
                }
                Some(other) => {
                    text.push(*other);
                    at += 2;
                }
                None => return value.len(),
            },
            other => {
                text.push(other);
                at += 1;
            }
        }
    }
    value.len()
}

/// XML: the text of elements under their names, and attributes under theirs.
fn elements(value: &[u8], found: &mut impl FnMut(&str, &[u8])) {
    let mut name = String::new();
    let mut rest = value;
    while let Some(open) = memchr::memchr(b'<', rest) {
        let text = rest[..open].trim_ascii();
        if !text.is_empty() {
            found(&name, text);
        }
        let tag = &rest[open + 1..];
        let Some(close) = memchr::memchr(b'>', tag) else { return };
        let inside = &tag[..close];
        if !inside.starts_with(b"/") {
            let words = inside.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
            // Namespaces are no part of the name.
            let local = words.rsplit(|byte| *byte == b':').next().unwrap_or_default();
            name = String::from_utf8_lossy(local.strip_suffix(b"/").unwrap_or(local)).into_owned();
            attributes(&inside[words.len().min(inside.len())..], found);
        }
        rest = &tag[close + 1..];
    }
}

fn attributes(mut inside: &[u8], found: &mut impl FnMut(&str, &[u8])) {
    while let Some(equals) = memchr::memchr(b'=', inside) {
        let name = String::from_utf8_lossy(inside[..equals].trim_ascii()).into_owned();
        let rest = inside[equals + 1..].trim_ascii_start();
        let Some((quote @ (b'"' | b'\''), rest)) = rest.split_first() else { return };
        let Some(end) = memchr::memchr(*quote, rest) else { return };
        if end > 0 {
            found(&name, &rest[..end]);
        }
        inside = &rest[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &str) -> Vec<(String, String)> {
        let mut all = Vec::new();
        each(value.as_bytes(), |key, part| all.push((key.to_owned(), String::from_utf8_lossy(part).into_owned())));
        all
    }

    fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, part)| ((*key).to_owned(), (*part).to_owned())).collect()
    }

    #[test]
    fn values_with_keys_come_apart() {
        assert_eq!(
            parts(r#"{"a": "x y", "b": [1, 2], "c": {"d": "\u0410\"", "e": null}}"#),
            told(&[("a", "x y"), ("b", "1"), ("b", "2"), ("d", "А\"")])
        );
        assert_eq!(parts("{+77010000001,\"a b\",c d}"), told(&[("", "+77010000001"), ("", "a b"), ("", "c d")]));
        assert_eq!(parts(r#""iin"=>"850830346939", "n"=>NULL"#), told(&[("iin", "850830346939")]));
        assert_eq!(parts(r#"{"850830346939": {"k": 1}}"#), told(&[("", "850830346939"), ("k", "1")]));
        assert_eq!(
            parts("<?xml version='1.0'?><p:man ud=\"012345678\"><fio>Ахметов</fio><x/></p:man>"),
            told(&[("version", "1.0"), ("ud", "012345678"), ("fio", "Ахметов")])
        );
    }

    #[test]
    fn other_values_stay_whole() {
        for value in ["", "text", "{", "<3", "< b", "\"quoted\"", "12"] {
            assert!(!each(value.as_bytes(), |_, _| ()), "{value}");
        }
    }

    #[test]
    fn broken_ones_are_read_as_far_as_they_go() {
        for value in ["{\"a\": \"x", "{\"a\\", "[\"\\u04", "<a b=\"", "<a><b", "{\"\\u\"}", "{:}", "[=>]"] {
            each(value.as_bytes(), |_, _| ());
        }
        assert_eq!(parts("{\"a\": \"x"), told(&[("a", "x")]));
    }
}
