-- filenames_in_order is as unique as the primary key was.
ALTER TABLE filenames REPLICA IDENTITY USING INDEX filenames_in_order;
ALTER TABLE filenames DROP CONSTRAINT filenames_pkey;
