-- What a credential lets its holder do. scopes: NULL for every scope, as what was made before has it; narrowing: NULL for
-- every artifact.
ALTER TABLE api_keys
    ADD COLUMN name         text NOT NULL DEFAULT '',
    ADD COLUMN scopes       text[],
    ADD COLUMN narrowing    jsonb,
    ADD COLUMN expires_at   timestamptz,
    ADD COLUMN last_used_at timestamptz;  -- to ten minutes

ALTER TABLE workloads
    ADD COLUMN scopes    text[],
    ADD COLUMN narrowing jsonb;

-- The narrowing of the caller that started the job, whose artifacts alone its filter finds. NULL: it had none.
ALTER TABLE jobs ADD COLUMN narrowing jsonb;
