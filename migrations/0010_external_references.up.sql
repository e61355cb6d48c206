-- Where an imported row came from. The same import again finds its rows by this and changes nothing.
ALTER TABLE epics
	ADD COLUMN external_source VARCHAR(100),
	ADD COLUMN external_id VARCHAR(255),
	ADD CONSTRAINT epics_external_check CHECK ((external_source IS NULL) = (external_id IS NULL));
CREATE UNIQUE INDEX epics_external_key ON epics (project_id, external_source, external_id)
	WHERE external_source IS NOT NULL;
ALTER TABLE sprints
	ADD COLUMN external_source VARCHAR(100),
	ADD COLUMN external_id VARCHAR(255),
	ADD CONSTRAINT sprints_external_check CHECK ((external_source IS NULL) = (external_id IS NULL));
CREATE UNIQUE INDEX sprints_external_key ON sprints (project_id, external_source, external_id)
	WHERE external_source IS NOT NULL;
ALTER TABLE documents
	ADD COLUMN external_source VARCHAR(100),
	ADD COLUMN external_id VARCHAR(255),
	ADD CONSTRAINT documents_external_check CHECK ((external_source IS NULL) = (external_id IS NULL));
CREATE UNIQUE INDEX documents_external_key ON documents (project_id, external_source, external_id)
	WHERE external_source IS NOT NULL;
ALTER TABLE stories
	ADD COLUMN external_source VARCHAR(100),
	ADD COLUMN external_id VARCHAR(255),
	ADD CONSTRAINT stories_external_check CHECK ((external_source IS NULL) = (external_id IS NULL));
CREATE UNIQUE INDEX stories_external_key ON stories (project_id, external_source, external_id)
	WHERE external_source IS NOT NULL;
