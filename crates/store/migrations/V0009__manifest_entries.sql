-- What sessions held when they were sealed, written down then: neither a clock nor what happens to an artifact later has a
-- say in it, and it outlives the artifact's own row.
CREATE TABLE manifest_entries (
    tenant_id   uuid NOT NULL,
    session_id  text NOT NULL,
    artifact_id text NOT NULL,
    filename    text NOT NULL,
    version     bigint NOT NULL,
    size_bytes  bigint NOT NULL,
    sha256      bytea NOT NULL,
    PRIMARY KEY (tenant_id, session_id, artifact_id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions
);
INSERT INTO manifest_entries (tenant_id, session_id, artifact_id, filename, version, size_bytes, sha256)
    SELECT a.tenant_id, a.session_id, a.id, a.filename, a.version, a.size_bytes, a.sha256
    FROM artifacts a JOIN sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
    WHERE s.sealed_at IS NOT NULL AND (a.deleted_at IS NULL OR a.deleted_at > s.sealed_at)
        AND (a.expires_at IS NULL OR a.expires_at > s.sealed_at);
