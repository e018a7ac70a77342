//! Where exports go: a network that none of the principal's exports went to.
//!
//! What a database log knows of the destination is the client. The outbound flows of a host will name others: they are
//! one more name to [`Profile::export`](super::profile::Profile), with nothing else to change here.

use super::{Baseline, Sight, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "destination", judge };

/// Days with an export after which a principal is known to export.
const DAYS: u16 = 5;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let own = sight.own;
    let to = sight.new.export.as_ref().filter(|_| sight.new.elsewhere && own.export_days > DAYS)?;
    let known = own.exports.len().saturating_sub(1);
    let said = format!(
        "exports store {} to {to}, where none of its exports of {} days went; {known} network{} known",
        sight.store,
        own.export_days - 1,
        if known == 1 { " is" } else { "s are" }
    );
    Some(Verdict { what: super::habit(super::NETWORK, to), count: 1, said })
}
