-- What a finish has made, written in its transaction: the artifact, or the existing one that is returned instead of it. NULL
-- for uploads that were finished before there was this column: the artifact's row says so.
ALTER TABLE uploads ADD COLUMN made_id text;
