//! Byte classes and the few words that the hot pass must know.

pub(super) const SPACE: u8 = 0;
pub(super) const WORD: u8 = 1;
pub(super) const DIGIT: u8 = 2;
pub(super) const QUOTE: u8 = 3;
const OTHER: u8 = 4;

/// Class of a byte at the start of a token.
pub(super) static CLASS: [u8; 256] = {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        table[byte] = match value {
            0..=b' ' => SPACE,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => WORD,
            b'0'..=b'9' => DIGIT,
            b'\'' | b'"' | b'`' => QUOTE,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

/// Whether a byte goes on a word.
pub(super) static PART: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | 0x80..);
        byte += 1;
    }
    table
};

/// Up to eight bytes as a number.
#[inline]
pub(super) const fn plain(bytes: &[u8]) -> u64 {
    let mut value = 0;
    let mut index = 0;
    while index < bytes.len() && index < 8 {
        value |= (bytes[index] as u64) << (8 * index);
        index += 1;
    }
    value
}

/// Up to eight bytes as a number, ASCII letters in lower case. Other bytes of words stay distinct: `_` moves to a place
/// that no word byte has, digits and `$` have the bit already, bytes from 0x80 are left alone.
#[inline]
pub(super) const fn fold(bytes: &[u8]) -> u64 {
    let value = if let Some(eight) = bytes.first_chunk::<8>() { u64::from_le_bytes(*eight) } else { plain(bytes) };
    let length = if bytes.len() < 8 { bytes.len() } else { 8 };
    let used = if length == 8 { u64::MAX } else { (1 << (8 * length)) - 1 };
    value | (0x2020_2020_2020_2020 & used & !((value & 0x8080_8080_8080_8080) >> 2))
}

/// Words that stand for a value inside a list.
#[inline]
pub(super) fn is_constant(first: u64, length: usize) -> bool {
    const NULL: u64 = fold(b"null");
    const TRUE: u64 = fold(b"true");
    const FALSE: u64 = fold(b"false");
    const DEFAULT: u64 = fold(b"default");
    length <= 7 && matches!(first, NULL | TRUE | FALSE | DEFAULT)
}

/// Words whose number is an upper bound of rows.
#[inline]
pub(super) fn is_limit(first: u64, length: usize) -> bool {
    const LIMIT: u64 = fold(b"limit");
    const FETCH: u64 = fold(b"fetch");
    const FIRST: u64 = fold(b"first");
    const NEXT: u64 = fold(b"next");
    const FORWARD: u64 = fold(b"forward");
    length <= 7 && matches!(first, LIMIT | FETCH | FIRST | NEXT | FORWARD)
}

/// First words of statements whose facts are in their literals.
#[inline]
pub(super) fn binds_at_start(first: u64, length: usize) -> bool {
    const SET: u64 = fold(b"set");
    const ALTER: u64 = fold(b"alter");
    const RESET: u64 = fold(b"reset");
    const DO: u64 = fold(b"do");
    const CREATE: u64 = fold(b"create");
    const PREPARE: u64 = fold(b"prepare");
    const EXECUTE: u64 = fold(b"execute");
    const INSTALL: u64 = fold(b"install");
    const GRANT: u64 = fold(b"grant");
    const REVOKE: u64 = fold(b"revoke");
    const DROP: u64 = fold(b"drop");
    const UNINSTAL: u64 = fold(b"uninstal");
    match first {
        SET | ALTER | RESET | DO | CREATE | PREPARE | EXECUTE | INSTALL | GRANT | REVOKE | DROP => length <= 7,
        UNINSTAL => length == 9,
        _ => false,
    }
}

/// Functions whose facts are in their literals.
#[inline]
pub(super) fn binds_anywhere(first: u64, word: &[u8]) -> bool {
    const SET_CONF: u64 = fold(b"set_conf");
    const QUERY_TO: u64 = fold(b"query_to");
    const TABLE_TO: u64 = fold(b"table_to");
    const CURSOR_T: u64 = fold(b"cursor_t");
    const DBLINK: u64 = fold(b"dblink");
    matches!(first, SET_CONF | QUERY_TO | TABLE_TO | CURSOR_T | DBLINK)
        || (word.len() > 6 && first == fold(b"dblink_e"))
}

/// Words that dump programs of MariaDB write inside executable comments.
#[inline]
pub(super) fn is_dump_hint(first: u64, word: &[u8]) -> bool {
    const SQL_NO_C: u64 = fold(b"sql_no_c");
    const LOCAL: u64 = fold(b"local");
    first == SQL_NO_C || (first == LOCAL && word.len() == 5)
}
