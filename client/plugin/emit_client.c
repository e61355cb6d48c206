#include "client/plugin/emit.h"

static const char *const KINDS[] = {
	[CALL_UNARY] = "PRISM_UNARY",
	[CALL_SERVER_STREAMING] = "PRISM_SERVER_STREAMING",
	[CALL_CLIENT_STREAMING] = "PRISM_CLIENT_STREAMING",
	[CALL_BIDIRECTIONAL] = "PRISM_BIDIRECTIONAL",
};

static const char *const IDEMPOTENCIES[] = {
	[PRISM__IDEMPOTENCY__READ] = "PRISM_READ",
	[PRISM__IDEMPOTENCY__IDEMPOTENT] = "PRISM_IDEMPOTENT",
	[PRISM__IDEMPOTENCY__KEYED] = "PRISM_KEYED",
};

/* What every typed call begins with. */
#define CALL_PARAMETERS                                                                \
	"\n"                                                                           \
	"\tstruct prism_channel *channel, const struct prism_call_options *options,\n" \
	"\tconst %s *request"

/* --- signatures: the header declares them, the source defines them --------------- */

static void put_unary_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct prism_call *%s(" CALL_PARAMETERS ",\n"
	        "\tvoid (*done)(void *ctx, const struct prism_result *result,\n"
	        "\t\tconst %s *response), void *ctx)",
	        rpc->c_name, rpc->request->c_struct, rpc->response->c_struct);
}

static void put_wait_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "enum prism_status %s_wait(" CALL_PARAMETERS ",\n"
	        "\t%s **response, struct prism_result *result)",
	        rpc->c_name, rpc->request->c_struct, rpc->response->c_struct);
}

static void put_stream_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct prism_call *%s(" CALL_PARAMETERS ",\n"
	        "\tvoid (*message)(void *ctx, struct prism_call *call,\n"
	        "\t\tconst %s *response),\n"
	        "\tvoid (*done)(void *ctx, const struct prism_result *result), void *ctx)",
	        rpc->c_name, rpc->request->c_struct, rpc->response->c_struct);
}

static void put_open_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "struct %s_stream *%s_open(" CALL_PARAMETERS ")", rpc->c_name, rpc->c_name,
	        rpc->request->c_struct);
}

static void put_next_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "%s *%s_next(\n\tstruct %s_stream *stream)", rpc->response->c_struct,
	        rpc->c_name, rpc->c_name);
}

static void put_close_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "enum prism_status %s_close(\n"
	        "\tstruct %s_stream *stream, struct prism_result *result)",
	        rpc->c_name, rpc->c_name);
}

/* --- the header ------------------------------------------------------------------- */

static const char *deprecated(const struct rpc *rpc)
{
	const Google__Protobuf__MethodOptions *options = rpc->proto->options;
	bool is = options && options->has_deprecated && options->deprecated;
	return is ? "__attribute__((deprecated)) " : "";
}

void emit_declare(struct emit *emit, const struct rpc *rpc, const char *attributes,
                  void (*signature)(FILE *out, const struct rpc *rpc))
{
	fprintf(emit->out, "%s%s", deprecated(rpc), attributes);
	signature(emit->out, rpc);
	fputs(";\n", emit->out);
}

static void declare_unary(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "", "",
	             "Starts a call; done() is called when it has ended, exactly once, never "
	             "before this returns (may be NULL). `response` is lent, NULL unless "
	             "result->status is PRISM_OK. "
	             "Until then the call can be ended with prism_call_cancel(). Errors: NULL: as "
	             "prism_call_start(); done() is not called.");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_unary_signature);
	fputc('\n', emit->out);
	emit_comment(emit, "", "",
	             "Blocking. *response (`response` may be NULL) is yours to free, NULL unless "
	             "PRISM_OK is returned; `result` may be NULL. Errors: as prism_call_wait().");
	emit_declare(emit, rpc, "", put_wait_signature);
}

void emit_client_close_header(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "", "",
	             "Cancels the call if it has not ended, and frees the stream. `stream` and "
	             "`result` may be NULL. Errors: the call's; RESOURCE_EXHAUSTED: `stream` is "
	             "NULL.");
	emit_declare(emit, rpc, "", put_close_signature);
}

void emit_client_next_header(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "", "",
	             "The next response, yours to free; NULL at the end, and _close() tells how it "
	             "ended.");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_next_signature);
	fputc('\n', emit->out);
	emit_client_close_header(emit, rpc);
}

