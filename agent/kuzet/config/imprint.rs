//! What is configured, key by key and without a secret: to say what a new configuration changes, and whether any does.

use super::Config;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest value that a difference shows.
const SHOWN: usize = 40;

/// Every key of the configuration, the catalogue and the policy, and every rule file, with a hash of its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imprint {
    keys: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    hash: [u8; 16],
    /// Numbers and truth values; a text may be an address with a password in it.
    shown: Option<String>,
}

/// One key that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `thresholds.bulk_rows`, `source[pg].paths`, `catalogue store[borrowers].persons`.
    pub key: String,
    /// added, removed or changed.
    pub what: &'static str,
    /// What it was, where that can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is, where that can be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Imprint {
    /// Reads what `config` was made of. A file that cannot be read or parsed leaves no keys: whoever loaded it said so.
    #[must_use]
    pub fn of(config: &Config) -> Imprint {
        let mut imprint = Imprint::default();
        imprint.document("", config.path.as_deref());
        imprint.document("catalogue ", config.catalogue.as_deref());
        imprint.document("policy ", config.policy.as_deref());
        imprint.document("suppressions ", config.suppressions.as_deref());
        imprint.document("recipients ", config.place.recipients.as_deref());
        imprint.rules(config);
        for path in config.place.blocks(&config.state) {
            let content = std::fs::read(&path).unwrap_or_default();
            imprint.keys.insert(format!("blocks {}", path.display()), Value { hash: hash(&content), shown: None });
        }
        for (name, path) in secrets(config) {
            let content = std::fs::read(&path).unwrap_or_default();
            imprint.keys.insert(format!("{name} (content)"), Value { hash: hash(&content), shown: None });
        }
        for source in &config.sources {
            // Found on this host, not configured.
            if !imprint.keys.keys().any(|key| key.starts_with(&format!("source[{}]", source.name))) {
                let found = hash(format!("{source:?}").as_bytes());
                imprint.keys.insert(format!("source[{}] (found)", source.name), Value { hash: found, shown: None });
            }
        }
        imprint
    }

    /// Tells two configurations apart.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (key, value) in &self.keys {
            hasher.update(key.as_bytes()).update(&value.hash);
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// What `new` changes, in the order of the keys.
    #[must_use]
    pub fn difference(&self, new: &Imprint) -> Vec<Difference> {
        let mut keys: Vec<&String> = self.keys.keys().chain(new.keys.keys()).collect();
        keys.sort();
        keys.dedup();
        let one = |key: &String| {
            let (from, to) = (self.keys.get(key), new.keys.get(key));
            let what = match (from, to) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(from), Some(to)) if from.hash == to.hash => return None,
                _ => "changed",
            };
            let shown = |value: Option<&Value>| value.and_then(|value| value.shown.clone());
            Some(Difference { key: key.clone(), what, from: shown(from), to: shown(to) })
        };
        keys.into_iter().filter_map(one).collect()
    }

    fn rules(&mut self, config: &Config) {
        let files = config.rules.files().unwrap_or_default();
        for path in files.iter().chain(&config.rules.fieldmaps) {
            let content = std::fs::read(path).unwrap_or_default();
            let key = format!("rules {}", path.display());
            self.keys.insert(key, Value { hash: hash(&content), shown: None });
        }
    }

    fn document(&mut self, prefix: &str, path: Option<&Path>) {
        let text = path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        if let Ok(table) = toml::from_str::<toml::Table>(&text) {
            self.table(prefix.to_owned(), &table);
        }
    }

    fn table(&mut self, prefix: String, table: &toml::Table) {
        for (key, value) in table {
            self.value(format!("{prefix}{key}"), value);
        }
    }

    fn value(&mut self, key: String, value: &toml::Value) {
        match value {
            toml::Value::Table(table) => self.table(format!("{key}."), table),
            toml::Value::Array(tables) if tables.iter().any(toml::Value::is_table) => {
                let mut seen = BTreeMap::<String, usize>::new();
                for (value, index) in tables.iter().zip(0..) {
                    let name = value.get("name").and_then(toml::Value::as_str).map(str::to_owned);
                    let name = name.unwrap_or_else(|| format!("{index}"));
                    let times = seen.entry(name.clone()).or_default();
                    *times += 1;
                    let again = if *times > 1 { format!("#{times}") } else { String::new() };
                    self.value(format!("{key}[{name}{again}]"), value);
                }
            }
            value => {
                let plain = matches!(value, toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_));
                let shown = plain.then(|| value.to_string().chars().take(SHOWN).collect());
                self.keys.insert(key, Value { hash: hash(value.to_string().as_bytes()), shown });
            }
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.key, self.what)?;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, " from {from} to {to}"),
            (Some(value), None) | (None, Some(value)) => write!(f, " ({value})"),
            (None, None) => Ok(()),
        }
    }
}

