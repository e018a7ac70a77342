//! A country database of the MaxMind format as a list of blocks: read once, when it is installed, so that the agent itself
//! parses one format only.

use kuzet_place::Country;
use maxminddb::{PathElement, Reader, WithinOptions};
use std::fmt::Write;

/// Begins the metadata at the end of such a file.
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// Where a country stands: flat, as many free databases have it, or as GeoLite2 does.
const PLACES: [&[PathElement<'_>]; 3] = [
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("registered_country"), PathElement::Key("iso_code")],
];

/// Whether the bytes are such a database.
pub(super) fn is(bytes: &[u8]) -> bool {
    memchr::memmem::rfind(bytes, MARK).is_some()
}

/// The list, with who made the database and when.
pub(super) fn list(bytes: Vec<u8>) -> Result<String, String> {
    let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
    let metadata = reader.metadata();
    let made = i64::try_from(metadata.build_epoch).ok().and_then(|epoch| jiff::Timestamp::from_second(epoch).ok());
    let made = made.ok_or("the time of its making cannot be read")?.to_zoned(jiff::tz::TimeZone::UTC).date();
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(120).collect::<String>();
    let mut list = format!("# source: {}, country database\n# date: {made}\n", plain(&metadata.database_type));
    if let Some(description) = metadata.description.get("en") {
        let _ = writeln!(list, "# {}", plain(description));
    }
    for found in reader.networks(WithinOptions::default()).map_err(|error| error.to_string())? {
        let found = found.map_err(|error| error.to_string())?;
        let mut words = PLACES.iter().filter_map(|place| found.decode_path::<&str>(place).ok().flatten());
        if let Some(country) = words.find_map(Country::parse) {
            let network = found.network().map_err(|error| error.to_string())?;
            let _ = writeln!(list, "{network} {country}");
        }
        if list.len() > kuzet_place::MAX_BYTES {
            break; // Blocks::parse says so
        }
    }
    Ok(list)
}
