CREATE TABLE w_blobs (
    tenant text,
    hash   text,
    size   bigint,
    key    text,
    PRIMARY KEY (tenant, hash)
);
CREATE TABLE w_artifacts (
    id           text PRIMARY KEY,
    tenant       text,
    filename     text,
    content_type text,
    size         bigint,
    hash         text,
    session_id   text,
    agent_id     text,
    metadata     jsonb,
    idem         text,
    expires_at   timestamptz,
    created_at   timestamptz DEFAULT now(),
    deleted_at   timestamptz,
    UNIQUE (tenant, idem)
);
CREATE INDEX w_session ON w_artifacts (tenant, session_id, created_at DESC);
CREATE INDEX w_metadata ON w_artifacts USING gin (metadata jsonb_path_ops);
