//! All that is known of addresses in one table: blocks of countries, below anycast prefixes, below special ranges.

use crate::answer::{Answer, Reason, Source, Verdict};
use crate::blocks::Blocks;
use crate::flat::{Flat, Number, Span};
use crate::special::{self, Judged};
use crate::{Cidr, Country};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ANYCAST: &str = include_str!("../data/anycast.txt");
/// Higher layers win, whatever the size of the block.
const LAYERS: [u8; 3] = [0, 1, 2];

/// What one value of the table means.
#[derive(Clone, Copy, Debug)]
struct Label {
    verdict: Verdict,
    source: Option<u16>,
    operator: Option<u16>,
}

/// Answers where addresses are.
#[derive(Clone, Debug)]
pub struct Place {
    v4: Flat<u32>,
    v6: Flat<u128>,
    labels: Vec<Label>,
    sources: Vec<Source>,
    operators: Vec<String>,
    listed: Vec<Country>,
    /// Which of the sources tell of Kazakhstan, by IPv4 and IPv6: they tell, too, what is not in it.
    home: [usize; 2],
}

/// What a new set of blocks changes for one country.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// IPv4 addresses that were the country's.
    pub before: u64,
    /// IPv4 addresses that are.
    pub after: u64,
    /// Of these, not so before.
    pub gained: u64,
    /// Were and are no longer.
    pub lost: u64,
    /// The same four of IPv6, in networks of /48.
    pub v6: [u64; 4],
}

impl Default for Place {
    /// What ships with the agent, with no country listed.
    fn default() -> Place {
        Place::new(Vec::new(), &[])
    }
}

impl Place {
    /// Joins `files`, of which the later says more than the earlier about one and the same block, and the smaller block
    /// more than the larger. Where none of them tells of Kazakhstan, in IPv4 or in IPv6, the list that ships with the agent
    /// does.
    /// `listed` are the countries that the operator holds for countries that protect personal data.
    #[must_use]
    pub fn new(mut files: Vec<Blocks>, listed: &[Country]) -> Place {
        let last = |files: &[Blocks], family: usize| files.iter().rposition(|one| one.has(Country::HOME)[family]);
        let told = [last(&files, 0), last(&files, 1)];
        let home = told.map(|at| at.unwrap_or(files.len()));
        if told.contains(&None)
            && let Ok(mut shipped) = Blocks::parse(Blocks::EMBEDDED)
        {
            shipped.v4.retain(|_| told[0].is_none());
            shipped.v6.retain(|_| told[1].is_none());
            files.push(shipped);
        }
        let mut table = Table { v4: Vec::new(), v6: Vec::new(), labels: Vec::new(), known: HashMap::new() };
        let elsewhere = Verdict::ForeignUnlisted { country: None };
        table.labels.push(Label { verdict: elsewhere, source: None, operator: None });
        let mut sources = Vec::new();
        for (blocks, at) in files.into_iter().zip(0..=u16::MAX) {
            let mut label = |country| table.label(of(country, listed), Some(at), None);
            let v4 = blocks.v4.iter().map(|span| lift(span, LAYERS[0], label(span.value))).collect::<Vec<_>>();
            let v6 = blocks.v6.iter().map(|span| lift(span, LAYERS[0], label(span.value))).collect::<Vec<_>>();
            table.v4.extend(v4);
            table.v6.extend(v6);
            sources.push(Source { name: blocks.source, date: blocks.date });
        }
        let operators = table.anycast(&mut sources);
        for (text, verdict) in special::RANGES {
            let value = table.label(verdict, None, None);
            table.add(text, LAYERS[2], value);
        }
        let (v4, v6) = (Flat::new(table.v4), Flat::new(table.v6));
        Place { v4, v6, labels: table.labels, sources, operators, listed: listed.to_vec(), home }
    }

    /// Where `address` is.
    #[must_use]
    pub fn verdict(&self, address: IpAddr) -> Verdict {
        let value = match special::judged(address) {
            Judged::V4(number) => self.v4.get(number),
            Judged::V6(number) => self.v6.get(number),
        };
        self.label(value).verdict
    }

