/* The client's calls of methods that take a stream of requests: client-streaming and bidirectional
 * ones. */
#include "client/plugin/emit.h"

static bool answers_stream(const struct rpc *rpc)
{
	return rpc->kind == CALL_BIDIRECTIONAL;
}

/* --- signatures ------------------------------------------------------------------------- */

static void put_callbacks(FILE *out, const struct rpc *rpc, const char *end)
{
	if (answers_stream(rpc))
		fprintf(out,
		        "\tvoid (*message)(void *ctx, struct prism_call *call,\n"
		        "\t\tconst %s *response)%s\n"
		        "\tvoid (*done)(void *ctx, const struct prism_result *result)%s\n",
		        rpc->response->c_struct, end, end);
	else
		fprintf(out,
		        "\tvoid (*done)(void *ctx, const struct prism_result *result,\n"
		        "\t\tconst %s *response)%s\n",
		        rpc->response->c_struct, end);
	fprintf(out, "\tvoid (*writable)(void *ctx, struct prism_call *call)%s\n\tvoid *ctx", end);
}

static void put_start_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct prism_call *%s(\n"
	        "\tstruct prism_channel *channel, const struct prism_call_options *options,\n",
	        rpc->c_name);
	put_callbacks(out, rpc, ",");
	fputc(')', out);
}

static void put_call_send_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "bool %s_call_send(\n\tstruct prism_call *call, const %s *request)",
	        rpc->c_name, rpc->request->c_struct);
}

static void put_open_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "struct %s_stream *%s_open(\n"
	        "\tstruct prism_channel *channel, const struct prism_call_options *options)",
	        rpc->c_name, rpc->c_name);
}

static void put_stream_send_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "bool %s_stream_send(\n\tstruct %s_stream *stream, const %s *request)",
	        rpc->c_name, rpc->c_name, rpc->request->c_struct);
}

static void put_close_send_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "void %s_close_send(\n\tstruct %s_stream *stream)", rpc->c_name, rpc->c_name);
}

static void put_finish_signature(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "enum prism_status %s_finish(\n"
	        "\tstruct %s_stream *stream, %s **response,\n"
	        "\tstruct prism_result *result)",
	        rpc->c_name, rpc->c_name, rpc->response->c_struct);
}

/* --- the header ------------------------------------------------------------------------- */

static void declare_start(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "", "",
	             answers_stream(rpc)
	                     ? "Starts a call; message() is called for each response (lent) until "
	                       "done() is. writable() is called when there is room again for what "
	                       "could not be sent. All may be NULL. Errors: NULL: as "
	                       "prism_call_start(); done() is not called."
	                     : "Starts a call; done() is called when it has ended; `response` is "
	                       "lent, NULL unless result->status is PRISM_OK. writable() is called "
	                       "when there is room again for what could not be sent. Both may be "
	                       "NULL. Errors: NULL: as prism_call_start(); done() is not called.");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_start_signature);
	fputc('\n', emit->out);
	emit_comment(
		emit, "", "",
		"Sends one request; prism_call_close_send() says that there are no more. Errors: "
		"false: as prism_call_send().");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_call_send_signature);
}

void emit_client_sends_header(struct emit *emit, const struct rpc *rpc)
{
	declare_start(emit, rpc);
	fprintf(emit->out, "\nstruct %s_stream;\n\n", rpc->c_name);
	emit_comment(emit, "", "",
	             "Blocking. NULL: no memory; every other error is told at the end.");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_open_signature);
	fputc('\n', emit->out);
	emit_comment(emit, "", "",
	             "Blocking: sends one request, once there is room for it. Errors: false: as "
	             "prism_stream_send().");
	emit_declare(emit, rpc, "PRISM_MUST_CHECK ", put_stream_send_signature);
	fputc('\n', emit->out);
	if (answers_stream(rpc)) {
		emit_comment(emit, "", "", "No more requests will be sent.");
		emit_declare(emit, rpc, "", put_close_send_signature);
		fputc('\n', emit->out);
		emit_client_next_header(emit, rpc);
		return;
	}
	emit_comment(emit, "", "",
	             "Blocking: no more requests will be sent; waits for the end, and frees the "
	             "stream. *response (`response` may be NULL) is yours to free, NULL unless "
	             "PRISM_OK is returned. `stream` and `result` may be NULL. Errors: the call's; "
	             "RESOURCE_EXHAUSTED: `stream` is NULL.");
	emit_declare(emit, rpc, "", put_finish_signature);
	fputc('\n', emit->out);
	emit_client_close_header(emit, rpc);
}

/* --- the source ------------------------------------------------------------------------- */

