//! How many tables of a store a principal touches in a day, and how many of them it never touched.

use super::profile::TABLE;
use super::series::{rarity, surprise};
use super::{Baseline, Sight, Verdict};

pub(super) static BASELINE: Baseline = Baseline { name: "fan_out", judge };

/// Fewer are a screen of an application.
const LEAST: u64 = 4;

fn judge(sight: &Sight<'_>) -> Option<Verdict> {
    let own = sight.own;
    let (tables, new) = (own.today_tables.len() as u64, u64::from(own.today_new));
    if !sight.known || tables < LEAST || sight.new.mask & (1 << TABLE) == 0 {
        return None;
    }
    let usual = own.tables_a_day();
    // A new table is rare by itself; tables that peers work with are not.
    let rare = new as f64 * rarity(own.habits.novel[TABLE], own.habits.hours);
    let says = rare.max(surprise(tables as f64, usual.mean, usual.spread));
    let peers = sight.peers.filter(|_| sight.live.kin).map(super::Profile::tables_a_day);
    let like_peers = peers.is_some_and(|peers| tables <= peers.most);
    if says < sight.thresholds.baseline_surprise as f64 || tables <= usual.most || like_peers {
        return None;
    }
    let usually = sight.usually(true, |profile| Some(profile.tables_a_day()));
    let said =
        format!("touched {tables} tables of store {} in one day, {new} of them never before; {usually}", sight.store);
    Some(Verdict { what: 0, count: tables, said })
}
