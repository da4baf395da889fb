-- The trace in which a job was asked for, as W3C Trace Context writes it, so that the work is found where it was caused.

ALTER TABLE jobs ADD COLUMN traceparent text;
