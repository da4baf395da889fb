-- Plans: named limits. `limits` has a number for each limit by name; a name that is missing has no limit.
CREATE TABLE plans (
    name       text PRIMARY KEY CHECK (name <> ''),
    limits     jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO plans (name) VALUES ('default');

-- overrides: what a tenant has instead of its plan's; null is no limit. limits: the plan's with the overrides. Calls and
-- quota checks read only the tenant's row, so a trigger keeps its limits as its plan and overrides make them.
ALTER TABLE tenants
    ADD COLUMN plan      text NOT NULL DEFAULT 'default' REFERENCES plans,
    ADD COLUMN overrides jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN limits    jsonb NOT NULL DEFAULT '{}';
UPDATE tenants SET
    overrides = jsonb_strip_nulls(jsonb_build_object('stored_bytes', max_stored_bytes, 'artifacts', max_artifacts)),
    limits = jsonb_strip_nulls(jsonb_build_object('stored_bytes', max_stored_bytes, 'artifacts', max_artifacts))
    WHERE max_stored_bytes IS NOT NULL OR max_artifacts IS NOT NULL;

-- The lock makes a change of the plan wait until the tenant is committed, and then change it too.
CREATE FUNCTION tenants_take_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT jsonb_strip_nulls(p.limits || NEW.overrides) INTO NEW.limits FROM plans p WHERE p.name = NEW.plan FOR SHARE;
    NEW.max_stored_bytes := (NEW.limits ->> 'stored_bytes')::bigint;
    NEW.max_artifacts := (NEW.limits ->> 'artifacts')::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER tenants_take_limits BEFORE INSERT OR UPDATE OF plan, overrides ON tenants
    FOR EACH ROW EXECUTE FUNCTION tenants_take_limits();

-- A key's own limits, beside the tenant's.
ALTER TABLE api_keys ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';

-- The replicas of the API, so that each knows how many share a tenant's limits.
CREATE TABLE replicas (
    id      uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

-- Calls of each day in UTC, added by every replica every few seconds.
CREATE TABLE usage_requests (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    day            date NOT NULL,
    requests       bigint NOT NULL DEFAULT 0,
    refused        bigint NOT NULL DEFAULT 0, -- of these, how many a limit refused
    received_bytes bigint NOT NULL DEFAULT 0,
    sent_bytes     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, day)
);
