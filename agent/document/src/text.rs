//! Plain text: which encoding it has, and its decoding piece by piece.

use std::io::BufRead;

use encoding_rs::{CoderResult, Decoder, Encoding as Standard, UTF_8, UTF_16BE, UTF_16LE};
use kuzet_personal::Encoding;

use crate::Why;
use crate::desk::{Desk, Flow};
use crate::input::{PIECE, head};

/// A way to read bytes as text.
#[derive(Clone, Copy)]
pub(crate) enum Charset {
    Standard(&'static Standard),
    /// The Kazakh code pages, which `encoding_rs` does not know.
    Kazakh(Encoding),
}

impl Charset {
    /// By the name that a header gives.
    pub(crate) fn labelled(label: &[u8]) -> Option<Charset> {
        let lower = label.trim_ascii().to_ascii_lowercase();
        match &lower[..] {
            b"kz-1048" | b"kz1048" | b"strk1048-2002" | b"rk1048" => Some(Charset::Kazakh(Encoding::Kz1048)),
            b"pt154" | b"ptcp154" | b"cp154" | b"csptcp154" | b"cyrillic-asian" => {
                Some(Charset::Kazakh(Encoding::Pt154))
            }
            _ => Standard::for_label(&lower).map(Charset::Standard),
        }
    }

    /// By the number of a Windows code page.
    pub(crate) fn page(number: u32) -> Charset {
        match number {
            65001 => Charset::Standard(UTF_8),
            1200 => Charset::Standard(UTF_16LE),
            866 => Charset::Standard(encoding_rs::IBM866),
            1048 => Charset::Kazakh(Encoding::Kz1048),
            154 => Charset::Kazakh(Encoding::Pt154),
            number => Charset::labelled(format!("windows-{number}").as_bytes()).unwrap_or(Charset::CYRILLIC),
        }
    }

    pub(crate) const CYRILLIC: Charset = Charset::Standard(encoding_rs::WINDOWS_1251);
    pub(crate) const UTF8: Charset = Charset::Standard(UTF_8);

    /// By the look of the text, if it is one.
    pub(crate) fn detected(sample: &[u8]) -> Option<Charset> {
        if is_utf8(sample) {
            return Some(Charset::UTF8);
        }
        // A text has hardly any of these characters; in UTF-16 they are high and low bytes of rare letters only.
        let odd = |byte: &&u8| matches!(**byte, 1..=3 | 5..=8 | 14 | 15);
        let first = &sample[..sample.len().min(4096)];
        if 40 * first.iter().filter(odd).count() > first.len() {
            return None;
        }
        if sample.starts_with(b"\xFE\xFF") || wide_big_end(sample) {
            return Some(Charset::Standard(UTF_16BE));
        }
        Some(match kuzet_personal::detect(sample) {
            Encoding::Utf8 => Charset::UTF8,
            Encoding::Utf16Le => Charset::Standard(UTF_16LE),
            Encoding::Windows1251 => Charset::CYRILLIC,
            Encoding::Koi8R => Charset::Standard(encoding_rs::KOI8_R),
            Encoding::Cp866 => Charset::Standard(encoding_rs::IBM866),
            kazakh @ (Encoding::Kz1048 | Encoding::Pt154) => Charset::Kazakh(kazakh),
            Encoding::Binary => return None,
        })
    }

    /// What is said to be Windows-1251 is often one of its Kazakh sisters; what is said at all is believed otherwise, unless the
    /// bytes are plainly something else.
    pub(crate) fn told(label: Option<Charset>, sample: &[u8]) -> Charset {
        match (label, Charset::detected(sample)) {
            (Some(Charset::Standard(label)), Some(seen @ Charset::Kazakh(_)))
                if label == encoding_rs::WINDOWS_1251 || label == encoding_rs::WINDOWS_1252 =>
            {
                seen
            }
            (_, Some(Charset::Standard(seen))) if seen == UTF_16LE || seen == UTF_16BE => Charset::Standard(seen),
            (_, Some(Charset::Standard(seen))) if seen == UTF_8 && !sample.is_ascii() => Charset::Standard(seen),
            (Some(label), _) => label,
            (None, Some(seen)) => seen,
            (None, None) => Charset::CYRILLIC,
        }
    }

