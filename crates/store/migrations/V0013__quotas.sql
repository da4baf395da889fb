-- What a tenant may store at the most; NULL: no limit. Alone in its transaction: every write looks at this table.
ALTER TABLE tenants
    ADD COLUMN max_stored_bytes bigint CHECK (max_stored_bytes > 0),
    ADD COLUMN max_artifacts    bigint CHECK (max_artifacts > 0);
