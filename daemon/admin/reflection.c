#include "daemon/admin/reflection.h"

#include "daemon/admin/descriptors.h"
#include "daemon/rpc/rpc.h"
#include "grpc/reflection/v1/reflection.prism-server.h"
#include "grpc/reflection/v1alpha/reflection.prism-server.h"
#include "proto/limits.h"

enum { EXTENSIONS_MAX = 64 };

#define ASKS(name)    GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define ANSWERS(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
typedef Grpc__Reflection__V1__ServiceResponse ServiceResponse;

/* One question: its answer is made in the arena. */
struct inquiry {
	const struct router *router;
	struct arena *arena;
	Response *response;
};

static struct bytes set_of(const struct service *service)
{
	return bytes_of(service->methods->descriptor_set, service->methods->descriptor_set_len);
}

static bool not_found(struct inquiry *inquiry, const char *what, const char *name)
{
	Grpc__Reflection__V1__ErrorResponse *error = arena_alloc(inquiry->arena, sizeof(*error));
	if (!error)
		return false;
	grpc__reflection__v1__error_response__init(error);
	error->error_code = STATUS_NOT_FOUND;
	error->error_message = arena_printf(inquiry->arena, "no such %s: %s", what, name);
	inquiry->response->message_response_case = ANSWERS(ERROR_RESPONSE);
	inquiry->response->error_response = error;
	return error->error_message != NULL;
}

static bool answer_file(struct inquiry *inquiry, struct bytes set, struct bytes file)
{
	Grpc__Reflection__V1__FileDescriptorResponse *files =
		arena_alloc(inquiry->arena, sizeof(*files));
	struct bytes *found = arena_alloc(inquiry->arena, DESCRIPTOR_FILES_MAX * sizeof(*found));
	if (!files || !found)
		return false;
	grpc__reflection__v1__file_descriptor_response__init(files);
	files->n_file_descriptor_proto = descriptors_with_imports(set, file, found);
	files->file_descriptor_proto =
		arena_alloc(inquiry->arena,
	                    files->n_file_descriptor_proto * sizeof(*files->file_descriptor_proto));
	if (!files->file_descriptor_proto)
		return false;
	for (size_t i = 0; i < files->n_file_descriptor_proto; i++)
		files->file_descriptor_proto[i] =
			(ProtobufCBinaryData){found[i].len, (uint8_t *)found[i].data};
	inquiry->response->message_response_case = ANSWERS(FILE_DESCRIPTOR_RESPONSE);
	inquiry->response->file_descriptor_response = files;
	return true;
}

typedef struct bytes finder(struct bytes set, struct bytes name);

/* In the descriptors of one service after the other: each has all that it needs. */
static bool answer_found(struct inquiry *inquiry, finder *find, const char *what, const char *name)
{
	size_t count;
	const struct service *services = router_services(inquiry->router, &count);
	for (size_t i = 0; i < count; i++) {
		struct bytes file = find(set_of(&services[i]), bytes_of_string(name));
		if (file.data)
			return answer_file(inquiry, set_of(&services[i]), file);
	}
	return not_found(inquiry, what, name);
}

static bool answer_extension(struct inquiry *inquiry,
                             const Grpc__Reflection__V1__ExtensionRequest *extension)
{
	size_t count;
	const struct service *services = router_services(inquiry->router, &count);
	for (size_t i = 0; i < count; i++) {
		struct bytes file = descriptors_extending(
			set_of(&services[i]), bytes_of_string(extension->containing_type),
			extension->extension_number);
		if (file.data)
			return answer_file(inquiry, set_of(&services[i]), file);
	}
	return not_found(inquiry, "extension of", extension->containing_type);
}

