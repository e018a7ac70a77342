//! Rich Text Format: its text in whatever code page, `\u` characters, pictures, embedded objects told.

use std::io::BufRead;

use crate::desk::{Desk, Flow};
use crate::input::PIECE;
use crate::text::Charset;
use crate::{Format, Why, picture};

/// Groups nest to this depth; deeper ones are read as if they were not there.
const DEPTH: usize = 1000;
/// A longer picture is left out and counted.
const PICTURE: usize = 32 << 20;
const WORD: usize = 32;

/// What a group is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Picture,
    /// Tables of fonts, styles, colours.
    Hidden,
}

#[derive(Clone, Copy)]
struct Group {
    kind: Kind,
    /// How many characters stand behind a `\u` for those who do not know it.
    instead: i32,
    charset: Charset,
}

struct Reader {
    groups: Vec<Group>,
    now: Group,
    /// Groups beyond the depth.
    deeper: usize,
    /// Characters still to pass over.
    skip: i32,
    /// Bytes of binary data still to pass over.
    binary: usize,
    /// The group began with `\*`: it is hidden unless it is known.
    starred: bool,
    /// Bytes of text not yet decoded.
    text: Vec<u8>,
    /// A first half of a character of two units.
    high: Option<u16>,
    picture: Vec<u8>,
    half: Option<u8>,
    pictures: usize,
    /// The charset of the document.
    page: Charset,
}

/// Fonts tell the code page of what is written in them; of those only Cyrillic is of use, the document tells the rest.
#[rustfmt::skip]
const HIDDEN: [&[u8]; 14] = [
    b"fonttbl", b"stylesheet", b"colortbl", b"listtable", b"listoverridetable", b"themedata", b"colorschememapping", b"datastore",
    b"latentstyles", b"rsidtbl", b"xmlnstbl", b"generator", b"fldinst", b"nonshppict",
];
/// Starred groups with text in them.
const STARRED: [&[u8]; 6] = [b"shppict", b"shpinst", b"annotation", b"footnote", b"bkmkstart", b"shptxt"];

pub(crate) fn read(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let now = Group { kind: Kind::Text, instead: 1, charset: Charset::CYRILLIC };
    let mut reader = Reader {
        groups: Vec::new(),
        now,
        deeper: 0,
        skip: 0,
        binary: 0,
        starred: false,
        text: Vec::new(),
        high: None,
        picture: Vec::new(),
        half: None,
        pictures: 0,
        page: Charset::CYRILLIC,
    };
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let (piece, fault) = match stream.fill_buf() {
            Ok(piece) => (&piece[..piece.len().min(PIECE)], None),
            Err(_) => (&[][..], Some(desk.budget.fault())),
        };
        let count = piece.len();
        desk.budget.work(count)?;
        bytes.extend_from_slice(piece);
        stream.consume(count);
        let used = reader.cut(desk, &bytes, count == 0)?;
        bytes.drain(..used);
        if count == 0 {
            reader.decode(desk)?;
            let open = !reader.groups.is_empty() || reader.deeper > 0;
            return fault.map_or(if open { Err(Why::Damaged) } else { Ok(()) }, Err);
        }
    }
}

