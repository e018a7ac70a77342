//! `kuzet geo update FILE`: a newer list of address blocks, checked, compared with the one that holds, and put in its place.

use super::mmdb;
use crate::cli::{Failure, output};
use crate::clock::{self, Clock};
use crate::config::{Config, told};
use crate::state::{self, INSTALLED_BLOCKS, fault};
use clap::Args;
use kuzet_incident::thousands;
use kuzet_place::{Blocks, Change, Country, Date, Place};
use serde::Serialize;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest country database: the list made of it is the limit that counts.
const MOST: u64 = 256 << 20;

#[derive(Args)]
pub(in crate::cli) struct Options {
    /// A delegated or delegated-extended file of a registry, a list of CIDRs, or a country .mmdb
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Install it although it is older, or takes away half of Kazakhstan
    #[arg(long)]
    force: bool,
    /// Print JSON (docs/schema/geo-update-1.json)
    #[arg(long)]
    json: bool,
}

/// `kuzet.geo-update/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    installed: String,
    source: String,
    date: String,
    date_before: Option<String>,
    blocks: usize,
    countries: usize,
    home: Home,
    overridden: bool,
}

/// What changes for Kazakhstan.
#[derive(Serialize)]
struct Home {
    /// Whether the file tells of it in IPv4 and in IPv6; else the list that ships with the agent does.
    told: [bool; 2],
    ipv4_addresses: Counts,
    ipv6_networks_48: Counts,
}

#[derive(Serialize)]
struct Counts {
    before: u64,
    after: u64,
    gained: u64,
    lost: u64,
}

pub(super) fn update(path: Option<&Path>, options: &Options) -> Result<ExitCode, Failure> {
    let (config, _) = Config::load(path)?;
    let text = read(&options.file)?;
    let blocks = Blocks::parse(&text)
        .map_err(|faults| faults.into_iter().map(|one| told(one, &options.file)).collect::<Vec<_>>())?;
    // An installed list that is broken now is what a newer one mends.
    let before = config.place.load(&config.state).unwrap_or_default().place;
    let (count, countries, has_home) = (blocks.len(), blocks.countries().len(), blocks.has(Country::HOME));
    let (source, date) = (blocks.source.clone(), blocks.date);
    let after = Place::new(vec![blocks], &[]);
    let change = before.change(&after);
    let known = before.home_source().map(|source| source.date);
    if let Some((message, help)) =
        refusal(date, known.filter(|_| has_home.contains(&true)), &change).filter(|_| !options.force)
    {
        return Err(fault("KZ108", &options.file, message, help).into());
    }
    state::prepare(&config.state)?;
    let installed = config.state.join(INSTALLED_BLOCKS);
    install(&installed, text.as_bytes()).map_err(|error| {
        fault("KZ109", &installed, format!("cannot install the list: {error}"), "check space and permissions")
    })?;
    let counts = |[before, after, gained, lost]: [u64; 4]| Counts { before, after, gained, lost };
    let report = Report {
        schema: "kuzet.geo-update/1",
        installed: installed.display().to_string(),
        source,
        date: date.to_string(),
        date_before: known.map(|date| date.to_string()),
        blocks: count,
        countries,
        home: Home {
            told: has_home,
            ipv4_addresses: counts([change.before, change.after, change.gained, change.lost]),
            ipv6_networks_48: counts(change.v6),
        },
        overridden: !config.place.blocks.is_empty(),
    };
    if options.json {
        output::json(&report)?
    } else {
        lines(&report).iter().for_each(|line| output::line(line))
    }
    Ok(ExitCode::SUCCESS)
}

/// The file as a text of blocks.
fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| {
        fault("KZ001", path, format!("cannot read: {error}"), "check the path and its permissions")
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST {
        return Err(
            fault("KZ104", path, format!("is larger than {} MiB", MOST >> 20), "is this the right file?").into()
        );
    }
    if mmdb::is(&bytes) {
        let help = "is it a whole country database? cities and networks alone do not tell countries";
        return mmdb::list(bytes)
            .map_err(|error| fault("KZ107", path, format!("the database cannot be read: {error}"), help).into());
    }
    String::from_utf8(bytes).map_err(|_| {
        let help = "a delegated file of a registry, a list of CIDRs, or a country .mmdb; unpack it first";
        fault("KZ100", path, "is no list of address blocks".to_owned(), help).into()
    })
}

/// Why the list is not put in place of the one that holds.
fn refusal(date: Date, before: Option<Date>, change: &Change) -> Option<(String, &'static str)> {
    let today =
        jiff::Timestamp::from_microsecond(clock::System.wall().0).ok()?.to_zoned(jiff::tz::TimeZone::UTC).date();
    if date > today.tomorrow().unwrap_or(today) {
        return Some((format!("is of {date}, a day to come"), "its age would not be told; mend the date, or --force"));
    }
    if let Some(before) = before.filter(|before| date < *before) {
        let help = "the one that holds stays; --force installs the older one";
        return Some((format!("is of {date}, older than the list of {before}"), help));
    }
    let families = [([change.before, change.after], "IPv4 addresses"), ([change.v6[0], change.v6[1]], "IPv6 networks")];
    let (numbers, what) = families.into_iter().find(|([before, after], _)| *after < before / 2)?;
    let [before, after] = numbers.map(thousands);
    let message = format!("leaves Kazakhstan {after} of {before} {what}");
    Some((message, "is a part of the file missing? --force installs it all the same"))
}

/// Puts `bytes` in the place of `path` at once; the file before stays beside it.
fn install(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    let (new, previous) = (path.with_extension("new"), path.with_extension("previous.txt"));
    let _ = std::fs::remove_file(&new);
    // Public data in a private directory; the agent may run as another user than whoever installs.
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    file.write_all(bytes).and_then(|()| file.sync_all())?;
    if path.exists() {
        let _ = std::fs::remove_file(&previous);
        std::fs::hard_link(path, &previous)?;
    }
    std::fs::rename(&new, path)?;
    std::fs::File::open(folder)?.sync_all()
}

fn lines(report: &Report) -> Vec<String> {
    let before = report.date_before.as_ref().map_or_else(String::new, |date| format!("; before: {date}"));
    let (blocks, countries) = (thousands(report.blocks as u64), report.countries);
    let change = |counts: &Counts, what: &str| {
        let [after, gained, lost] = [counts.after, counts.gained, counts.lost].map(thousands);
        format!("{after} {what} (+{gained} -{lost})")
    };
    let mut lines = vec![
        format!("installed   {}", report.installed),
        format!("data        {}, {}{before}", report.source, report.date),
        format!("blocks      {blocks} of {countries} {}", if countries == 1 { "country" } else { "countries" }),
        format!(
            "Kazakhstan  {}, {}",
            change(&report.home.ipv4_addresses, "IPv4 addresses"),
            change(&report.home.ipv6_networks_48, "IPv6 networks of /48")
        ),
    ];
    for (_, family) in report.home.told.iter().zip(["IPv4", "IPv6"]).filter(|(told, _)| !**told) {
        let shipped = "for that the list that ships with the agent holds";
        lines.push(format!("The file tells of no {family} address of Kazakhstan: {shipped}."));
    }
    if report.overridden {
        lines.push("[place] blocks in the configuration names other files: they hold, not this one.".to_owned());
    }
    lines
}
