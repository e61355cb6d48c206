/* Names that are different in a .proto file and the same in C.
 *
 * Every identifier that protoc-c or we make is claimed for what it is made of; two claims of one
 * identifier are a problem. A member's identifier begins with that of its struct and a dot. */
#include "client/plugin/check.h"
#include "client/plugin/names.h"

#include <stdlib.h>

struct claim {
	const char *identifier;
	const char *owner; /* "StoryService.GetStory" */
	const struct file *file;
};

struct claims {
	struct check *check;
	struct claim *list;
	size_t count, capacity;
	const char *reported; /* the pairs of owners that were, a line each */
};

/* Who has the member `base` of every struct. */
static const char BASE_OWNER[] = "every message's ProtobufCMessage";

static void claim(struct claims *claims, const struct file *file, const char *owner,
                  const char *identifier)
{
	if (claims->count == claims->capacity) {
		claims->capacity = claims->capacity ? 2 * claims->capacity : 256;
		claims->list = must(realloc(claims->list, claims->capacity * sizeof *claims->list));
	}
	claims->list[claims->count++] = (struct claim){identifier, owner, file};
}

/* A NULL ends `suffixes`. */
static void claim_each(struct claims *claims, const struct file *file, const char *owner,
                       const char *prefix, const char *const *suffixes)
{
	for (; *suffixes; suffixes++)
		claim(claims, file, owner,
		      text_printf(claims->check->model->arena, "%s%s", prefix, *suffixes));
}

static void refuse_taken(struct claims *claims, const struct file *file, const char *owner,
                         const char *name)
{
	if (file->generate && name_taken(name))
		problem(claims->check->problems, file->name, owner,
		        "its C name %s is a word of C or C++; rename it", name);
}

/* --- messages --------------------------------------------------------------- */

static void claim_member(struct claims *claims, const struct type *type, const char *owner,
                         const char *prefix, const char *member, const char *suffix)
{
	claim(claims, type->file, owner,
	      text_printf(claims->check->model->arena, "%s.%s%s%s", type->c_struct, prefix, member,
	                  suffix));
}

