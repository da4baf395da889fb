-- The index is there already, so this is a change of names.
ALTER TABLE session_events
    DROP CONSTRAINT session_events_pkey,
    ADD CONSTRAINT session_events_pkey PRIMARY KEY USING INDEX session_events_by_number;