static void declare_stream(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "", "",
	             "Starts a call; message() is called for each response (lent) until done() is. "
	             "Both may be NULL. Pause and cancel it with prism_call_pause() and "
	             "prism_call_cancel(). Errors: NULL: as prism_call_start(); done() is not "
	             "called.");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_stream_signature);
	fprintf(emit->out, "\nstruct %s_stream;\n\n", rpc->c_name);
	emit_comment(emit, "", "",
	             "Blocking. NULL: no memory; every other error is told by _close().");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_open_signature);
	fputc('\n', emit->out);
	emit_client_next_header(emit, rpc);
}

static void put_rpc_header(struct emit *emit, const struct rpc *rpc)
{
	fputc('\n', emit->out);
	emit_comment(emit, "", rpc->comment, rpc->path);
	fprintf(emit->out, "extern const struct prism_method %s_method;\n\n", rpc->c_name);
	if (rpc->kind == CALL_UNARY)
		declare_unary(emit, rpc);
	else if (rpc->kind == CALL_SERVER_STREAMING)
		declare_stream(emit, rpc);
	else
		emit_client_sends_header(emit, rpc);
}

void emit_client_header(struct emit *emit)
{
	emit_banner(emit, "Typed calls of the file's services (prism/client.h). In all of them "
	                  "`options` may be NULL.");
	fprintf(emit->out,
	        "#pragma once\n"
	        "#include \"%s.pb-c.h\"\n"
	        "#include <prism/client.h>\n"
	        "\n"
	        "#ifdef __cplusplus\n"
	        "extern \"C\" {\n"
	        "#endif\n",
	        emit->file->stem);
	for (size_t s = 0; s < emit->file->count; s++) {
		const struct service_model *service = &emit->file->services[s];
		fputc('\n', emit->out);
		emit_comment(emit, "", service->comment, service->name);
		for (size_t m = 0; m < service->count; m++)
			put_rpc_header(emit, &service->rpcs[m]);
	}
	fputs("\n"
	      "#ifdef __cplusplus\n"
	      "}\n"
	      "#endif\n",
	      emit->out);
}

/* --- the source ------------------------------------------------------------------- */

static void put_method(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "const struct prism_method %s_method = {\n"
	        "\t.path = \"%s\",\n"
	        "\t.kind = %s,\n"
	        "\t.request = &%s__descriptor,\n"
	        "\t.response = &%s__descriptor,\n",
	        rpc->c_name, rpc->path, KINDS[rpc->kind], rpc->request->c_lower,
	        rpc->response->c_lower);
	if (rpc->options->deadline_ms)
		fprintf(out, "\t.timeout_ms = %u,\n", rpc->options->deadline_ms);
	if (rpc->options->idempotency != PRISM__IDEMPOTENCY__IDEMPOTENCY_UNSPECIFIED)
		fprintf(out, "\t.idempotency = %s,\n", IDEMPOTENCIES[rpc->options->idempotency]);
	fputs("};\n\n", out);
}

/* The answer of a unary call is lent from on_message, right before its end, until on_done returns.
 */
