-- V0034 has mended all that it had.
DROP INDEX CONCURRENTLY IF EXISTS artifacts_out_of_reach;
