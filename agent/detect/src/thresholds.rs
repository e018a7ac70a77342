//! The numbers that detectors compare with, and the only place where their defaults stand.

use serde::{Deserialize, Serialize};

/// Thresholds of the detectors; every one has a default, and docs/detectors.md gives the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Local time's offset from UTC in seconds, for hours and dates of the access policy.
    pub offset_seconds: i32,
    /// Length of the sliding window of sums (rows read, people looked up, rows changed), in seconds.
    pub window_seconds: u64,
    /// Silence after which a story is over and the next detection begins a new one, in seconds.
    pub story_seconds: u64,
    /// Rows of one statement that make a bulk read.
    pub bulk_rows: u64,
    /// Rows of one role, client and store within the window that make a bulk read.
    pub bulk_window_rows: u64,
    /// Rows up to which an export is ordinary work.
    pub export_small_rows: u64,
    /// Distinct people looked up one by one within the window.
    pub enumeration_people: u64,
    /// Distinct personal identifiers looked up within the window that nobody has.
    pub enumeration_misses: u64,
    /// Values of one column in one statement above which it is a list and no lookup.
    pub pointed_values: u64,
    /// Rows of one statement that make a mass change or destruction.
    pub change_rows: u64,
    /// Rows changed or deleted within the window that make one.
    pub change_window_rows: u64,
    /// Failed logins that make a burst.
    pub login_failures: u64,
    /// Length of the window of failed logins, in seconds.
    pub login_window_seconds: u64,
    /// How long after a burst a success is part of it, in seconds.
    pub login_after_seconds: u64,
    /// Points (docs/detectors.md lists them) of one statement that make an injection.
    pub injection_statement_points: u64,
    /// Points of different statements within the window that make one.
    pub injection_window_points: u64,
    /// Roles (patterns) whose daily work is server files, replication and code: no dangerous function of theirs is told.
    pub server_roles: Vec<String>,
    /// Role, client and store triples whose windows are remembered.
    pub max_accounts: usize,
    /// Keyed hashes of people remembered over all windows.
    pub max_people: usize,
    /// Names remembered that stand for a store: copies, views, functions; as many again of single sessions.
    pub max_copies: usize,
    /// Server sessions remembered.
    pub max_sessions: usize,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            offset_seconds: 5 * 3600,
            window_seconds: 600,
            story_seconds: 900,
            bulk_rows: 500,
            bulk_window_rows: 5_000,
            export_small_rows: 50,
            enumeration_people: 60,
            enumeration_misses: 20,
            pointed_values: 10,
            change_rows: 100,
            change_window_rows: 1_000,
            login_failures: 5,
            login_window_seconds: 300,
            login_after_seconds: 600,
            injection_statement_points: 3,
            injection_window_points: 4,
            server_roles: Vec::new(),
            max_accounts: 8_192,
            max_people: 65_536,
            max_copies: 4_096,
            max_sessions: 16_384,
        }
    }
}
