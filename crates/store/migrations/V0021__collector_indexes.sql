-- What is held never falls due, however many rows that are: it stays out of the indexes by which the collector finds them.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_to_expire ON artifacts (expires_at)
    WHERE state = 'live' AND expires_at IS NOT NULL AND NOT held AND NOT session_held;
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_to_purge ON artifacts (purge_after)
    WHERE state = 'deleted' AND NOT held AND NOT session_held;
DROP INDEX CONCURRENTLY IF EXISTS artifacts_expiring;
DROP INDEX CONCURRENTLY IF EXISTS artifacts_purging;

-- The ledger is asked about an object by its id alone.
CREATE INDEX CONCURRENTLY IF NOT EXISTS gc_ledger_of_object ON gc_ledger (object_id, number);
DROP INDEX CONCURRENTLY IF EXISTS gc_ledger_by_object;

-- Every artifact that is made writes an event. Two indexes get an entry for it in place of four: its number tells its age
-- too, and a position is given only where somebody watches.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS session_events_by_number ON session_events (number);
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS session_events_numbered ON session_events (tenant_id, session_id, position)
    WHERE position IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS session_events_in_order;
DROP INDEX CONCURRENTLY IF EXISTS session_events_oldest;
