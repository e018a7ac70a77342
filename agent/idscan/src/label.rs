//! What stands on the fronts of Kazakhstan's cards and certificates, in both languages, and where it stands in a line.

use crate::document::Kind;
use crate::said::fold;

/// What a label means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Means {
    /// The name of the document.
    Title(Kind),
    /// The name of the state.
    Country,
    /// A field, by number.
    Field(u8),
    /// The field that holds the IIN.
    Iin,
    /// The name of a paper that asks for the same things.
    Other,
}

/// Language of a label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tongue {
    Kazakh,
    Russian,
}

use Means::{Country, Field, Iin, Other, Title};
use Tongue::{Kazakh, Russian};

/// Names of documents come first: they are looked for before all else. Short words count only beside their like.
const LABELS: &[(&str, Means, Tongue)] = &[
    ("ЖЕКЕ КУӘЛІК", Title(Kind::Card), Kazakh),
    ("УДОСТОВЕРЕНИЕ ЛИЧНОСТИ", Title(Kind::Card), Russian),
    ("ЖҮРГІЗУШІ КУӘЛІГІ", Title(Kind::Licence), Kazakh),
    ("ВОДИТЕЛЬСКОЕ УДОСТОВЕРЕНИЕ", Title(Kind::Licence), Russian),
    ("ТҰРУҒА ЫҚТИЯРХАТ", Title(Kind::Permit), Kazakh),
    ("ВИД НА ЖИТЕЛЬСТВО", Title(Kind::Permit), Russian),
    ("АЗАМАТТЫҒЫ ЖОҚ АДАМНЫҢ КУӘЛІГІ", Title(Kind::Permit), Kazakh),
    ("УДОСТОВЕРЕНИЕ ЛИЦА БЕЗ ГРАЖДАНСТВА", Title(Kind::Permit), Russian),
    ("ТУУ ТУРАЛЫ КУӘЛІК", Title(Kind::Birth), Kazakh),
    ("СВИДЕТЕЛЬСТВО О РОЖДЕНИИ", Title(Kind::Birth), Russian),
    ("НЕКЕ ҚИЮ ТУРАЛЫ КУӘЛІК", Title(Kind::Marriage), Kazakh),
    ("НЕКЕ ТУРАЛЫ КУӘЛІК", Title(Kind::Marriage), Kazakh),
    ("СВИДЕТЕЛЬСТВО О ЗАКЛЮЧЕНИИ БРАКА", Title(Kind::Marriage), Russian),
    ("СВИДЕТЕЛЬСТВО О БРАКЕ", Title(Kind::Marriage), Russian),
    ("НЕКЕНІ БҰЗУ ТУРАЛЫ КУӘЛІК", Title(Kind::Divorce), Kazakh),
    ("СВИДЕТЕЛЬСТВО О РАСТОРЖЕНИИ БРАКА", Title(Kind::Divorce), Russian),
    ("ҚАЙТЫС БОЛУ ТУРАЛЫ КУӘЛІК", Title(Kind::Death), Kazakh),
    ("СВИДЕТЕЛЬСТВО О СМЕРТИ", Title(Kind::Death), Russian),
    ("ҚАЗАҚСТАН РЕСПУБЛИКАСЫ", Country, Kazakh),
    ("РЕСПУБЛИКА КАЗАХСТАН", Country, Russian),
    ("ТЕГІ ФАМИЛИЯ", Field(0), Kazakh),
    ("ФАМИЛИЯ", Field(0), Russian),
    ("АТЫ ИМЯ", Field(1), Kazakh),
    ("ӘКЕСІНІҢ АТЫ", Field(2), Kazakh),
    ("ОТЧЕСТВО", Field(2), Russian),
    ("ТУҒАН КҮНІ", Field(3), Kazakh),
    ("ДАТА РОЖДЕНИЯ", Field(3), Russian),
    ("ЖСН ИИН", Iin, Kazakh),
    ("ЖЫНЫСЫ ПОЛ", Field(4), Kazakh),
    ("ТУҒАН ЖЕРІ", Field(5), Kazakh),
    ("МЕСТО РОЖДЕНИЯ", Field(5), Russian),
    ("НАЦИОНАЛЬНОСТЬ", Field(6), Russian),
    ("АЗАМАТТЫҒЫ", Field(7), Kazakh),
    ("ГРАЖДАНСТВО", Field(7), Russian),
    ("БЕРІЛГЕН КҮНІ", Field(8), Kazakh),
    ("ДАТА ВЫДАЧИ", Field(8), Russian),
    ("ҚОЛДАНУ МЕРЗІМІ", Field(9), Kazakh),
    ("ҚОЛДАНЫЛУ МЕРЗІМІ", Field(9), Kazakh),
    ("СРОК ДЕЙСТВИЯ", Field(9), Russian),
    ("БЕРГЕН ОРГАН", Field(10), Kazakh),
    ("ОРГАН ВЫДАЧИ", Field(10), Russian),
    ("ТІРКЕУ ОРНЫ", Field(11), Kazakh),
    ("ТІРКЕУ ОРГАНЫ", Field(11), Kazakh),
    ("МЕСТО РЕГИСТРАЦИИ", Field(11), Russian),
    ("ОРГАН РЕГИСТРАЦИИ", Field(11), Russian),
    ("АНАСЫ МАТЬ", Field(12), Kazakh),
    ("ӘКЕСІ ОТЕЦ", Field(13), Kazakh),
    ("АКТОВАЯ ЗАПИСЬ", Field(14), Russian),
    ("АНКЕТА", Other, Russian),
    ("САУАЛНАМА", Other, Kazakh),
    ("ЗАЯВЛЕНИЕ", Other, Russian),
    ("ӨТІНІШ", Other, Kazakh),
    ("СОГЛАСИЕ НА", Other, Russian),
    ("ДОГОВОР", Other, Russian),
    ("ДОВЕРЕННОСТЬ", Other, Russian),
    ("СЕНІМХАТ", Other, Kazakh),
    ("АНЫҚТАМА", Other, Kazakh),
    ("СПРАВКА", Other, Russian),
];

