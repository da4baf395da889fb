-- The CRC-32 of an object's bytes, which ZIP archives need, as a signed number of the same bits. NULL: not computed yet.
ALTER TABLE objects ADD COLUMN crc32 integer;