    /// All of a short text.
    pub(crate) fn decode(self, bytes: &[u8]) -> std::borrow::Cow<'_, str> {
        match self {
            Charset::Standard(standard) => standard.decode_with_bom_removal(bytes).0,
            Charset::Kazakh(encoding) => kuzet_personal::decode(bytes, encoding),
        }
    }
}

/// Plainly UTF-8, but for a character that is cut at the end. The most of files are, and this is told fastest.
pub(crate) fn is_utf8(sample: &[u8]) -> bool {
    let whole = simdutf8::compat::from_utf8(sample)
        .map_or_else(|error| error.error_len().is_none() && sample.len() > 3, |_| true);
    whole && memchr::memchr(0, sample).is_none()
}

/// Digits and Latin letters with their zero byte before them.
fn wide_big_end(sample: &[u8]) -> bool {
    if memchr::memchr(0, sample).is_none() {
        return false;
    }
    let pairs = sample.len() / 2;
    let high = sample.chunks_exact(2).filter(|pair| matches!(pair[0], 0 | 4) && pair[1] != 0).count();
    pairs >= 4 && sample[1] != 0 && high * 10 >= pairs * 9
}

/// Decodes piece by piece.
pub(crate) struct Pieces {
    charset: Charset,
    decoder: Option<Decoder>,
    text: String,
}

impl Pieces {
    pub(crate) fn new(charset: Charset) -> Pieces {
        let decoder = match charset {
            Charset::Standard(standard) => Some(standard.new_decoder_with_bom_removal()),
            Charset::Kazakh(_) => None,
        };
        Pieces { charset, decoder, text: String::new() }
    }

    /// The text of the next bytes; `last` when there are no more.
    pub(crate) fn push(&mut self, mut bytes: &[u8], last: bool, give: &mut dyn FnMut(&str) -> Flow) -> Flow {
        let Some(decoder) = &mut self.decoder else { return give(&self.charset.decode(bytes)) };
        let most = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(PIECE);
        self.text.reserve(most.clamp(16, PIECE));
        loop {
            let (result, read, _) = decoder.decode_to_string(bytes, &mut self.text, last);
            bytes = &bytes[read..];
            give(&self.text)?;
            self.text.clear();
            if result == CoderResult::InputEmpty {
                return Ok(());
            }
        }
    }
}

/// Decodes a stream.
pub(crate) fn decode(
    desk: &mut Desk<'_>,
    charset: Charset,
    stream: &mut dyn BufRead,
    give: &mut dyn FnMut(&mut Desk<'_>, &str) -> Flow,
) -> Flow {
    let mut pieces = Pieces::new(charset);
    if matches!(charset, Charset::Standard(standard) if standard == UTF_8) {
        // As long as it is UTF-8 indeed, it is given as it is.
        let mut first = true;
        while let Ok(piece) = stream.fill_buf() {
            let piece = &piece[..piece.len().min(PIECE)];
            let Ok(mut text) = simdutf8::basic::from_utf8(piece) else { break };
            let count = text.len();
            desk.budget.work(count / 4)?;
            if std::mem::take(&mut first) {
                text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
            }
            give(desk, text)?;
            if count == 0 {
                return Ok(());
            }
            stream.consume(count);
        }
    }
    loop {
        let (piece, fault) = match stream.fill_buf() {
            Ok(piece) => (&piece[..piece.len().min(PIECE)], None),
            Err(_) => (&[][..], Some(desk.budget.fault())),
        };
        let count = piece.len();
        desk.budget.work(count / 4)?;
        pieces.push(piece, count == 0, &mut |text| give(desk, text))?;
        if count == 0 {
            return fault.map_or(Ok(()), Err);
        }
        stream.consume(count);
    }
}

pub(crate) fn is(head: &[u8]) -> bool {
    Charset::detected(head).is_some()
}

pub(crate) fn read(desk: &mut Desk<'_>, stream: &mut dyn BufRead) -> Flow {
    let charset = Charset::detected(head(stream, desk.budget)?).ok_or(Why::Unknown)?;
    decode(desk, charset, stream, &mut |desk, text| desk.text(text))
}
