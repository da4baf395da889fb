-- What steers the collector and what it remembers: whose blob store it is, what it did, what it suspects.

-- One row. The blob store holds the same id and epoch under v1/_deployment_id, and nothing is deleted there by a database
-- whose own differ. A database that takes over from another one raises the epoch, which shuts that one out.
CREATE TABLE gc_control (
    one_row       boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    deployment_id uuid,                           -- NULL: no process has reached both stores yet
    epoch         bigint NOT NULL DEFAULT 1,
    marked        boolean NOT NULL DEFAULT false, -- the blob store has been seen to hold them
    cluster_id    bigint,                         -- of the Postgres that the collector has worked in
    paused_at     timestamptz,                    -- NULL: the collector may work
    paused_by     text,
    paused_reason text,
    CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    CHECK ((paused_at IS NULL) = (paused_reason IS NULL)),
    CHECK (deployment_id IS NOT NULL OR NOT marked)
);
INSERT INTO gc_control DEFAULT VALUES;

-- How each pass went the last time, whichever worker ran it.
CREATE TABLE gc_passes (
    name         text PRIMARY KEY,
    worker       text NOT NULL,
    started_at   timestamptz NOT NULL,
    ended_at     timestamptz NOT NULL,
    succeeded_at timestamptz,
    failures     integer NOT NULL,  -- how many runs in a row have failed
    last_error   text,
    counts       jsonb NOT NULL
);

-- Every physical deletion, written by the transaction that records that the bytes are gone.
CREATE TABLE gc_ledger (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deleted_at timestamptz NOT NULL DEFAULT now(),
    worker     text NOT NULL,
    reason     text NOT NULL CHECK (reason IN ('unreferenced', 'uncommitted', 'orphan')),
    tenant_id  uuid NOT NULL,
    object_id  uuid NOT NULL,
    key        text,                -- NULL: the bytes were in the object's row
    size_bytes bigint               -- NULL: not known, as of an upload that was never committed
);
CREATE INDEX gc_ledger_by_age ON gc_ledger (deleted_at);
CREATE INDEX gc_ledger_by_object ON gc_ledger (tenant_id, object_id);

-- How far the scan for orphans has come in each of the 256 prefixes of the blob store.
CREATE TABLE orphan_shards (
    shard       smallint PRIMARY KEY CHECK (shard BETWEEN 0 AND 255),
    started_at  timestamptz,              -- of the scan under way, or of the last one
    last_key    text NOT NULL DEFAULT '', -- of the scan under way: it goes on behind it
    listed      bigint NOT NULL DEFAULT 0, -- by the scan under way, or by the last one
    listed_last bigint NOT NULL DEFAULT 0, -- by the last one that came to the end
    scanned_at  timestamptz,              -- when a scan last came to the end; NULL: one is under way, or none was made
    lease_until timestamptz               -- a worker is at it
);
INSERT INTO orphan_shards (shard) SELECT generate_series(0, 255);

-- Keys in the blob store that no object has, and how often they were seen. They are deleted at a second sighting.
CREATE TABLE orphan_suspects (
    key        text PRIMARY KEY,
    shard      smallint NOT NULL,
    tenant_id  uuid NOT NULL,
    object_id  uuid NOT NULL,
    size_bytes bigint NOT NULL,
    version    text NOT NULL,              -- what the blob store says of the content: another one is another suspect
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    sightings  integer NOT NULL DEFAULT 1,
    deleting   boolean NOT NULL DEFAULT false -- the order has been given; it is given again until it is known to be done
);
CREATE INDEX orphan_suspects_by_shard ON orphan_suspects (shard);

-- Live objects whose bytes are gone or differ. For people to look at; nothing is deleted for it.
CREATE TABLE gc_ghosts (
    tenant_id uuid NOT NULL,
    object_id uuid NOT NULL,
    problem   text NOT NULL,
    found_at  timestamptz NOT NULL DEFAULT now(),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, object_id)
);

-- How far the passes that walk through all live objects have come.
CREATE TABLE gc_cursors (
    name       text PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    object_id  uuid NOT NULL,
    moved_at   timestamptz NOT NULL
);

-- When it is asked whether a purged artifact's row is still needed.
ALTER TABLE artifacts ADD COLUMN forget_after timestamptz;
UPDATE artifacts SET forget_after = purge_after WHERE state = 'purged';
CREATE INDEX artifacts_forgetting ON artifacts (forget_after) WHERE forget_after IS NOT NULL;
CREATE INDEX objects_gone ON objects (gone_at) WHERE state = 'gone';
CREATE INDEX links_ended ON links ((least(expires_at, revoked_at)));
