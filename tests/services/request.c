#include "tests/services/request.h"

enum { PATHS_MAX = 16, TEXT_MAX = 2 << 20 };

Google__Protobuf__FieldMask *mask_of(const char *paths)
{
	static Google__Protobuf__FieldMask mask;
	static char text[512], *path[PATHS_MAX];
	google__protobuf__field_mask__init(&mask);
	mask.paths = path;
	snprintf(text, sizeof(text), "%s", paths);
	for (char *at = strtok(text, ","); at; at = strtok(NULL, ",")) {
		assert_true(mask.n_paths < PATHS_MAX);
		path[mask.n_paths++] = at;
	}
	return &mask;
}

char *text_of(size_t length)
{
	static char text[TEXT_MAX];
	assert_true(length < sizeof(text));
	memset(text, 'x', length);
	text[length] = '\0';
	return text;
}

long activities(const char *entity_type, int64_t id)
{
	return count("SELECT count(*) FROM activity_log WHERE entity_type = '%s' AND entity_id = "
	             "'%ld'",
	             entity_type, (long)id);
}

void assert_done(const void *response)
{
	if (!response)
		fail_msg("%s (%s) %s", prism_status_name(tenant.result.status),
		         tenant.result.reason, tenant.result.message);
}

void assert_refused_field(enum prism_status status, const char *reason, const char *field)
{
	assert_refused(status, reason);
	assert_field(field);
}
