-- The size of every part but the last of an upload whose parts strangers put to signed URLs; NULL: WriteUpload sends them.
-- Of such an upload parts_bytes and hash_state are what a finish has read back of the combined parts.
ALTER TABLE uploads ADD COLUMN presigned_part_bytes bigint CHECK (presigned_part_bytes > 0);
