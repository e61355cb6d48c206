-- What a write with a request_id did, for whoever sends it again within 24 hours; written by the write
-- itself. actor_id is the nil UUID when a service acted for itself: a NULL would not be unique.
-- No foreign keys: the rows are short-lived, and each would cost every write.
CREATE TABLE idempotency_keys (
	principal_id    BIGINT NOT NULL,
	actor_id        UUID NOT NULL,
	request_id      UUID NOT NULL,
	method          VARCHAR(100) NOT NULL,
	request_hash    BYTEA NOT NULL,
	organization_id BIGINT,
	result          JSONB NOT NULL,
	created_at      TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
	CONSTRAINT idempotency_keys_pkey PRIMARY KEY (principal_id, actor_id, request_id)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
