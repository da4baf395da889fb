-- What a key that a caller chose for a write stands for: who works on it, and when it is done, what it led to. The last
-- step is in the transaction of the write itself, so a key that is done and its effect are there together or not at all.
CREATE TABLE idempotency_keys (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    key         text NOT NULL,
    request     jsonb NOT NULL,    -- each field's name and a hash of its value
    owner       uuid NOT NULL,     -- the attempt that holds it
    lease_until timestamptz,       -- the attempt is alive until then; NULL: done
    result      jsonb,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key),
    CHECK ((lease_until IS NULL) = (result IS NOT NULL))
);
CREATE INDEX idempotency_keys_expiring ON idempotency_keys (expires_at);
