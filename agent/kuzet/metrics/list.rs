//! The list of every metric: the registry is made from it, docs/metrics.md is generated from it and the dashboards are
//! checked against it, so that none of the three can go its own way.

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only rises; starts at 0 with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts in buckets, with sum and count.
    Histogram,
}

impl Type {
    /// Name in the text format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Name in the text format.
    pub name: &'static str,
    /// Kind of series.
    pub kind: Type,
    /// Labels. Each is named in [`BOUNDS`].
    pub labels: &'static [&'static str],
    /// One sentence, with the unit.
    pub help: &'static str,
}

/// Where the values of each label come from: nothing a log says can add one.
pub const BOUNDS: &[(&str, &str)] = &[
    ("source", "names of the sources in the configuration"),
    ("channel", "names of the channels in the configuration"),
    (
        "store",
        "names of the stores in the catalogue; `guessed` for every store that no catalogue covers; `none` where no \
         store is known",
    ),
    ("suppression", "names of the suppressions in their file, at most 256"),
    ("declared_job", "names of the declared jobs in the access policy, at most 256"),
    ("rule", "names of the rules that are loaded; `other` beyond 512 of them"),
    ("detector", "names compiled into the agent"),
    ("kind", "kinds compiled into the agent (of a detection; of an error of the store)"),
    ("severity", "low, medium, high, critical"),
    ("result", "of records: handled, suppressed, lost; of notifications: delivered, retried, refused, expired, resent"),
    (
        "reason",
        "of a gap: truncated, deleted, rewritten, unreadable, compressed, dropped; of a file that was not inspected: the reasons in \
         docs/documents.md and docs/inspect.md; of a lost worker: crashed, timeout, garbled",
    ),
    ("means", "of a sensor: bpf, diag, proc; of the files of a folder: filesystem, mount, inotify, none"),
    ("folder", "names of the folders in the configuration"),
    ("format", "formats of files compiled into the agent; `unknown`"),
    ("person", "told, untold"),
    ("state", "learning, known"),
    ("bound", "at_least, at_most"),
    ("cache", "names compiled into the agent"),
    ("state", "loaded, warned, refused, off, unfed"),
    ("version", "version of the agent"),
];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Described {
    Described { name, kind: Type::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Described {
    Described { name, kind: Type::Gauge, labels, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Described {
    Described { name, kind: Type::Histogram, labels: &[], help }
}

macro_rules! metrics {
    ($($constant:ident = $make:ident($name:literal $(, $rest:expr)*);)*) => {
        $(pub(super) const $constant: Described = $make($name $(, $rest)*);)*
        /// Every metric, in the order of docs/metrics.md.
        pub const LIST: &[Described] = &[$($constant),*];
    };
}

metrics! {
    BUILD_INFO = gauge("kuzet_build_info", &["version"], "1, labelled with the version of the agent.");
    HEARTBEAT = gauge("kuzet_heartbeat_timestamp_seconds", &[],
        "Unix time of the data path's last turn; it turns at least every 30 seconds, idle or not.");
    POLICY_LOADED = gauge("kuzet_policy_loaded", &[],
        "1 when an access policy is loaded; 0: the policy detector is off.");
    CATALOGUE_LOADED = gauge("kuzet_catalogue_loaded", &[],
        "1 when a catalogue of stores is loaded; 0: table and column names decide what is personal data.");
    PLACE_DATA = gauge("kuzet_place_data_timestamp_seconds", &[],
        "Unix time of the day of the data that say which addresses are in Kazakhstan; their age is time() minus this.");
    RULES = gauge("kuzet_rules", &["state"],
        "Sigma rules: loaded, of them warned (something is doubtful), off (in the configuration) and unfed (no event here is of \
         their log source); refused are faults of rules that are not loaded.");
    RELOADED = gauge("kuzet_config_last_reload_successful", &[],
        "1 when the latest configuration is in force, 0 when it was refused and the one before stayed.");
    RELOADED_AT = gauge("kuzet_config_last_reload_success_timestamp_seconds", &[],
        "Unix time at which the configuration in force was loaded.");
    CPU = counter("process_cpu_seconds_total", &[], "User and system CPU time of the agent, in seconds.");
    RESIDENT = gauge("process_resident_memory_bytes", &[], "Resident memory of the agent, in bytes.");
    START = gauge("process_start_time_seconds", &[], "Unix time at which the agent started.");
    SEEN = counter("kuzet_records_seen_total", &["source"],
        "Records that a source held; equals the sum of kuzet_records_total over its results.");
    RECORDS = counter("kuzet_records_total", &["source", "result"],
        "Records by what became of them: handled, suppressed on purpose, or lost.");
    READ_BYTES = counter("kuzet_read_bytes_total", &["source"], "Bytes of log read.");
    EVENTS = counter("kuzet_events_total", &["source"], "Normalised events decoded from records.");
    SHARED = counter("kuzet_shared_role_statements_total", &["source", "person"],
        "Statements of roles declared shared, by whether the application told the person: told, untold.");
    AHEAD = counter("kuzet_source_ahead_events_total", &["source"],
        "Events dated more than five minutes ahead of the clock; each is taken as of the time of the records before it.");
    LOST_BYTES = counter("kuzet_lost_bytes_total", &["source"], "Bytes of log that could not be read, as far as known.");
    GAPS = counter("kuzet_gaps_total", &["source", "reason"], "Gaps in a log: bytes or files that could not be read.");
    LAG_BYTES = gauge("kuzet_source_lag_bytes", &["source"],
        "Bytes written to the log and not yet handled; absent while unknown.");
    LAG = gauge("kuzet_source_lag_seconds", &["source"],
        "Age of the newest handled record while bytes wait, in seconds; 0 at the end of the log; absent while unknown.");
    LAST_EVENT = gauge("kuzet_source_last_event_timestamp_seconds", &["source"],
        "Unix time, by the server's clock, of the newest record; absent before the first.");
    READABLE = gauge("kuzet_source_readable", &["source"],
        "1 when all of the source can be read (files, listener, connection), 0 when not; absent before the first look.");
    MEANS = gauge("kuzet_sensor_means", &["source", "means"],
        "1 for the means by which the sensor sees connections now, 0 for the others; what each does not show: docs/sensor.md.");
    COVERAGE = gauge("kuzet_coverage_ratio", &["source"],
        "Weighted share, 0 to 1, of what should be seen of the source's server and is, by kuzet doctor; looked at when the \
         configuration is read.");
    FILES = gauge("kuzet_source_files", &["source"], "Files of the source being followed.");
    DETECTIONS = counter("kuzet_detections_total", &["detector", "kind", "severity", "store"],
        "Detections, before they are folded into incidents.");
    SUPPRESSED = counter("kuzet_suppressed_detections_total", &["suppression"],
        "Detections that a suppression kept from opening an incident, since it was first configured.");
    EXPECTED = counter("kuzet_expected_events_total", &["declared_job"],
        "Events that a declared job explains, since it was first declared.");
    EXPIRED = gauge("kuzet_declared_expired", &[],
        "Suppressions and declared jobs that have ended: they pass nothing over any more.");
    RULE_EVENTS = counter("kuzet_rule_events_total", &[], "Events that Sigma rules were held against.");
    RULE_HITS = counter("kuzet_rule_hits_total", &["rule"],
        "Hits of Sigma rules and correlations, before they are told as detections.");
    INCIDENTS = counter("kuzet_incidents_total", &["kind", "severity", "store"],
        "Incidents opened, by their kind and severity when they were opened.");
    INCIDENTS_OPEN = gauge("kuzet_incidents_open", &["severity"], "Incidents without a verdict, whether the agent has them in memory or only in its store.");
    PEOPLE = gauge("kuzet_people_affected_open", &["severity", "bound"],
        "Sum over the open incidents of the people affected; those of unknown bound are not in at_most.");
    PEOPLE_UNKNOWN = gauge("kuzet_people_unknown_open", &["severity"],
        "Open incidents for which the number of people affected has no known upper bound.");
    DELAY = histogram("kuzet_detection_delay_seconds",
        "From the time that the server wrote the record to the decision, in seconds.");
    COMMIT = histogram("kuzet_commit_seconds", "Time of one durable commit of the store, in seconds.");
    STORE_ERRORS = counter("kuzet_store_errors_total", &["kind"], "Failed operations of the agent's own store.");
    OUTBOX_PENDING = gauge("kuzet_outbox_pending", &["channel"], "Notifications waiting for delivery.");
    OUTBOX_DEAD = gauge("kuzet_outbox_dead", &["channel"], "Notifications given up: refused or expired.");
    OUTBOX_OLDEST = gauge("kuzet_outbox_oldest_timestamp_seconds", &["channel"],
        "Unix time at which the oldest waiting notification was made; absent when none waits.");
    NOTIFICATIONS = counter("kuzet_notifications_total", &["channel", "result"],
        "Attempts to deliver, by result; resent counts alerts repeated while their incident is open.");
    CACHE_EVICTIONS = counter("kuzet_cache_evictions_total", &["cache"],
        "Entries pushed out of a bounded cache by newer ones.");
    BASELINES = gauge("kuzet_baselines", &["state"],
        "Principals at a store whose past is still learnt, and of which enough is known to judge them by it.");
    FOLDER_FILES = gauge("kuzet_folder_files", &["folder"],
        "Files of the folder that the inventory knows; absent where it never looked.");
    FOLDER_PERSONAL = gauge("kuzet_folder_personal_files", &["folder"], "Files of the folder that hold personal data.");
    FOLDER_PEOPLE = gauge("kuzet_folder_people", &["folder"],
        "Distinct people whose data the files of the folder hold, at least; an estimate beyond 100,000.");
    FOLDER_DOCUMENTS = gauge("kuzet_folder_identity_documents", &["folder"],
        "Images of identity documents in the files of the folder.");
    FOLDER_EXPOSED = gauge("kuzet_folder_exposed_files", &["folder"],
        "Files of the folder that hold personal data and that every account of the host may read.");
    FOLDER_UNINSPECTED = gauge("kuzet_folder_uninspected_files", &["folder", "reason"],
        "Files of the folder that were not wholly inspected, by reason; a file may have several.");
    FOLDER_WALKING = gauge("kuzet_folder_walking", &["folder"], "1 while the inventory walks the folder, else 0.");
    FOLDER_MET = gauge("kuzet_folder_walk_files", &["folder"],
        "Files that the walk under way, or else the last one, came upon.");
    FOLDER_WALKED = gauge("kuzet_folder_walked_timestamp_seconds", &["folder"],
        "Unix time of the end of the last walk through all of the folder; absent before the first since the agent started.");
    FOLDER_MEANS = gauge("kuzet_folder_means", &["folder", "means"],
        "1 for the means by which the sensor watches the files of the folder now, 0 for the others; what each does not show: \
         docs/sensor.md.");
    FILE_LOSSES = counter("kuzet_file_losses_total", &["source"],
        "How often a sensor lost records of files; how many they were each time nobody knows.");
    RESCANS = counter("kuzet_rescans_total", &["source"],
        "Folders that have to be looked through because a sensor did not tell everything of them.");
    INVENTORY_PAUSED = counter("kuzet_inventory_paused_seconds_total", &[],
        "Time that the inventory waited because the host was under pressure, in seconds.");
    WORKER_STARTS = counter("kuzet_worker_starts_total", &[],
        "Processes started to look inside files, for the inventory.");
    WORKER_LOST = counter("kuzet_worker_lost_total", &["reason"],
        "Files over which such a process was lost: it crashed, took too long, or made no sense.");
    INSPECTED = counter("kuzet_inspected_files_total", &["format"],
        "Files that the inventory had looked into, by what they are.");
    INSPECTED_BYTES = counter("kuzet_inspected_bytes_total", &[], "Bytes of files that were looked into for the inventory.");
    INSPECTION = counter("kuzet_inspection_seconds_total", &[],
        "Time for which the inventory waited for answers about files, in seconds.");
}
