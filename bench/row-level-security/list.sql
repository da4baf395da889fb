\set tenant random(1, 20)
\set n random(1, 100)
\startpipeline
BEGIN;
--tenant--
SELECT a.* FROM artifacts a WHERE a.tenant_id = md5(:tenant::text)::uuid AND a.session_id = 'run ' || :n AND a.state = 'live'
    AND (a.expires_at IS NULL OR a.expires_at > now())
    AND EXISTS (SELECT FROM artifact_metadata m WHERE m.tenant_id = md5(:tenant::text)::uuid AND m.artifact_id = a.id
        AND m.key = 'stage' AND m.value = 'final')
    ORDER BY a.created_at DESC, a.id DESC LIMIT 50;
COMMIT;
\endpipeline
