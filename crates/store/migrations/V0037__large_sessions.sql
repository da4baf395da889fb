-- When a session was put under a hold, or its hold ended, and not all of its artifacts have followed yet. They follow in
-- batches: a transaction for all of a large session would shut its writers out for minutes, and be cut off.
ALTER TABLE sessions ADD COLUMN hold_changed_at timestamptz;
-- It has as many live artifacts as a session may have, so nothing enters it. What ends a session, its seal, is one
-- transaction, and must stay short.
ALTER TABLE sessions ADD COLUMN is_full boolean NOT NULL DEFAULT false;
