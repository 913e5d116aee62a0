-- Times are microseconds since 1970; states, sources and reasons are the numbers of the proto enums.
CREATE TABLE jobs (
    id              TEXT PRIMARY KEY,
    credential      TEXT NOT NULL,
    operation       TEXT NOT NULL,
    secret_hash     BLOB NOT NULL,
    items           INTEGER,
    state           INTEGER NOT NULL,
    upstream_id     TEXT,
    expected        INTEGER,
    delivered       INTEGER NOT NULL DEFAULT 0,
    recovered       INTEGER NOT NULL DEFAULT 0,
    duplicates      INTEGER NOT NULL DEFAULT 0,
    missing         INTEGER,
    last_sequence   INTEGER NOT NULL DEFAULT 0,
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    finished        INTEGER,
    deadline        INTEGER,
    failure_reason  INTEGER,
    failure_message TEXT
) STRICT;
CREATE INDEX jobs_by_credential ON jobs (credential, created, id);
CREATE INDEX jobs_running ON jobs (id) WHERE finished IS NULL;

-- Raw bodies, as they arrived.
CREATE TABLE deliveries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    received INTEGER NOT NULL,
    source   INTEGER NOT NULL,
    body     BLOB NOT NULL,
    decoded  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deliveries_by_job ON deliveries (job_id, id);
CREATE INDEX deliveries_undecoded ON deliveries (job_id, id) WHERE decoded = 0;

-- The log that streams read. A sequence once given never changes.
CREATE TABLE events (
    job_id      TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    sequence    INTEGER NOT NULL,
    time        INTEGER NOT NULL,
    delivery_id INTEGER,
    payload     BLOB NOT NULL,
    PRIMARY KEY (job_id, sequence)
) STRICT, WITHOUT ROWID;

-- What a job's results are recognized by.
CREATE TABLE identities (
    job_id   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    identity TEXT NOT NULL,
    PRIMARY KEY (job_id, identity)
) STRICT, WITHOUT ROWID;
