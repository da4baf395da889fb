-- An erasure asks whether a tenant has anything under a legal hold, which is rare, and reads its deleted artifacts alone.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_held ON artifacts (tenant_id)
    WHERE state <> 'purged' AND (held OR session_held);
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_held ON sessions (tenant_id) WHERE held;
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_deleted_of_tenant ON artifacts (tenant_id, purge_after)
    WHERE state = 'deleted' AND NOT held AND NOT session_held;
