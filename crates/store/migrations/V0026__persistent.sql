-- Whether an artifact stays when its session is deleted.
ALTER TABLE artifacts ADD COLUMN persistent boolean NOT NULL DEFAULT false;
ALTER TABLE pending_artifacts ADD COLUMN persistent boolean NOT NULL DEFAULT false;