static void put_typed_struct(FILE *out, const struct rpc *rpc)
{
	fprintf(out, "struct %s_call {\n", rpc->c_name);
	put_callbacks(out, rpc, ";");
	fputs(";\n", out);
	if (!answers_stream(rpc))
		fprintf(out, "\tconst %s *response; /* lent until on_done returns */\n",
		        rpc->response->c_struct);
	fputs("};\n\n", out);
}

static void put_on_message(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "static void %s_on_message(void *ctx, struct prism_call *call,\n"
	        "\tconst ProtobufCMessage *message)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n",
	        rpc->c_name, rpc->c_name);
	if (answers_stream(rpc))
		fprintf(out,
		        "\tif (typed->message)\n"
		        "\t\ttyped->message(typed->ctx, call, (const %s *)message);\n",
		        rpc->response->c_struct);
	else
		fprintf(out,
		        "\t(void)call;\n"
		        "\ttyped->response = (const %s *)message;\n",
		        rpc->response->c_struct);
	fputs("}\n\n", out);
}

static void put_on_done(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "static void %s_on_done(void *ctx, const struct prism_result *result)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\tif (typed->done)\n"
	        "\t\ttyped->done(typed->ctx, result%s);\n"
	        "\tfree(typed);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name,
	        answers_stream(rpc)
	                ? ""
	                : ",\n\t\t\tresult->status == PRISM_OK ? typed->response : NULL");
}

static void put_on_writable(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "static void %s_on_writable(void *ctx, struct prism_call *call)\n"
	        "{\n"
	        "\tstruct %s_call *typed = ctx;\n"
	        "\tif (typed->writable)\n"
	        "\t\ttyped->writable(typed->ctx, call);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name);
}

static void put_start(FILE *out, const struct rpc *rpc)
{
	put_start_signature(out, rpc);
	fprintf(out,
	        "\n{\n"
	        "\tstruct %s_call *typed = malloc(sizeof *typed);\n"
	        "\tif (!typed)\n"
	        "\t\treturn NULL;\n"
	        "\t*typed = (struct %s_call){%s.done = done, .writable = writable, .ctx = ctx};\n"
	        "\tconst struct prism_call_handler handler = {\n"
	        "\t\t.message = %s_on_message,\n"
	        "\t\t.done = %s_on_done,\n"
	        "\t\t.writable = %s_on_writable,\n"
	        "\t\t.ctx = typed,\n"
	        "\t};\n",
	        rpc->c_name, rpc->c_name, answers_stream(rpc) ? ".message = message, " : "",
	        rpc->c_name, rpc->c_name, rpc->c_name);
	fprintf(out,
	        "\tstruct prism_call *call = prism_call_start(channel,\n"
	        "\t\t&%s_method, options, NULL, &handler);\n"
	        "\tif (!call)\n"
	        "\t\tfree(typed);\n"
	        "\treturn call;\n"
	        "}\n\n",
	        rpc->c_name);
	put_call_send_signature(out, rpc);
	fputs("\n{\n"
	      "\treturn prism_call_send(call, &request->base);\n"
	      "}\n\n",
	      out);
}

static void put_finish(FILE *out, const struct rpc *rpc)
{
	put_finish_signature(out, rpc);
	fprintf(out,
	        "\n{\n"
	        "\tProtobufCMessage *message = NULL;\n"
	        "\tenum prism_status status = prism_stream_finish((struct prism_stream *)stream,\n"
	        "\t\tresponse ? &message : NULL, result);\n"
	        "\tif (response)\n"
	        "\t\t*response = (%s *)message;\n"
	        "\treturn status;\n"
	        "}\n\n",
	        rpc->response->c_struct);
}

void emit_client_sends_source(struct emit *emit, const struct rpc *rpc)
{
	FILE *out = emit->out;
	put_typed_struct(out, rpc);
	put_on_message(out, rpc);
	put_on_done(out, rpc);
	put_on_writable(out, rpc);
	put_start(out, rpc);
	put_open_signature(out, rpc);
	fprintf(out,
	        "\n{\n"
	        "\treturn (struct %s_stream *)prism_stream_open(channel,\n"
	        "\t\t&%s_method, options, NULL);\n"
	        "}\n\n",
	        rpc->c_name, rpc->c_name);
	put_stream_send_signature(out, rpc);
	fputs("\n{\n"
	      "\treturn prism_stream_send((struct prism_stream *)stream, &request->base);\n"
	      "}\n\n",
	      out);
	if (answers_stream(rpc)) {
		put_close_send_signature(out, rpc);
		fputs("\n{\n"
		      "\tprism_stream_close_send((struct prism_stream *)stream);\n"
		      "}\n\n",
		      out);
		emit_client_next_source(emit, rpc);
	} else {
		put_finish(out, rpc);
	}
	emit_client_close_source(emit, rpc);
}
