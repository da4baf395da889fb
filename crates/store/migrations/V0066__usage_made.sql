-- What is made each day, by session and agent. As with usage_changes, every statement only adds rows, and the collector
-- adds them up into usage_days.
CREATE TABLE usage_made (
    tenant_id  uuid NOT NULL,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    day        date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    session_id text NOT NULL, -- '' for none, as with agent_id
    agent_id   text NOT NULL,
    artifacts  bigint NOT NULL,
    bytes      bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- part: whether a row is of the whole day (key ''), of a session or of an agent.
CREATE TABLE usage_days (
    tenant_id uuid NOT NULL REFERENCES tenants,
    part      text NOT NULL CHECK (part IN ('day', 'session', 'agent')),
    key       text NOT NULL,
    day       date NOT NULL,
    artifacts bigint NOT NULL,
    bytes     bigint NOT NULL,
    PRIMARY KEY (tenant_id, part, key, day)
);

CREATE FUNCTION artifacts_are_made() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO usage_made (tenant_id, session_id, agent_id, artifacts, bytes)
        SELECT tenant_id, coalesce(session_id, ''), agent_id, count(*), sum(size_bytes)
        FROM new_rows GROUP BY tenant_id, session_id, agent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_are_made AFTER INSERT ON artifacts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION artifacts_are_made();
