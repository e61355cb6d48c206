-- The database document, table for table. What it leaves open is settled here in the plainest way:
-- NOT NULL for what a row is nothing without, contained rows go with their container, and the two
-- tables that it names without columns (epics, user_sessions) get the fewest that make sense.

CREATE TYPE user_status AS ENUM ('active', 'inactive', 'pending');

CREATE TABLE users (
	id             UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	email          VARCHAR(255) NOT NULL UNIQUE,
	username       VARCHAR(100) NOT NULL UNIQUE,
	password_hash  VARCHAR(255),
	full_name      VARCHAR(255),
	status         user_status NOT NULL DEFAULT 'pending',
	email_verified BOOLEAN NOT NULL DEFAULT false,
	created_at     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
COMMENT ON COLUMN users.password_hash IS 'NULL: no password is set, so nobody logs in with one';

CREATE TABLE organizations (
	id         SERIAL PRIMARY KEY,
	name       VARCHAR(255) NOT NULL,
	slug       VARCHAR(100) NOT NULL,
	owner_id   UUID NOT NULL REFERENCES users (id),
	settings   JSONB NOT NULL DEFAULT '{}',
	created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE organization_members (
	id              SERIAL PRIMARY KEY,
	user_id         UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	role            VARCHAR(50) NOT NULL DEFAULT 'member',
	joined_at       TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE projects (
	id              SERIAL PRIMARY KEY,
	organization_id INTEGER NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
	name            VARCHAR(255) NOT NULL,
	key             VARCHAR(20) NOT NULL,
	description     TEXT,
	status          VARCHAR(50) NOT NULL DEFAULT 'planning',
	owner_id        UUID REFERENCES users (id),
	start_date      DATE,
	end_date        DATE,
	created_at      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE epics (
	id          SERIAL PRIMARY KEY,
	project_id  INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	name        VARCHAR(255) NOT NULL,
	description TEXT,
	status      VARCHAR(50) NOT NULL DEFAULT 'open',
	created_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at  TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE sprints (
	id         SERIAL PRIMARY KEY,
	project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	name       VARCHAR(255) NOT NULL,
	goal       TEXT,
	start_date DATE,
	end_date   DATE,
	status     VARCHAR(50) NOT NULL DEFAULT 'planning',
	velocity   INTEGER,
	created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE documents (
	id            SERIAL PRIMARY KEY,
	project_id    INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	title         VARCHAR(255) NOT NULL,
	slug          VARCHAR(255) NOT NULL,
	content       TEXT,
	document_type VARCHAR(50) NOT NULL DEFAULT 'other',
	status        VARCHAR(50) NOT NULL DEFAULT 'draft',
	creator_id    UUID REFERENCES users (id),
	metadata      JSONB NOT NULL DEFAULT '{}',
	created_at    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at    TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	published_at  TIMESTAMP
);

CREATE TABLE stories (
	id                  SERIAL PRIMARY KEY,
	project_id          INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
	epic_id             INTEGER REFERENCES epics (id) ON DELETE SET NULL,
	sprint_id           INTEGER REFERENCES sprints (id) ON DELETE SET NULL,
	title               VARCHAR(255) NOT NULL,
	description         TEXT,
	acceptance_criteria TEXT,
	story_points        INTEGER,
	priority            VARCHAR(50) NOT NULL DEFAULT 'medium',
	status              VARCHAR(50) NOT NULL DEFAULT 'todo',
	assignee_id         UUID REFERENCES users (id),
	creator_id          UUID REFERENCES users (id),
	created_at          TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at          TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE ai_generations (
	id              SERIAL PRIMARY KEY,
	user_id         UUID NOT NULL REFERENCES users (id),
	project_id      INTEGER REFERENCES projects (id) ON DELETE CASCADE,
	generation_type VARCHAR(50) NOT NULL,
	provider        VARCHAR(50) NOT NULL,
	model           VARCHAR(100) NOT NULL,
	prompt          TEXT,
	response        TEXT,
	tokens_used     INTEGER,
	cost            DECIMAL(10, 4),
	metadata        JSONB NOT NULL DEFAULT '{}',
	created_at      TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE TABLE user_sessions (
	id         UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	token_hash BYTEA NOT NULL UNIQUE,
	created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
	expires_at TIMESTAMP NOT NULL
);

CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_status ON users (status);

CREATE INDEX idx_organizations_slug ON organizations (slug);
CREATE INDEX idx_organizations_owner_id ON organizations (owner_id);

CREATE INDEX idx_projects_organization_id ON projects (organization_id);
CREATE INDEX idx_projects_status ON projects (status);

CREATE INDEX idx_documents_project_id ON documents (project_id);
CREATE INDEX idx_documents_type_status ON documents (document_type, status);
CREATE INDEX idx_documents_slug ON documents (slug);

CREATE INDEX idx_stories_project_id ON stories (project_id);
CREATE INDEX idx_stories_sprint_id ON stories (sprint_id);
CREATE INDEX idx_stories_assignee_id ON stories (assignee_id);
CREATE INDEX idx_stories_status ON stories (status);
