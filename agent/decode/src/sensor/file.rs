//! What was done to a file of a watched folder, as a sensor tells it.
//!
//! ```text
//! {"sensor":"file","at":…,"do":"rename","path":"/srv/dossiers/a.docx","to":"/srv/old/a.docx","folder":false,"bytes":123,"process":{…}}
//! ```
//!
//! `process` is null where nobody knows who did it, `bytes` where the file is gone.

use super::{RawProcess, Sensor, program};
use kuzet_event::{Action, Count, Deed, Event, FileAct, Outcome, Place, Raw, RawField, Topic};
use serde::Deserialize;
use sonic_rs::LazyValue;
use std::borrow::Cow;
use std::sync::Arc;

/// How a line of this kind begins.
pub(super) const BEGIN: &[u8] = b"{\"sensor\":\"file\"";

#[derive(Deserialize)]
struct Line<'a> {
    at: i64,
    #[serde(rename = "do")]
    deed: Deed,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, default)]
    to: Option<Cow<'a, str>>,
    #[serde(default)]
    folder: bool,
    #[serde(default)]
    bytes: Option<u64>,
    #[serde(borrow, default)]
    process: Option<LazyValue<'a>>,
}

impl Sensor {
    pub(super) fn file(&mut self, line: &str, place: Place) -> Option<Event> {
        let line = sonic_rs::from_str::<Line<'_>>(line).ok().filter(|line| line.deed != Deed::Inspect)?;
        let process = match &line.process {
            Some(told) => Some(self.process(told.as_raw_str())?),
            None => None,
        };
        let mut event = self.event_of(line.at, "", place, Action::File, Outcome::Success, process.as_ref());
        event.file = Some(Arc::new(FileAct {
            deed: line.deed,
            path: self.paths.path(&line.path),
            to: line.to.as_ref().map(|to| self.paths.path(to)),
            folder: line.folder,
            bytes: line.bytes.map_or(Count::Unknown, Count::Known),
            holding: None,
        }));
        // What rules for files look at is that one comes to be, or to be something else, where it is.
        let written = match line.deed {
            Deed::Create | Deed::Write | Deed::Link => Some(&line.path),
            Deed::Rename => line.to.as_ref(),
            Deed::Read | Deed::Delete | Deed::Attributes | Deed::Mount | Deed::Inspect => None,
        };
        if let Some(path) = written.filter(|_| !line.folder) {
            let mut raw = Raw::default();
            raw.frame(Topic::File);
            if let Some(process) =
                line.process.as_ref().and_then(|told| sonic_rs::from_str::<RawProcess<'_>>(told.as_raw_str()).ok())
            {
                program(&mut raw, &process);
            }
            raw.add(RawField::FilePath, path);
            event.raw = Some(Box::new(raw));
        }
        event.process = process;
        Some(event)
    }
}
