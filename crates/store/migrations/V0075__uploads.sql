-- Uploads that can be resumed. Whether one is open, finished or has ended is what its object and its artifact say: open
-- while the object is staging, finished once the artifact exists. The object's lease is the upload's expiry.
CREATE TABLE uploads (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              text NOT NULL,
    object_id       uuid NOT NULL,
    artifact_id     text NOT NULL,
    spec            jsonb NOT NULL,
    declared_bytes  bigint,
    fence           bigint NOT NULL DEFAULT 0,        -- grows with each call that takes the upload over
    next_part       integer NOT NULL DEFAULT 1,       -- no number is given to two parts, so no part is overwritten
    parts_bytes     bigint NOT NULL DEFAULT 0,        -- the sum of the recorded parts
    hash_state      bytea,                            -- of the recorded parts; NULL: there are none
    tail            bytea,                            -- what follows the recorded parts and is too small for a part
    content_type    text,                             -- guessed from the first bytes
    finishing_since timestamptz,                      -- the blob store may have been asked to combine the parts
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE uploads ALTER COLUMN tail SET STORAGE EXTERNAL;
CREATE INDEX uploads_newest ON uploads (tenant_id, created_at DESC, id DESC);
CREATE INDEX uploads_expiring ON uploads (expires_at);

CREATE TABLE upload_parts (
    tenant_id  uuid NOT NULL,
    upload_id  text NOT NULL,
    number     integer NOT NULL,
    etag       text NOT NULL,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (tenant_id, upload_id, number),
    FOREIGN KEY (tenant_id, upload_id) REFERENCES uploads ON DELETE CASCADE
);

-- What an open upload reserves of its tenant's quota, while the object is staging.
ALTER TABLE objects ADD COLUMN reserved_bytes bigint CHECK (reserved_bytes >= 0);
