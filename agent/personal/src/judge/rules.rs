//! From counts to a judgement: when the values decide alone, when they support a name, when they speak against it.

use super::tally::Tally;
use super::{Evidence, Holding};
use crate::vote::Verdict;
use crate::{Category, Kind};

/// Fewest different values that speak without a name.
const FEW: usize = 3;
/// As many different values as make a verdict firm.
const MANY: usize = 20;

/// Appends what the values and the name in `tally` say; the same category may come twice.
pub(super) fn decide(tally: &Tally, out: &mut Vec<Holding>) {
    let before = out.len();
    values(tally, out);
    let hinted = tally.hint.map(|hint| (hint.kind, hint.confidence, false));
    let short = tally.short.map(|kind| (kind, 60, true));
    let Some((kind, sure, short)) = hinted.or(short) else { return };
    let of = tally.distinct();
    let same = |holding: &&mut Holding| holding.kind.category() == kind.category();
    if let Some(spoken) = out[before..].iter_mut().filter(same).max_by_key(|holding| holding.confidence) {
        spoken.confidence = if spoken.confidence >= 75 { 98 } else { (spoken.confidence + 20).max(sure) };
        spoken.evidence = Evidence::NameAndValues;
        return;
    }
    let mut give = |confidence, evidence, hits| out.push(Holding { kind, confidence, evidence, hits, of });
    if of == 0 {
        return if short { give(25, Evidence::Name, 0) } else { give(sure.min(60), Evidence::Name, 0) };
    }
    let (hits, needed) = support(tally, kind);
    // A number of a document is any number of its length, and a salary any amount: a short name is weak proof of them.
    let firm = if short { 62 } else { sure };
    match percent(hits, of) {
        share if share >= needed => give(firm, Evidence::NameAndValues, hits),
        _ if short => {}
        // Addresses of wallets and of memory are hexadecimal, too.
        _ if percent(tally.sealed, of) >= 60 => {
            give(if kind == Kind::Address { 40 } else { 55 }, Evidence::Sealed, tally.sealed)
        }
        _ => give(20, Evidence::Contradicted, hits),
    }
}

fn percent(part: usize, of: usize) -> usize {
    (part * 100).checked_div(of).unwrap_or(0)
}

/// Values that are as the values of `kind` are, and the share of them that a name needs, in percent.
fn support(tally: &Tally, kind: Kind) -> (usize, usize) {
    let short = tally.hint.is_none();
    match kind {
        Kind::IdCard if short => (if tally.counter() { 0 } else { tally.nine + tally.passport }, 80),
        Kind::PersonName if short => (tally.names, 40),
        // Goods have full names too, and some words end as surnames do.
        Kind::PersonName if tally.distinct() >= FEW => (tally.names, 30),
        Kind::PersonName => (tally.lettered, 60),
        Kind::Address if short => (tally.inside(Kind::Address), 20),
        Kind::Address => (tally.worded, 60),
        // Stars of a review are no score of a borrower.
        Kind::Solvency if tally.only_digits() => (0, 60),
        Kind::Salary | Kind::Solvency => (tally.numeric, 60),
        Kind::SalaryDate => (tally.day, 60),
        Kind::Marital if short => (tally.marital, 60),
        Kind::Marital => (tally.distinct(), if tally.distinct() <= 12 { 0 } else { 100 }),
        Kind::Employer if short => (tally.company, 30),
        Kind::Employer => (tally.worded, 60),
        Kind::Property => (tally.worded, if tally.distinct() <= MANY { 0 } else { 60 }),
        Kind::Ip => (tally.ip, 60),
        Kind::Browser => (tally.worded, 60),
        Kind::AccessTime => (tally.day, 60),
        Kind::Cookie | Kind::Page | Kind::Provider => (tally.worded + tally.sealed, 60),
        _ => (tally.agree, 30),
    }
}

/// What the values say without a name.
fn values(tally: &Tally, out: &mut Vec<Holding>) {
    let of = tally.distinct();
    let mut give = |kind: Kind, confidence, evidence, hits| {
        if kind.category().is_some() {
            out.push(Holding { kind, confidence, evidence, hits, of });
        }
    };
    let column = match tally.verdict() {
        Verdict::Column(kind) => Some(kind),
        _ => None,
    };
    if let Some(kind) = column {
        give(kind, 92, Evidence::Values, tally.whole(kind));
    }
    for kind in Kind::ALL {
        let (whole, inside) = (tally.whole(kind), tally.inside(kind));
        if of < MANY && whole > 0 && percent(whole, of) >= 80 && !(tally.counter() && of >= FEW) {
            // Check digits are no chance in a few values either.
            let proven = matches!(kind, Kind::Iin | Kind::Iban | Kind::Email);
            let sure = match (whole >= FEW, proven) {
                (true, true) => 85,
                (true, false) => 70,
                (false, true) => 65,
                (false, false) => 40,
            };
            give(kind, sure, Evidence::Values, whole);
        }
        // Written kinds announce themselves; a kind that only a word of the text announces needs more of it.
        let labelled = matches!(
            kind.category(),
            Some(
                Category::Employer
                    | Category::Salary
                    | Category::SalaryDate
                    | Category::Marital
                    | Category::Property
                    | Category::Solvency
                    | Category::Tech
            )
        );
        let least = if labelled { 10 } else { 3 };
        if column != Some(kind) && inside >= FEW && percent(inside, of) >= least {
            let whole = percent(inside, of) >= 50;
            let sure = if whole && kind == Kind::Address { 85 } else { 60 + (percent(inside, of) / 5) as u8 };
            // Names in running text are often those of streets and brands.
            let sure = if !whole && matches!(kind, Kind::PersonName | Kind::Address) { sure.min(55) } else { sure };
            give(kind, sure, if whole { Evidence::Values } else { Evidence::Inside }, inside);
        }
    }
    words(tally, &mut give);
}

/// Kinds of which no single value is sure.
fn words(tally: &Tally, give: &mut impl FnMut(Kind, u8, Evidence, usize)) {
    let of = tally.distinct();
    let share = |count: usize| percent(count, of);
    // Streets are called after people in the genitive: surnames of women only are no people.
    let people = tally.nominative * 100 >= tally.names * 15;
    if people && tally.names >= FEW {
        match (share(tally.names), of >= MANY) {
            (50.., true) => give(Kind::PersonName, 88, Evidence::Values, tally.names),
            (70.., false) => give(Kind::PersonName, 65, Evidence::Values, tally.names),
            (35.., true) => give(Kind::PersonName, 50, Evidence::Values, tally.names),
            _ => {}
        }
    }
    if tally.marital >= 2 && share(tally.marital) >= 60 {
        give(Kind::Marital, 88, Evidence::Values, tally.marital);
    }
    if of >= FEW && share(tally.company) >= 60 {
        give(Kind::Employer, 40, Evidence::Values, tally.company);
    }
    if of >= FEW && share(tally.ip) >= 80 {
        give(Kind::Ip, 75, Evidence::Values, tally.ip);
    }
    if of >= 2 && share(tally.browser) >= 50 {
        give(Kind::Browser, 85, Evidence::Values, tally.browser);
    }
    if of >= MANY && share(tally.masked) >= 60 {
        give(Kind::MaskedIin, 80, Evidence::Values, tally.masked);
    }
    if of >= MANY && share(tally.passport) >= 80 {
        give(Kind::Passport, 60, Evidence::Values, tally.passport);
    }
    if of >= MANY && share(tally.national) >= 90 && !tally.counter() {
        give(Kind::Phone, 65, Evidence::Values, tally.national);
    }
}
