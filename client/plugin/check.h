/* check - whether code can be made of the model; what stands in the way goes to the problems.
 *
 * Errors are the caller's text to read: FILE: Service.Method: what is wrong; what is allowed. */
#pragma once
#include "client/plugin/model.h"
#include "client/plugin/problems.h"

struct check {
	struct model *model;
	struct problems *problems;
};

void check_all(struct model *model, struct problems *problems);

/* The parts of check_all(). */
void check_file_messages(struct check *check, const struct file *file);
void check_methods(struct check *check, const struct file *file);
void check_names(struct check *check);

/* The type, and each that it contains; once in a walk. */
void check_message(struct check *check, struct type *type);
void check_field_rules(struct check *check, const struct type *type, const proto_field *field);

/* "GetStoryRequest.id", without the package. */
const char *check_where(const struct check *check, const struct type *type, const char *member);
