-- What was stored before usage was counted: all there is, but for what has been counted since. That difference is the
-- same at every moment, and one statement sees one moment, so nobody has to wait: writers may write and the collector may
-- add up meanwhile. It needs a transaction of its own, which begins when the triggers are there for everybody.
INSERT INTO tenant_usage AS u (tenant_id, stored_artifacts, stored_bytes, physical_objects, physical_bytes)
    SELECT tenant_id, sum(stored_artifacts), sum(stored_bytes), sum(physical_objects), sum(physical_bytes) FROM (
        SELECT tenant_id, 1 AS stored_artifacts, size_bytes AS stored_bytes,
                0 AS physical_objects, 0 AS physical_bytes
            FROM artifacts WHERE state = 'live'
        UNION ALL
        SELECT tenant_id, 1, size_bytes, 0, 0 FROM pending_artifacts
        UNION ALL
        SELECT tenant_id, 0, 0, 1, coalesce(size_bytes, 0) FROM objects WHERE state IN ('live', 'condemned')
        UNION ALL
        SELECT tenant_id, -stored_artifacts, -stored_bytes, -physical_objects, -physical_bytes FROM usage_changes
        UNION ALL
        SELECT tenant_id, -stored_artifacts, -stored_bytes, -physical_objects, -physical_bytes FROM tenant_usage
    ) found
    GROUP BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET
        stored_artifacts = u.stored_artifacts + excluded.stored_artifacts,
        stored_bytes = u.stored_bytes + excluded.stored_bytes,
        physical_objects = u.physical_objects + excluded.physical_objects,
        physical_bytes = u.physical_bytes + excluded.physical_bytes;
