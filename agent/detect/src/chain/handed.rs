//! Data that waits in a file between who read it and who sends it: `psql > list.csv` today, a browser's upload tomorrow.

use super::join::{self, together};
use super::{Chain, Read, SOME, Tools, window};
use crate::flows::Flows;
use kuzet_event::{Deed, Event, FileAct, Process};
use std::sync::Arc;

/// Files of one story.
const FILES: usize = 32;

impl Chain {
    /// A deed at a file: what a reader wrote carries what it read, and who reads that has it.
    pub(crate) fn handled(&mut self, event: &Event, act: &FileAct, flows: &mut Flows, tools: &mut Tools<'_>) {
        let Some(process) = &event.process else { return };
        let before = event.at.0.saturating_sub(window(tools.thresholds));
        let concerns = |read: &Read| read.latest >= before && read.hands(act, process);
        let mut keys: Vec<_> = self.reads.iter().filter(|(_, read)| concerns(read)).map(|(key, _)| key).collect();
        keys.sort_unstable();
        for key in keys {
            let Some(read) = self.reads.existing(key, tools.clock) else { continue };
            if read.hand(act, process) {
                self.leaves_already(key, event, flows, tools);
            }
        }
    }
}

impl Read {
    fn wrote(&self, act: &FileAct, process: &Process) -> bool {
        let makes = matches!(act.deed, Deed::Create | Deed::Write);
        let one = |reader: &Arc<Process>| {
            let started =
                |child: &Process, parent: u32| parent > 1 && child.parents.iter().any(|(_, pid)| *pid == parent);
            join::same(reader, process) || started(process, reader.pid) || together(reader, process)
        };
        makes && self.processes.iter().any(one)
    }

    /// Whether a deed says anything of the files of this story.
    fn hands(&self, act: &FileAct, process: &Process) -> bool {
        self.files.contains(&act.path.key) || self.wrote(act, process)
    }

    /// Notes it; whether somebody new has what was read.
    fn hand(&mut self, act: &FileAct, process: &Arc<Process>) -> bool {
        let known = self.files.contains(&act.path.key);
        if !known && self.wrote(act, process) {
            super::add(&mut self.files, FILES, act.path.key);
            return false;
        }
        match (&act.deed, &act.to) {
            (Deed::Rename | Deed::Link, Some(to)) if known => {
                super::add(&mut self.files, FILES, to.key);
                false
            }
            (Deed::Read, _) if known => self.has(process),
            _ => false,
        }
    }

    /// A program has what was read; whether that is new.
    pub(super) fn has(&mut self, process: &Arc<Process>) -> bool {
        if self.processes.iter().any(|known| join::same(known, process)) {
            return false;
        }
        super::add(&mut self.processes, SOME, Arc::clone(process));
        true
    }
}
