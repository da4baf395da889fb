-- The links of a session, newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS links_newest_of_session ON links (tenant_id, session_id, created_at DESC, id DESC)
    WHERE session_id IS NOT NULL;
