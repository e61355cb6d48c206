/* method - what is known of an RPC method before it is called: generated from the .proto files by
 * protoc-gen-prism-c.
 *
 * Both sides use it: the daemon to dispatch and to guard, prismctl to list and describe. */
#pragma once
#include "proto/rules.h"

enum call_kind {
	CALL_UNARY,
	CALL_SERVER_STREAMING,
	CALL_CLIENT_STREAMING,
	CALL_BIDIRECTIONAL,
};

/* Rank of a caller within an organization, ascending; statements compare with it. */
enum role {
	ROLE_NONE = 0, /* public: no credential (health) */
	ROLE_VIEWER = 1,
	ROLE_MEMBER = 2,
	ROLE_ADMIN = 3,
	ROLE_OWNER = 4,
	ROLE_CALLER =
		16, /* any known caller; the service decides (methods outside of an organization) */
	ROLE_SYSTEM = 17, /* a key with the scope `system` */
};

enum idempotency {
	IDEMPOTENCY_UNKNOWN,
	NO_SIDE_EFFECTS, /* reads: may be sent again, may be hedged */
	IDEMPOTENT,      /* same effect twice as once */
	KEYED,           /* safe to repeat with the same request_id */
};

struct method {
	const char *name; /* "GetStory" */
	const char *path; /* "/prism.v1.StoryService/GetStory" */
	enum call_kind kind;
	const ProtobufCMessageDescriptor *request, *response;
	const struct message_rules *rules; /* of the request; NULL: none */
	enum role role;
	enum idempotency idempotency;
	bool sensitive;       /* requests and answers are wiped from memory and never logged */
	uint32_t cost;        /* relative, 1 = a point read */
	uint32_t deadline_ms; /* default when the caller gives none */
	uint32_t max_request; /* bytes; 0: LIMIT_MESSAGE */
};

struct service_methods {
	const char *name; /* "prism.v1.StoryService" */
	const struct method *methods;
	size_t count;
	const uint8_t *descriptor_set; /* a packed google.protobuf.FileDescriptorSet with everything
	                                  imported */
	size_t descriptor_set_len;
};
