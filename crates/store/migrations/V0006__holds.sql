-- Holds: what no expiry and no delete passes. An artifact is held itself or with its session; both are in its row, so that
-- nothing has to be joined to know.
ALTER TABLE sessions ADD COLUMN held boolean NOT NULL DEFAULT false;
ALTER TABLE artifacts
    ADD COLUMN held         boolean NOT NULL DEFAULT false,
    ADD COLUMN session_held boolean NOT NULL DEFAULT false;
