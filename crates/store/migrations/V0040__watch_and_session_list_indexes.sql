-- The events of all sessions of a tenant in the order in which they were written.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS session_events_of_tenant ON session_events (tenant_id, number);

-- Sessions in the order of their ids, by their bytes: the beginning of an id is a range of the index.
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_by_id ON sessions (tenant_id, id COLLATE "C");

-- The sessions that have files of a user or of a namespace. A list goes from one session to the next with one look each,
-- however many files a session has.
CREATE INDEX CONCURRENTLY IF NOT EXISTS filenames_by_user_and_session
    ON filenames (tenant_id, user_id, namespace, session_id COLLATE "C") WHERE user_id <> '' AND session_id <> '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS filenames_by_namespace_and_session
    ON filenames (tenant_id, namespace, session_id COLLATE "C") WHERE namespace <> '' AND session_id <> '';
