CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_settling ON sessions (hold_changed_at) WHERE hold_changed_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_full ON sessions (tenant_id, id) WHERE is_full;
