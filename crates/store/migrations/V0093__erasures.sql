-- Erasures of tenants. A row outlives its tenant: it is the report of what was deleted.
CREATE TABLE erasures (
    id             uuid PRIMARY KEY,
    tenant_id      uuid NOT NULL UNIQUE,
    tenant_name    text NOT NULL,
    requested_at   timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    deleted        jsonb NOT NULL DEFAULT '{}', -- how many rows, by their kind
    released_bytes bigint NOT NULL DEFAULT 0,   -- of objects whose bytes the collector has deleted
    next_at        timestamptz NOT NULL DEFAULT now(),
    last_error     text NOT NULL DEFAULT ''
);
CREATE INDEX erasures_newest ON erasures (tenant_name, requested_at DESC);
CREATE INDEX erasures_due ON erasures (next_at) WHERE finished_at IS NULL;

-- Since when a tenant is being erased. No credential works for it, and none is added; nothing is put under a hold, because
-- a hold would keep its bytes.
ALTER TABLE tenants ADD COLUMN erasing_since timestamptz;

-- The lock makes a statement wait for an erasure that is being started, and an erasure for the statement.
CREATE FUNCTION tenants_in_erasure_get_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz;
BEGIN
    SELECT erasing_since INTO since FROM tenants WHERE id = NEW.tenant_id FOR SHARE;
    IF since IS NOT NULL THEN
        RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'CA002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tenants_in_erasure_get_no_keys BEFORE INSERT ON api_keys
    FOR EACH ROW EXECUTE FUNCTION tenants_in_erasure_get_nothing();
CREATE TRIGGER tenants_in_erasure_get_no_workloads BEFORE INSERT ON workloads
    FOR EACH ROW EXECUTE FUNCTION tenants_in_erasure_get_nothing();
CREATE TRIGGER tenants_in_erasure_hold_no_artifacts BEFORE UPDATE OF held ON artifacts
    FOR EACH ROW WHEN (NEW.held AND NOT OLD.held) EXECUTE FUNCTION tenants_in_erasure_get_nothing();
CREATE TRIGGER tenants_in_erasure_hold_no_sessions BEFORE UPDATE OF held ON sessions
    FOR EACH ROW WHEN (NEW.held AND NOT OLD.held) EXECUTE FUNCTION tenants_in_erasure_get_nothing();

CREATE FUNCTION tenants_in_erasure_open_no_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the tenant is being erased' USING ERRCODE = 'CA002';
END $$;
CREATE TRIGGER tenants_in_erasure_open_no_links BEFORE UPDATE OF links_enabled ON tenants
    FOR EACH ROW WHEN (NEW.erasing_since IS NOT NULL AND NEW.links_enabled)
    EXECUTE FUNCTION tenants_in_erasure_open_no_links();
