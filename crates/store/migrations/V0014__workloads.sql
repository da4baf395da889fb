-- Who acts for a tenant by tokens of an issuer that the deployment trusts: one subject, or with ":*" at its end all
-- subjects that begin with what is before the "*".
CREATE TABLE workloads (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants,
    issuer     text NOT NULL CHECK (issuer <> ''),
    subject    text NOT NULL CHECK (subject <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject)
);
CREATE INDEX workloads_by_tenant ON workloads (tenant_id, created_at);

-- The subject, where it was a workload and no key that did it; key_last_4 is empty then.
ALTER TABLE stage_changes ADD COLUMN workload text NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN workload text NOT NULL DEFAULT '';
