-- As V0024, for artifacts: an expiry out of reach becomes the longest that is taken now, a hundred years, whatever the
-- artifact's state. What is held stays held.
UPDATE artifacts SET expires_at = now() + interval '36525 days', revision = revision + 1, updated_at = now()
    WHERE expires_at >= '9000-01-01 00:00:00+00';
ALTER TABLE artifacts ADD CONSTRAINT artifacts_expire_within_reach
    CHECK (expires_at < '9000-01-01 00:00:00+00') NOT VALID;