    /// Where `address` is, and why.
    #[must_use]
    pub fn explain(&self, address: IpAddr) -> Answer<'_> {
        let (value, block, inside): (u16, (IpAddr, IpAddr), _) = match special::judged(address) {
            Judged::V4(number) => {
                let (first, end, value) = self.v4.range(number);
                let last = end.map_or(u32::MAX, |end| end.saturating_sub(1));
                let inside = address.is_ipv6().then(|| Ipv4Addr::from(number));
                (value, (Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()), inside)
            }
            Judged::V6(number) => {
                let (first, end, value) = self.v6.range(number);
                let last = end.map_or(u128::MAX, |end| end.saturating_sub(1));
                (value, (Ipv6Addr::from(first).into(), Ipv6Addr::from(last).into()), None)
            }
        };
        let label = self.label(value);
        let operator = label.operator.and_then(|at| self.operators.get(usize::from(at))).map(String::as_str);
        let elsewhere = (value == 0).then(|| self.home[usize::from(block.0.is_ipv6())]);
        let source = label.source.map(usize::from).or(elsewhere).and_then(|at| self.sources.get(at));
        Answer { verdict: label.verdict, block, inside, operator, source }
    }

    /// What is said of a country that is known otherwise: the operator's register goes before the registries.
    #[must_use]
    pub fn of_country(&self, country: Country) -> Verdict {
        of(country, &self.listed)
    }

    /// The data that say what is in Kazakhstan; of two for IPv4 and IPv6 the older.
    #[must_use]
    pub fn home_source(&self) -> Option<&Source> {
        self.home.iter().filter_map(|at| self.sources.get(*at)).min_by_key(|source| source.date)
    }

    /// The data that answers rest on, the list of anycast prefixes last.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What changes for Kazakhstan with `new` in the place of this.
    #[must_use]
    pub fn change(&self, new: &Place) -> Change {
        let home = |place: &Place, value: u16| place.label(value).verdict == Verdict::Domestic;
        let v4 = compare(&self.v4, &new.v4, |value| home(self, value), |value| home(new, value), u32::MAX);
        let v6 = compare(&self.v6, &new.v6, |value| home(self, value), |value| home(new, value), u128::MAX);
        let count = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        let [before, after, gained, lost] = v4.map(count);
        Change { before, after, gained, lost, v6: v6.map(|number| count(number >> 80)) }
    }

    fn label(&self, value: u16) -> Label {
        let unknown = Label { verdict: Verdict::Unknown(Reason::Reserved), source: None, operator: None };
        self.labels.get(usize::from(value)).copied().unwrap_or(unknown)
    }
}

fn of(country: Country, listed: &[Country]) -> Verdict {
    match country {
        Country::HOME => Verdict::Domestic,
        country if listed.contains(&country) => Verdict::ForeignListed { country },
        country => Verdict::ForeignUnlisted { country: Some(country) },
    }
}

fn lift<A: Number, V>(span: &Span<A, V>, layer: u8, value: u16) -> Span<A, (u8, u16)> {
    Span { first: span.first, last: span.last, value: (layer, value) }
}

/// The table while it is made.
struct Table {
    v4: Vec<Span<u32, (u8, u16)>>,
    v6: Vec<Span<u128, (u8, u16)>>,
    labels: Vec<Label>,
    known: HashMap<(Verdict, Option<u16>, Option<u16>), u16>,
}

impl Table {
    fn label(&mut self, verdict: Verdict, source: Option<u16>, operator: Option<u16>) -> u16 {
        // 676 countries of a file; a table of more files than fit says "not in Kazakhstan" of the rest.
        let next = u16::try_from(self.labels.len()).unwrap_or(0);
        let labels = &mut self.labels;
        *self.known.entry((verdict, source, operator)).or_insert_with(|| {
            if next > 0 {
                labels.push(Label { verdict, source, operator });
            }
            next
        })
    }

    fn add(&mut self, text: &str, layer: u8, value: u16) {
        match Cidr::parse(text).map(|cidr| cidr.bounds()) {
            Some((IpAddr::V4(first), IpAddr::V4(last))) => {
                self.v4.push(Span { first: first.into(), last: last.into(), value: (layer, value) });
            }
            Some((IpAddr::V6(first), IpAddr::V6(last))) => {
                self.v6.push(Span { first: first.into(), last: last.into(), value: (layer, value) });
            }
            _ => {}
        }
    }

