-- artifacts_live_versions, artifacts_past_versions and artifacts_newest_of_session answer what these did, and filenames_in_order
-- is as unique as the primary key was.
DROP INDEX artifacts_versions;
DROP INDEX artifacts_of_session;
ALTER TABLE filenames REPLICA IDENTITY USING INDEX filenames_in_order;
ALTER TABLE filenames DROP CONSTRAINT filenames_pkey;
