//! The scan: candidates by shape, each judged by its own kind and by the words before it.

use crate::context::{self, Word};
use crate::fold::Folded;
use crate::kinds::{Kind, card, digit, email, iban, iin, phone};
use crate::{Date, Finding, Reason};

/// Finds personal data in text. One is enough for a process; it holds no state between calls.
#[derive(Clone, Debug)]
pub struct Classifier {
    today: Date,
}

impl Default for Classifier {
    fn default() -> Classifier {
        Classifier::new()
    }
}

impl Classifier {
    /// All kinds, with context words.
    #[must_use]
    pub fn new() -> Classifier {
        Classifier { today: Date::DEFAULT }
    }

    /// Judges birth dates against `today` instead of [`Date::DEFAULT`].
    #[must_use]
    pub fn with_today(mut self, today: Date) -> Classifier {
        self.today = today;
        self
    }

    /// Appends what is found in `bytes` to `out`, in order of position, without overlaps. Text is UTF-8 or another
    /// superset of ASCII: numbers are found in any, words in UTF-8 only ([`decode_text`](crate::decode_text) first).
    pub fn scan(&self, bytes: &[u8], out: &mut Vec<Finding>) {
        let mut scratch = Folded::default();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let candidate = match byte {
                b'@' | b'K' => true,
                b'+' => bytes.get(at + 1) == Some(&b'7'),
                _ => digit(byte) && (at == 0 || !digit(bytes[at - 1])),
            };
            let found = if candidate { self.judge(bytes, at, &mut scratch) } else { None };
            match found {
                Some(finding) => {
                    at = finding.span.end;
                    out.push(finding);
                }
                None => at += 1,
            }
        }
    }

    fn judge(&self, bytes: &[u8], at: usize, scratch: &mut Folded) -> Option<Finding> {
        let found = |kind, length, confidence, reason| Finding { kind, span: at..at + length, confidence, reason };
        let rest = &bytes[at..];
        let joined = at > 0 && bytes[at - 1].is_ascii_alphanumeric();
        match rest[0] {
            b'@' => email::around(bytes, at).map(|span| Finding {
                kind: Kind::Email,
                span,
                confidence: 95,
                reason: Reason::Form,
            }),
            _ if joined => None,
            b'K' => iban::at_start(rest).map(|length| found(Kind::Iban, length, 99, Reason::CheckDigits)),
            b'+' => {
                let number = phone::parse(rest)?;
                let (kind, confidence) = match phone::line(&number.national) {
                    phone::Line::Mobile => (Kind::Phone, 95),
                    phone::Line::Fixed => (Kind::PhoneOther, 90),
                    phone::Line::Foreign => return None,
                };
                Some(found(kind, number.length, confidence, Reason::Form))
            }
            _ => self
                .number(bytes, at, scratch)
                .map(|(kind, length, confidence, reason)| found(kind, length, confidence, reason)),
        }
    }

    fn number(&self, bytes: &[u8], at: usize, scratch: &mut Folded) -> Option<(Kind, usize, u8, Reason)> {
        let rest = &bytes[at..];
        if let Some(digits) = card::grouped(rest).filter(|digits| card::fit(digits).is_some()) {
            return Some((Kind::Card, digits.len() + 3, 95, Reason::CheckDigits));
        }
        let length = rest.iter().take_while(|byte| digit(**byte)).count();
        if rest.get(length).is_some_and(u8::is_ascii_alphabetic) {
            return None;
        }
        let run = &rest[..length];
        match length {
            9 => (context::before(bytes, at, scratch) == Some(Word::Of(Kind::IdCard))).then_some((
                Kind::IdCard,
                9,
                80,
                Reason::Context,
            )),
            12 => self.twelve(run, context::before(bytes, at, scratch)).map(|(kind, sure, why)| (kind, 12, sure, why)),
            13..=19 => {
                match card::fit(run)? {
                    card::Fit::Issuer => Some((Kind::Card, length, 90, Reason::CheckDigits)),
                    card::Fit::Context => (context::before(bytes, at, scratch) == Some(Word::Of(Kind::Card)))
                        .then_some((Kind::Card, length, 85, Reason::ChecksumAndContext)),
                }
            }
            _ => {
                let number = phone::parse(rest).filter(|number| number.lead == phone::Lead::Eight)?;
                let kind = match phone::line(&number.national) {
                    phone::Line::Mobile => Kind::Phone,
                    phone::Line::Fixed if number.spaced => Kind::PhoneOther,
                    _ => return None,
                };
                (context::before(bytes, at, scratch) != Some(Word::Negative)).then_some((
                    kind,
                    number.length,
                    85,
                    Reason::Form,
                ))
            }
        }
    }

    /// The decision table for twelve digits.
    fn twelve(&self, run: &[u8], word: Option<Word>) -> Option<(Kind, u8, Reason)> {
        let announced = word == Some(Word::Of(Kind::Iin));
        match iin::evidence(run, self.today) {
            iin::Evidence::Strong if announced => Some((Kind::Iin, 98, Reason::ChecksumAndContext)),
            iin::Evidence::Strong => Some((Kind::Iin, 90, Reason::Checksum)),
            iin::Evidence::Business => match word {
                Some(Word::Of(Kind::Bin | Kind::Iin)) => Some((Kind::Bin, 95, Reason::ChecksumAndContext)),
                _ => None,
            },
            iin::Evidence::Dated if announced => Some((Kind::Iin, 85, Reason::ChecksumAndContext)),
            iin::Evidence::Checked if announced => Some((Kind::Iin, 80, Reason::ChecksumAndContext)),
            iin::Evidence::None if announced => Some((Kind::MistypedIin, 50, Reason::BrokenChecksum)),
            _ if word == Some(Word::Of(Kind::Rnn)) => Some((Kind::Rnn, 80, Reason::Context)),
            _ => None,
        }
    }
}
