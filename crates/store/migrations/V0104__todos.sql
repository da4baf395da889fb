-- Work to be done: steps of plans, and entries that callers add. A todo of a plan is seen as long as its artifact is.
CREATE TABLE todos (
    tenant_id  uuid NOT NULL REFERENCES tenants,
    id         text NOT NULL,
    plan_id    text,              -- the version of the plan that last had it; NULL: it belongs to the session alone
    session_id text NOT NULL,     -- the plan's; '' for a plan of no session
    position   integer NOT NULL,
    text       text NOT NULL CHECK (text <> ''),
    state      text NOT NULL CHECK (state IN ('open', 'doing', 'done', 'dropped')),
    extracted  boolean NOT NULL,  -- whether it is a step of the plan
    agent_id   text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (plan_id IS NOT NULL OR session_id <> ''),
    FOREIGN KEY (tenant_id, plan_id) REFERENCES artifacts ON DELETE CASCADE
);
CREATE INDEX todos_in_order ON todos (tenant_id, coalesce(plan_id, ''), session_id, position, id);
CREATE INDEX todos_in_order_not_ended ON todos (tenant_id, coalesce(plan_id, ''), session_id, position, id)
    WHERE state IN ('open', 'doing');
CREATE INDEX todos_of_session ON todos (tenant_id, session_id, coalesce(plan_id, ''), position, id);
-- For the foreign key.
CREATE INDEX todos_of_plan ON todos (tenant_id, plan_id) WHERE plan_id IS NOT NULL;

-- Final plans whose steps are still to be read. Fed by the triggers below, so that every way of becoming final feeds
-- it, in its own transaction.
CREATE TABLE plans_to_read (
    tenant_id       uuid NOT NULL,
    artifact_id     text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, artifact_id),
    FOREIGN KEY (tenant_id, artifact_id) REFERENCES artifacts ON DELETE CASCADE
);
CREATE INDEX plans_to_read_due ON plans_to_read (next_attempt_at);

CREATE FUNCTION artifacts_queue_final_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A restored plan that has todos was read before. Its todos may have been changed since, so it is not read again.
    IF TG_OP = 'UPDATE' AND OLD.stage = NEW.stage
        AND EXISTS (SELECT FROM todos t WHERE t.tenant_id = NEW.tenant_id AND t.plan_id = NEW.id AND t.extracted) THEN
        RETURN NULL;
    END IF;
    INSERT INTO plans_to_read (tenant_id, artifact_id) VALUES (NEW.tenant_id, NEW.id)
        ON CONFLICT (tenant_id, artifact_id) DO UPDATE SET attempts = 0, next_attempt_at = now();
    RETURN NULL;
END $$;
CREATE TRIGGER artifacts_queue_new_final_plans AFTER INSERT ON artifacts
    FOR EACH ROW WHEN (NEW.kind = 'plan' AND NEW.stage = 'final') EXECUTE FUNCTION artifacts_queue_final_plans();
-- A plan that was deleted before it was read is read once it is restored.
CREATE TRIGGER artifacts_queue_final_plans AFTER UPDATE OF stage, state ON artifacts
    FOR EACH ROW WHEN (NEW.kind = 'plan' AND NEW.stage = 'final' AND NEW.state = 'live'
        AND (OLD.stage <> NEW.stage OR OLD.state <> NEW.state))
    EXECUTE FUNCTION artifacts_queue_final_plans();
