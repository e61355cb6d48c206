ALTER TABLE stories
	DROP COLUMN completed_at,
	DROP COLUMN started_at,
	DROP COLUMN rank,
	DROP COLUMN number;
