/* names - the C names of what .proto files declare.
 *
 * Messages are named by protoc-c; these are its own rules (1.4), letter by letter. Services are
 * named by us. Owns: nothing; results live in the arena. Errors: ends the program without memory.
 */
#pragma once
#include "proto/arena.h"

/* Every allocation of the plugin: a NULL ends the program. */
void *must(void *allocated);
char *text_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "prism.v1.GetStoryRequest" -> "Prism__V1__GetStoryRequest": the struct. */
char *name_struct(struct arena *arena, const char *full_name);

/* "prism.v1.GetStoryRequest" -> "prism__v1__get_story_request": begins its functions. */
char *name_lower(struct arena *arena, const char *full_name);

/* "URLPath" -> "urlpath", "int" -> "int_": a struct's member for a message's field. */
char *name_field(struct arena *arena, const char *field);

/* "has_key" -> "HasKey". */
char *name_camel(struct arena *arena, const char *name);

/* "prism.v1.StoryService" -> "prism_v1_story_service": begins what is generated for a service. */
char *name_service(struct arena *arena, const char *full_name);

/* "GetStory" -> "get_story": a handler's member, and what is joined to a service's name. */
char *name_snake(struct arena *arena, const char *name);

/* Whether C or C++ has a word, or a common header a macro, of this name. */
bool name_taken(const char *name);

/* "prism/v1/story.proto" -> "prism/v1/story": the files made of it. */
char *name_stem(struct arena *arena, const char *file);
