-- How many links of a tenant work is counted without reading those that have ended.
CREATE INDEX CONCURRENTLY IF NOT EXISTS links_active ON links (tenant_id, (least(expires_at, revoked_at)));
