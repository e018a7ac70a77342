//! Names of glyphs: which characters they are.

/// Names that are not a letter.
#[rustfmt::skip]
const NAMES: [(&str, char); 66] = [
    ("space", ' '), ("exclam", '!'), ("quotedbl", '"'), ("numbersign", '#'), ("dollar", '$'), ("percent", '%'),
    ("ampersand", '&'), ("quotesingle", '\''), ("parenleft", '('), ("parenright", ')'), ("asterisk", '*'), ("plus", '+'),
    ("comma", ','), ("hyphen", '-'), ("minus", '-'), ("period", '.'), ("slash", '/'), ("zero", '0'), ("one", '1'),
    ("two", '2'), ("three", '3'), ("four", '4'), ("five", '5'), ("six", '6'), ("seven", '7'), ("eight", '8'), ("nine", '9'),
    ("colon", ':'), ("semicolon", ';'), ("less", '<'), ("equal", '='), ("greater", '>'), ("question", '?'), ("at", '@'),
    ("bracketleft", '['), ("backslash", '\\'), ("bracketright", ']'), ("asciicircum", '^'), ("underscore", '_'),
    ("grave", '`'), ("braceleft", '{'), ("bar", '|'), ("braceright", '}'), ("asciitilde", '~'), ("guillemotleft", '«'),
    ("guillemotright", '»'), ("endash", '–'), ("emdash", '—'), ("quoteleft", '‘'), ("quoteright", '’'),
    ("quotedblleft", '“'), ("quotedblright", '”'), ("ellipsis", '…'), ("section", '§'), ("degree", '°'), ("bullet", '•'),
    ("nbspace", ' '), ("afii61352", '№'), ("numero", '№'), ("nonbreakingspace", ' '), ("copyright", '©'), ("periodcentered", '·'),
    ("tenge", '₸'), ("Euro", '€'), ("registered", '®'), ("trademark", '™'),
];

/// The character that a glyph's name tells.
pub(super) fn named(name: &str) -> Option<char> {
    let base = name.split('.').next().unwrap_or(name);
    let mut letters = base.chars();
    if let (Some(letter), None) = (letters.next(), letters.next()) {
        return Some(letter);
    }
    if let Some((_, c)) = NAMES.iter().find(|(known, _)| *known == base) {
        return Some(*c);
    }
    let hex =
        base.strip_prefix("uni").or_else(|| base.strip_prefix('u')).and_then(|hex| hex.get(..4.max(hex.len().min(6))));
    if let Some(c) = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32) {
        return Some(c);
    }
    let number: u32 = base.strip_prefix("afii")?.parse().ok()?;
    // The Cyrillic block of the Association for Font Information Interchange, in alphabetical order.
    let c = match number {
        10023 => 'Ё',
        10071 => 'ё',
        10017..=10022 => char::from_u32(0x410 + number - 10017)?,
        10024..=10049 => char::from_u32(0x416 + number - 10024)?,
        10055 => 'І',
        10103 => 'і',
        10065..=10070 => char::from_u32(0x430 + number - 10065)?,
        10072..=10097 => char::from_u32(0x436 + number - 10072)?,
        10846 => 'ә',
        _ => return None,
    };
    Some(c)
}
