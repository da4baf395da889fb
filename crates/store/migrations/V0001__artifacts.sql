-- Tenants: the unit of isolation, quota and dedupe. Every key below leads with the tenant, and every foreign key
-- carries it, so that no row can refer to another tenant's.
CREATE TABLE tenants (
    id            uuid PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name <> ''),
    default_ttl_ms bigint DEFAULT 2592000000 CHECK (default_ttl_ms > 0), -- 30 days; NULL: for ever
    max_ttl_ms    bigint CHECK (max_ttl_ms > 0),                         -- NULL: no limit
    never_expires_allowed boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (default_ttl_ms IS NOT NULL OR never_expires_allowed),
    CHECK (max_ttl_ms IS NULL OR default_ttl_ms IS NULL OR default_ttl_ms <= max_ttl_ms)
);

CREATE TABLE api_keys (
    id            uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES tenants,
    secret_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(secret_sha256) = 32),
    last_4        text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    revoked_at    timestamptz
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at);

-- No counters here: they would make every upload rewrite the row, and a share-to-update upgrade of its lock deadlocks.
-- active_at is touched by uploads that can do so without waiting.
CREATE TABLE sessions (
    tenant_id  uuid NOT NULL REFERENCES tenants,
    id         text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    active_at  timestamptz NOT NULL DEFAULT now(),
    sealed_at  timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX sessions_by_activity ON sessions (tenant_id, active_at DESC, id DESC);

-- One physical copy of bytes each. The id is fresh for every upload and never reused; the blob key is made from it.
-- `live` exists to be referenced: because artifacts refer to (tenant_id, id, live), Postgres itself refuses to condemn
-- an object that an artifact still pins.
CREATE TABLE objects (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              uuid NOT NULL,
    state           text NOT NULL CHECK (state IN ('staging', 'live', 'condemned', 'gone')),
    live            boolean GENERATED ALWAYS AS (CASE WHEN state = 'live' THEN true END) STORED,
    sha256          bytea CHECK (octet_length(sha256) = 32),
    size_bytes      bigint CHECK (size_bytes >= 0),
    inline_data     bytea,                -- small content; NULL: the bytes are in the blob store
    multipart_id    text,                 -- the blob store's name for a multipart upload under way
    created_at      timestamptz NOT NULL DEFAULT now(),
    lease_until     timestamptz,          -- staging: the upload is alive until then
    not_before      timestamptz,          -- condemned: bytes may be deleted from then on
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    last_error      text,
    gone_at         timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, id, live),
    CHECK (state <> 'live' OR (sha256 IS NOT NULL AND size_bytes IS NOT NULL)),
    CHECK (state <> 'staging' OR lease_until IS NOT NULL),
    CHECK (state <> 'condemned' OR not_before IS NOT NULL)
);
ALTER TABLE objects ALTER COLUMN inline_data SET STORAGE EXTERNAL; -- artifacts are often compressed already
CREATE UNIQUE INDEX objects_one_live ON objects (tenant_id, sha256, size_bytes) WHERE state = 'live';
CREATE INDEX objects_due ON objects (next_attempt_at) WHERE state = 'condemned';
CREATE INDEX objects_stale ON objects (lease_until) WHERE state = 'staging';

CREATE FUNCTION objects_keep_to_life_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN
        (('staging', 'live'), ('staging', 'condemned'), ('live', 'condemned'), ('condemned', 'gone')) THEN
        RAISE EXCEPTION 'object % may not go from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER objects_keep_to_life_cycle BEFORE UPDATE OF state ON objects
    FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION objects_keep_to_life_cycle();

-- The last version given to each filename in its scope. Rows outlive their artifacts, so no number is given twice.
CREATE TABLE filenames (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    namespace    text NOT NULL,
    user_id      text NOT NULL,
    session_id   text NOT NULL, -- '' for a file of no session
    filename     text NOT NULL,
    last_version bigint NOT NULL CHECK (last_version > 0),
    PRIMARY KEY (tenant_id, session_id, filename, user_id, namespace)
);

