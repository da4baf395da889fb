-- The artifacts of an object. It begins with the object: every index that begins with the tenant is a candidate for the
-- checks of the foreign keys to artifacts, whose plans a connection keeps, and where the planner takes a tenant for small,
-- it could choose this one and read all artifacts of the tenant at each check.
CREATE INDEX CONCURRENTLY IF NOT EXISTS artifacts_of_object ON artifacts (object_id, tenant_id, object_live);
DROP INDEX CONCURRENTLY IF EXISTS artifacts_by_object;
