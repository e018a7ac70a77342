//! The operator's register of recipients (clauses 2.3 and 3.4): who may be sent personal data, where they are reached, on
//! what basis, and until when. What is known of a recipient goes before what registries say of its address.

use crate::catalogue::CATEGORIES;
use crate::policy::parse::{read_expiry, read_offset};
use crate::suppress::MOST_NAMES;
use crate::toml_file::{self, Reader, Word};
use crate::{Diagnostic, suppress};
use kuzet_event::Timestamp;
use kuzet_place::{Cidr, Country};
use std::net::IpAddr;
use std::ops::Range;
use toml::de::DeTable;

const KEYS: [&str; 15] = [
    "name",
    "address",
    "addresses",
    "domain",
    "domains",
    "port",
    "ports",
    "country",
    "contract",
    "basis",
    "category",
    "categories",
    "owner",
    "expires",
    "offset",
];

/// Why a recipient may have personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The person agreed.
    Consent,
    /// A contract of the person needs it.
    Contract,
    /// A law demands or allows it.
    Law,
}

impl Basis {
    const ALL: [Basis; 3] = [Basis::Consent, Basis::Contract, Basis::Law];

    /// Word of the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Basis::Consent => "consent",
            Basis::Contract => "contract",
            Basis::Law => "law",
        }
    }
}

/// Where data goes, as far as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Destination<'d> {
    /// Address.
    pub address: Option<IpAddr>,
    /// Name that the client asked for (DNS, TLS SNI, HTTP Host): its own word.
    pub name: Option<&'d str>,
    /// Port.
    pub port: Option<u16>,
}

/// One `[[recipient]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub name: String,
    /// Where the data is kept, by the operator's word.
    pub country: Country,
    /// The contract, as people find it.
    pub contract: String,
    /// Why.
    pub basis: Basis,
    /// Codes of the categories of clause 2.1 that may be sent.
    pub categories: Vec<String>,
    /// Who answers for the entry.
    pub owner: String,
    addresses: Vec<Cidr>,
    domains: Vec<String>,
    ports: Vec<u16>,
    until: Timestamp,
    line: usize,
}

/// The register.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    entries: Vec<Recipient>,
    file: String,
}

impl Recipients {
    /// Reads a register (docs/place.md).
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn parse(text: &str, file_name: &str) -> Result<Recipients, Vec<Diagnostic>> {
        let mut reader = Reader::new(text, file_name);
        let root = reader.parse();
        reader.known_keys(&root, &["recipient"], "the register of recipients");
        let mut entries: Vec<Recipient> = Vec::new();
        for (table, span) in reader.tables(&root, "recipient") {
            entries.extend(read(&mut reader, text, table, &span, &entries));
        }
        reader.finish(Recipients { entries, file: file_name.to_owned() })
    }

    /// The first entry that holds at `at` and names this destination.
    #[must_use]
    pub fn find(&self, destination: &Destination<'_>, at: Timestamp) -> Option<&Recipient> {
        self.entries.iter().find(|entry| at < entry.until && entry.names(destination))
    }

    /// How many there are, expired ones with them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A warning for each that has expired at `now`: its destination is unregistered.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        self.entries.iter().filter(move |entry| now >= entry.until).map(|entry| Diagnostic {
            code: toml_file::EXPIRED.to_owned(),
            file: self.file.clone(),
            line: entry.line,
            column: 0,
            message: format!("recipient `{}` has expired and counts no longer", entry.name),
            help: format!("ask {} whether the contract goes on: set a later `expires`, or take it out", entry.owner),
            warning: true,
        })
    }
}

impl Recipient {
    /// Whether a name alone makes it: whoever sends can claim it.
    pub(crate) fn by_name_alone(&self) -> bool {
        self.addresses.is_empty()
    }

    /// All that the entry says must hold. A name that was not seen contradicts nothing where the address is right; alone
    /// it is what the client claims.
    fn names(&self, destination: &Destination<'_>) -> bool {
        let address = self.addresses.is_empty()
            || destination.address.is_some_and(|address| self.addresses.iter().any(|one| one.contains(address)));
        let name = match destination.name {
            _ if self.domains.is_empty() => true,
            Some(name) => self.domains.iter().any(|domain| below(name, domain)),
            None => !self.addresses.is_empty(),
        };
        let port = self.ports.is_empty() || destination.port.is_some_and(|port| self.ports.contains(&port));
        address && name && port
    }
}