/// Files with the secrets of channels and databases, by the key that names them.
fn secrets(config: &Config) -> Vec<(String, PathBuf)> {
    let of = |channel: &crate::notify::ChannelSettings| {
        let files = [
            ("ca_file", channel.ca_file.clone()),
            ("token_file", channel.token_file.clone()),
            ("password_file", channel.password_file.clone()),
            ("secret_file", channel.secret_file.clone()),
        ];
        let name = channel.name.clone();
        files.into_iter().filter_map(move |(key, file)| Some((format!("notify[{name}].{key}"), file?)))
    };
    let password = |database: &crate::database::DatabaseConfig| {
        Some((format!("database[{}].password_file", database.name), database.password_file.clone()?))
    };
    config.notify.iter().flat_map(of).chain(config.databases.iter().filter_map(password)).collect()
}

/// Every file that decides what is in force.
#[must_use]
pub fn files(config: &Config) -> Vec<PathBuf> {
    let own = config.path.clone().unwrap_or_else(|| PathBuf::from(super::DEFAULT_PATH));
    let content = [&config.catalogue, &config.policy, &config.suppressions].into_iter().flatten().cloned();
    let secrets = secrets(config).into_iter().map(|(_, file)| file);
    std::iter::once(own)
        .chain(content)
        .chain(config.rules.watched())
        .chain(config.place.watched(&config.state))
        .chain(secrets)
        .collect()
}

fn hash(bytes: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imprint(text: &str) -> Imprint {
        let mut imprint = Imprint::default();
        imprint.table(String::new(), &toml::from_str(text).unwrap());
        imprint
    }

    #[test]
    fn keys_are_told_and_texts_are_not() {
        let old = imprint("host='a'\n[thresholds]\nbulk_rows=500\n[[notify]]\nname='am'\nurl='http://x:secret@y/'\n");
        let new = imprint(
            "poll_seconds=2\n[thresholds]\nbulk_rows=200\n[[notify]]\nname='am'\nurl='http://x:other@y/'\n[[source]]\nname='pg'\n",
        );
        let told: Vec<String> = old.difference(&new).iter().map(Difference::to_string).collect();
        assert_eq!(
            told,
            [
                "host removed",
                "notify[am].url changed",
                "poll_seconds added (2)",
                "source[pg].name added",
                "thresholds.bulk_rows changed from 500 to 200",
            ]
        );
        assert!(old.difference(&old).is_empty());
        assert_ne!(old.digest(), new.digest());
    }

    #[test]
    fn order_of_tables_and_comments_change_nothing() {
        let one = imprint("[[source]]\nname='a'\n[[source]]\nname='b'\n");
        let other = imprint("# later\n[[source]]\nname='b'\n[[source]]\nname='a'\n");
        assert!(one.difference(&other).is_empty());
        let twice = imprint("[[x]]\nname='a'\nn=1\n[[x]]\nname='a'\nn=2\n");
        assert_eq!(twice.keys.len(), 4);
    }
}
