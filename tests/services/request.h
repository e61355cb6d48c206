/* request - parts of requests, and checks of answers, that the tests of several services share. */
#pragma once
#include "tests/services/story_fixture.h"

#include "google/protobuf/field_mask.pb-c.h"

/* A mask of the paths ("name,status"; "": of none). Lives until the next call. */
Google__Protobuf__FieldMask *mask_of(const char *paths);

/* A text of so many characters 'x'. Lives until the next call. */
char *text_of(size_t length);

/* How often something was recorded in the activity log. */
long activities(const char *entity_type, int64_t id);

/* Fails, with what the server said, if it was refused. */
void assert_done(const void *response);

/* As assert_refused(), and the field at fault. */
void assert_refused_field(enum prism_status status, const char *reason, const char *field);
