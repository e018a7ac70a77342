-- The Kuzet store, schema 5 (PRAGMA user_version; older ones are brought here by migrations/). One file, written by one
-- agent; the command line adds acts only.
-- Times are microseconds since 1970 in UTC. Numbers of 64 bits without sign are kept bit for bit.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An incident as its JSON document (kuzet.incident/1); the columns beside it are for lists.
CREATE TABLE incident (
    row      INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    state    TEXT    NOT NULL,             -- open, acknowledged, closed: what people did
    severity INTEGER NOT NULL,             -- 0 low … 3 critical
    since    INTEGER NOT NULL,             -- first event
    until    INTEGER NOT NULL,             -- last event
    live     INTEGER NOT NULL,             -- 1: the folder has it in memory
    json     TEXT    NOT NULL,
    inner    BLOB    NOT NULL,             -- what the folder needs beside the document
    sketch   BLOB                          -- people as HyperLogLog, in place of rows of person
) STRICT;
CREATE INDEX incident_since ON incident (since);
CREATE INDEX incident_live ON incident (live) WHERE live = 1;
-- What waits for a verdict and is no longer in memory, so that it is counted without reading the documents.
CREATE INDEX incident_shelved ON incident (
    severity, json_extract(json, '$."kuzet.people".at_least'), json_extract(json, '$."kuzet.people".at_most')
) WHERE live = 0 AND state <> 'closed';

-- People of an incident as keyed hashes of 16 bytes.
CREATE TABLE person (
    incident INTEGER NOT NULL REFERENCES incident (row),
    key      BLOB    NOT NULL,
    PRIMARY KEY (incident, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE detector_state (
    key   BLOB PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
    source            TEXT    NOT NULL,
    device            INTEGER NOT NULL,
    inode             INTEGER NOT NULL,
    fingerprint       INTEGER NOT NULL,
    fingerprint_bytes INTEGER NOT NULL,
    path              BLOB    NOT NULL,    -- bytes: a path need not be UTF-8
    offset            INTEGER NOT NULL,
    decoder           BLOB    NOT NULL,
    file              INTEGER NOT NULL,
    tail              INTEGER NOT NULL,
    at                INTEGER NOT NULL,
    finished          INTEGER NOT NULL,
    PRIMARY KEY (source, device, inode)
) STRICT;

CREATE TABLE gap (
    id     INTEGER PRIMARY KEY,
    source TEXT    NOT NULL,
    file   INTEGER NOT NULL,
    path   BLOB    NOT NULL,
    offset INTEGER NOT NULL,
    bytes  INTEGER,                        -- NULL: unknown
    reason TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;
CREATE INDEX gap_at ON gap (at);

CREATE TABLE tally (
    source     TEXT PRIMARY KEY,
    seen       INTEGER NOT NULL,
    handled    INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    lost       INTEGER NOT NULL,
    last_event INTEGER
) STRICT;

CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    channel     TEXT    NOT NULL,
    incident    TEXT    NOT NULL,
    sequence    INTEGER NOT NULL,
    payload     TEXT    NOT NULL,
    replaceable INTEGER NOT NULL,          -- 1: a later state of the incident may take its place
    created     INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL,
    dead        INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT
) STRICT;
CREATE INDEX outbox_order ON outbox (channel, dead, incident, id);
CREATE INDEX outbox_next ON outbox (channel, dead, next_at);

-- Acts of people from the command line, until the agent has taken them into the incident.
CREATE TABLE act (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT    NOT NULL,
    json     TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- Which configuration was in force when.
CREATE TABLE configuration (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    loaded INTEGER NOT NULL,               -- 1: in force from then on; 0: refused, the one before stayed
    json   TEXT    NOT NULL                -- what changed, or why it was refused; no secrets
) STRICT;

-- Rows of nobody that were planted in the servers, to be told when somebody touches them.
CREATE TABLE canary (
    number     INTEGER PRIMARY KEY,        -- which of the numbers that follow from this host's key
    store      TEXT    NOT NULL,
    system     TEXT    NOT NULL,
    database   TEXT    NOT NULL,
    schema     TEXT    NOT NULL,
    relation   TEXT    NOT NULL,
    iin_column TEXT    NOT NULL,
    key        BLOB,                       -- keyed hash of its primary key; no value of the row is kept
    at         INTEGER NOT NULL,
    ran        INTEGER NOT NULL,           -- 1: the agent ran the SQL; 0: it was printed for a person
    removed    INTEGER NOT NULL            -- 1: taken out again, nobody is told of its number any more
) STRICT;

-- What inspections found in files: counts and keyed hashes, by folder.
CREATE TABLE inventory (
    folder    BLOB    NOT NULL,            -- keyed hash of the path of the folder that it is in
    path      BLOB    NOT NULL,            -- keyed hash of its own path
    below     INTEGER NOT NULL,            -- 1: a folder
    signature INTEGER NOT NULL,            -- hash of inode, size and times; 0: to be looked at again
    digest    BLOB    NOT NULL,            -- keyed hash of its bytes
    at        INTEGER NOT NULL,            -- when it was looked at
    shown     TEXT,                        -- its path as it may be shown; NULL where nothing was found
    holding   TEXT,                        -- what was found, as JSON without people
    people    BLOB,                        -- keyed hashes of 16 bytes
    PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;
