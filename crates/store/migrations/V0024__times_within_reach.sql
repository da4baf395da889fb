-- Times that a caller can choose stay below the year 9000, so that whatever reads them can: Postgres goes far beyond what
-- programs take. Rows of earlier releases are mended first, since a constraint also holds for rows that are changed later:
-- a time to live out of reach becomes the longest that is taken now, a hundred years. Artifacts are mended by V0034, for
-- they are many.
UPDATE pending_artifacts SET ttl_ms = 3155760000000 WHERE ttl_ms > 3155760000000;
UPDATE tenants SET max_ttl_ms = 3155760000000 WHERE max_ttl_ms > 3155760000000;
UPDATE tenants SET default_ttl_ms = 3155760000000 WHERE default_ttl_ms > 3155760000000;

-- NOT VALID: they hold for what is written from now on, and no table is read.
ALTER TABLE pending_artifacts ADD CONSTRAINT pending_artifacts_within_reach
    CHECK (discard_at < '9000-01-01' AND ttl_ms <= 3155760000000) NOT VALID;
ALTER TABLE links ADD CONSTRAINT links_expire_within_reach CHECK (expires_at < '9000-01-01') NOT VALID;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_within_reach CHECK (expires_at < '9000-01-01') NOT VALID;
ALTER TABLE tenants ADD CONSTRAINT tenants_keep_within_reach
    CHECK (max_ttl_ms <= 3155760000000 AND default_ttl_ms <= 3155760000000) NOT VALID;
