-- Up to where the changes of a tenant's usage have been added up, so that neither a commit nor the collector comes by rows
-- that were added up before and that an old snapshot keeps in the index. Every transaction whose number is below the mark
-- has ended, and its changes are in the total. The table is small: the collector adds up what is in it every second.
ALTER TABLE usage_changes ADD COLUMN made_by xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE usage_changes DROP CONSTRAINT usage_changes_pkey;
ALTER TABLE usage_changes ADD PRIMARY KEY (tenant_id, made_by, id);
ALTER TABLE tenant_usage ADD COLUMN added_up_to xid8 NOT NULL DEFAULT '0';
