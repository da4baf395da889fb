-- What a session held when it was sealed: the digest of its manifest. The manifest itself can be read from artifacts for
-- ever after, since membership is settled by sealed_at, deleted_at and expires_at, which are taken from the clock as they
-- are written and not from the start of their transactions.
ALTER TABLE sessions ADD COLUMN manifest_sha256 bytea CHECK (octet_length(manifest_sha256) = 32);
CREATE INDEX artifacts_of_session ON artifacts (tenant_id, session_id, id);
