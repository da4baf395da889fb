-- What people say of a session.
ALTER TABLE sessions
    ADD COLUMN display_name  text NOT NULL DEFAULT '',
    ADD COLUMN labels        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_position bigint NOT NULL DEFAULT 0; -- the last one given to one of its events
CREATE INDEX sessions_labelled ON sessions USING gin (labels) WHERE labels <> '{}';

-- Artifacts that are stored and not published. They pin their objects as artifacts do, but no read looks here. Publishing
-- moves them into artifacts under the same id, many in one transaction; that is the commit which gives them a version and
-- begins their time to live.
CREATE TABLE pending_artifacts (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    id             text NOT NULL,
    number         bigint GENERATED ALWAYS AS IDENTITY, -- the order in which they were made
    session_id     text NOT NULL,
    namespace      text NOT NULL,
    user_id        text NOT NULL,
    agent_id       text NOT NULL,
    filename       text NOT NULL,
    content_type   text NOT NULL,
    size_bytes     bigint NOT NULL,
    sha256         bytea NOT NULL,
    metadata       jsonb NOT NULL,
    title          text NOT NULL,
    kind           text NOT NULL,
    language       text NOT NULL,
    change_summary text NOT NULL,
    stage          text NOT NULL,
    labels         text[] NOT NULL,
    inputs         text[] NOT NULL,
    object_id      uuid NOT NULL,
    object_live    boolean NOT NULL DEFAULT true CHECK (object_live),
    if_version     bigint,           -- the version that must be the latest when it is published
    ttl_ms         double precision, -- NULL: for ever
    created_at     timestamptz NOT NULL DEFAULT now(),
    discard_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions,
    FOREIGN KEY (tenant_id, object_id, object_live) REFERENCES objects (tenant_id, id, live)
);
CREATE INDEX pending_artifacts_of_session ON pending_artifacts (tenant_id, session_id, number);
CREATE INDEX pending_artifacts_by_object ON pending_artifacts (tenant_id, object_id);
CREATE INDEX pending_artifacts_discarded ON pending_artifacts (discard_at);
CREATE TRIGGER pending_artifacts_enter_open_sessions_only BEFORE INSERT ON pending_artifacts
    FOR EACH ROW EXECUTE FUNCTION artifacts_enter_open_sessions_only();

-- As artifacts_queue_unpinned_objects. What was published pins its object as before, and is not queued: the transaction
-- that publishes holds locks on objects, and whoever does so must not wait for a row of the queue.
CREATE FUNCTION pending_artifacts_queue_unpinned_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO gc_queue (tenant_id, object_id, review_after)
        SELECT DISTINCT o.tenant_id, o.object_id, now() FROM old_rows o
            WHERE NOT EXISTS (SELECT FROM artifacts a WHERE a.tenant_id = o.tenant_id AND a.id = o.id)
            ORDER BY o.tenant_id, o.object_id
        ON CONFLICT (tenant_id, object_id) DO UPDATE SET review_after = excluded.review_after;
    RETURN NULL;
END $$;
CREATE TRIGGER pending_artifacts_queue_unpinned_objects AFTER DELETE ON pending_artifacts
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION pending_artifacts_queue_unpinned_objects();

-- What happened in a session. Written by triggers in the transaction of what happened, so that no code path can forget to,
-- and without a position: transactions do not commit in the order of any number that they could take. Whoever reads the
-- events of a session first gives the next positions to those it sees, under the lock of the session's row; what commits
-- later comes after them.
CREATE TABLE session_events (
    tenant_id   uuid NOT NULL,
    session_id  text NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    position    bigint,
    occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    type        text NOT NULL CHECK (type IN ('created', 'staged', 'deleted', 'restored', 'sealed')),
    artifact_id text, -- NULL: it happened to the session itself
    from_stage  text,
    to_stage    text,
    agent_id    text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, session_id, number)
);
CREATE UNIQUE INDEX session_events_in_order ON session_events (tenant_id, session_id, position);
CREATE INDEX session_events_unnumbered ON session_events (tenant_id, session_id, number) WHERE position IS NULL;
CREATE INDEX session_events_oldest ON session_events (occurred_at);

CREATE FUNCTION artifacts_tell_their_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_events (tenant_id, session_id, artifact_id, type)
        VALUES (NEW.tenant_id, NEW.session_id, NEW.id,
            CASE WHEN TG_OP = 'INSERT' THEN 'created' WHEN NEW.state = 'deleted' THEN 'deleted' ELSE 'restored' END);
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_tell_their_session_when_created AFTER INSERT ON artifacts
    FOR EACH ROW WHEN (NEW.session_id IS NOT NULL) EXECUTE FUNCTION artifacts_tell_their_session();
CREATE TRIGGER artifacts_tell_their_session_when_gone AFTER UPDATE OF state ON artifacts
    FOR EACH ROW WHEN (NEW.session_id IS NOT NULL AND OLD.state <> NEW.state AND NEW.state <> 'purged')
    EXECUTE FUNCTION artifacts_tell_their_session();

CREATE FUNCTION stage_changes_tell_the_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_events (tenant_id, session_id, artifact_id, type, from_stage, to_stage, agent_id)
        SELECT a.tenant_id, a.session_id, a.id, 'staged', NEW.from_stage, NEW.to_stage, NEW.agent_id
        FROM artifacts a
        WHERE a.tenant_id = NEW.tenant_id AND a.id = NEW.artifact_id AND a.session_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER stage_changes_tell_the_session AFTER INSERT ON stage_changes
    FOR EACH ROW EXECUTE FUNCTION stage_changes_tell_the_session();

CREATE FUNCTION sessions_tell_of_their_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO session_events (tenant_id, session_id, type) VALUES (NEW.tenant_id, NEW.id, 'sealed');
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_tell_of_their_seal AFTER UPDATE OF sealed_at ON sessions
    FOR EACH ROW WHEN (OLD.sealed_at IS NULL AND NEW.sealed_at IS NOT NULL)
    EXECUTE FUNCTION sessions_tell_of_their_seal();

-- Work that is too large for one call. Whoever does a batch of it holds the lock of its row for that long, and writes down
-- how far it came in the same transaction.
CREATE TABLE jobs (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              text NOT NULL,
    type            text NOT NULL CHECK (type IN ('delete_artifacts', 'set_stage')),
    state           text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'succeeded', 'cancelled', 'failed')),
    filter          text NOT NULL,
    to_stage        text,                     -- set_stage: where to
    agent_id        text NOT NULL DEFAULT '', -- who asked for it
    key_last_4      text NOT NULL,
    reached         text NOT NULL DEFAULT '', -- the last artifact it has come by, in the order of the ids
    done_count      bigint NOT NULL DEFAULT 0,
    size_bytes      bigint NOT NULL DEFAULT 0,
    held_count      bigint NOT NULL DEFAULT 0,
    estimated_count bigint NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0, -- in vain, since the last batch that was done
    last_error      text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    CHECK ((state = 'running') = (finished_at IS NULL)),
    CHECK ((type = 'set_stage') = (to_stage IS NOT NULL))
);
CREATE INDEX jobs_newest ON jobs (tenant_id, created_at DESC, id DESC);
CREATE INDEX jobs_due ON jobs (next_attempt_at) WHERE state = 'running';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
