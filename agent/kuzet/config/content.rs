//! The files that say what is personal data, who may touch it, who may receive it, what to fear, what is noise, and how bad
//! it is: catalogue, access policy, recipients, rules, suppressions, severities.

use super::{Config, LoadedPlace, LoadedRules, RuleSettings, read_guarded};
use kuzet_detect::{Catalogue, Diagnostic, Folder, Policy, Severities, Suppressions};
use kuzet_event::Timestamp;
use std::path::Path;

/// Catalogue, policy and severities, checked against each other.
#[derive(Clone)]
pub struct Content {
    /// Stores of personal data; names decide when no file is configured.
    pub catalogue: Catalogue,
    /// Who may do what; `None` switches the policy detector off.
    pub policy: Option<Policy>,
    /// What is declared to be noise.
    pub suppressions: Suppressions,
    /// How bad.
    pub severities: Severities,
    /// What to fear.
    pub rules: LoadedRules,
    /// Where data goes, and who may receive it.
    pub place: LoadedPlace,
    /// Folders of files.
    pub folders: Vec<Folder>,
}

impl Content {
    /// Reads what `config` names.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn load(config: &Config) -> Result<Content, Vec<Diagnostic>> {
        // What a server is asked is told under the name of its log.
        let databases = config.databases.iter().map(|one| one.source.as_ref().unwrap_or(&one.name).as_str());
        let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).chain(databases).collect();
        let content = Content::read(config.catalogue.as_deref(), config.policy.as_deref(), Some(&names))?
            .silenced(config.suppressions.as_deref())?
            .with_rules(&config.rules)?;
        let folders = config.folders.iter().map(|one| one.folder.clone()).collect();
        Ok(Content { place: config.place.load(&config.state)?, folders, ..content })
    }

    /// With other rules than those that ship with the agent.
    ///
    /// # Errors
    /// As [`RuleSettings::load`].
    pub fn with_rules(mut self, settings: &RuleSettings) -> Result<Content, Vec<Diagnostic>> {
        if *settings != RuleSettings::default() {
            self.rules = settings.load()?;
        }
        Ok(self)
    }

    /// Reads the files given; `sources` are the names that stores may refer to, `None` takes any.
    ///
    /// # Errors
    /// Every fault of every file.
    pub fn read(
        catalogue: Option<&Path>,
        policy: Option<&Path>,
        sources: Option<&[&str]>,
    ) -> Result<Content, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let mut catalogue = match catalogue.map(|path| guarded(path, Catalogue::parse)) {
            None => Catalogue::guess(),
            Some(Ok(catalogue)) => catalogue,
            Some(Err(found)) => {
                faults.extend(found);
                Catalogue::guess()
            }
        };
        if let Some(sources) = sources {
            faults.extend(catalogue.bind_sources(sources));
        }
        let policy = match policy.map(|path| guarded(path, Policy::parse)) {
            None => None,
            Some(Ok(policy)) => {
                if !catalogue.is_guess() {
                    faults.extend(policy.check_stores(&catalogue));
                }
                Some(policy)
            }
            Some(Err(found)) => {
                faults.extend(found);
                None
            }
        };
        if faults.iter().any(|fault| !fault.warning) {
            return Err(faults);
        }
        let (suppressions, severities) = (Suppressions::default(), Severities::default());
        let rules = RuleSettings::default().load()?;
        let (place, folders) = (LoadedPlace::default(), Vec::new());
        Ok(Content { catalogue, policy, suppressions, severities, rules, place, folders })
    }

    /// The same, with the suppressions of the file given.
    ///
    /// # Errors
    /// Every fault of the file.
    pub fn silenced(self, suppressions: Option<&Path>) -> Result<Content, Vec<Diagnostic>> {
        let suppressions = suppressions.map(|path| guarded(path, Suppressions::parse)).transpose()?;
        Ok(Content { suppressions: suppressions.unwrap_or_default(), ..self })
    }

    /// A warning for each suppression, declared job and recipient that has ended at `now`.
    pub fn expired(&self, now: Timestamp) -> impl Iterator<Item = Diagnostic> + '_ {
        let jobs = self.policy.iter().flat_map(move |policy| policy.expired(now));
        self.suppressions.expired(now).chain(jobs).chain(self.place.recipients.expired(now))
    }
}

fn guarded<T>(path: &Path, parse: impl Fn(&str, &str) -> Result<T, Vec<Diagnostic>>) -> Result<T, Vec<Diagnostic>> {
    let text = read_guarded(path).map_err(|fault| vec![fault])?;
    parse(&text, &path.display().to_string())
}