static void put_unary_callbacks(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct %s_call {\n"
	        "\tvoid (*done)(void *ctx, const struct prism_result *result,\n"
	        "\t\tconst %s *response);\n"
	        "\tvoid *ctx;\n"
	        "\tconst %s *response; /* lent until on_done returns */\n"
	        "};\n\n"
	        "static void %s_on_message(void *ctx, struct prism_call *call,\n"
	        "\tconst ProtobufCMessage *message)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\t(void)call;\n"
	        "\ttyped->response = (const %s *)message;\n"
	        "}\n\n",
	        rpc->c_name, rpc->response->c_struct, rpc->response->c_struct, rpc->c_name,
	        rpc->c_name, rpc->response->c_struct);
	fprintf(out,
	        "static void %s_on_done(void *ctx, const struct prism_result *result)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\ttyped->done(typed->ctx, result,\n"
	        "\t\tresult->status == PRISM_OK ? typed->response : NULL);\n"
	        "\tfree(typed);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name);
}

static void put_stream_callbacks(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct %s_call {\n"
	        "\tvoid (*message)(void *ctx, struct prism_call *call,\n"
	        "\t\tconst %s *response);\n"
	        "\tvoid (*done)(void *ctx, const struct prism_result *result);\n"
	        "\tvoid *ctx;\n"
	        "};\n\n"
	        "static void %s_on_message(void *ctx, struct prism_call *call,\n"
	        "\tconst ProtobufCMessage *message)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\tif (typed->message)\n"
	        "\t\ttyped->message(typed->ctx, call, (const %s *)message);\n"
	        "}\n\n",
	        rpc->c_name, rpc->response->c_struct, rpc->c_name, rpc->c_name,
	        rpc->response->c_struct);
	fprintf(out,
	        "static void %s_on_done(void *ctx, const struct prism_result *result)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\tif (typed->done)\n"
	        "\t\ttyped->done(typed->ctx, result);\n"
	        "\tfree(typed);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name);
}

/* The function that starts the call: keeps the typed callbacks, and lets go of them if that fails.
 */
static void put_start(FILE *out, const struct rpc *rpc, const char *no_interest,
                      const char *callbacks)
{
	fprintf(out,
	        "\n{\n"
	        "\tif (%s)\n"
	        "\t\treturn prism_call_start(channel, &%s_method, options,\n"
	        "\t\t\t&request->base, NULL);\n"
	        "\tstruct %s_call *typed = malloc(sizeof *typed);\n"
	        "\tif (!typed)\n"
	        "\t\treturn NULL;\n"
	        "\t*typed = (struct %s_call){%s};\n"
	        "\tconst struct prism_call_handler handler = {\n"
	        "\t\t.message = %s_on_message,\n"
	        "\t\t.done = %s_on_done,\n"
	        "\t\t.ctx = typed,\n"
	        "\t};\n",
	        no_interest, rpc->c_name, rpc->c_name, rpc->c_name, callbacks, rpc->c_name,
	        rpc->c_name);
	fprintf(out,
	        "\tstruct prism_call *call = prism_call_start(channel,\n"
	        "\t\t&%s_method, options, &request->base, &handler);\n"
	        "\tif (!call)\n"
	        "\t\tfree(typed);\n"
	        "\treturn call;\n"
	        "}\n\n",
	        rpc->c_name);
}

static void put_unary(FILE *out, const struct rpc *rpc)
{
	put_unary_callbacks(out, rpc);
	put_unary_signature(out, rpc);
	put_start(out, rpc, "!done", ".done = done, .ctx = ctx");
	put_wait_signature(out, rpc);
	fprintf(out,
	        "\n{\n"
	        "\tProtobufCMessage *message = NULL;\n"
	        "\tenum prism_status status = prism_call_wait(channel,\n"
	        "\t\t&%s_method, options, &request->base,\n"
	        "\t\tresponse ? &message : NULL, result);\n"
	        "\tif (response)\n"
	        "\t\t*response = (%s *)message;\n"
	        "\treturn status;\n"
	        "}\n\n",
	        rpc->c_name, rpc->response->c_struct);
}

void emit_client_next_source(struct emit *emit, const struct rpc *rpc)
{
	put_next_signature(emit->out, rpc);
	fprintf(emit->out,
	        "\n{\n"
	        "\treturn (%s *)prism_stream_next((struct prism_stream *)stream);\n"
	        "}\n\n",
	        rpc->response->c_struct);
}

void emit_client_close_source(struct emit *emit, const struct rpc *rpc)
{
	put_close_signature(emit->out, rpc);
	fputs("\n{\n"
	      "\treturn prism_stream_close((struct prism_stream *)stream, result);\n"
	      "}\n\n",
	      emit->out);
}

/* A struct NAME_stream is never defined: the type keeps one method's stream from another's _next().
 */
static void put_stream(struct emit *emit, const struct rpc *rpc)
{
	FILE *out = emit->out;
	put_stream_callbacks(out, rpc);
	put_stream_signature(out, rpc);
	put_start(out, rpc, "!message && !done", ".message = message, .done = done, .ctx = ctx");
	put_open_signature(out, rpc);
	fprintf(out,
	        "\n{\n"
	        "\treturn (struct %s_stream *)prism_stream_open(channel,\n"
	        "\t\t&%s_method, options, &request->base);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name);
	emit_client_next_source(emit, rpc);
	emit_client_close_source(emit, rpc);
}

void emit_client_source(struct emit *emit)
{
	fprintf(emit->out, "/* Generated by protoc-gen-prism-c %s from %s: do not edit. */\n",
	        PRISM_VERSION, emit->file->name);
	fprintf(emit->out, "#include \"%s.prism-client.h\"\n\n#include <stdlib.h>\n\n",
	        emit->file->stem);
	for (size_t s = 0; s < emit->file->count; s++) {
		for (size_t m = 0; m < emit->file->services[s].count; m++) {
			const struct rpc *rpc = &emit->file->services[s].rpcs[m];
			put_method(emit->out, rpc);
			if (rpc->kind == CALL_UNARY)
				put_unary(emit->out, rpc);
			else if (rpc->kind == CALL_SERVER_STREAMING)
				put_stream(emit, rpc);
			else
				emit_client_sends_source(emit, rpc);
		}
	}
}
