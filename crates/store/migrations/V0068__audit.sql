-- Who did what: one row for each change, in its transaction, and for reads and refused calls, as they are configured. Only
-- rows are added, by the day; whole days are dropped.
CREATE SEQUENCE audit_ids;
CREATE TABLE audit (
    at        timestamptz NOT NULL DEFAULT now(),
    id        bigint NOT NULL DEFAULT nextval('audit_ids'),
    tenant_id uuid,            -- NULL: the caller is unknown
    operation text NOT NULL,
    resource  text NOT NULL,   -- '' for none
    result    text NOT NULL,   -- OK, or the reason of the error
    actor     jsonb NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX audit_of_tenant ON audit (tenant_id, at, id);
CREATE INDEX audit_by_time ON audit (at, id);
-- For days that no worker has prepared.
CREATE TABLE audit_other PARTITION OF audit DEFAULT;

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays();

-- Prepares the days to come, and drops those before the oldest that is kept. It runs with the rights of the role that
-- migrates, because the worker may not create and drop tables. Returns how many days were dropped.
CREATE FUNCTION audit_turn(kept interval) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first date := (now() AT TIME ZONE 'UTC')::date;
    one date;
    name text;
    dropped bigint := 0;
BEGIN
    -- A writer that is in the way must not wait behind this.
    SET LOCAL lock_timeout = '100ms';
    -- A call with a shorter time does not erase the last day.
    kept := greatest(kept, interval '1 day');
    FOR one IN SELECT generate_series(first, first + 7, interval '1 day')::date LOOP
        name := 'audit_' || to_char(one, 'YYYYMMDD');
        IF to_regclass(name) IS NULL AND NOT EXISTS (SELECT FROM audit_other
            WHERE at >= one::timestamp AT TIME ZONE 'UTC' AND at < (one + 1)::timestamp AT TIME ZONE 'UTC') THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF audit FOR VALUES FROM (%L) TO (%L)', name,
                one::timestamp AT TIME ZONE 'UTC', (one + 1)::timestamp AT TIME ZONE 'UTC');
        END IF;
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit'::regclass AND c.relname ~ '^audit_[0-9]{8}$'
            AND to_date(substr(c.relname, 7), 'YYYYMMDD') + 1 <= (now() - kept) AT TIME ZONE 'UTC' LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    -- What came on days without a worker goes once all of it is old.
    IF EXISTS (SELECT FROM audit_other) AND NOT EXISTS (SELECT FROM audit_other WHERE at > now() - kept) THEN
        TRUNCATE audit_other;
    END IF;
    RETURN dropped;
END $$;
SELECT audit_turn(interval '400 days');
