-- Schema 2 → 3: rows of nobody that were planted in the servers, to be told when somebody touches them.
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
