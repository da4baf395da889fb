-- What people and agents say of an artifact beyond its name, and what it was made from.
ALTER TABLE artifacts
    ADD COLUMN title          text NOT NULL DEFAULT '',
    ADD COLUMN kind           text NOT NULL DEFAULT 'other'
        CHECK (kind IN ('code', 'document', 'config', 'plan', 'data', 'image', 'other')),
    ADD COLUMN language       text NOT NULL DEFAULT '',
    ADD COLUMN change_summary text NOT NULL DEFAULT '',
    ADD COLUMN stage          text NOT NULL DEFAULT 'draft' CHECK (stage IN ('draft', 'review', 'final')),
    ADD COLUMN labels         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN inputs         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN revision       bigint NOT NULL DEFAULT 1,
    ADD COLUMN updated_at     timestamptz NOT NULL DEFAULT now();

-- As artifact_metadata: answers one label in the order of the page.
CREATE TABLE artifact_labels (
    tenant_id   uuid NOT NULL,
    label       text NOT NULL,
    created_at  timestamptz NOT NULL,
    artifact_id text NOT NULL,
    PRIMARY KEY (tenant_id, label, created_at, artifact_id),
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts ON DELETE CASCADE
);
CREATE INDEX artifact_labels_by_artifact ON artifact_labels (tenant_id, artifact_id);

-- artifacts.inputs, to be followed the other way: what was made from an artifact.
CREATE TABLE artifact_inputs (
    tenant_id   uuid NOT NULL,
    input_id    text NOT NULL,
    artifact_id text NOT NULL,
    PRIMARY KEY (tenant_id, input_id, artifact_id),
    FOREIGN KEY (tenant_id, input_id) REFERENCES artifacts,
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts
);
CREATE INDEX artifact_inputs_by_artifact ON artifact_inputs (tenant_id, artifact_id);

-- A name is claimed, at 0, before its first version is given.
ALTER TABLE filenames DROP CONSTRAINT filenames_last_version_check;
ALTER TABLE filenames ADD CONSTRAINT filenames_last_version_check CHECK (last_version >= 0);
