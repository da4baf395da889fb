-- What lists of artifacts are led by. Filenames are ordered by their bytes whatever the database's collation is, so that a
-- beginning of a name is a range of the index. artifacts_live_versions has no row of a deleted version: a file whose 5,000
-- versions are deleted costs as much as one that never was.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS artifacts_live_versions
    ON artifacts (tenant_id, filename COLLATE "C", (coalesce(session_id, '')), user_id, namespace, version)
    WHERE state = 'live';
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_past_versions
    ON artifacts (tenant_id, (coalesce(session_id, '')), filename COLLATE "C", user_id, namespace, version)
    WHERE state <> 'live';
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_of_user ON artifacts (tenant_id, user_id, created_at DESC, id DESC)
    WHERE state = 'live' AND user_id <> '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_newest_of_namespace ON artifacts (tenant_id, namespace, created_at DESC, id DESC)
    WHERE state = 'live' AND namespace <> '';
