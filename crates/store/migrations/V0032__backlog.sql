-- What waits for the collector and what is stored, as one worker counted it for all of them: to count it is dear when there
-- is most of it.
CREATE TABLE gc_backlog (
    one          boolean PRIMARY KEY DEFAULT true CHECK (one), -- there is one row
    attempted_at timestamptz NOT NULL DEFAULT '-infinity', -- when a worker last began to count
    counted_at   timestamptz,                              -- when one last had
    counts       jsonb,
    CHECK ((counted_at IS NULL) = (counts IS NULL))
);
INSERT INTO gc_backlog DEFAULT VALUES;