impl Reader {
    /// Reads what is complete and says how much it is.
    fn cut(&mut self, desk: &mut Desk<'_>, bytes: &[u8], last: bool) -> Result<usize, Why> {
        let mut at = 0;
        while at < bytes.len() {
            // A control word and its number fit into this.
            if !last && bytes.len() - at < 2 * WORD && bytes[at] == b'\\' {
                break;
            }
            if self.binary > 0 {
                let count = self.binary.min(bytes.len() - at);
                if self.now.kind == Kind::Picture && self.picture.len() < PICTURE {
                    self.picture.extend_from_slice(&bytes[at..at + count]);
                }
                self.binary -= count;
                at += count;
                continue;
            }
            match bytes[at] {
                b'{' => {
                    self.decode(desk)?;
                    if self.groups.len() < DEPTH {
                        self.groups.push(self.now)
                    } else {
                        self.deeper += 1
                    }
                    at += 1;
                }
                b'}' => {
                    self.decode(desk)?;
                    self.close(desk)?;
                    at += 1;
                }
                b'\\' => at += self.control(desk, &bytes[at..])?,
                b'\r' | b'\n' => at += 1,
                byte => {
                    self.byte(byte);
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        match self.now.kind {
            Kind::Text => self.text.push(byte),
            Kind::Picture => {
                let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()) else {
                    return;
                };
                match self.half.take() {
                    Some(high) if self.picture.len() < PICTURE => self.picture.push(high << 4 | digit),
                    Some(_) => {}
                    None => self.half = Some(digit),
                }
            }
            Kind::Hidden => {}
        }
    }

    /// Gives the text that waits.
    fn decode(&mut self, desk: &mut Desk<'_>) -> Flow {
        if self.text.is_empty() {
            return Ok(());
        }
        let text = std::mem::take(&mut self.text);
        desk.text(&self.now.charset.decode(&text))
    }

    fn close(&mut self, desk: &mut Desk<'_>) -> Flow {
        if self.deeper > 0 {
            self.deeper -= 1;
            return Ok(());
        }
        let before = self.groups.pop().unwrap_or(self.now);
        let ended = self.now.kind == Kind::Picture && before.kind != Kind::Picture;
        self.now = before;
        self.skip = 0;
        self.starred = false;
        if ended {
            let bytes = std::mem::take(&mut self.picture);
            self.half = None;
            self.pictures += 1;
            // Metafiles are drawings.
            if bytes.len() >= PICTURE {
                desk.miss(Why::Size);
            } else if let Some(kind) = picture::kind(&bytes) {
                return desk.part(self.pictures, Format::Picture, |desk| desk.picture(kind, &bytes));
            }
        }
        Ok(())
    }

    /// A control word or symbol; how long it is.
    fn control(&mut self, desk: &mut Desk<'_>, bytes: &[u8]) -> Result<usize, Why> {
        let Some(first) = bytes.get(1) else { return Ok(1) };
        if !first.is_ascii_alphabetic() {
            match first {
                b'\'' => {
                    let code =
                        bytes.get(2..4).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
                    if let Some(code) = code
                        && self.now.kind != Kind::Picture
                    {
                        self.byte(code);
                    }
                    return Ok(if code.is_some() { 4 } else { 2 });
                }
                b'*' => self.starred = true,
                b'~' => self.byte(b' '),
                b'_' => self.byte(b'-'),
                b'{' | b'}' | b'\\' => self.byte(*first),
                b'\r' | b'\n' => self.byte(b'\n'),
                _ => {}
            }
            return Ok(2);
        }
        let rest = &bytes[1..];
        let letters =
            rest.iter().take(WORD).position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(rest.len().min(WORD));
        let word = &rest[..letters];
        let minus = usize::from(rest.get(letters) == Some(&b'-'));
        let tail = &rest[letters + minus..];
        let digits = tail.iter().take(10).position(|byte| !byte.is_ascii_digit()).unwrap_or(tail.len().min(10));
        let number = std::str::from_utf8(&rest[letters..letters + minus + digits])
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        let mut length = 1 + letters + minus + digits;
        length += usize::from(bytes.get(length) == Some(&b' '));
        self.word(desk, word, number)?;
        Ok(length)
    }

    fn word(&mut self, desk: &mut Desk<'_>, word: &[u8], number: Option<i64>) -> Flow {
        let starred = std::mem::take(&mut self.starred);
        if HIDDEN.contains(&word) || starred && !STARRED.contains(&word) {
            self.decode(desk)?;
            self.now.kind = Kind::Hidden;
            return Ok(());
        }
        match word {
            b"pict" if self.now.kind == Kind::Text => {
                self.decode(desk)?;
                self.now.kind = Kind::Picture;
            }
            b"par" | b"line" | b"row" | b"sect" | b"page" | b"title" | b"subject" | b"author" | b"operator"
            | b"keywords" | b"doccomm" | b"company" | b"category" | b"header" | b"footer" | b"headerl" | b"headerr"
            | b"footerl" | b"footerr" => self.byte(b'\n'),
            b"tab" | b"cell" | b"nestcell" => self.byte(b'\t'),
            b"emdash" | b"endash" => self.byte(b'-'),
            b"bin" => self.binary = number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0),
            b"uc" => self.now.instead = number.and_then(|number| i32::try_from(number).ok()).unwrap_or(1).clamp(0, 16),
            b"ansicpg" => {
                self.page = Charset::page(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1251));
                self.now.charset = self.page;
            }
            b"u" => {
                self.decode(desk)?;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // negative numbers are those above 0x7FFF
                let unit = number.unwrap_or(0) as u16;
                self.skip = self.now.instead;
                if self.now.kind != Kind::Text {
                    return Ok(());
                }
                let units = [self.high.take().unwrap_or(unit), unit];
                let pair = units[0] != unit;
                if !pair && (0xD800..0xDC00).contains(&unit) {
                    self.high = Some(unit);
                    return Ok(());
                }
                for c in char::decode_utf16(units.into_iter().skip(usize::from(!pair))) {
                    desk.text(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}
