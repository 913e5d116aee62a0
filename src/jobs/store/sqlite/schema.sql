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
    -- Positions of the items for which nothing had arrived at the end, as JSON.
    missing_indexes TEXT,
    request_id      TEXT,
    -- What earlier purchases answer, until it is in the log: contacts, and before each
    -- whether nothing else is bought about them.
    reused_contacts BLOB,
    -- The entry of the ledger for the call that started it.
    call            INTEGER NOT NULL DEFAULT 0,
    -- It is known what became of that call, as the entry says: results need not look.
    call_is_known   INTEGER NOT NULL DEFAULT 0,
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
    -- The trace of the call that started it, and whether it is recorded: 32 and 2
    -- hexadecimal digits.
    origin          TEXT,
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

-- Calls that may be charged, and results that were charged. A call has an outcome, a
-- result has a sequence. What a result holds is not in it, so it outlives its job.
CREATE TABLE ledger (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    time            INTEGER NOT NULL,
    credential      TEXT NOT NULL,
    operation       TEXT NOT NULL,
    job_id          TEXT,
    request_id      TEXT,
    outcome         INTEGER,
    minimum         INTEGER NOT NULL DEFAULT 0,
    expected        INTEGER NOT NULL DEFAULT 0,
    maximum         INTEGER NOT NULL DEFAULT 0,
    unpriced        INTEGER NOT NULL DEFAULT 0,
    -- Credits still set aside, on the day of the call.
    reserved        INTEGER NOT NULL DEFAULT 0,
    -- Purchases know whom it asks about.
    has_people      INTEGER NOT NULL DEFAULT 0,
    sequence        INTEGER,
    emails          INTEGER NOT NULL DEFAULT 0,
    phone_numbers   INTEGER NOT NULL DEFAULT 0,
    personal_emails INTEGER NOT NULL DEFAULT 0,
    credits         INTEGER
) STRICT;
CREATE INDEX ledger_by_credential ON ledger (credential, id);
CREATE INDEX ledger_by_job ON ledger (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX ledger_by_time ON ledger (time);
CREATE INDEX ledger_pending ON ledger (outcome) WHERE outcome = 1;
CREATE INDEX ledger_refused ON ledger (time) WHERE outcome = 3;
CREATE INDEX ledger_with_people ON ledger (time) WHERE has_people = 1;

-- Bodies of answers, while they may be wanted again. The time is that of the call.
CREATE TABLE answers (
    call       INTEGER PRIMARY KEY,
    credential TEXT NOT NULL,
    time       INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;
CREATE INDEX answers_by_credential ON answers (credential, call);
CREATE INDEX answers_by_time ON answers (time);

-- The ledger summed up for each day; days since 1970.
CREATE TABLE usage (
    credential      TEXT NOT NULL,
    day             INTEGER NOT NULL,
    operation       TEXT NOT NULL,
    calls           INTEGER NOT NULL,
    results         INTEGER NOT NULL,
    reused          INTEGER NOT NULL,
    emails          INTEGER NOT NULL,
    phone_numbers   INTEGER NOT NULL,
    personal_emails INTEGER NOT NULL,
    credits         INTEGER NOT NULL,
    reserved        INTEGER NOT NULL,
    PRIMARY KEY (credential, day, operation)
) STRICT, WITHOUT ROWID;

-- What makes calls safe to repeat.
CREATE TABLE requests (
    credential  TEXT NOT NULL,
    id          TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    created     INTEGER NOT NULL,
    call        INTEGER NOT NULL,
    job_id      TEXT,
    PRIMARY KEY (credential, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (created);
CREATE INDEX requests_by_call ON requests (call);

-- Whom a call asks about, by hashes; with a time, once it was bought.
CREATE TABLE purchases (
    call       INTEGER NOT NULL,
    item       INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    key        BLOB NOT NULL,
    credential TEXT NOT NULL,
    -- None where the kind is 0: the key of a profile, for any kind.
    time       INTEGER,
    -- Where a job holds it; else the answer of the call does.
    sequence   INTEGER,
    PRIMARY KEY (call, item, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX purchases_by_key ON purchases (credential, key, time) WHERE time IS NOT NULL;
CREATE INDEX purchases_by_profile ON purchases (credential, key) WHERE kind = 0;

-- One row, written to see whether writing works.
CREATE TABLE probes (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    time INTEGER NOT NULL
) STRICT;
