/* rules - what fields may hold: generated from (prism.field) options by protoc-gen-prism-c, applied
 * after unpacking.
 *
 * A field that is not set is held to RULE_REQUIRED alone. A number, string or list outside of a
 * oneof is set when it is not zero or empty; a member of a oneof is set when the oneof says so,
 * whatever its value. For a list, the lengths are the list's and every other rule is each
 * element's. Strings are valid UTF-8 (wire_check). Errors: INVALID_ARGUMENT; `reason` names the
 * field by its path, the value's fault and what is allowed ("title: 300 characters, at most 255 are
 * allowed"). */
#pragma once
#include "proto/wirecheck.h"

enum rule_format {
	RULE_ANY,
	RULE_UUID, /* 8-4-4-4-12 hexadecimal digits */
	RULE_SLUG, /* ^[a-z0-9](-?[a-z0-9])*$ */
	RULE_KEY,  /* ^[A-Za-z][A-Za-z0-9]{1,19}$: a project's key, upper-cased by the service */
	RULE_STORY_KEY, /* KEY-number: "PROJ-123", case-insensitive */
	RULE_EMAIL,     /* one '@', no spaces, something on both sides */
	RULE_USERNAME,  /* ^[A-Za-z0-9_-]{3,100}$ */
	RULE_JSON_OBJECT,
	RULE_DECIMAL, /* digits with an optional fraction */
	RULE_DATE,    /* YYYY-MM-DD, a day that exists */
	RULE_COLOR,   /* #RRGGBB */
};

enum rule_has {
	RULE_REQUIRED = 1, /* strings and bytes not empty, numbers and enums not zero, messages
	                      present, lists not empty, a oneof set */
	RULE_MIN_LEN = 2,  /* strings in characters, bytes in bytes, lists in elements */
	RULE_MAX_LEN = 4,
	RULE_MIN = 8, /* integers, enums */
	RULE_MAX = 16,
	RULE_KNOWN_ENUM = 32, /* the value is one of the enum's (always set for enum fields) */
	RULE_TRIMMED = 64,    /* no white space at either end */
	RULE_MAX_BYTES = 128, /* strings, in UTF-8 */
};

struct message_rules;

struct field_rule {
	uint32_t number; /* the field's */
	uint32_t has;    /* enum rule_has bits */
	enum rule_format format;
	uint64_t min_len, max_len, max_bytes;
	int64_t min, max;
	const struct message_rules *nested; /* rules of a message field's type, or NULL */
	const char *const *paths; /* of a FieldMask: those that it may name, then NULL; or NULL */
	int64_t zero_means, cap;  /* integers: what 0, and what larger ones are taken as; 0: as they
	                             are. For people: the handler does it */
};

/* A oneof of which one member must be set. protobuf-c's descriptors do not name oneofs, so it is
 * found by any of its members. */
struct oneof_rule {
	const char *name;
	uint32_t member; /* a field number */
};

struct message_rules {
	const ProtobufCMessageDescriptor *message;
	const struct field_rule *fields; /* ascending numbers */
	size_t count;
	const struct oneof_rule *required_oneofs;
	size_t required_oneof_count;
};

/* The rule of the field of this number; NULL: it has none. `rules` may be NULL. */
const struct field_rule *rules_find(const struct message_rules *rules, uint32_t number);

/* The names of an enum's values, but for 0: "STORY_STATUS_TODO, STORY_STATUS_DONE". Cut to `room`.
 */
void rules_enum_names(const ProtobufCEnumDescriptor *type, char *out, size_t room);

/* `rules` may be NULL: nothing to check. */
MUST_CHECK
enum status rules_check(const struct message_rules *rules, const ProtobufCMessage *message,
                        char reason[WIRE_REASON_SIZE]);
