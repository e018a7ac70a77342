//! Words that are looked for where words begin: three characters tell of most places that none begins there.

/// Words under their folded codes, each with what it says.
pub(crate) struct Lexicon<T> {
    /// One bit for each pair of codes that a word begins with.
    pairs: Vec<u64>,
    /// One bit for each hash of three codes that a word begins with.
    triples: Vec<u64>,
    /// The pairs in order, each with the index of its first word.
    firsts: Vec<([u8; 2], usize)>,
    /// In the order of their codes, equal ones in that of the list.
    words: Vec<(Vec<u8>, T)>,
}

impl<T> Lexicon<T> {
    /// Words of one character are left out.
    pub(crate) fn new(list: impl Iterator<Item = (Vec<u8>, T)>) -> Lexicon<T> {
        let mut words: Vec<_> = list.filter(|(word, _)| word.len() > 1).collect();
        words.sort_by(|one, other| one.0.cmp(&other.0));
        let (mut pairs, mut triples) = (vec![0u64; 1 << 10], vec![0u64; 1 << 10]);
        let mut firsts: Vec<([u8; 2], usize)> = Vec::new();
        for (index, (word, _)) in words.iter().enumerate() {
            let pair = [word[0], word[1]];
            // Behind a word of two, anything may stand.
            for third in word.get(2).map_or(0..=u8::MAX, |third| *third..=*third) {
                let number = hash(word[0], word[1], third);
                triples[number >> 6] |= 1 << (number & 63);
            }
            if firsts.last().is_none_or(|last| last.0 != pair) {
                let number = usize::from(u16::from_be_bytes(pair));
                pairs[number >> 6] |= 1 << (number & 63);
                firsts.push((pair, index));
            }
        }
        Lexicon { pairs, triples, firsts, words }
    }

    /// Whether a word begins with these codes.
    #[inline]
    pub(crate) fn begins(&self, first: u8, second: u8) -> bool {
        let number = usize::from(u16::from_be_bytes([first, second]));
        self.pairs.get(number >> 6).is_some_and(|pairs| pairs >> (number & 63) & 1 == 1)
    }

    /// Whether a word may begin with these codes.
    #[inline]
    pub(crate) fn may_begin(&self, first: u8, second: u8, third: u8) -> bool {
        let number = hash(first, second, third);
        self.triples.get(number >> 6).is_some_and(|triples| triples >> (number & 63) & 1 == 1)
    }

    /// Whether one begins with these codes, or these codes with one.
    pub(crate) fn meets(&self, codes: &[u8]) -> bool {
        let [first, second, ..] = *codes else { return true };
        let mut meets = false;
        self.row(first, second, |word, _| meets |= word.starts_with(codes) || codes.starts_with(word));
        meets
    }

    /// Calls `found` with length and meaning of every word that `codes` begins with, the shortest first.
    #[inline]
    pub(crate) fn each(&self, codes: &[u8], mut found: impl FnMut(usize, &T)) {
        let [first, second, ..] = *codes else { return };
        if codes.get(2).is_some_and(|third| !self.may_begin(first, second, *third)) {
            return;
        }
        self.row(first, second, |word, says| {
            if codes.starts_with(word) {
                found(word.len(), says);
            }
        });
    }

    /// The words that begin with these codes.
    #[inline]
    fn row(&self, first: u8, second: u8, mut found: impl FnMut(&[u8], &T)) {
        if !self.begins(first, second) {
            return;
        }
        let Ok(at) = self.firsts.binary_search_by_key(&[first, second], |row| row.0) else { return };
        let to = self.firsts.get(at + 1).map_or(self.words.len(), |next| next.1);
        for (word, says) in &self.words[self.firsts[at].1..to] {
            found(word, says);
        }
    }
}

#[inline]
fn hash(first: u8, second: u8, third: u8) -> usize {
    ((usize::from(first) << 8) ^ (usize::from(second) << 4) ^ (usize::from(third) * 0x9D)) & 0xFFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_where_it_begins() {
        let list = ["город", "гор.", "город", "го", "г.", "x"];
        let lexicon = Lexicon::new(list.iter().enumerate().map(|(index, word)| (word.as_bytes().to_vec(), index)));
        let found = |text: &str| {
            let mut all = Vec::new();
            lexicon.each(text.as_bytes(), |length, index| all.push((length, *index)));
            all
        };
        assert_eq!(found("города"), [(4, 3), (10, 0), (10, 2)]);
        assert_eq!(found("г. Алматы"), [(3, 4)]);
        assert_eq!(found("г"), []);
        assert_eq!(found("xy"), []);
    }
}
