//! Files of address blocks: a plain list, or statistics of a registry. Text in, typed ranges out.

use crate::fault::{self, Fault, Faults};
use crate::flat::Span;
use crate::{Cidr, Country, Date, rir};
use std::net::IpAddr;

/// Largest file: all registries together have 40 MB.
pub const MAX_BYTES: usize = 64 << 20;
/// Most blocks of a file: all registries together have 400,000.
pub(crate) const MOST: usize = 2_000_000;

/// Blocks of addresses with their countries, of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// The day of the data.
    pub date: Date,
    /// Who says so, in the words of the file.
    pub source: String,
    pub(crate) v4: Vec<Span<u32, Country>>,
    pub(crate) v6: Vec<Span<u128, Country>>,
}

impl Blocks {
    /// What ships with the agent: the blocks of Kazakhstan.
    pub const EMBEDDED: &'static str = include_str!("../data/kz.txt");

    /// Reads a list of CIDRs (`# date:` and `# country:` above, or a country behind each block), or a statistics file of
    /// the regional registries, delegated or delegated-extended, or several of these one after the other.
    ///
    /// # Errors
    /// The first five faults.
    pub fn parse(text: &str) -> Result<Blocks, Vec<Fault>> {
        let mut faults = Faults::default();
        if text.len() > MAX_BYTES {
            let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
            faults.push(fault::TOO_LARGE, 0, message, "is this the right file?");
            return Err(faults.or(()).err().unwrap_or_default());
        }
        let mut content = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let registry = content.next().is_some_and(|line| line.contains('|'));
        let mut reading = Reading::default();
        if registry {
            rir::read(text, &mut reading, &mut faults)
        } else {
            list(text, &mut reading, &mut faults)
        }
        let Reading { date, source, v4, v6, skipped } = reading;
        if v4.is_empty() && v6.is_empty() && !skipped {
            let help = "one block a line, as 2.72.0.0/13, below `# date: 2026-06-17` and `# country: KZ`";
            faults.push(fault::EMPTY, 0, "no block of addresses in the file", help);
        } else if date.is_none() {
            let help = "write `# date: 2026-06-17` above the blocks: the day of the data, not of the download";
            faults.push(fault::NO_DATE, 0, "the file does not say of what day it is", help);
        }
        faults.or(Blocks { date: date.unwrap_or_default(), source, v4, v6 })
    }

    /// How many blocks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of IPv4 and one of IPv6 is of `country`.
    #[must_use]
    pub fn has(&self, country: Country) -> [bool; 2] {
        let v4 = self.v4.iter().any(|span| span.value == country);
        [v4, self.v6.iter().any(|span| span.value == country)]
    }

    /// The countries, each once, in order.
    #[must_use]
    pub fn countries(&self) -> Vec<Country> {
        let mut all: Vec<Country> = self.v4.iter().map(|span| span.value).collect();
        all.extend(self.v6.iter().map(|span| span.value));
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A file as far as it is read.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) date: Option<Date>,
    pub(crate) source: String,
    pub(crate) v4: Vec<Span<u32, Country>>,
    pub(crate) v6: Vec<Span<u128, Country>>,
    /// Lines were understood and are of no country.
    pub(crate) skipped: bool,
}

impl Reading {
    /// Adds a range; `false` when there are too many.
    pub(crate) fn add(&mut self, first: IpAddr, last: IpAddr, value: Country) -> bool {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.push(Span { first: first.into(), last: last.into(), value });
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.push(Span { first: first.into(), last: last.into(), value });
            }
            _ => {}
        }
        self.v4.len() + self.v6.len() <= MOST
    }

    /// The oldest day of the file is its day.
    pub(crate) fn dated(&mut self, date: Date) {
        self.date = Some(self.date.map_or(date, |known| known.min(date)));
    }
}

/// `# key: value`.
fn header<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let rest = line.strip_prefix('#')?.trim_start().strip_prefix(key)?;
    rest.trim_start().strip_prefix(':').map(str::trim)
}

