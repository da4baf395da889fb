-- What each tenant stores. A total in one row would make all commits of a tenant wait for each other, so every statement
-- only adds a row with its change, and the collector adds the rows up. Usage is the total and the changes, read in one
-- statement.
CREATE TABLE tenant_usage (
    tenant_id        uuid PRIMARY KEY REFERENCES tenants,
    stored_artifacts bigint NOT NULL, -- live, or waiting to be published
    stored_bytes     bigint NOT NULL, -- the sum of their sizes
    physical_objects bigint NOT NULL, -- live or condemned
    physical_bytes   bigint NOT NULL  -- the sum of their sizes, where these are known
);
CREATE TABLE usage_changes (
    tenant_id        uuid NOT NULL,
    id               bigint GENERATED ALWAYS AS IDENTITY,
    stored_artifacts bigint NOT NULL DEFAULT 0,
    stored_bytes     bigint NOT NULL DEFAULT 0,
    physical_objects bigint NOT NULL DEFAULT 0,
    physical_bytes   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Every writer under way ends before a trigger is there, and none begins before all are: nothing is changed and not
-- counted from then on. The tables are locked in the order in which writers come to them, so that none of them waits for
-- this while this waits for it.
LOCK TABLE objects, artifacts, pending_artifacts IN SHARE ROW EXCLUSIVE MODE;

-- The statements of these functions have no parameters, because one with parameters would be planned each time.
CREATE FUNCTION objects_change_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO usage_changes (tenant_id, physical_objects, physical_bytes)
            SELECT tenant_id, count(*), coalesce(sum(size_bytes), 0)
            FROM new_rows WHERE state IN ('live', 'condemned') GROUP BY tenant_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO usage_changes (tenant_id, physical_objects, physical_bytes)
            SELECT tenant_id, -count(*), -coalesce(sum(size_bytes), 0)
            FROM old_rows WHERE state IN ('live', 'condemned') GROUP BY tenant_id;
    ELSE
        INSERT INTO usage_changes (tenant_id, physical_objects, physical_bytes)
            SELECT tenant_id, sum(objects), sum(bytes) FROM (
                SELECT tenant_id, 1 AS objects, coalesce(size_bytes, 0) AS bytes
                    FROM new_rows WHERE state IN ('live', 'condemned')
                UNION ALL
                SELECT tenant_id, -1, -coalesce(size_bytes, 0)
                    FROM old_rows WHERE state IN ('live', 'condemned')
            ) changed
            GROUP BY tenant_id HAVING sum(objects) <> 0 OR sum(bytes) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER objects_change_usage_inserted AFTER INSERT ON objects
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION objects_change_usage();
CREATE TRIGGER objects_change_usage_updated AFTER UPDATE ON objects
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION objects_change_usage();
CREATE TRIGGER objects_change_usage_deleted AFTER DELETE ON objects
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION objects_change_usage();

CREATE FUNCTION artifacts_change_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
            SELECT tenant_id, count(*), sum(size_bytes) FROM new_rows WHERE state = 'live' GROUP BY tenant_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
            SELECT tenant_id, -count(*), -sum(size_bytes) FROM old_rows WHERE state = 'live' GROUP BY tenant_id;
    ELSE
        INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
            SELECT tenant_id, sum(artifacts), sum(bytes) FROM (
                SELECT tenant_id, 1 AS artifacts, size_bytes AS bytes FROM new_rows WHERE state = 'live'
                UNION ALL
                SELECT tenant_id, -1, -size_bytes FROM old_rows WHERE state = 'live'
            ) changed
            GROUP BY tenant_id HAVING sum(artifacts) <> 0 OR sum(bytes) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_change_usage_inserted AFTER INSERT ON artifacts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION artifacts_change_usage();
CREATE TRIGGER artifacts_change_usage_updated AFTER UPDATE ON artifacts
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION artifacts_change_usage();
CREATE TRIGGER artifacts_change_usage_deleted AFTER DELETE ON artifacts
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION artifacts_change_usage();

-- The size of one that waits never changes.
CREATE FUNCTION pending_artifacts_change_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
            SELECT tenant_id, count(*), sum(size_bytes) FROM new_rows GROUP BY tenant_id;
    ELSE
        INSERT INTO usage_changes (tenant_id, stored_artifacts, stored_bytes)
            SELECT tenant_id, -count(*), -sum(size_bytes) FROM old_rows GROUP BY tenant_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pending_artifacts_change_usage_inserted AFTER INSERT ON pending_artifacts
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION pending_artifacts_change_usage();
CREATE TRIGGER pending_artifacts_change_usage_deleted AFTER DELETE ON pending_artifacts
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION pending_artifacts_change_usage();
