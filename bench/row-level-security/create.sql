\set tenant random(1, 20)
\set n random(1, 100)
\set salt random(1, 1000000000000)
\startpipeline
BEGIN;
--tenant--
SELECT pg_advisory_xact_lock_shared(hashtextextended(:tenant || ' run ' || :n, 0));
INSERT INTO sessions (tenant_id, id) VALUES (md5(:tenant::text)::uuid, 'run ' || :n) ON CONFLICT DO NOTHING;
SELECT id, sealed_at FROM sessions WHERE tenant_id = md5(:tenant::text)::uuid AND id = 'run ' || :n AND (sealed_at IS NOT NULL OR is_full);
SELECT id FROM objects WHERE tenant_id = md5(:tenant::text)::uuid AND sha256 = sha256((:salt::text)::bytea) AND size_bytes = 100
    AND state = 'live' FOR KEY SHARE;
INSERT INTO filenames AS f (tenant_id, filename, session_id, user_id, namespace, last_version)
    VALUES (md5(:tenant::text)::uuid, 'new ' || :salt, 'run ' || :n, '', '', 1)
    ON CONFLICT (tenant_id, session_id, filename, user_id, namespace) DO UPDATE SET last_version = f.last_version + 1;
INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
    VALUES (md5(:tenant::text)::uuid, md5(:salt::text)::uuid, 'live', sha256((:salt::text)::bytea), 100, repeat('x', 100)::bytea);
WITH audited AS (
    INSERT INTO audit (tenant_id, operation, resource, result, actor)
    VALUES (md5(:tenant::text)::uuid, 'CreateArtifact', 'art_' || lpad(:salt::text, 16, 'n'), 'OK', '{}')
), described AS (
    INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
    VALUES (md5(:tenant::text)::uuid, 'stage', 'final', now(), 'art_' || lpad(:salt::text, 16, 'n'))
)
INSERT INTO artifacts AS a (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type, size_bytes,
        sha256, metadata, object_id, expires_at)
    SELECT tenant_id, 'art_' || lpad(:salt::text, 16, 'n'), session_id, '', '', 'agent', filename, last_version, 'text/plain', 100,
        sha256((:salt::text)::bytea), '{"stage": "final"}', md5(:salt::text)::uuid, now() + interval '30 days'
    FROM filenames WHERE tenant_id = md5(:tenant::text)::uuid AND session_id = 'run ' || :n AND filename COLLATE "C" = 'new ' || :salt
        AND user_id = '' AND namespace = '' RETURNING a.id;
COMMIT;
\endpipeline
