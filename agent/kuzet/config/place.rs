//! Where addresses are: files of blocks, the countries that the operator lists, the register of recipients.

use super::file::read_guarded_up_to;
use super::read_guarded;
use crate::state::{self, INSTALLED_BLOCKS};
use kuzet_detect::{Diagnostic, Recipients};
use kuzet_event::Timestamp;
use kuzet_place::{Blocks, Country, Fault, Place};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// Registries give out and take back blocks every day; half a year is when a list begins to be wrong for somebody.
pub(super) const OLD_DAYS: i64 = 180;
const DAY: i64 = 86_400;

/// `[place]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaceSettings {
    /// Files of address blocks; without any, what `kuzet geo update` installed, else what ships with the agent.
    pub blocks: Vec<PathBuf>,
    /// The register of recipients.
    pub recipients: Option<PathBuf>,
    /// Countries that the operator holds for such that protect personal data: codes, or the name of a preset.
    pub countries: Vec<String>,
}

/// Countries under one name (rules/law).
#[derive(Deserialize)]
struct Preset {
    countries: Vec<String>,
}

const CONVENTION_108: &str = "convention-108";
const PARTIES: &str = include_str!("../../../rules/law/convention-108.toml");
static PRESET: LazyLock<Option<Preset>> = LazyLock::new(|| toml::from_str(PARTIES).ok());

/// What is known of addresses and recipients.
#[derive(Clone, Default)]
pub struct LoadedPlace {
    /// Answers where addresses are.
    pub place: Arc<Place>,
    /// Who may be sent personal data.
    pub recipients: Recipients,
}

impl PlaceSettings {
    /// Makes relative paths start beside the configuration.
    pub(super) fn place(&mut self, beside: impl Fn(PathBuf) -> PathBuf) {
        self.blocks = std::mem::take(&mut self.blocks).into_iter().map(&beside).collect();
        self.recipients = self.recipients.take().map(beside);
    }

    /// The listed countries.
    ///
    /// # Errors
    /// The first word that is neither a country nor a preset.
    pub fn listed(&self) -> Result<Vec<Country>, &str> {
        let mut listed = Vec::new();
        for word in &self.countries {
            if word == CONVENTION_108 {
                let preset = PRESET.iter().flat_map(|preset| &preset.countries);
                listed.extend(preset.filter_map(|code| Country::known(code)));
            } else {
                listed.push(Country::known(word).ok_or(word.as_str())?);
            }
        }
        listed.sort_unstable();
        listed.dedup();
        Ok(listed)
    }

    /// The files of blocks that hold.
    #[must_use]
    pub fn blocks(&self, state: &Path) -> Vec<PathBuf> {
        let installed = state.join(INSTALLED_BLOCKS);
        match self.blocks.as_slice() {
            [] if installed.exists() => vec![installed],
            files => files.to_vec(),
        }
    }

    /// Every file whose change changes what is known.
    #[must_use]
    pub fn watched(&self, state: &Path) -> Vec<PathBuf> {
        let installed = self.blocks.is_empty().then(|| state.join(INSTALLED_BLOCKS));
        self.blocks.iter().cloned().chain(installed).chain(self.recipients.clone()).collect()
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn load(&self, state: &Path) -> Result<LoadedPlace, Vec<Diagnostic>> {
        let (mut faults, mut files) = (Vec::new(), Vec::new());
        for path in self.blocks(state) {
            match read_blocks(&path) {
                Ok(blocks) => files.push(blocks),
                Err(found) => faults.extend(found),
            }
        }
        let register = self.recipients.as_ref().map(|path| {
            let text = read_guarded(path).map_err(|fault| vec![fault])?;
            Recipients::parse(&text, &path.display().to_string())
        });
        let recipients = register.transpose().unwrap_or_else(|found| {
            faults.extend(found);
            None
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        let place = Arc::new(Place::new(files, &self.listed().unwrap_or_default()));
        Ok(LoadedPlace { place, recipients: recipients.unwrap_or_default() })
    }
}

/// Reads one file of blocks.
fn read_blocks(path: &Path) -> Result<Blocks, Vec<Diagnostic>> {
    let text = read_guarded_up_to(path, kuzet_place::MAX_BYTES as u64).map_err(|fault| vec![fault])?;
    Blocks::parse(&text).map_err(|faults| faults.into_iter().map(|fault| told(fault, path)).collect())
}

/// A fault of a file of blocks.
#[must_use]
pub fn told(fault: Fault, path: &Path) -> Diagnostic {
    let Fault { code, line, message, help } = fault;
    Diagnostic { line, ..state::fault(code, path, message, help) }
}

impl LoadedPlace {
    /// Unix seconds of the day of the data that say what is in Kazakhstan.
    #[must_use]
    pub fn date(&self) -> Option<i64> {
        let date = self.place.home_source()?.date;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    }

    /// What to say when the data are too old at `now`, with what to do.
    #[must_use]
    pub fn old(&self, now: Timestamp) -> Option<(String, String)> {
        let days = (now.0.div_euclid(1_000_000) - self.date()?).div_euclid(DAY);
        let date = self.place.home_source()?.date;
        (days > OLD_DAYS).then(|| {
            let message = format!("the blocks of Kazakhstan are of {date}, {days} days old: some are others' by now");
            let help = "fetch delegated-ripencc-extended-latest from ftp.ripe.net/pub/stats/ripencc and run: kuzet geo update FILE";
            (message, help.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kuzet_place::Verdict;

    fn settings(countries: &[&str]) -> PlaceSettings {
        PlaceSettings { countries: countries.iter().map(|&word| word.to_owned()).collect(), ..PlaceSettings::default() }
    }

    #[test]
    fn countries_are_codes_and_a_preset() {
        let file: toml::Table = toml::from_str(PARTIES).unwrap();
        assert_eq!(file["heuristic"].as_bool(), Some(true));
        assert!(file["date"].as_str().unwrap().parse::<kuzet_place::Date>().is_ok() && PARTIES.contains("SOURCE"));
        assert_eq!(settings(&[CONVENTION_108]).listed().unwrap().len(), 55);
        assert_eq!(settings(&[CONVENTION_108, "DE", "us"]).listed().unwrap().len(), 56);
        assert_eq!(settings(&["DE", "UK"]).listed(), Err("UK"));
        let listed = settings(&[CONVENTION_108]).listed().unwrap();
        assert!(!listed.contains(&Country::HOME), "Kazakhstan is no party");
        let place = Place::new(Vec::new(), &listed);
        let verdict = |code| place.of_country(Country::known(code).unwrap());
        assert!(matches!(verdict("RU"), Verdict::ForeignListed { .. }));
        assert!(matches!(verdict("US"), Verdict::ForeignUnlisted { country: Some(_) }));
    }

    #[test]
    fn old_data_are_told_on_the_day_after_the_last() {
        let loaded = PlaceSettings::default().load(Path::new("/nonexistent")).unwrap();
        let day = |days: i64| Timestamp((loaded.date().unwrap() + days * DAY) * 1_000_000);
        assert_eq!(loaded.old(day(OLD_DAYS)), None);
        let (message, help) = loaded.old(day(OLD_DAYS + 1)).unwrap();
        assert!(message.contains("181 days") && help.contains("kuzet geo update"), "{message} {help}");
    }
}
