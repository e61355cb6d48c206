-- What ListStories reads in the order of the last change, and who asks what changed since. The other orders
-- have their indexes: stories_backlog_idx, and the unique one of project and number.
CREATE INDEX stories_updated_idx ON stories (organization_id, project_id, updated_at, id);
