//! `[[pool]]`: roles that many people share, and where the application tells who acts.

use super::SourceConfig;
use super::file::Faults;
use kuzet_decode::Pool;
use kuzet_event::System;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPool {
    role: String,
    system: Option<String>,
    source: Option<String>,
    #[serde(default)]
    person_from: Vec<String>,
}

/// One `[[pool]]`.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Pattern of the role.
    pub role: String,
    /// Only for this server software.
    pub system: Option<System>,
    /// Only for this source.
    pub source: Option<String>,
    /// Where the application tells, as it was written.
    pub person_from: Vec<String>,
    /// What it declares.
    pub pool: Arc<Pool>,
}

const SYSTEMS: [System; 6] =
    [System::Postgresql, System::Mariadb, System::Mysql, System::Mongodb, System::Redis, System::Application];

impl Faults<'_> {
    pub(super) fn pool(&mut self, raw: RawPool, at: usize, sources: &[SourceConfig]) -> Option<PoolConfig> {
        let (faults, at) = (self.count(), Some(at));
        if raw.role.is_empty() {
            let help = "name the shared role: role = \"app\"; * stands for any characters";
            self.push("KZ080", at, "the pool names no role".to_owned(), help);
        }
        let system = raw.system.as_deref().and_then(|name| SYSTEMS.into_iter().find(|one| one.name() == name));
        if let (Some(name), None) = (&raw.system, system) {
            let known = SYSTEMS.map(System::name).join(", ");
            self.push("KZ081", at, format!("system \"{name}\" is not known"), &format!("known systems: {known}"));
        }
        if let Some(source) = raw.source.as_deref().filter(|wanted| !sources.iter().any(|one| one.name == **wanted)) {
            let message = format!("the pool of role \"{}\": there is no source \"{source}\"", raw.role);
            self.push("KZ082", at, message, "name a [[source]], or leave it out for all of them");
        }
        let pool = match Pool::new(&raw.role, system, &raw.person_from) {
            Ok(pool) => Some(Arc::new(pool)),
            Err(fault) => {
                let help = "write \"comment:user\", \"application_name:^crm-web/(?<person>.+)$\", \"setting:app.user\" or \
                            \"journal\"";
                self.push("KZ083", at, format!("person_from \"{}\": {}", fault.written, fault.why), help);
                None
            }
        };
        if self.count() > faults {
            return None;
        }
        let RawPool { role, source, person_from, .. } = raw;
        Some(PoolConfig { role, system, source, person_from, pool: pool? })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use std::path::Path;

    fn codes(pool: &str) -> Vec<String> {
        let text = format!("[[source]]\nname='pg'\npaths=['/x']\n[[pool]]\n{pool}\n");
        let faults =
            load_text(&text, Path::new("k.toml")).map(|(_, warnings)| warnings).unwrap_or_else(|faults| faults);
        assert!(faults.iter().all(|fault| !fault.help.is_empty() && (fault.line == 4 || fault.code == "KZ010")));
        faults.into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn every_fault_has_its_code() {
        assert_eq!(
            codes("role='app'\nsource='pg'\nsystem='postgresql'\nperson_from=['comment:user','journal']"),
            [""; 0]
        );
        assert_eq!(codes("role='app'"), [""; 0]);
        assert_eq!(codes("role=''"), ["KZ080"]);
        assert_eq!(codes("role='app'\nsystem='oracle'\nsource='my'"), ["KZ081", "KZ082"]);
        assert_eq!(codes("role='app'\nperson_from=['application_name:(']"), ["KZ083"]);
        assert_eq!(codes("role='app'\nperson='x'"), ["KZ010"]);
    }
}
