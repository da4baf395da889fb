-- artifacts_live_versions, artifacts_past_versions and artifacts_newest_of_session answer what these did.
DROP INDEX CONCURRENTLY IF EXISTS artifacts_versions;
DROP INDEX CONCURRENTLY IF EXISTS artifacts_of_session;
