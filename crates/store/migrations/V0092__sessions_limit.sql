-- A tenant with a limit on sessions may have so many. A statement that may make sessions runs this once, after it has made
-- them. The lock makes the tenant's other transactions that make a session wait, so that the count includes theirs. The count
-- is a statement of its own, because READ COMMITTED then shows what the previous holder did. It comes after the locks of
-- sessions, and before those of objects.
CREATE FUNCTION sessions_keep_to_the_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    limited record;
    found bigint;
BEGIN
    -- Most statements find that their sessions exist.
    IF NOT EXISTS (SELECT FROM made) THEN
        RETURN NULL;
    END IF;
    FOR limited IN
        SELECT id, (limits ->> 'sessions')::bigint AS most FROM tenants
        WHERE id IN (SELECT tenant_id FROM made) AND limits ->> 'sessions' IS NOT NULL ORDER BY id
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('cairn sessions ' || limited.id, 0));
        SELECT count(*) INTO found
            FROM (SELECT FROM sessions WHERE tenant_id = limited.id LIMIT limited.most + 1) counted;
        IF found > limited.most THEN
            RAISE EXCEPTION 'the tenant has as many sessions as it may have'
                USING ERRCODE = 'CA001', DETAIL = limited.most::text;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_keep_to_the_limit AFTER INSERT ON sessions
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION sessions_keep_to_the_limit();
