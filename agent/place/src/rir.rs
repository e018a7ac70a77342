//! Statistics of the regional Internet registries: who was delegated which numbers
//! (<https://www.nro.net/about/rirs/statistics/>, delegated and delegated-extended, also the NRO's joint file).
//!
//! A registry counts the records in the header of its file, so a download that broke off is seen.

use crate::blocks::Reading;
use crate::fault::{self, Faults};
use crate::{Cidr, Country, Date};
use std::net::{IpAddr, Ipv4Addr};

/// Reads one file, or several one after the other; their oldest day is the day of all.
pub(crate) fn read(text: &str, reading: &mut Reading, faults: &mut Faults) {
    let (mut promised, mut records) = (0_u64, 0_u64);
    let mut registries: Vec<&str> = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split('|').collect();
        if fields.first().is_some_and(|field| field.starts_with(|c: char| c.is_ascii_digit())) {
            promised = promised.saturating_add(header(&fields, reading, &mut registries).unwrap_or(0));
            continue;
        }
        if fields.get(5).is_some_and(|field| *field == "summary") {
            continue;
        }
        records += 1;
        if !record(&fields, reading) {
            let help = "registry|KZ|ipv4|2.72.0.0|524288|20100701|allocated; is the file damaged?";
            faults.push(fault::NO_BLOCK, number, "the line is no record of a registry", help);
        }
        if reading.v4.len() + reading.v6.len() > crate::blocks::MOST {
            let message = format!("more than {} blocks", crate::blocks::MOST);
            faults.push(fault::TOO_LARGE, number, message, "is this the right file?");
        }
        if faults.enough() || reading.v4.len() + reading.v6.len() > crate::blocks::MOST {
            return;
        }
    }
    if records < promised {
        let message = format!("the header tells of {promised} records, the file has {records}");
        faults.push(fault::TRUNCATED, 0, message, "the download broke off; fetch the file again");
    }
    reading.source = format!("delegated statistics of {}", registries.join(", "));
}

/// `2|ripencc|1763852399|262144|19830705|20261122|+0100`: how many records are promised.
fn header<'t>(fields: &[&'t str], reading: &mut Reading, registries: &mut Vec<&'t str>) -> Option<u64> {
    let [_, registry, serial, records, _, end, ..] = fields else { return None };
    if let Some(date) = day(end).or_else(|| day(serial)) {
        reading.dated(date);
    }
    let plain = registry.len() <= 16 && registry.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && registries.len() < 8 && !registries.contains(registry) {
        registries.push(registry);
    }
    records.parse().ok()
}

/// `20261122`.
fn day(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let number: u32 = text.parse().ok()?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Whether the record was understood.
fn record(fields: &[&str], reading: &mut Reading) -> bool {
    let [_, country, kind, start, value, _, status, ..] = fields else { return false };
    let nobody = matches!(*country, "" | "ZZ" | "*") || matches!(*status, "available" | "reserved");
    if *kind == "asn" || nobody {
        reading.skipped = true;
        return true;
    }
    let Some(country) = Country::parse(country) else { return false };
    let bounds = match *kind {
        "ipv4" => ipv4(start, value),
        "ipv6" => {
            Cidr::parse(&format!("{start}/{value}")).map(|cidr| cidr.bounds()).filter(|(first, _)| first.is_ipv6())
        }
        _ => None,
    };
    let Some((first, last)) = bounds else { return false };
    reading.add(first, last, country);
    true
}

/// A number of addresses that need not be a power of two.
fn ipv4(start: &str, count: &str) -> Option<(IpAddr, IpAddr)> {
    let first: Ipv4Addr = start.parse().ok()?;
    let count: u32 = count.parse().ok()?;
    let last = u32::from(first).checked_add(count.checked_sub(1)?)?;
    Some((first.into(), Ipv4Addr::from(last).into()))
}

#[cfg(test)]
mod tests {
    use crate::{Blocks, Country};

    const RIPE: &str = "\
2|ripencc|1763852399|6|19830705|20261122|+0100
ripencc|*|asn|*|1|summary
ripencc|*|ipv4|*|3|summary
ripencc|*|ipv6|*|1|summary
ripencc|KZ|asn|9198|1|19970903|allocated|0a1b
ripencc|KZ|ipv4|2.72.0.0|524288|20100701|allocated|0a1b
ripencc|KZ|ipv4|91.195.226.0|768|20070502|assigned|0a1b
ripencc|DE|ipv6|2a01:4f8::|32|20070502|allocated|0a1b
ripencc||ipv4|5.1.1.0|256||available|
ripencc|EU|ipv4|62.0.0.0|256|20000101|allocated
";

    #[test]
    fn a_file_of_a_registry_is_read() {
        let blocks = Blocks::parse(RIPE).unwrap();
        assert_eq!((blocks.len(), blocks.date.to_string()), (4, "2026-11-22".to_owned()));
        assert_eq!(blocks.source, "delegated statistics of ripencc");
        let told: Vec<String> = blocks.countries().iter().map(Country::to_string).collect();
        assert_eq!(told, ["DE", "EU", "KZ"]);
        assert_eq!(blocks.v4[1].last - blocks.v4[1].first, 767);
    }

    #[test]
    fn several_files_are_as_old_as_the_oldest() {
        let both = RIPE.to_owned()
            + "2|apnic|20261101|1|19850701|20261101|+1000\napnic|JP|ipv4|1.0.16.0|4096|20110412|allocated\n";
        let blocks = Blocks::parse(&both).unwrap();
        assert_eq!((blocks.len(), blocks.date.to_string()), (5, "2026-11-01".to_owned()));
        assert_eq!(blocks.source, "delegated statistics of ripencc, apnic");
    }

    #[test]
    fn a_download_that_broke_off_is_refused() {
        let cut = RIPE.find("ripencc|EU").unwrap();
        let faults = Blocks::parse(&RIPE[..cut]).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["KZ105"]);
        let faults = Blocks::parse(&RIPE[..cut - 9]).unwrap_err();
        assert!(faults.iter().any(|fault| fault.code == "KZ105"), "{faults:?}");
    }

    #[test]
    fn damaged_records_are_told_by_line() {
        for bad in [
            "ripencc|KZ|ipv4|2.72.0.0|0|20100701|allocated",
            "ripencc|KZ|ipv4|255.255.255.0|512|20100701|allocated",
            "ripencc|KZ|ipv4|2a00::|32|20100701|allocated",
            "ripencc|KZ|ipv6|2.72.0.0|13|20100701|allocated",
            "ripencc|KZ|ipv6|2a00::|129|20100701|allocated",
            "ripencc|Kazakhstan|ipv4|2.72.0.0|256|20100701|allocated",
            "ripencc|KZ|ipv5|2.72.0.0|256|20100701|allocated",
            "ripencc|KZ",
        ] {
            let faults = Blocks::parse(&format!("{RIPE}{bad}\n")).unwrap_err();
            assert_eq!((faults.len(), faults[0].code, faults[0].line), (1, "KZ101", 11), "{bad}");
        }
    }
}