/// Whether `name` is `domain` or ends with it behind a dot.
fn below(name: &str, domain: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).as_bytes();
    let Some(border) = name.len().checked_sub(domain.len()) else { return false };
    name[border..].eq_ignore_ascii_case(domain.as_bytes()) && (border == 0 || name[border - 1] == b'.')
}

fn read(
    reader: &mut Reader<'_>,
    text: &str,
    table: &DeTable<'_>,
    span: &Range<usize>,
    before: &[Recipient],
) -> Option<Recipient> {
    reader.known_keys(table, &KEYS, "[[recipient]]");
    if before.len() >= MOST_NAMES {
        let message = format!("more than {MOST_NAMES} recipients");
        reader.fault(span.clone(), toml_file::BAD_VALUE, message, "join those of one contract");
        return None;
    }
    let name = reader.required(table, "name", span, "who receives the data: name = \"Credit bureau\"");
    let name = name.and_then(|(name, at)| {
        let taken = before.iter().any(|other| other.name == name);
        suppress::read_name(reader, (name, at), taken)
    });
    let (addresses, domains, ports) = read_where(reader, table, span);
    let help = "where the data is kept: country = \"KZ\"";
    let country = reader.required(table, "country", span, help).and_then(|word| read_country(reader, word));
    let contract = reader.required(table, "contract", span, "what it rests on: contract = \"No. 12 of 2026-01-10\"");
    let help = "why they may have it: basis = \"consent\", \"contract\" or \"law\"";
    let basis = reader.required(table, "basis", span, help).and_then(|word| read_basis(reader, word));
    let categories = read_categories(reader, table, span);
    let owner = reader.required(table, "owner", span, "who answers for it: owner = \"credit department\"");
    if !table.contains_key("expires") {
        let help = "the last day on which it holds: expires = 2027-01-31";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "`expires` is missing".to_owned(), help);
    }
    let offset = read_offset(reader, table);
    let until = read_expiry(reader, text, table, offset);
    Some(Recipient {
        name: name?,
        country: country?,
        contract: contract?.0,
        basis: basis?,
        categories,
        owner: owner?.0,
        addresses,
        domains,
        ports,
        until: until?,
        line: text.get(..span.start.min(text.len())).unwrap_or_default().matches('\n').count() + 1,
    })
}

/// Addresses, domains and ports; one of the first two must be there.
fn read_where(reader: &mut Reader<'_>, table: &DeTable<'_>, span: &Range<usize>) -> (Vec<Cidr>, Vec<String>, Vec<u16>) {
    let addresses = reader.strings(table, &["address", "addresses"]).unwrap_or_default();
    let domains = reader.strings(table, &["domain", "domains"]).unwrap_or_default();
    if addresses.is_empty() && domains.is_empty() {
        let help = "addresses = [\"192.0.2.0/24\"], domains = [\"bureau.example\"], or both, which must both fit then";
        reader.fault(span.clone(), toml_file::MISSING_KEY, "the recipient is nowhere".to_owned(), help);
    }
    let addresses = addresses.into_iter().filter_map(|word| read_address(reader, word)).collect();
    let domains = domains.into_iter().filter_map(|word| read_domain(reader, word)).collect();
    let mut ports = Vec::new();
    for (number, at) in reader.numbers(table, &["port", "ports"]) {
        match u16::try_from(number) {
            Ok(port) if port > 0 => ports.push(port),
            _ => reader.fault(at, toml_file::BAD_VALUE, format!("{number} is no port"), "from 1 to 65535"),
        }
    }
    (addresses, domains, ports)
}

fn read_address(reader: &mut Reader<'_>, (word, span): Word) -> Option<Cidr> {
    let Some(cidr) = Cidr::parse(&word) else {
        let help = "192.0.2.0/24, 2001:db8::/48 or a single address, with zeros behind the prefix";
        reader.fault(span, toml_file::BAD_VALUE, format!("`{word}` is no address or network"), help);
        return None;
    };
    if cidr.bits() < 8 {
        let help = "name the recipient's own networks; /8 is the widest";
        reader.fault(span, toml_file::TOO_WIDE, format!("`{word}` is half of the Internet"), help);
        return None;
    }
    Some(cidr)
}

