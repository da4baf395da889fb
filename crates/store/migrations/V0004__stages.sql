-- How each artifact came through its stages.
CREATE TABLE stage_changes (
    tenant_id   uuid NOT NULL,
    artifact_id text NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_stage  text NOT NULL,
    to_stage    text NOT NULL,
    agent_id    text NOT NULL,
    key_last_4  text NOT NULL,
    number      bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant_id, artifact_id, number),
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts
);
