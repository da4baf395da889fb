-- What a tenant may do with links; null: no limit of the tenant's own.
ALTER TABLE tenants
    ADD COLUMN links_enabled boolean NOT NULL DEFAULT true,
    ADD COLUMN max_link_ttl_ms bigint CHECK (max_link_ttl_ms > 0),
    ADD COLUMN max_link_downloads bigint CHECK (max_link_downloads > 0);

-- The downloads of a link are counted only if it has a limit. `attempts` are wrong passwords since `attempts_since`.
ALTER TABLE links
    ADD COLUMN max_downloads bigint CHECK (max_downloads > 0),
    ADD COLUMN downloads bigint NOT NULL DEFAULT 0,
    ADD COLUMN password bytea,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN attempts_since timestamptz;