fn read_domain(reader: &mut Reader<'_>, (word, span): Word) -> Option<String> {
    let domain = word.strip_suffix('.').unwrap_or(&word).to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        let help = "as bureau.example, which names all below it too; without *, and other letters as xn--…";
        reader.fault(span, toml_file::BAD_VALUE, format!("`{word}` is no domain"), help);
        return None;
    }
    if !domain.contains('.') {
        let help = "name the recipient's own domain: bureau.example";
        reader.fault(span, toml_file::TOO_WIDE, format!("`{word}` would name everybody below it"), help);
        return None;
    }
    Some(domain)
}

fn read_country(reader: &mut Reader<'_>, (word, span): Word) -> Option<Country> {
    let country = Country::known(&word);
    if country.is_none() {
        let help = "two letters of ISO 3166-1, as KZ, DE, GB";
        reader.fault(span, toml_file::BAD_VALUE, format!("`{word}` is no country"), help);
    }
    country
}

fn read_basis(reader: &mut Reader<'_>, (word, span): Word) -> Option<Basis> {
    let basis = Basis::ALL.into_iter().find(|basis| basis.name() == word);
    if basis.is_none() {
        reader.fault(span, toml_file::BAD_VALUE, format!("`{word}` is no basis"), "consent, contract or law");
    }
    basis
}

