-- The artifacts that V0034 mends. To find them reads the table as a whole, which no transaction should wait for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_out_of_reach ON artifacts (tenant_id, id)
    WHERE expires_at >= '9000-01-01 00:00:00+00';