static void claim_field(struct claims *claims, const struct type *type, const proto_field *field)
{
	const char *owner = check_where(claims->check, type, field->name);
	const char *member = name_field(claims->check->model->arena, field->name);
	claim_member(claims, type, owner, "", member, "");
	refuse_taken(claims, type->file, owner, member);
	if (field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		claim_member(claims, type, owner, "n_", member, "");
}

static void claim_oneof(struct claims *claims, const struct type *type, const proto_oneof *oneof)
{
	struct arena *arena = claims->check->model->arena;
	const char *owner = check_where(claims->check, type, oneof->name);
	claim_member(claims, type, owner, "", name_field(arena, oneof->name), "_case");
	claim(claims, type->file, owner,
	      text_printf(arena, "%s__%sCase", type->c_struct, name_camel(arena, oneof->name)));
}

static void claim_type(struct claims *claims, const struct type *type)
{
	static const char *const FUNCTIONS[] = {
		"__init",       "__pack",           "__unpack",        "__get_packed_size",
		"__descriptor", "__pack_to_buffer", "__free_unpacked", NULL};
	const char *owner = check_where(claims->check, type, NULL);
	claim(claims, type->file, owner, type->c_struct);
	if (!type->message) {
		claim_each(claims, type->file, owner, type->c_lower,
		           (const char *const[]){"__descriptor", NULL});
		return;
	}
	claim_each(claims, type->file, owner, type->c_lower, FUNCTIONS);
	claim_member(claims, type, BASE_OWNER, "", "base", "");
	for (size_t i = 0; i < type->message->n_field; i++)
		claim_field(claims, type, type->message->field[i]);
	for (size_t i = 0; i < type->message->n_oneof_decl; i++)
		claim_oneof(claims, type, type->message->oneof_decl[i]);
}

/* --- services ---------------------------------------------------------------- */

static void claim_rpc(struct claims *claims, const struct file *file,
                      const struct service_model *service, const struct rpc *rpc)
{
	static const char *const UNARY[] = {"",         "_method",     "_wait", "_run",
	                                    "_on_done", "_on_message", NULL};
	static const char *const STREAMING[] = {
		"",         "_method",     "_send",        "_receive",    "_open",
		"_next",    "_close",      "_finish",      "_call_send",  "_stream_send",
		"_on_done", "_on_message", "_on_writable", "_close_send", "_run",
		NULL};
	struct arena *arena = claims->check->model->arena;
	claim_each(claims, file, rpc->where, rpc->c_name,
	           rpc->kind == CALL_UNARY ? UNARY : STREAMING);
	claim(claims, file, rpc->where, text_printf(arena, "%s.%s", service->c_name, rpc->member));
	refuse_taken(claims, file, rpc->where, rpc->member);
	claim(claims, file, rpc->where,
	      text_printf(arena, "%s__%s", name_lower(arena, service->name),
	                  name_snake(arena, rpc->proto->name)));
}

static void claim_service(struct claims *claims, const struct file *file,
                          const struct service_model *service)
{
	static const char *const OURS[] = {"", "_methods", "_runs", NULL};
	static const char *const PROTOC_C[] = {"__init", "__descriptor", NULL};
	struct arena *arena = claims->check->model->arena;
	const char *owner = service->proto->name;
	refuse_taken(claims, file, owner, service->c_name);
	claim_each(claims, file, owner, service->c_name, OURS);
	claim_each(claims, file, owner, name_lower(arena, service->name), PROTOC_C);
	claim(claims, file, owner,
	      text_printf(arena, "%s_Service", name_struct(arena, service->name)));
	for (size_t i = 0; i < service->count; i++)
		claim_rpc(claims, file, service, &service->rpcs[i]);
}

/* --- all of it --------------------------------------------------------------- */

static int claim_compare(const void *a, const void *b)
{
	const struct claim *one = a, *other = b;
	int order = strcmp(one->identifier, other->identifier);
	if (order == 0)
		order = strcmp(one->file->name, other->file->name);
	return order != 0 ? order : strcmp(one->owner, other->owner);
}

/* One line for two owners, however many identifiers they share. */
static bool reported_before(struct claims *claims, const struct claim *one,
                            const struct claim *other)
{
	struct arena *arena = claims->check->model->arena;
	const char *pair = text_printf(arena, "\n%s %s, %s %s\n", one->file->name, one->owner,
	                               other->file->name, other->owner);
	if (strstr(claims->reported, pair))
		return true;
	claims->reported = text_printf(arena, "%s%s", claims->reported, pair);
	return false;
}

/* At one that we generate for, and that can be renamed. */
static void report(struct claims *claims, const struct claim *one, const struct claim *other)
{
	bool base = one->owner == BASE_OWNER;
	const struct claim *at = other->file->generate && other->owner != BASE_OWNER ? other : one;
	const struct claim *with = at == one ? other : one;
	if (strcmp(one->identifier, other->identifier) != 0 || !at->file->generate ||
	    at->owner == BASE_OWNER || (base && one->file != other->file) ||
	    reported_before(claims, at, with))
		return;
	const char *place = with->file == at->file ? ""
	                                           : text_printf(claims->check->model->arena,
	                                                         " (%s)", with->file->name);
	problem(claims->check->problems, at->file->name, at->owner,
	        "its C name %s is also that of %s%s; rename one of them", at->identifier,
	        with->owner, place);
}

void check_names(struct check *check)
{
	struct claims claims = {.check = check, .reported = ""};
	const struct model *model = check->model;
	for (size_t i = 0; i < model->type_count; i++)
		claim_type(&claims, &model->types[i]);
	for (size_t f = 0; f < model->file_count; f++)
		for (size_t s = 0; s < model->files[f].count; s++)
			claim_service(&claims, &model->files[f], &model->files[f].services[s]);
	if (claims.count > 0)
		qsort(claims.list, claims.count, sizeof *claims.list, claim_compare);
	for (size_t i = 1; i < claims.count; i++)
		report(&claims, &claims.list[i - 1], &claims.list[i]);
	free(claims.list);
}
