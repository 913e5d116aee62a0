-- Times are microseconds since 1970; states, sources and reasons are the numbers of the proto enums.
-- The rows of a job are found by its number, which is shorter than its id.
CREATE TABLE jobs (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    credential      TEXT NOT NULL,
    operation       TEXT NOT NULL,
    secret_hash     BLOB NOT NULL,
    items           INTEGER,
    search_name     TEXT,
    state           INTEGER NOT NULL,
    upstream_id     TEXT,
    expected        INTEGER,
    delivered       INTEGER NOT NULL DEFAULT 0,
    recovered       INTEGER NOT NULL DEFAULT 0,
    duplicates      INTEGER NOT NULL DEFAULT 0,
    late            INTEGER NOT NULL DEFAULT 0,
    reused          INTEGER NOT NULL DEFAULT 0,
    credits         INTEGER NOT NULL DEFAULT 0,
    missing         INTEGER,
    request_id      TEXT,
    first_sequence  INTEGER NOT NULL DEFAULT 1,
    last_sequence   INTEGER NOT NULL DEFAULT 0,
    -- All deliveries up to this one are decoded, and so many results of the next one.
    decoded_through INTEGER NOT NULL DEFAULT 0,
    decoded_results INTEGER NOT NULL DEFAULT 0,
    final_seen      INTEGER NOT NULL DEFAULT 0,
    created         INTEGER NOT NULL,
    updated         INTEGER NOT NULL,
    finished        INTEGER,
    deadline        INTEGER,
    failure_reason  INTEGER,
    failure_message TEXT,
    -- Somebody was erased from it; `identities` knows by which marks.
    has_erased      INTEGER NOT NULL DEFAULT 0,
    -- Purged: nobody sees it any more, and its rows are being removed.
    purged          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_by_credential ON jobs (credential, created, id);
CREATE INDEX jobs_running ON jobs (id) WHERE finished IS NULL;
CREATE INDEX jobs_finished ON jobs (finished) WHERE finished IS NOT NULL;
CREATE INDEX jobs_purged ON jobs (number) WHERE purged = 1;

-- Raw bodies, as they arrived.
CREATE TABLE deliveries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    job      INTEGER NOT NULL,
    received INTEGER NOT NULL,
    source   INTEGER NOT NULL,
    erased   INTEGER NOT NULL DEFAULT 0,
    body     BLOB NOT NULL
) STRICT;
CREATE INDEX deliveries_by_job ON deliveries (job, id);

-- The log that streams read. A sequence once given never changes.
CREATE TABLE events (
    job      INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    payload  BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_by_job ON events (job, sequence);

-- What a job's results are recognized by: hashes, because it outlives erased results.
CREATE TABLE identities (
    job      INTEGER NOT NULL,
    identity BLOB NOT NULL,
    PRIMARY KEY (job, identity)
) STRICT, WITHOUT ROWID;

-- Callbacks without a job.
CREATE TABLE unmatched (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id     TEXT NOT NULL,
    credential TEXT,
    received   INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;

CREATE INDEX unmatched_by_kind ON unmatched (credential IS NULL, id);

-- How many they are: of strangers and of others. Kept here, because counting them
-- for each that comes would hold up callbacks.
CREATE TABLE unmatched_totals (
    is_stranger INTEGER PRIMARY KEY,
    entries     INTEGER NOT NULL,
    bytes       INTEGER NOT NULL
) STRICT;
INSERT INTO unmatched_totals VALUES (0, 0, 0), (1, 0, 0);
CREATE TRIGGER unmatched_added AFTER INSERT ON unmatched BEGIN
    UPDATE unmatched_totals SET entries = entries + 1, bytes = bytes + length(new.body)
    WHERE is_stranger = (new.credential IS NULL);
END;
CREATE TRIGGER unmatched_removed AFTER DELETE ON unmatched BEGIN
    UPDATE unmatched_totals SET entries = entries - 1, bytes = bytes - length(old.body)
    WHERE is_stranger = (old.credential IS NULL);
END;

-- What a callback for a purged job is recognized by, and Pronto's id, so that its
-- search is not taken for that of another job.
CREATE TABLE purged_jobs (
    id          TEXT PRIMARY KEY,
    credential  TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    upstream_id TEXT,
    purged      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written to see whether writing works.
CREATE TABLE probes (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    time INTEGER NOT NULL
) STRICT;
