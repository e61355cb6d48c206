/* model - what protoc asked us to generate: its files, message types and services, with the C names
 * of all that.
 *
 * Built once from the request, which it points into. Owns: nothing; it lives in the arena. */
#pragma once
#include "client/plugin/options.h"
#include "google/protobuf/compiler/plugin.pb-c.h"
#include "proto/method.h"

/* protoc's own descriptors, by shorter names. */
typedef Google__Protobuf__FileDescriptorProto proto_file;
typedef Google__Protobuf__DescriptorProto proto_message;
typedef Google__Protobuf__EnumDescriptorProto proto_enum;
typedef Google__Protobuf__FieldDescriptorProto proto_field;
typedef Google__Protobuf__OneofDescriptorProto proto_oneof;
typedef Google__Protobuf__ServiceDescriptorProto proto_service;
typedef Google__Protobuf__MethodDescriptorProto proto_method;
typedef Google__Protobuf__Compiler__CodeGeneratorRequest proto_request;

struct file;

/* A message type or an enum. */
struct type {
	const char *name;             /* "prism.v1.Story" */
	const char *c_struct;         /* "Prism__V1__Story" */
	const char *c_lower;          /* "prism__v1__story" */
	const struct file *file;      /* that declares it */
	const proto_message *message; /* NULL: an enum */
	const proto_enum *enumeration;
	bool entered; /* by the walk that is under way */
	bool done;    /* by the walk that is under way: never again */
	bool ruled;   /* it, or what it contains, has rules */
};

struct rpc {
	const proto_method *proto;
	const char *where;  /* "StoryService.GetStory" */
	const char *path;   /* "/prism.v1.StoryService/GetStory" */
	const char *member; /* "get_story" */
	const char *c_name; /* "prism_v1_story_service_get_story" */
	const char *comment;
	enum call_kind kind;
	struct type *request, *response;
	const Prism__MethodOptions *options;
};

struct service_model {
	const proto_service *proto;
	const char *name;   /* "prism.v1.StoryService" */
	const char *c_name; /* "prism_v1_story_service" */
	const char *comment;
	struct rpc *rpcs;
	size_t count;
};

struct file {
	const proto_file *proto;
	const char *name; /* "prism/v1/story.proto" */
	const char *stem; /* "prism/v1/story" */
	bool generate;    /* asked for, not only imported */
	bool packed;      /* by the descriptor set that is being gathered */
	struct service_model *services;
	size_t count;
};

struct model {
	struct arena *arena;
	struct file *files; /* each after what it imports */
	size_t file_count;
	struct type *types; /* by name */
	size_t type_count;
};

/* What protoc sends is consistent; a request that is not ends the program with a message. */
void model_init(struct model *model, struct arena *arena, const proto_request *request);

struct file *model_file(const struct model *model, const char *name);

/* `name` as in descriptors, ".prism.v1.Story", or without the dot. */
struct type *model_type(const struct model *model, const char *name);

/* The type of a message or enum field; NULL for scalars. */
struct type *model_field_type(const struct model *model, const proto_field *field);

/* Forgets the marks of an earlier walk over the types. */
void model_walk_begin(struct model *model);

/* The comment before the declaration at `path` (descriptor.proto, SourceCodeInfo); "" if there is
 * none. */
const char *model_comment(struct arena *arena, const proto_file *file, const int32_t *path,
                          size_t path_len);
