-- The upload that is to become an artifact, by the id of that artifact.
CREATE INDEX CONCURRENTLY IF NOT EXISTS uploads_artifact ON uploads (tenant_id, artifact_id);
