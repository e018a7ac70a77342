//! How far baselines are learnt, for people and programs: at which store how many principals are known, and how many days of
//! work the others still lack. Who they are is not kept.

use crate::config::{Config, Content};
use crate::store::{Reader, StoreError};
use kuzet_detect::{Learnt, Thresholds};
use serde::Serialize;
use std::collections::BTreeMap;

/// What baselines have learnt.
#[derive(Serialize)]
pub struct Learning {
    /// `[thresholds] baselines`.
    pub on: bool,
    /// Days of work after which a principal is known.
    pub days: u16,
    /// Stores with principals, those of no catalogue together.
    pub stores: Vec<AtStore>,
}

/// Principals at one store.
#[derive(Default, Serialize)]
pub struct AtStore {
    /// Name in the catalogue; `None`: of no catalogue.
    pub store: Option<String>,
    /// Principals whose past is known.
    pub known: usize,
    /// Those of them whose rows are known too.
    pub known_rows: usize,
    /// Principals that are still learnt.
    pub learning: usize,
    /// Days of work that the next of them lacks, and the last; `None` when all are known.
    pub days_left: Option<[u16; 2]>,
}

impl Learning {
    /// What the store knows, under the configuration, if it can be read.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(reader: &Reader, config: Option<&Config>) -> Result<Learning, StoreError> {
        let defaults = Thresholds::default();
        let thresholds = config.map_or(&defaults, |config| &config.thresholds);
        let content = config.and_then(|config| Content::read(config.catalogue.as_deref(), None, None).ok());
        let names: Vec<String> =
            content.iter().flat_map(|content| content.catalogue.stores()).map(|store| store.name.to_string()).collect();
        let mut stores: BTreeMap<Option<&str>, AtStore> = BTreeMap::new();
        for one in reader.learnt()? {
            let name = names.iter().find(|name| one.is_at(name)).map(String::as_str);
            stores.entry(name).or_default().add(one, thresholds.baseline_days);
        }
        let named = |(name, at): (Option<&str>, AtStore)| AtStore { store: name.map(str::to_owned), ..at };
        let stores = stores.into_iter().map(named).collect();
        Ok(Learning { on: thresholds.baselines, days: thresholds.baseline_days, stores })
    }

    /// For people; nothing where there is nothing to say.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        if !self.on {
            return vec!["off: [thresholds] baselines = false".to_owned()];
        }
        self.stores.iter().map(AtStore::line).collect()
    }
}

impl AtStore {
    fn add(&mut self, one: Learnt, enough: u16) {
        if one.days >= enough {
            self.known += 1;
            self.known_rows += usize::from(one.row_days >= enough);
            return;
        }
        let left = enough - one.days;
        let [least, most] = self.days_left.unwrap_or([left, left]);
        (self.learning, self.days_left) = (self.learning + 1, Some([least.min(left), most.max(left)]));
    }

    fn line(&self) -> String {
        let store = self.store.as_deref().unwrap_or("tables of no catalogue");
        let rows = if self.known > 0 { format!(" ({} with their rows)", self.known_rows) } else { String::new() };
        let left = match self.days_left {
            None => String::new(),
            Some([least, most]) if least == most => format!(", {} learning: {least} days of work to go", self.learning),
            Some([least, most]) => format!(", {} learning: {least} to {most} days of work to go", self.learning),
        };
        format!("{store}: {} principals known{rows}{left}", self.known)
    }
}
