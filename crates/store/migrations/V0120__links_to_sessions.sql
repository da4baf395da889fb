-- A link leads to an artifact, or to a session and perhaps a folder in it, whose name ends in "/". The previous release
-- leaves links to sessions out of its lists.
ALTER TABLE links
    ALTER COLUMN artifact_id DROP NOT NULL,
    ADD COLUMN session_id text,
    ADD COLUMN folder text;
-- NOT VALID: it holds for what is written from now on, and no table is read.
ALTER TABLE links ADD CONSTRAINT links_lead_to_one_thing
    CHECK ((artifact_id IS NULL) <> (session_id IS NULL) AND (session_id IS NULL) = (folder IS NULL)) NOT VALID;
