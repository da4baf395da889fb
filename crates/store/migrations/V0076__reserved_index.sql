CREATE INDEX CONCURRENTLY IF NOT EXISTS objects_reserved ON objects (tenant_id) INCLUDE (reserved_bytes)
    WHERE state = 'staging' AND reserved_bytes IS NOT NULL;
