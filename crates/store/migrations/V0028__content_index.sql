-- Who has these bytes: the artifacts of a content, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_of_content ON artifacts (tenant_id, sha256, created_at DESC, id DESC)
    WHERE state = 'live';
