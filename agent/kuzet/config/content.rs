//! The files that say what is personal data, who may touch it, and how bad it is: catalogue, access policy, severities.

use super::{Config, read_guarded};
use kuzet_detect::{Catalogue, Diagnostic, Policy, Severities};
use std::path::Path;

/// Catalogue, policy and severities, checked against each other.
#[derive(Clone)]
pub struct Content {
    /// Stores of personal data; names decide when no file is configured.
    pub catalogue: Catalogue,
    /// Who may do what; `None` switches the policy detector off.
    pub policy: Option<Policy>,
    /// How bad.
    pub severities: Severities,
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
        Content::read(config.catalogue.as_deref(), config.policy.as_deref(), Some(&names))
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
        Ok(Content { catalogue, policy, severities: Severities::default() })
    }
}

fn guarded<T>(path: &Path, parse: impl Fn(&str, &str) -> Result<T, Vec<Diagnostic>>) -> Result<T, Vec<Diagnostic>> {
    let text = read_guarded(path).map_err(|fault| vec![fault])?;
    parse(&text, &path.display().to_string())
}
