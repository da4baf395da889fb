-- The collector forgets the oldest days.
CREATE INDEX CONCURRENTLY IF NOT EXISTS usage_days_by_day ON usage_days (day);
CREATE INDEX CONCURRENTLY IF NOT EXISTS usage_requests_by_day ON usage_requests (day);
