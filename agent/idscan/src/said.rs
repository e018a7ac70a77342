//! What a line of proportional text says: letters whose case and alphabet are folded away, to be compared with labels.

use crate::net::TEXT;
use crate::text::{chances, wipe};

/// The letters that the network tells apart, in its order; others are folded to those of like shape.
const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZБГДЖЗИЛПФЦЧШЫЬЭЮЯӘ/.-№";
const EMPTY: usize = TEXT - 1;
const FOLDED: [(&str, &str); 2] = [("АВЕКМНОРСТХУІҺЁҒҚҢӨҰҮЙЩЪ", "ABEKMHOPCTXYIHEГKHOYYИШЬ"), ("031", "OЗI")];

/// A line. It cannot be printed or copied, and is wiped when it goes.
pub(crate) struct Said {
    letters: Vec<u8>,
    /// Mean certainty of its letters, 0 to 1.
    pub(crate) sure: f32,
}

impl Drop for Said {
    fn drop(&mut self) {
        wipe(&mut self.letters);
    }
}

/// The number of a capital letter: one for letters of one shape, `None` for what stands between words.
pub(crate) fn fold(letter: char) -> Option<u8> {
    let folded = FOLDED.iter().fold(letter, |letter, (from, to)| {
        from.chars().zip(to.chars()).find(|(from, _)| *from == letter).map_or(letter, |(_, to)| to)
    });
    ALPHABET.chars().position(|other| other == folded).map(|at| at as u8).filter(|at| usize::from(*at) + 4 < EMPTY)
}

impl Said {
    /// From the scores of the network.
    pub(crate) fn read(scores: &[f32]) -> Said {
        let (mut letters, mut sum, mut count, mut before) = (Vec::new(), 0.0, 0.0, EMPTY);
        for frame in chances::<TEXT>(scores) {
            let best = (0..TEXT).max_by(|a, b| frame[*a].total_cmp(&frame[*b])).unwrap_or(EMPTY);
            if best != EMPTY {
                (sum, count) = (sum + frame[best], count + 1.0);
                if best != before {
                    letters.push(best as u8);
                }
            }
            before = best;
        }
        Said { letters, sure: if count > 0.0 { sum / count } else { 0.0 } }
    }

    /// Letters and digits, folded.
    pub(crate) fn folded(&self) -> Said {
        let signs = |class: &u8| ALPHABET.chars().nth(usize::from(*class)).and_then(fold);
        Said { letters: self.letters.iter().filter_map(signs).collect(), sure: self.sure }
    }

    pub(crate) fn letters(&self) -> &[u8] {
        &self.letters
    }

    /// Twelve digits on end that are no part of more.
    pub(crate) fn number(&self) -> Option<Number> {
        let digit = |class: &u8| match class {
            0..=9 => Some(b'0' + class),
            // O
            24 => Some(b'0'),
            _ => None,
        };
        let mut runs = self.letters.split(|class| digit(class).is_none());
        let run = runs.find(|run| run.len() == 12)?;
        let mut digits = Number([0; 12]);
        digits.0.iter_mut().zip(run.iter().filter_map(digit)).for_each(|(to, from)| *to = from);
        Some(digits)
    }
}

/// Twelve digits, wiped when they go.
pub(crate) struct Number(pub(crate) [u8; 12]);

impl Drop for Number {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A line that was read as `text`.
    pub(crate) fn said(text: &str) -> Said {
        let class = |letter| ALPHABET.chars().position(|other| other == letter).map(|at| at as u8);
        let shape = |letter: char| {
            let (from, to) = FOLDED[0];
            from.chars().zip(to.chars()).find(|(from, _)| *from == letter).map_or(letter, |(_, to)| to)
        };
        Said { letters: text.chars().filter_map(|letter| class(shape(letter))).collect(), sure: 0.9 }
    }

    #[test]
    fn every_class_has_a_letter() {
        assert_eq!(ALPHABET.chars().count(), EMPTY);
    }

    #[test]
    fn letters_of_one_shape_are_one() {
        assert_eq!(fold('Қ'), fold('K'));
        assert_eq!(fold('0'), fold('О'));
        assert_ne!(fold('Б'), fold('В'));
        assert_eq!(fold('/'), None);
        assert_eq!(fold(' '), None);
    }

    #[test]
    fn a_number_stands_alone() {
        assert_eq!(said("ЖСН 11010119334О").number().map(|number| number.0), Some(*b"110101193340"));
        assert!(said("1101011933461").number().is_none());
        assert!(said("110101-193346").number().is_none());
    }

    #[test]
    fn frames_of_one_letter_are_one_letter() {
        let classes = [EMPTY, 10, 10, EMPTY, 10, 11, EMPTY, EMPTY];
        let scores: Vec<f32> =
            classes.iter().flat_map(|class| (0..TEXT).map(move |at| if at == *class { 9.0 } else { 0.0 })).collect();
        assert_eq!(Said::read(&scores).letters(), [10, 10, 11]);
    }
}
