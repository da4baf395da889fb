-- Jobs that delete a session, and that set legal holds. NOT VALID: it holds for what is written from now on, and what is there
-- kept the narrower rule.
ALTER TABLE jobs
    DROP CONSTRAINT jobs_type_check,
    ADD CONSTRAINT jobs_type_check
        CHECK (type IN ('delete_artifacts', 'set_stage', 'delete_session', 'set_legal_hold')) NOT VALID,
    ADD COLUMN session_id text,  -- delete_session: which
    ADD COLUMN hold boolean;     -- set_legal_hold: whether to hold
