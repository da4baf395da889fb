-- The files of a session and of a user in the order of their names, one row each whatever the number of their versions.
-- A new version changes none of these columns and writes to none of these indexes.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS filenames_in_order
    ON filenames (tenant_id, session_id, filename COLLATE "C", user_id, namespace);
CREATE INDEX CONCURRENTLY IF NOT EXISTS filenames_of_user ON filenames (tenant_id, user_id, filename COLLATE "C", session_id, namespace)
    WHERE user_id <> '';
CREATE INDEX CONCURRENTLY IF NOT EXISTS filenames_of_user_scope ON filenames (tenant_id, user_id, filename COLLATE "C", namespace)
    WHERE user_id <> '' AND session_id = '';
