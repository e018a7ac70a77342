//! The numbers that detectors compare with, and the only place where their defaults stand.

use crate::known::{ByHand, Foreseen};
use crate::toml_file::glob;
use kuzet_event::{Actor, Client};
use serde::{Deserialize, Serialize};

/// An account of a program, not of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    /// Role (pattern).
    pub role: String,
    /// Programs that it is for (patterns); empty: any that no person sits at.
    #[serde(default)]
    pub programs: Vec<String>,
    /// Clients that it comes from, as they are shown (patterns): `10.1.0.7`, `10.1.*`, `local`; empty: any.
    #[serde(default)]
    pub clients: Vec<String>,
}

impl ServiceAccount {
    /// What is declared of it: a role by its own name, clients, programs.
    pub(crate) fn foresees(&self, actor: &Actor) -> Foreseen {
        Foreseen {
            role: !self.role.contains(['*', '?']) && !actor.person_is_told(),
            client: !self.clients.is_empty(),
            program: !self.programs.is_empty(),
        }
    }

    /// How `actor` uses it otherwise than declared; `tool` says that a person sits at the program.
    pub(crate) fn misused(&self, actor: &Actor, tool: bool) -> Option<ByHand> {
        let fits = |patterns: &[String], text: &str| patterns.iter().any(|pattern| glob(pattern, text));
        let named = fits(&self.programs, &actor.program);
        if !named && (tool || !self.programs.is_empty() && !actor.program.is_empty()) {
            return Some(ByHand::Program);
        }
        let known = actor.client == Client::Unknown || fits(&self.clients, &actor.client.to_string());
        (!self.clients.is_empty() && !known).then_some(ByHand::Client)
    }
}

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
    /// Bytes of one statement of fewer than ten rows that make a bulk read.
    pub bulk_bytes: u64,
    /// Rows up to which an export is ordinary work.
    pub export_small_rows: u64,
    /// Distinct people looked up one by one within the window.
    pub enumeration_people: u64,
    /// Distinct personal identifiers looked up within the window that nobody has.
    pub enumeration_misses: u64,
    /// Distinct identity numbers of one birth date and sex looked up within the window.
    pub enumeration_series: u64,
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
    /// Hours in which people work, as in the policy; empty: at any time.
    pub work_hours: String,
    /// Days off beside those that ship with the agent, `2026-12-31`.
    pub days_off: Vec<String>,
    /// Days that are worked although they are a Sunday or a holiday.
    pub working_days: Vec<String>,
    /// Days from the first touch of a store in which roles, clients and programs are learnt and none is told.
    pub learning_days: u64,
    /// Days without any touch after which an account is stale; 0: never.
    pub stale_days: u64,
    /// Accounts of programs.
    pub service_accounts: Vec<ServiceAccount>,
    /// Whether what is unlike a principal's past and its peers is told.
    pub baselines: bool,
    /// Days of work after which enough is known of a principal to judge it by itself.
    pub baseline_days: u16,
    /// How improbable a count must be, in nats: it is passed by chance once in e^baseline_surprise hours.
    pub baseline_surprise: u64,
    /// People in an hour below which no hour is told.
    pub baseline_people: u64,
    /// Rows in an hour below which no hour is told.
    pub baseline_rows: u64,
    /// How long after a reading of personal data a connection abroad is joined with it, in seconds.
    pub chain_seconds: u64,
    /// Bytes that a connection abroad must send to be joined with a reading that nothing else was wrong with.
    pub chain_bytes: u64,
    /// Rows of personal data from which such a reading counts.
    pub chain_rows: u64,
    /// Bytes that an account may send abroad in a day, to nobody registered, in connections that send more than they receive.
    pub transfer_bytes: u64,
    /// The same for a program whose account never sent abroad before, after the learning days.
    pub transfer_first_bytes: u64,
    /// People in what one connection sends in clear, to nobody registered.
    pub clear_people: u64,
    /// Bytes of ICMP to one address outside Kazakhstan in a day.
    pub echo_bytes: u64,
    /// Bytes of different long names below one domain that DNS is asked for within ten minutes.
    pub dns_bytes: u64,
    /// Connections at regular intervals to a place that is new after the learning days.
    pub beacon_connections: u32,
    /// Accounts of servers (patterns), which do not begin connections abroad.
    pub server_accounts: Vec<String>,
    /// Ports at which databases answer.
    pub database_ports: Vec<u16>,
    /// Different files of a store that one account reads within the window and that make a bulk read.
    pub bulk_files: u64,
    /// Different files of a store changed or removed within the window that make a mass change.
    pub change_files: u64,
    /// Files of a store read within the window by an account that then makes an archive.
    pub staging_files: u64,
    /// Files that come to have one strange ending within the window.
    pub encryption_files: u64,
    /// People in a file that lies where no personal data is to be.
    pub misplaced_people: u64,
    /// Role, client and store triples whose windows are remembered.
    pub max_accounts: usize,
    /// Keyed hashes of people remembered over all windows.
    pub max_people: usize,
    /// Names remembered that stand for a store: copies, views, functions; as many again of single sessions.
    pub max_copies: usize,
    /// Roles, clients and programs of stores remembered.
    pub max_known: usize,
    /// Principals and groups of peers whose past at a store is remembered.
    pub max_baselines: usize,
    /// Server sessions remembered.
    pub max_sessions: usize,
    /// Connections abroad, and accounts that have them, that are remembered.
    pub max_flows: usize,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            offset_seconds: 5 * 3600,
            window_seconds: 600,
            story_seconds: 900,
            bulk_rows: 500,
            bulk_window_rows: 5_000,
            bulk_bytes: 65_536,
            export_small_rows: 50,
            enumeration_people: 60,
            enumeration_misses: 20,
            enumeration_series: 8,
            pointed_values: 10,
            change_rows: 100,
            change_window_rows: 1_000,
            login_failures: 5,
            login_window_seconds: 300,
            login_after_seconds: 600,
            injection_statement_points: 3,
            injection_window_points: 4,
            server_roles: Vec::new(),
            work_hours: "Mon-Sat 07:00-22:00".to_owned(),
            days_off: Vec::new(),
            working_days: Vec::new(),
            learning_days: 7,
            stale_days: 60,
            service_accounts: Vec::new(),
            baselines: true,
            baseline_days: 7,
            baseline_surprise: 12,
            baseline_people: 15,
            baseline_rows: 200,
            chain_seconds: 3_600,
            chain_bytes: 65_536,
            chain_rows: 100,
            transfer_bytes: 1 << 20,
            transfer_first_bytes: 65_536,
            clear_people: 3,
            echo_bytes: 524_288,
            dns_bytes: 8_192,
            beacon_connections: 12,
            server_accounts: [
                "postgres", "mysql", "mongodb", "mongod", "redis", "www-data", "nginx", "apache", "tomcat",
            ]
            .map(str::to_owned)
            .to_vec(),
            database_ports: vec![5432, 5433, 6432, 3306, 3307, 33060, 27017, 6379, 1433, 1521, 9200, 5984, 11211],
            bulk_files: 100,
            change_files: 100,
            staging_files: 20,
            encryption_files: 20,
            misplaced_people: 3,
            max_accounts: 8_192,
            max_people: 65_536,
            max_copies: 4_096,
            max_known: 16_384,
            max_baselines: 4_096,
            max_sessions: 16_384,
            max_flows: 8_192,
        }
    }
}

impl Thresholds {
    /// What is wrong with the texts, each with the name of its key.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        crate::calendar::faults(self)
    }
}