fn read_categories(reader: &mut Reader<'_>, table: &DeTable<'_>, span: &Range<usize>) -> Vec<String> {
    let words = reader.strings(table, &["category", "categories"]);
    if words.as_ref().is_none_or(Vec::is_empty) {
        let help = format!("what they may have, by the words of clause 2.1: {}", CATEGORIES.join(", "));
        reader.fault(span.clone(), toml_file::MISSING_KEY, "`categories` is missing".to_owned(), &help);
    }
    let mut found = Vec::new();
    for (word, span) in words.unwrap_or_default() {
        if CATEGORIES.contains(&word.as_str()) {
            found.push(word);
            continue;
        }
        let help = match toml_file::nearest(&word, &CATEGORIES) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("categories of clause 2.1: {}", CATEGORIES.join(", ")),
        };
        reader.fault(span, toml_file::BAD_VALUE, format!("unknown category `{word}`"), &help);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: &str = r#"
[[recipient]]
name = "Credit bureau"
addresses = ["192.0.2.0/24", "2001:db8:5::/48"]
domains = ["Bureau.example", "bureau.kz."]
ports = [443, 8443]
country = "KZ"
contract = "No. 12 of 2026-01-10"
basis = "law"
categories = ["iin", "name"]
owner = "credit department"
expires = 2026-12-31

[[recipient]]
name = "SMS gateway"
domain = "sms.example"
country = "DE"
contract = "No. 7 of 2025-03-01"
basis = "consent"
category = "phone_mobile"
owner = "marketing"
expires = "2027-06-30"
"#;
    /// 2026-11-23.
    const NOW: Timestamp = Timestamp(1_795_392_000_000_000);
    const YEAR: i64 = 31_536_000_000_000;

    fn found(address: &str, name: &str, port: u16, at: Timestamp) -> Option<String> {
        let register = Recipients::parse(REGISTER, "recipients.toml").unwrap();
        let name = (!name.is_empty()).then_some(name);
        let destination = Destination { address: address.parse().ok(), name, port: (port > 0).then_some(port) };
        register.find(&destination, at).map(|one| format!("{} {} {}", one.name, one.country, one.basis.name()))
    }

    #[test]
    fn a_destination_is_found_by_all_that_is_said_of_it() {
        let bureau = Some("Credit bureau KZ law".to_owned());
        assert_eq!(found("192.0.2.9", "api.bureau.example", 443, NOW), bureau);
        assert_eq!(found("192.0.2.9", "BUREAU.KZ.", 8443, NOW), bureau);
        assert_eq!(found("::ffff:192.0.2.9", "", 443, NOW), bureau, "the name was not seen");
        assert_eq!(found("2001:db8:5::1", "bureau.kz", 443, NOW), bureau);
        assert_eq!(found("192.0.2.9", "bureau.kz", 22, NOW), None, "another port");
        assert_eq!(found("192.0.2.9", "bureau.kz", 0, NOW), None, "the port was not seen");
        assert_eq!(found("198.51.100.9", "bureau.kz", 443, NOW), None, "a name that is only claimed");
        assert_eq!(found("192.0.2.9", "notbureau.kz", 443, NOW), None, "no border of labels");
        assert_eq!(found("192.0.2.9", "bureau.kz.evil.example", 443, NOW), None);
        let gateway = Some("SMS gateway DE consent".to_owned());
        assert_eq!(found("198.51.100.9", "sms.example", 0, NOW), gateway);
        assert_eq!(found("", "eu.sms.example", 0, NOW), gateway);
        assert_eq!(found("198.51.100.9", "", 443, NOW), None);
    }

    #[test]
    fn what_expired_is_told_and_does_not_count() {
        let later = Timestamp(NOW.0 + YEAR / 2);
        assert_eq!(found("192.0.2.9", "bureau.kz", 443, later), None);
        assert!(found("198.51.100.9", "sms.example", 0, later).is_some());
        let register = Recipients::parse(REGISTER, "recipients.toml").unwrap();
        assert_eq!((register.len(), register.expired(NOW).count()), (2, 0));
        let told: Vec<Diagnostic> = register.expired(later).collect();
        assert_eq!((told.len(), told[0].code.as_str(), told[0].line, told[0].warning), (1, "KZ209", 2, true));
        assert!(told[0].message.contains("Credit bureau") && told[0].help.contains("credit department"));
        // The last day is a day of Kazakhstan.
        let midnight = Timestamp(1_798_743_600_000_000);
        assert!(found("192.0.2.9", "bureau.kz", 443, Timestamp(midnight.0 - 1)).is_some());
        assert!(found("192.0.2.9", "bureau.kz", 443, midnight).is_none());
    }

    #[test]
    fn every_fault_has_its_place_and_a_help() {
        let of = |from: &str, to: &str| {
            assert!(REGISTER.contains(from));
            let text = REGISTER.replacen(from, to, 1);
            let faults = Recipients::parse(&text, "recipients.toml").unwrap_err();
            faults.iter().for_each(|fault| assert!(!fault.help.is_empty() && fault.line > 0, "{fault}"));
            faults.iter().map(|fault| (fault.code.clone(), fault.line)).collect::<Vec<_>>()
        };
        let one = |code: &str, line: usize| vec![(code.to_owned(), line)];
        assert_eq!(of("\"192.0.2.0/24\"", "\"192.0.2.1/24\""), one("KZ205", 4));
        assert_eq!(of("\"192.0.2.0/24\"", "\"0.0.0.0/0\""), one("KZ208", 4));
        assert_eq!(of("\"Bureau.example\"", "\"*.example\""), one("KZ205", 5));
        assert_eq!(of("\"Bureau.example\"", "\"example\""), one("KZ208", 5));
        assert_eq!(of("\"Bureau.example\"", "\"қаржы.kz\""), one("KZ205", 5));
        assert_eq!(of("8443", "70000"), one("KZ205", 6));
        assert_eq!(of("8443", "\"https\""), one("KZ203", 6));
        assert_eq!(of("\"KZ\"", "\"UK\""), one("KZ205", 7));
        assert_eq!(of("\"law\"", "\"habit\""), one("KZ205", 9));
        assert_eq!(of("\"iin\"", "\"inn\""), one("KZ205", 10));
        assert_eq!(of("expires = 2026-12-31", ""), one("KZ204", 2));
        assert_eq!(of("owner = \"credit department\"", ""), one("KZ204", 2));
        assert_eq!(of("domain = \"sms.example\"", ""), one("KZ204", 14));
        assert_eq!(of("\"SMS gateway\"", "\"Credit bureau\""), one("KZ206", 15));
        assert_eq!(of("contract", "contrakt"), [("KZ204".to_owned(), 2), ("KZ202".to_owned(), 8)]);
    }
}
