-- The last event of a tenant that was forgotten, by its number. Events are forgotten in the order of their numbers, so a
-- watcher of many sessions who is behind this one has missed some.
CREATE TABLE forgotten_events (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    number    bigint NOT NULL
);
