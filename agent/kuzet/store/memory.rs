//! The store of a replay: keeps incidents in memory and forgets the rest.

use super::{Batch, Store, StoreError};
use kuzet_incident::{Incident, IncidentId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Incidents of a replay, in the order in which they were opened.
#[derive(Debug, Default)]
pub struct Memory {
    order: Vec<IncidentId>,
    incidents: BTreeMap<IncidentId, Arc<Incident>>,
}

impl Memory {
    /// Incidents as they were last recorded, in the order in which they were opened.
    pub fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.order.iter().filter_map(|id| self.incidents.get(id)).map(Arc::as_ref)
    }
}

impl Store for Memory {
    fn record(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for change in &batch.changes {
            let id = change.incident.id;
            if self.incidents.insert(id, Arc::clone(&change.incident)).is_none() {
                self.order.push(id);
            }
        }
        Ok(())
    }
}