/// A label as it is looked for.
pub(crate) struct Label {
    letters: Vec<u8>,
    pub(crate) means: Means,
    pub(crate) tongue: Tongue,
}

/// Every label.
pub(crate) fn all() -> Vec<Label> {
    let label = |(text, means, tongue): &(&str, Means, Tongue)| Label {
        letters: text.chars().filter_map(fold).collect(),
        means: *means,
        tongue: *tongue,
    };
    LABELS.iter().map(label).collect()
}

impl Label {
    /// Whether it stands at the beginning of a sheet or a card.
    pub(crate) fn is_head(&self) -> bool {
        matches!(self.means, Title(_) | Country)
    }

    /// Whether its first letters stand in `start`, two of them read wrongly.
    pub(crate) fn begins_in(&self, start: &[u8]) -> bool {
        nearest(&self.letters[..self.long().min(9)], start) <= 4
    }

    pub(crate) fn long(&self) -> usize {
        self.letters.len()
    }

    /// What is wrong with it where it stands in `line`, in half letters; one letter in six at most.
    pub(crate) fn wrong_in(&self, line: &[u8]) -> Option<usize> {
        let most = self.long() / 6;
        (line.len() + most >= self.long()).then(|| nearest(&self.letters, line)).filter(|wrong| *wrong <= 2 * most)
    }
}

/// What it takes to make `word` a part of `line`, in half letters. A wide letter is easily read as two: one too many is half
/// as wrong as another or none.
fn nearest(word: &[u8], line: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).map(|lost| 2 * lost).collect();
    let mut best = 2 * word.len();
    for letter in line {
        let mut corner = row[0];
        for (at, own) in word.iter().enumerate() {
            let changed = corner + if own == letter { 0 } else { 2 };
            corner = row[at + 1];
            row[at + 1] = changed.min(corner + 1).min(row[at] + 2);
        }
        best = best.min(row[word.len()]);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::said::tests::said;

    fn found(line: &str) -> Vec<Means> {
        let line = said(line).folded();
        let mut means: Vec<Means> =
            all().iter().filter(|label| label.wrong_in(line.letters()).is_some()).map(|label| label.means).collect();
        means.dedup();
        means
    }

    #[test]
    fn labels_are_found_in_a_line() {
        assert_eq!(found("ТЕГІ / ФАМИЛИЯ"), [Field(0)]);
        assert_eq!(found("ӘКЕСІНІҢАТЫ/ОТЧЕСТВО"), [Field(2)]);
        assert_eq!(found("ЖЕКЕ КУӘЛІК / УДОСТОВЕРЕНИЕ ЛИЧНОСТИ"), [Title(Kind::Card)]);
        assert_eq!(found("РЕСПУБЛИКА КАЗАХСТАН"), [Country]);
        assert_eq!(found("НҰРПЕЙІСОВА"), []);
    }

    #[test]
    fn one_letter_in_six_may_be_wrong() {
        assert_eq!(found("УД0СТОВЕРЕННЕ ЛИЧНОСТН"), [Title(Kind::Card)]);
        assert_eq!(found("ФАМНЛИЯ"), [Field(0)]);
        assert_eq!(found("ФАННЛИЯ"), []);
    }

    #[test]
    fn documents_are_not_taken_for_each_other() {
        for (text, means, _) in LABELS.iter().filter(|(_, means, _)| matches!(means, Title(_))) {
            let line = said(text).folded();
            let wrong = |label: &Label| label.wrong_in(line.letters()).filter(|_| matches!(label.means, Title(_)));
            let best = all().into_iter().filter(|label| wrong(label).is_some()).min_by_key(|label| wrong(label));
            assert_eq!(best.map(|label| label.means), Some(*means), "{text}");
        }
    }
}
