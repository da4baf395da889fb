-- The artifacts with a value that few have, newest first. The values that most artifacts have are left out: a usual create
-- writes no entry into any of these.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_of_stage ON artifacts (tenant_id, stage, created_at DESC, id DESC)
    WHERE state = 'live' AND stage <> 'draft';
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_of_kind ON artifacts (tenant_id, kind, created_at DESC, id DESC)
    WHERE state = 'live' AND kind <> 'other';
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_held ON artifacts (tenant_id, created_at DESC, id DESC)
    WHERE state = 'live' AND (held OR session_held);
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_persistent ON artifacts (tenant_id, created_at DESC, id DESC)
    WHERE state = 'live' AND persistent;