fn list(text: &str, reading: &mut Reading, faults: &mut Faults) {
    let mut country = None;
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if let Some(value) = header(line, "date") {
            match value.parse() {
                Ok(date) => reading.dated(date),
                Err(_) => faults.push(fault::NO_DATE, number, "the date cannot be read", "write it as 2026-06-17"),
            }
        } else if let Some(value) = header(line, "country") {
            country = Country::parse(value);
            if country.is_none() {
                faults.push(fault::NO_COUNTRY, number, "the country cannot be read", "two letters, as KZ");
            }
        } else if let Some(value) = header(line, "source") {
            reading.source = value.chars().filter(|c| !c.is_control()).take(200).collect();
        }
        let content = line.split('#').next().unwrap_or_default();
        let mut words = content.split_whitespace();
        let Some(word) = words.next() else { continue };
        let Some(cidr) = Cidr::parse(word) else {
            let help = "write 2.72.0.0/13 or 2a03:32c0::/32, with zeros behind the prefix";
            faults.push(fault::NO_BLOCK, number, "the line is no block of addresses", help);
            if faults.enough() {
                return;
            }
            continue;
        };
        let own = words.next();
        let Some(country) = own.map_or(country, Country::parse).filter(|_| words.next().is_none()) else {
            let help = "write `# country: KZ` above the blocks, or two letters behind each";
            faults.push(fault::NO_COUNTRY, number, "the block is of no country", help);
            if faults.enough() {
                return;
            }
            continue;
        };
        let (first, last) = cidr.bounds();
        if !reading.add(first, last, country) {
            let message = format!("more than {MOST} blocks");
            return faults.push(fault::TOO_LARGE, number, message, "is this the right file?");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<(&'static str, usize)> {
        Blocks::parse(text).unwrap_err().iter().map(|fault| (fault.code, fault.line)).collect()
    }

    #[test]
    fn the_embedded_list_is_read_whole() {
        let blocks = Blocks::parse(Blocks::EMBEDDED).unwrap();
        assert_eq!((blocks.len(), blocks.v4.len(), blocks.v6.len()), (687, 591, 96));
        assert_eq!((blocks.date.to_string(), blocks.countries()), ("2026-06-17".to_owned(), vec![Country::HOME]));
        assert!(blocks.source.contains("registries") && Blocks::EMBEDDED.contains("nro.net"));
        let addresses: u64 = blocks.v4.iter().map(|span| u64::from(span.last - span.first) + 1).sum();
        assert_eq!(addresses, 3_341_568);
    }

    #[test]
    fn a_list_says_its_country_above_or_behind() {
        let text = "# country: KZ\n#date : 2026-01-02\n\n 2.72.0.0/13 # Almaty\n5.34.0.0/17 RU\n::1\n";
        let blocks = Blocks::parse(text).unwrap();
        let told: Vec<Country> = blocks.v4.iter().map(|span| span.value).collect();
        assert_eq!((told, blocks.v6.len()), (vec![Country::HOME, Country::parse("RU").unwrap()], 1));
    }

    #[test]
    fn faults_have_a_code_and_a_line_and_quote_nothing() {
        assert_eq!(codes(""), [("KZ100", 0)]);
        assert_eq!(codes("# country: KZ\n2.72.0.0/13\n"), [("KZ103", 0)]);
        assert_eq!(
            codes("# date: 2026-01-02\n2.72.0.0/13\n2.80.0.0/13 KZ DE"),
            [("KZ102", 2), ("KZ102", 3), ("KZ100", 0)]
        );
        assert_eq!(codes("# date: 2026-13-02\n# country: Kazakhstan\n"), [("KZ103", 1), ("KZ102", 2), ("KZ100", 0)]);
        let csv = "iin,name\n".to_owned() + &"900101300017,secret\n".repeat(100);
        let faults = Blocks::parse(&csv).unwrap_err();
        assert_eq!((faults.len(), faults[0].code, faults[0].line), (5, "KZ101", 1));
        assert!(faults.iter().all(|fault| !fault.to_string().contains("secret")));
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert_eq!(codes(&" ".repeat(MAX_BYTES + 1)), [("KZ104", 0)]);
    }
}