static bool answer_numbers(struct inquiry *inquiry, const char *type)
{
	size_t count;
	const struct service *services = router_services(inquiry->router, &count);
	Grpc__Reflection__V1__ExtensionNumberResponse *numbers =
		arena_alloc(inquiry->arena, sizeof(*numbers));
	int32_t *found = arena_alloc(inquiry->arena, EXTENSIONS_MAX * sizeof(*found));
	if (!numbers || !found)
		return false;
	grpc__reflection__v1__extension_number_response__init(numbers);
	for (size_t i = 0; i < count && numbers->n_extension_number == 0; i++)
		numbers->n_extension_number = descriptors_extensions(
			set_of(&services[i]), bytes_of_string(type), found, EXTENSIONS_MAX);
	if (numbers->n_extension_number == 0)
		return not_found(inquiry, "type with extensions", type);
	numbers->base_type_name = (char *)type;
	numbers->extension_number = found;
	inquiry->response->message_response_case = ANSWERS(ALL_EXTENSION_NUMBERS_RESPONSE);
	inquiry->response->all_extension_numbers_response = numbers;
	return true;
}

static bool answer_services(struct inquiry *inquiry)
{
	size_t count;
	const struct service *services = router_services(inquiry->router, &count);
	Grpc__Reflection__V1__ListServiceResponse *list =
		arena_alloc(inquiry->arena, sizeof(*list));
	ServiceResponse *names = arena_alloc(inquiry->arena, count * sizeof(*names));
	ServiceResponse **service = arena_alloc(inquiry->arena, count * sizeof(*service));
	if (!list || !names || !service)
		return false;
	grpc__reflection__v1__list_service_response__init(list);
	for (size_t i = 0; i < count; i++) {
		grpc__reflection__v1__service_response__init(&names[i]);
		names[i].name = (char *)services[i].methods->name;
		service[i] = &names[i];
	}
	list->n_service = count;
	list->service = service;
	inquiry->response->message_response_case = ANSWERS(LIST_SERVICES_RESPONSE);
	inquiry->response->list_services_response = list;
	return true;
}

/* False: no memory. */
static bool answer(struct inquiry *inquiry, const Request *request)
{
	switch (request->message_request_case) {
	case ASKS(FILE_BY_FILENAME):
		return answer_found(inquiry, descriptors_file, "file", request->file_by_filename);
	case ASKS(FILE_CONTAINING_SYMBOL):
		return answer_found(inquiry, descriptors_declaring, "symbol",
		                    request->file_containing_symbol);
	case ASKS(FILE_CONTAINING_EXTENSION):
		return answer_extension(inquiry, request->file_containing_extension);
	case ASKS(ALL_EXTENSION_NUMBERS_OF_TYPE):
		return answer_numbers(inquiry, request->all_extension_numbers_of_type);
	case ASKS(LIST_SERVICES):
		return answer_services(inquiry);
	case ASKS(_NOT_SET):
	default:
		return not_found(inquiry, "question", "set a field of message_request");
	}
}

static SUSPENDS enum status answer_all(struct call *call, struct arena *arena)
{
	for (;;) {
		const ProtobufCMessage *message;
		TRY(call_receive(call, &message));
		if (!message)
			return STATUS_OK;
		const Request *request = (const Request *)message;
		Response response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
		struct inquiry inquiry = {call->rpc->router, arena, &response};
		response.valid_host = request->host;
		response.original_request = (Request *)request;
		if (!answer(&inquiry, request))
			return call_no_memory(call);
		TRY(call_send(call, &response.base));
		arena_reset(arena);
	}
}

/* Anybody may ask, for ever, and each one has a fiber. */
static SUSPENDS enum status reflect(struct call *call)
{
	struct arena arena;
	if (call->rpc->reflections >= LIMIT_REFLECTIONS)
		return call_fail(call, STATUS_RESOURCE_EXHAUSTED,
		                 "%d calls ask this server for descriptors, more may not",
		                 LIMIT_REFLECTIONS);
	call->rpc->reflections++;
	arena_init(&arena, NULL, 0, LIMIT_CALL_ARENA);
	enum status status = answer_all(call, &arena);
	arena_deinit(&arena);
	call->rpc->reflections--;
	return status;
}

struct service reflection_service(void)
{
	static const struct grpc_reflection_v1_server_reflection_handlers handlers = {reflect};
	return grpc_reflection_v1_server_reflection(&handlers);
}

struct service reflection_alpha_service(void)
{
	static const struct grpc_reflection_v1alpha_server_reflection_handlers handlers = {reflect};
	return grpc_reflection_v1alpha_server_reflection(&handlers);
}
