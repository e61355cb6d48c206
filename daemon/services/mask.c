#include "daemon/services/mask.h"

#include "daemon/rpc/detail.h"

#include <stdio.h>
#include <string.h>

static enum status refuse(struct call *call, const char *fault, const char *const paths[])
{
	char allowed[512] = "";
	size_t len = 0;
	for (size_t i = 0; paths[i] && len < sizeof(allowed); i++)
		len += (size_t)snprintf(allowed + len, sizeof(allowed) - len, "%s%s", i ? ", " : "",
		                        paths[i]);
	enum status status = call_fail_for(call, REASON_MASK_INVALID,
	                                   "update_mask: %.200s; allowed are %s", fault, allowed);
	call->field = "update_mask";
	return status;
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
		if (!paths[i]) {
			const char *fault = arena_printf(&call->arena, "\"%s\" cannot be changed",
			                                 mask->paths[n]);
			return refuse(call, fault ? fault : "a field cannot be changed", paths);
		}
		*bits |= 1 << i;
	}
	return STATUS_OK;
}
