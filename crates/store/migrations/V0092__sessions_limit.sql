-- A tenant with a limit on sessions may have so many. Only a statement that makes a session runs this, after it has made it.
-- The lock makes the tenant's other transactions that make a session wait, so that the count includes theirs. The count
-- is a statement of its own, because READ COMMITTED then shows what the previous holder did. It comes after the locks of
-- sessions, and before those of objects.
CREATE FUNCTION sessions_keep_to_the_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most bigint;
    found bigint;
BEGIN
    SELECT (limits ->> 'sessions')::bigint INTO most FROM tenants WHERE id = NEW.tenant_id;
    IF most IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('cairn sessions ' || NEW.tenant_id, 0));
    SELECT count(*) INTO found FROM (SELECT FROM sessions WHERE tenant_id = NEW.tenant_id LIMIT most + 1) counted;
    IF found > most THEN
        RAISE EXCEPTION 'the tenant has as many sessions as it may have' USING ERRCODE = 'CA001', DETAIL = most::text;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER sessions_keep_to_the_limit AFTER INSERT ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_keep_to_the_limit();
