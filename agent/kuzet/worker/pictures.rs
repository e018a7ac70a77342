//! The look at pictures, in the worker: identity documents among them, told without a letter of them.

use super::MOST_SCANS;
use super::answer::{confidence, side};
use super::tally::Tally;
use super::wire::Scanned;
use kuzet_document::{Picture, Why};
use kuzet_idscan::{Limits, Page, Raster, Reader, Sign, Unseen};
use std::collections::HashMap;

/// Points of a picture and bytes beside it: what a worker's memory holds together with the file.
const POINTS: usize = 60_000_000;
const BESIDE: usize = 128 << 20;

/// The reader of pictures, and what it found in one file.
pub(super) struct Pictures {
    /// Made for the first picture that can be decoded.
    reader: Option<Reader>,
    limits: Limits,
    /// Pictures of this file so far.
    pages: u32,
    found: Vec<Scanned<'static>>,
}

impl Pictures {
    pub(super) fn new() -> Pictures {
        let limits = Limits { points: POINTS, memory: BESIDE, ..Limits::default() };
        Pictures { reader: None, limits, pages: 0, found: Vec::new() }
    }

    /// Looks at one picture, and says why not, or not at all of it.
    pub(super) fn look(&mut self, kind: Picture, bytes: &[u8], tally: &mut Tally) -> Option<&'static str> {
        let Pictures { reader, limits, pages, found } = self;
        let mut unseen = None;
        let mut page = |page: Page<'_>| {
            *pages = pages.saturating_add(1);
            let reader = reader.get_or_insert_with(Reader::new);
            // Whose it is, by which identifier.
            let mut holders = HashMap::new();
            let scan = reader.scan(&page.picture, limits, &mut |domain, value| {
                let (name, hash) = tally.pseudonym(domain, value);
                holders.insert(hash, name);
                hash
            });
            unseen = unseen.or(scan.unseen);
            let signs = scan.signs.iter().chain(&page.signs).map(|sign: &Sign| sign.name().into());
            let signs: Vec<_> = signs.collect();
            for document in scan.documents {
                if let Some(holder) = document.holder
                    && let Some(domain) = holders.get(&holder)
                {
                    tally.person(domain, holder);
                }
                if found.len() < MOST_SCANS {
                    found.push(Scanned {
                        kind: document.kind.name().into(),
                        state: document.state.code().into(),
                        side: side(document.side).into(),
                        confidence: confidence(document.confidence).into(),
                        checks: document.checks,
                        page: *pages,
                        signs: signs.clone(),
                    });
                }
            }
        };
        let outcome = match kind {
            Picture::Fax { columns, rows, k, .. } => {
                kuzet_idscan::raster(Raster::Fax { columns, rows, k }, bytes, limits, &mut page)
            }
            Picture::Samples { columns, rows, bits, components } => {
                kuzet_idscan::raster(Raster::Samples { columns, rows, bits, components }, bytes, limits, &mut page)
            }
            _ => kuzet_idscan::decode(bytes, limits, &mut page),
        };
        outcome.err().or(unseen).map(why)
    }

    /// What was found in this file; begins anew.
    pub(super) fn take(&mut self) -> Vec<Scanned<'static>> {
        self.pages = 0;
        std::mem::take(&mut self.found)
    }
}

/// The reason in the words of documents.
fn why(unseen: Unseen) -> &'static str {
    match unseen {
        Unseen::Format => Why::Unsupported,
        Unseen::Damaged | Unseen::Shape => Why::Damaged,
        Unseen::Memory | Unseen::Points => Why::Pixels,
        Unseen::Pages => Why::Pages,
        Unseen::Letters => Why::Work,
    }
    .name()
}
