-- Schema 1 → 2: which configuration was in force when.
CREATE TABLE configuration (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    loaded INTEGER NOT NULL,               -- 1: in force from then on; 0: refused, the one before stayed
    json   TEXT    NOT NULL                -- what changed, or why it was refused; no secrets
) STRICT;