-- state: live → deleted → purged. Until it is purged the row pins its object through object_live.
CREATE TABLE artifacts (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    id           text NOT NULL,
    session_id   text,
    namespace    text NOT NULL,
    user_id      text NOT NULL,
    agent_id     text NOT NULL,
    filename     text NOT NULL,
    version      bigint NOT NULL,
    content_type text NOT NULL,
    size_bytes   bigint NOT NULL,
    sha256       bytea NOT NULL,
    metadata     jsonb NOT NULL,
    object_id    uuid NOT NULL,
    object_live  boolean DEFAULT true CHECK (object_live),
    state        text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'deleted', 'purged')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    deleted_at   timestamptz,
    purge_after  timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'purged') = (object_live IS NULL)),
    CHECK ((state = 'live') = (deleted_at IS NULL)),
    CHECK ((state = 'live') = (purge_after IS NULL)),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, object_id, object_live) REFERENCES objects (tenant_id, id, live)
);
CREATE UNIQUE INDEX artifacts_versions
    ON artifacts (tenant_id, filename, (coalesce(session_id, '')), user_id, namespace, version);
CREATE INDEX artifacts_by_object ON artifacts (tenant_id, object_id, object_live);
CREATE INDEX artifacts_newest ON artifacts (tenant_id, created_at DESC, id DESC) WHERE state = 'live';
CREATE INDEX artifacts_newest_of_session ON artifacts (tenant_id, session_id, created_at DESC, id DESC)
    WHERE state = 'live';
CREATE INDEX artifacts_newest_of_agent ON artifacts (tenant_id, agent_id, created_at DESC, id DESC)
    WHERE state = 'live';
CREATE INDEX artifacts_expiring ON artifacts (expires_at) WHERE state = 'live' AND expires_at IS NOT NULL;
CREATE INDEX artifacts_purging ON artifacts (purge_after) WHERE state = 'deleted';

-- A side table and not an index on the jsonb column: it answers one pair in the order of the page, and its operators
-- stay usable under row-level security.
CREATE TABLE artifact_metadata (
    tenant_id   uuid NOT NULL,
    key         text NOT NULL,
    value       text NOT NULL,
    created_at  timestamptz NOT NULL,
    artifact_id text NOT NULL,
    PRIMARY KEY (tenant_id, key, value, created_at, artifact_id),
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts ON DELETE CASCADE
);
CREATE INDEX artifact_metadata_by_artifact ON artifact_metadata (tenant_id, artifact_id);

-- The backstop of sealing. Writers hold the session's advisory lock shared and the sealer holds it exclusively, so this
-- plain read is enough; it takes no row lock, because row locks let overlapping writers starve the sealer.
CREATE FUNCTION artifacts_enter_open_sessions_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sessions
        WHERE tenant_id = NEW.tenant_id AND id = NEW.session_id AND sealed_at IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION 'session % is sealed', NEW.session_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER artifacts_enter_open_sessions_only BEFORE INSERT ON artifacts
    FOR EACH ROW WHEN (NEW.session_id IS NOT NULL) EXECUTE FUNCTION artifacts_enter_open_sessions_only();

-- Objects that have lost a reference and may have lost the last one. Fed by the trigger below, so that no code path can
-- forget to; read by the condemn pass, so that its cost is that of the garbage and not of the table.
CREATE TABLE gc_queue (
    tenant_id    uuid NOT NULL,
    object_id    uuid NOT NULL,
    review_after timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, object_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX gc_queue_due ON gc_queue (review_after);

-- Per statement and in key order: row by row, two purges that share objects would deadlock. DO UPDATE and not DO
-- NOTHING: a row that the condemn pass is about to delete must be seen as changed.
CREATE FUNCTION artifacts_queue_unpinned_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gc_queue (tenant_id, object_id, review_after)
        SELECT DISTINCT n.tenant_id, n.object_id, now()
            FROM new_rows n JOIN old_rows o USING (tenant_id, id)
            WHERE o.object_live AND n.object_live IS NULL
            ORDER BY n.tenant_id, n.object_id
        ON CONFLICT (tenant_id, object_id) DO UPDATE SET review_after = excluded.review_after;
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_queue_unpinned_objects AFTER UPDATE ON artifacts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION artifacts_queue_unpinned_objects();

CREATE TABLE links (
    id          text PRIMARY KEY,
    tenant_id   uuid NOT NULL,
    artifact_id text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts
);
CREATE INDEX links_newest ON links (tenant_id, created_at DESC, id DESC);
CREATE INDEX links_newest_of_artifact ON links (tenant_id, artifact_id, created_at DESC, id DESC);
