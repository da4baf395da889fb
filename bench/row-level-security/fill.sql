-- 20 tenants with 10,000 artifacts each, and a role that owns nothing and sees one tenant.
INSERT INTO tenants (id, name) SELECT md5(i::text)::uuid, 'tenant ' || i FROM generate_series(1, 20) i;
INSERT INTO sessions (tenant_id, id) SELECT md5(i::text)::uuid, 'run ' || s FROM generate_series(1, 20) i, generate_series(1, 100) s;
INSERT INTO objects (tenant_id, id, state, sha256, size_bytes, inline_data)
    SELECT md5(i::text)::uuid, md5(i || ' ' || n)::uuid, 'live', sha256((i || ' ' || n)::bytea), 100, repeat('x', 100)::bytea
    FROM generate_series(1, 20) i, generate_series(1, 10000) n;
INSERT INTO artifacts (tenant_id, id, session_id, namespace, user_id, agent_id, filename, version, content_type, size_bytes,
        sha256, metadata, object_id, expires_at, created_at)
    SELECT md5(i::text)::uuid, 'art_' || lpad(n::text, 16, '0'), 'run ' || n % 100 + 1, '', '', 'agent', 'file ' || n, 1, 'text/plain',
        100, sha256((i || ' ' || n)::bytea), '{"stage": "final"}', md5(i || ' ' || n)::uuid, now() + interval '30 days',
        now() - n * interval '1 s'
    FROM generate_series(1, 20) i, generate_series(1, 10000) n;
INSERT INTO artifact_metadata (tenant_id, key, value, created_at, artifact_id)
    SELECT tenant_id, 'stage', 'final', created_at, id FROM artifacts;
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY one_tenant ON %I USING (tenant_id = nullif(current_setting(''cairn.tenant'', true), '''')::uuid)', name);
    END LOOP;
END $$;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON tenants USING (id = nullif(current_setting('cairn.tenant', true), '')::uuid);
VACUUM ANALYZE;
