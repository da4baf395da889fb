CREATE INDEX CONCURRENTLY IF NOT EXISTS tenants_by_plan ON tenants (plan);
