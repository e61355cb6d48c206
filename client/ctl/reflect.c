#include "client/ctl/reflect.h"

#include "client/ctl/report.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

#include <stdio.h>

typedef Grpc__Reflection__V1__ServerReflectionRequest Question;
typedef Grpc__Reflection__V1__ServerReflectionResponse Answer;
typedef Grpc__Reflection__V1__FileDescriptorResponse Files;

enum { SERVICES_MOST = 10000 };

/* On the wire the two versions are the same. */
static const struct prism_method *reflection_method(bool alpha)
{
#define REFLECTION_METHOD(version)                                                            \
	{                                                                                     \
		.path = "/grpc.reflection." version ".ServerReflection/ServerReflectionInfo", \
		.kind = PRISM_BIDIRECTIONAL,                                                  \
		.request = &grpc__reflection__v1__server_reflection_request__descriptor,      \
		.response = &grpc__reflection__v1__server_reflection_response__descriptor,    \
		.idempotency = PRISM_READ                                                     \
	}
	static const struct prism_method METHODS[] = {REFLECTION_METHOD("v1"),
	                                              REFLECTION_METHOD("v1alpha")};
	return &METHODS[alpha];
}

int reflect_open(struct reflect *reflect, const struct options *options)
{
	char message[256];
	*reflect = (struct reflect){.options = options};
	enum prism_status status =
		prism_channel_open(&reflect->channel, &options->channel, NULL, message);
	return status == PRISM_OK ? EXIT_DONE : report_open(status, message);
}

void reflect_close(struct reflect *reflect)
{
	if (reflect->stream)
		(void)prism_stream_close(reflect->stream, NULL);
	prism_channel_close(reflect->channel, NULL, NULL);
}

/* --- one question ----------------------------------------------------------------------------- */

static void stream_open(struct reflect *reflect)
{
	struct prism_call_options call = options_call(reflect->options, false);
	reflect->stream =
		prism_stream_open(reflect->channel, reflection_method(reflect->alpha), &call, NULL);
	if (!reflect->stream)
		report_no_memory();
}

/* The answer is freed by the caller; NULL: the stream has ended with *result. */
static Answer *ask_once(struct reflect *reflect, const Question *question,
                        struct prism_result *result)
{
	Answer *answer = NULL;
	if (!reflect->stream)
		stream_open(reflect);
	if (prism_stream_send(reflect->stream, &question->base))
		answer = (Answer *)prism_stream_next(reflect->stream);
	if (answer)
		return answer;
	(void)prism_stream_close(reflect->stream, result);
	reflect->stream = NULL;
	return NULL;
}

static int ask(struct reflect *reflect, const Question *question, Answer **answer)
{
	struct prism_result result;
	*answer = ask_once(reflect, question, &result);
	if (!*answer && result.status == PRISM_UNIMPLEMENTED && !reflect->alpha) {
		reflect->alpha = true;
		*answer = ask_once(reflect, question, &result);
	}
	if (*answer)
		return EXIT_DONE;
	if (result.status == PRISM_OK)
		return report_failure("the server's reflection ended without an answer");
	if (result.status == PRISM_UNIMPLEMENTED)
		return report_failure(
			"the server has no reflection: only the methods that prismctl "
			"was built with can be called");
	return report_result(reflect->options, &result);
}

static void answer_free(Answer *answer)
{
	grpc__reflection__v1__server_reflection_response__free_unpacked(answer, NULL);
}

/* --- names ---------------------------------------------------------------------------------------
 */

static int take_names(const Answer *answer, struct arena *arena, const char *const **names,
                      size_t *count)
{
	if (answer->message_response_case !=
	            GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE ||
	    answer->list_services_response->n_service > SERVICES_MOST)
		return report_failure("the server does not tell its services");
	size_t all = answer->list_services_response->n_service;
	const char **list = arena_zalloc(arena, (all + 1) * sizeof *list);
	if (!list)
		report_no_memory();
	*count = 0;
	for (size_t i = 0; i < all; i++) {
		const char *name = answer->list_services_response->service[i]->name;
		if (strlen(name) > SCHEMA_NAME_MOST)
			continue;
		list[*count] = arena_strdup(arena, name);
		if (!list[(*count)++])
			report_no_memory();
	}
	*names = list;
	return EXIT_DONE;
}

int reflect_names(struct reflect *reflect, struct arena *arena, const char *const **names,
                  size_t *count)
{
	Answer *answer;
	Question question = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
	question.message_request_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
	question.list_services = "*";
	int code = ask(reflect, &question, &answer);
	if (code != EXIT_DONE)
		return code;
	code = take_names(answer, arena, names, count);
	answer_free(answer);
	return code;
}

/* --- a service
 * -------------------------------------------------------------------------------------- */

/* False: what is wrong is in `fault`. */
static bool take_files(const Answer *answer, struct schema *schema, char fault[SCHEMA_FAULT_SIZE])
{
	if (answer->message_response_case !=
	    GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE) {
		snprintf(fault, SCHEMA_FAULT_SIZE, "the server does not tell its descriptors");
		return false;
	}
	const Files *files = answer->file_descriptor_response;
	for (size_t i = 0; i < files->n_file_descriptor_proto; i++)
		if (!schema_add(schema,
		                bytes_of(files->file_descriptor_proto[i].data,
		                         files->file_descriptor_proto[i].len),
		                fault))
			return false;
	return true;
}

static int ask_files(struct reflect *reflect, const Question *question, struct schema *schema,
                     char fault[SCHEMA_FAULT_SIZE])
{
	Answer *answer;
	int code = ask(reflect, question, &answer);
	if (code != EXIT_DONE)
		return code;
	(void)take_files(answer, schema, fault);
	answer_free(answer);
	return EXIT_DONE;
}

/* What the server's first answer leaves out is asked for file by file; what it does not tell then
 * may not be needed. */
static int ask_imports(struct reflect *reflect, struct schema *schema,
                       char fault[SCHEMA_FAULT_SIZE])
{
	const char *missing;
	int code = EXIT_DONE;
	while (code == EXIT_DONE && !*fault && (missing = schema_missing(schema))) {
		Question question = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
		char untold[SCHEMA_FAULT_SIZE] = "";
		question.message_request_case =
			GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
		question.file_by_filename = (char *)missing;
		code = ask_files(reflect, &question, schema, untold);
		if (code == EXIT_DONE && !schema_give_up(schema, missing, fault))
			break;
	}
	return code;
}

int reflect_service(struct reflect *reflect, struct arena *arena, const char *name,
                    const struct service_methods **out)
{
	char fault[SCHEMA_FAULT_SIZE] = "";
	struct schema *schema = schema_new(arena);
	Question question = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
	question.message_request_case =
		GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
	question.file_containing_symbol = (char *)name;
	if (!schema)
		report_no_memory();
	*out = NULL;
	int code = ask_files(reflect, &question, schema, fault);
	if (code == EXIT_DONE && !*fault)
		code = ask_imports(reflect, schema, fault);
	if (code == EXIT_DONE && !*fault && schema_service(schema, name, out, fault))
		return EXIT_DONE;
	if (code == EXIT_DONE)
		(void)report_failure("%s: %s", name, fault);
	*out = NULL;
	return code;
}
