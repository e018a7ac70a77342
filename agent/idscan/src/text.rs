//! What a strip says: letters in slots of one pitch. With `mrz` and `said` the only place that holds letters of a document.

use crate::net::ZONE as CLASSES;
use crate::strip::PITCH;

const ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<";
/// Points of a strip to a frame.
const FRAME: usize = 4;
/// A slot in which no letter was seen.
pub(crate) const UNSEEN: u8 = b'?';

/// The letters of a line. It cannot be printed or copied, and is wiped when it goes.
pub(crate) struct Text {
    letters: Vec<u8>,
    /// Mean certainty of the letters, 0 to 1.
    pub(crate) sure: f32,
}

impl Drop for Text {
    fn drop(&mut self) {
        wipe(&mut self.letters);
    }
}

/// Overwrites `letters`; what is looked at afterwards cannot be left out.
pub(crate) fn wipe(letters: &mut [u8]) {
    letters.fill(0);
    std::hint::black_box(letters);
}

/// A run of frames that show the same letter.
struct Seen {
    letter: u8,
    sure: f32,
    /// Middle, in frames.
    at: f32,
}

impl Text {
    pub(crate) fn letters(&self) -> &[u8] {
        &self.letters
    }

    /// From the scores of the network. `most`: slots of a line.
    pub(crate) fn read(scores: &[f32], most: usize) -> Text {
        let seen = runs(&chances::<CLASSES>(scores));
        let sure = seen.iter().map(|seen| seen.sure).sum::<f32>() / seen.len().max(1) as f32;
        let mut text = Text { letters: Vec::with_capacity(most + 16), sure };
        let mut steps: Vec<f32> = seen.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        steps.sort_by(f32::total_cmp);
        let nominal = (PITCH / FRAME) as f32;
        let pitch = steps.get(steps.len() / 2).map_or(nominal, |step| step.clamp(0.8 * nominal, 1.25 * nominal));
        let mut last: Option<&Seen> = None;
        for seen in &seen {
            let slots = last.map_or(1, |last| ((seen.at - last.at) / pitch).round() as usize);
            match last {
                // Two in one slot: the surer one.
                Some(before) if slots == 0 => {
                    if seen.sure > before.sure {
                        text.letters.pop();
                        text.letters.push(seen.letter);
                        last = Some(seen);
                    }
                    continue;
                }
                _ => text.letters.extend(std::iter::repeat_n(UNSEEN, (slots - 1).min(8))),
            }
            text.letters.push(seen.letter);
            last = Some(seen);
            if text.letters.len() > most {
                break;
            }
        }
        text
    }
}

/// Scores as chances.
pub(crate) fn chances<const N: usize>(scores: &[f32]) -> Vec<[f32; N]> {
    let frames = scores.as_chunks::<N>().0.iter();
    let soft = |frame: &[f32; N]| {
        let most = frame.iter().copied().fold(f32::MIN, f32::max);
        let mut chances = frame.map(|score| (score - most).exp());
        let sum: f32 = chances.iter().sum();
        chances.iter_mut().for_each(|chance| *chance /= sum);
        chances
    };
    frames.map(soft).collect()
}

/// Each contiguous run of frames that are not empty is one letter (or several, when it is long).
fn runs(chances: &[[f32; CLASSES]]) -> Vec<Seen> {
    let empty = |frame: &[f32; CLASSES]| frame[CLASSES - 1] >= 0.5;
    let mut seen = Vec::new();
    let mut at = 0;
    while at < chances.len() {
        let long = chances[at..].iter().take_while(|frame| !empty(frame)).count();
        let parts = if long <= 5 { long.min(1) } else { ((long as f32 + 1.0) / 4.0).round().max(1.0) as usize };
        for part in 0..parts {
            let (first, last) = (at + part * long / parts, at + (part + 1) * long / parts);
            let frames = &chances[first..last];
            let sum = |class: usize| frames.iter().map(|frame| frame[class]).sum::<f32>();
            let best = (0..ALPHABET.len()).max_by(|a, b| sum(*a).total_cmp(&sum(*b))).unwrap_or(0);
            let sure = frames.iter().map(|frame| frame[best]).fold(0.0, f32::max);
            seen.push(Seen { letter: ALPHABET[best], sure, at: (first + last) as f32 / 2.0 });
        }
        at += long.max(1);
    }
    seen
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line that was read as `letters`.
    pub(crate) fn text(letters: &str) -> Text {
        Text { letters: letters.as_bytes().to_vec(), sure: 0.99 }
    }

    /// Scores of frames that say `text`, a space being an empty frame.
    fn scores(text: &str) -> Vec<f32> {
        let class = |sign: u8| ALPHABET.iter().position(|letter| *letter == sign).unwrap_or(CLASSES - 1);
        text.bytes().flat_map(|sign| (0..CLASSES).map(move |k| if k == class(sign) { 9.0 } else { 0.0 })).collect()
    }

    #[test]
    fn a_run_is_a_letter() {
        assert_eq!(Text::read(&scores(" AAA B   CCC <<< 1  "), 60).letters(), b"ABC<1");
    }

    #[test]
    fn a_hole_is_a_slot_in_which_nothing_was_seen() {
        assert_eq!(Text::read(&scores("AAA BBB CCC     DDD EEE "), 60).letters(), b"ABC?DE");
    }

    #[test]
    fn a_long_run_is_several_letters() {
        assert_eq!(Text::read(&scores(" 88888888888 A   A   A  "), 60).letters(), b"888AAA");
    }

    #[test]
    fn nothing_says_nothing() {
        assert_eq!(Text::read(&[], 60).letters(), b"");
        assert_eq!(Text::read(&scores("        "), 60).letters(), b"");
    }
}
