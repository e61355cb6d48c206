CREATE TYPE user_status AS ENUM ('active', 'inactive', 'pending');

CREATE TABLE users (
	id             UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	email          VARCHAR(255) NOT NULL UNIQUE,
	username       VARCHAR(100) NOT NULL UNIQUE,
	password_hash  VARCHAR(255),
	full_name      VARCHAR(255),
	status         user_status NOT NULL DEFAULT 'pending',
	email_verified BOOLEAN NOT NULL DEFAULT false,
	created_at     TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at     TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
	version        INTEGER NOT NULL DEFAULT 1,
	deleted_at     TIMESTAMPTZ
);
COMMENT ON COLUMN users.password_hash IS 'NULL: no password is set, so nobody logs in with one';
CREATE INDEX idx_users_email ON users (email);
CREATE INDEX idx_users_status ON users (status);
CREATE UNIQUE INDEX users_email_lower_key ON users (lower(email));
CREATE UNIQUE INDEX users_username_lower_key ON users (lower(username));

CREATE TABLE user_sessions (
	id         UUID PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	token_hash BYTEA NOT NULL UNIQUE,
	created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
	expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX user_sessions_user_id_idx ON user_sessions (user_id);
