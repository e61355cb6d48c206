#include "daemon/services/mask.h"

#include "daemon/rpc/detail.h"
#include "proto/utf8.h"

#include <assert.h>
#include <string.h>

enum {
	SHOWN_MAX = 200
}; /* bytes of a path that is none, so that there is room for those that are */

static const char *list(struct call *call, const char *const paths[])
{
	const char *all = paths[0];
	for (size_t i = 1; all && paths[i]; i++)
		all = arena_printf(&call->arena, "%s, %s", all, paths[i]);
	return all;
}

static enum status refuse(struct call *call, const char *fault, const char *const paths[])
{
	const char *allowed = list(call, paths);
	if (!fault || !allowed)
		return call_no_memory(call);
	enum status status = call_fail_for(call, REASON_MASK_INVALID,
	                                   "update_mask: %s; allowed are %s", fault, allowed);
	call->field = "update_mask";
	return status;
}

static enum status refuse_path(struct call *call, const char *path, const char *const paths[])
{
	struct bytes shown = utf8_cut(bytes_of_string(path), SHOWN_MAX);
	return refuse(
		call,
		arena_printf(&call->arena, "\"%.*s\" cannot be changed", (int)shown.len, path),
		paths);
}

const char *const *mask_paths(const struct call *call)
{
	const struct method *method = call->method;
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(method->request, "update_mask");
	assert(field);
	const struct field_rule *rule = rules_find(method->rules, field->id);
	assert(rule && rule->paths);
	return rule->paths;
}

enum status mask_read(struct call *call, const Google__Protobuf__FieldMask *mask,
                      const char *const paths[], int32_t *bits)
{
	*bits = 0;
	if (!mask || mask->n_paths == 0)
		return refuse(call, "it names no field", paths);
	for (size_t n = 0; n < mask->n_paths; n++) {
		size_t i = 0;
		while (paths[i] && strcmp(paths[i], mask->paths[n]) != 0)
			i++;
		if (!paths[i])
			return refuse_path(call, mask->paths[n], paths);
		assert(i < MASK_PATHS_MAX);
		*bits |= INT32_C(1) << i;
	}
	return STATUS_OK;
}
