-- Schema 3 → 4: what inspections found in files.
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