    /// Adds the prefixes that ship with the agent; gives the names of who runs them.
    fn anycast(&mut self, sources: &mut Vec<Source>) -> Vec<String> {
        let date = ANYCAST.lines().find_map(|line| line.strip_prefix("# date: ")?.parse().ok()).unwrap_or_default();
        let source = u16::try_from(sources.len()).ok();
        sources.push(Source { name: "well-known anycast prefixes".to_owned(), date });
        let mut operators: Vec<String> = Vec::new();
        for (text, name) in
            ANYCAST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
        {
            let at = operators.iter().position(|known| known == name).unwrap_or_else(|| {
                operators.push(name.to_owned());
                operators.len() - 1
            });
            let value = self.label(Verdict::Unknown(Reason::Anycast), source, u16::try_from(at).ok());
            self.add(text, LAYERS[1], value);
        }
        operators
    }
}

/// Addresses before, after, gained and lost.
fn compare<A: Number>(
    old: &Flat<A>,
    new: &Flat<A>,
    was: impl Fn(u16) -> bool,
    is: impl Fn(u16) -> bool,
    last: A,
) -> [u128; 4] {
    let mut turns: Vec<A> = old.ranges().chain(new.ranges()).map(|(first, _, _)| first).collect();
    turns.sort_unstable();
    turns.dedup();
    let mut counts = [0_u128; 4];
    let ends = turns.iter().skip(1).map(|turn| (*turn, 0)).chain([(last, 1)]);
    for (first, (end, inside)) in turns.iter().zip(ends) {
        let size = first.distance(end).saturating_add(inside);
        let (was, is) = (was(old.get(*first)), is(new.get(*first)));
        for (count, holds) in counts.iter_mut().zip([was, is, is && !was, was && !is]) {
            *count = count.saturating_add(if holds { size } else { 0 });
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(place: &Place, address: &str) -> String {
        let answer = place.explain(address.parse().unwrap());
        assert_eq!(answer.verdict, place.verdict(address.parse().unwrap()), "{address}");
        let country = answer.verdict.country().map(|country| format!(" {country}")).unwrap_or_default();
        format!("{}{country}", answer.verdict)
    }

    #[test]
    fn with_what_ships_kazakhstan_is_told_from_the_rest() {
        let place = Place::default();
        for (address, wanted) in [
            ("2.72.0.1", "domestic KZ"),
            ("2.71.255.255", "foreign-unlisted"),
            ("2.79.255.255", "domestic KZ"),
            ("95.56.0.1", "domestic KZ"),
            ("2a03:32c0::1", "domestic KZ"),
            ("2a00:f480::1", "foreign-unlisted"),
            ("18.196.0.1", "foreign-unlisted"),
            ("77.88.8.8", "foreign-unlisted"),
            ("1.1.1.1", "unknown (anycast)"),
            ("2606:4700::6810:1", "unknown (anycast)"),
            ("198.41.0.4", "unknown (anycast)"),
            ("8.8.8.8", "unknown (anycast)"),
            ("10.0.0.1", "local (private)"),
            ("100.100.1.1", "local (shared)"),
            ("127.0.0.1", "local (loopback)"),
            ("169.254.169.254", "local (link-local)"),
            ("224.0.0.251", "local (multicast)"),
            ("255.255.255.255", "local (broadcast)"),
            ("0.0.0.0", "local (unspecified)"),
            ("0.0.0.1", "unknown (reserved)"),
            ("203.0.113.9", "unknown (documentation)"),
            ("250.1.2.3", "unknown (reserved)"),
            ("::1", "local (loopback)"),
            ("::", "local (unspecified)"),
            ("fd00::1", "local (private)"),
            ("fe80::1", "local (link-local)"),
            ("ff02::fb", "local (multicast)"),
            ("2001:db8::1", "unknown (documentation)"),
            ("2001:10::1", "unknown (reserved)"),
            ("2001:4:112::1", "unknown (anycast)"),
            ("2001:200::1", "foreign-unlisted"),
            ("4000::1", "unknown (reserved)"),
            ("::ffff:2.72.0.1", "domestic KZ"),
            ("::ffff:10.1.2.3", "local (private)"),
            ("64:ff9b::18.196.0.1", "foreign-unlisted"),
            ("2002:248:1::1", "domestic KZ"),
        ] {
            assert_eq!(told_of(&place, address), wanted, "{address}");
        }
    }

    #[test]
    fn an_answer_says_what_it_rests_on() {
        let place = Place::default();
        let answer = place.explain("::ffff:2.74.0.1".parse().unwrap());
        assert_eq!(answer.block, ("2.72.0.0".parse().unwrap(), "2.79.255.255".parse().unwrap()));
        assert_eq!(answer.inside, Some(Ipv4Addr::new(2, 74, 0, 1)));
        assert_eq!(answer.source.map(|source| source.date.to_string()).as_deref(), Some("2026-06-17"));
        assert_eq!(place.explain("1.1.1.1".parse().unwrap()).operator, Some("Cloudflare"));
        assert_eq!(place.explain("10.0.0.1".parse().unwrap()).source, None);
        assert_eq!(place.explain("18.196.0.1".parse().unwrap()).source, place.home_source());
    }

    fn blocks(text: &str) -> Blocks {
        Blocks::parse(&format!("# date: 2026-11-01\n{text}")).unwrap()
    }

    #[test]
    fn files_of_the_operator_go_before_what_ships() {
        let germany = Country::parse("DE").unwrap();
        let abroad = "18.196.0.0/14 DE\n1.0.0.0/8 AU\n2.72.0.0/16 RU\n10.0.0.0/8 US\n";
        let place = Place::new(vec![blocks(abroad)], &[germany]);
        assert_eq!(told_of(&place, "18.196.0.1"), "foreign-listed DE");
        assert_eq!(told_of(&place, "1.2.3.4"), "foreign-unlisted AU");
        assert_eq!(told_of(&place, "1.1.1.1"), "unknown (anycast)");
        assert_eq!(told_of(&place, "10.2.3.4"), "local (private)");
        // A smaller block says more than the larger one, whoever tells it.
        assert_eq!(told_of(&place, "2.72.0.1"), "foreign-unlisted RU");
        assert_eq!(told_of(&place, "2.73.0.1"), "domestic KZ");
        assert_eq!(place.of_country(germany), Verdict::ForeignListed { country: germany });
        let place = Place::new(vec![blocks("5.34.0.0/17 KZ\n")], &[]);
        assert_eq!(told_of(&place, "2a03:32c0::1"), "domestic KZ", "of IPv6 the file tells nothing");
        let day = |address: &str| place.explain(address.parse().unwrap()).source.map(|source| source.date.to_string());
        assert_eq!(day("9.9.0.1").as_deref(), Some("2026-11-01"));
        assert_eq!(day("2a01::1").as_deref(), Some("2026-06-17"));
        assert_eq!(place.home_source().map(|source| source.date.to_string()).as_deref(), Some("2026-06-17"));
        let place = Place::new(vec![blocks("5.34.0.0/17 KZ\n2a00::/32 KZ\n")], &[]);
        assert_eq!(
            (told_of(&place, "2.72.0.1").as_str(), told_of(&place, "5.34.0.1").as_str()),
            ("foreign-unlisted", "domestic KZ")
        );
        assert_eq!(place.home_source().map(|source| source.date.to_string()).as_deref(), Some("2026-11-01"));
    }

    #[test]
    fn a_change_is_counted() {
        let old = Place::new(vec![blocks("5.34.0.0/17 KZ\n2a03:32c0::/32 KZ\n")], &[]);
        let new = Place::new(vec![blocks("5.34.0.0/18 KZ\n9.1.0.0/24 KZ\n2a03:32c0::/31 KZ\n")], &[]);
        let change = old.change(&new);
        assert_eq!((change.before, change.after, change.gained, change.lost), (32_768, 16_640, 256, 16_384));
        assert_eq!(change.v6, [65_536, 131_072, 65_536, 0]);
        assert_eq!(new.change(&new).gained + new.change(&new).lost, 0);
    }
}
