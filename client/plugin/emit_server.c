#include "client/plugin/emit.h"

static bool one_request(const struct rpc *rpc)
{
	return rpc->kind == CALL_UNARY || rpc->kind == CALL_SERVER_STREAMING;
}

static bool one_response(const struct rpc *rpc)
{
	return rpc->kind == CALL_UNARY || rpc->kind == CALL_CLIENT_STREAMING;
}

/* --- the header --------------------------------------------------------------- */

static void put_handler(struct emit *emit, const struct rpc *rpc)
{
	emit_comment(emit, "\t", rpc->comment, "");
	fprintf(emit->out, "\tenum status (*%s)(struct call *call", rpc->member);
	if (one_request(rpc))
		fprintf(emit->out, ",\n\t\tconst %s *request", rpc->request->c_struct);
	if (one_response(rpc))
		fprintf(emit->out, ",\n\t\t%s *response", rpc->response->c_struct);
	fputs(");\n", emit->out);
}

static void put_handlers(struct emit *emit, const struct service_model *service)
{
	fprintf(emit->out,
	        "/* The handlers of %s; one that is not set answers UNIMPLEMENTED. They\n"
	        " * may suspend. */\n"
	        "struct %s_handlers {\n",
	        service->name, service->c_name);
	for (size_t i = 0; i < service->count; i++)
		put_handler(emit, &service->rpcs[i]);
	fprintf(emit->out,
	        "};\n\n"
	        "/* `handlers` must outlive the service. */\n"
	        "struct service %s(const struct %s_handlers *handlers);\n",
	        service->c_name, service->c_name);
}

static void put_receive(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "\n"
	        "/* %s: the next request, valid until the next is received; NULL after the last.\n"
	        " * Errors: as call_receive(). */\n"
	        "MUST_CHECK\n"
	        "SUSPENDS\n"
	        "static inline enum status %s_receive(struct call *call,\n"
	        "\tconst %s **request)\n"
	        "{\n"
	        "\tconst ProtobufCMessage *message;\n"
	        "\tTRY(call_receive(call, &message));\n"
	        "\t*request = (const %s *)message;\n"
	        "\treturn STATUS_OK;\n"
	        "}\n",
	        rpc->where, rpc->c_name, rpc->request->c_struct, rpc->request->c_struct);
}

static void put_send(FILE *out, const struct rpc *rpc)
{
	fprintf(out,
	        "\n"
	        "/* %s: sends one response; waits while the peer does not read. Errors: as\n"
	        " * call_send(). */\n"
	        "MUST_CHECK\n"
	        "SUSPENDS\n"
	        "static inline enum status %s_send(struct call *call,\n"
	        "\tconst %s *response)\n"
	        "{\n"
	        "\treturn call_send(call, &response->base);\n"
	        "}\n",
	        rpc->where, rpc->c_name, rpc->response->c_struct);
}

void emit_server_header(struct emit *emit)
{
	emit_banner(emit, "Typed handlers of the file's services (daemon/rpc/service.h).");
	fprintf(emit->out,
	        "#pragma once\n"
	        "#include \"daemon/rpc/service.h\"\n"
	        "#include \"%s.prism-methods.h\"\n",
	        emit->file->stem);
	for (size_t s = 0; s < emit->file->count; s++) {
		const struct service_model *service = &emit->file->services[s];
		fputc('\n', emit->out);
		put_handlers(emit, service);
		for (size_t m = 0; m < service->count; m++) {
			if (!one_request(&service->rpcs[m]))
				put_receive(emit->out, &service->rpcs[m]);
			if (!one_response(&service->rpcs[m]))
				put_send(emit->out, &service->rpcs[m]);
		}
	}
}

/* --- the source --------------------------------------------------------------- */

static void put_unused(FILE *out, const struct rpc *rpc)
{
	if (!one_request(rpc))
		fputs("\t(void)request;\n", out);
	if (!one_response(rpc))
		fputs("\t(void)response;\n", out);
}

static void put_run(FILE *out, const struct service_model *service, const struct rpc *rpc)
{
	fprintf(out,
	        "static enum status %s_run(struct call *call, const void *handlers,\n"
	        "\tconst ProtobufCMessage *request, ProtobufCMessage *response)\n"
	        "{\n"
	        "\tconst struct %s_handlers *typed = handlers;\n",
	        rpc->c_name, service->c_name);
	put_unused(out, rpc);
	fprintf(out,
	        "\tif (!typed->%s)\n"
	        "\t\treturn call_unimplemented(call);\n"
	        "\treturn typed->%s(call",
	        rpc->member, rpc->member);
	if (one_request(rpc))
		fprintf(out, ",\n\t\t(const %s *)request", rpc->request->c_struct);
	if (one_response(rpc))
		fprintf(out, ",\n\t\t(%s *)response", rpc->response->c_struct);
	fputs(");\n}\n\n", out);
}

static void put_service(FILE *out, const struct service_model *service)
{
	for (size_t i = 0; i < service->count; i++)
		put_run(out, service, &service->rpcs[i]);
	fprintf(out, "static method_run *const %s_runs[] = {\n", service->c_name);
	for (size_t i = 0; i < service->count; i++)
		fprintf(out, "\t%s_run,\n", service->rpcs[i].c_name);
	fprintf(out,
	        "};\n\n"
	        "struct service %s(const struct %s_handlers *handlers)\n"
	        "{\n"
	        "\treturn (struct service){\n"
	        "\t\t.methods = &%s_methods,\n"
	        "\t\t.run = %s_runs,\n",
	        service->c_name, service->c_name, service->c_name, service->c_name);
	fputs("\t\t.handlers = handlers,\n"
	      "\t};\n"
	      "}\n\n",
	      out);
}

void emit_server_source(struct emit *emit)
{
	fprintf(emit->out, "/* Generated by protoc-gen-prism-c %s from %s: do not edit. */\n",
	        PRISM_VERSION, emit->file->name);
	fprintf(emit->out, "#include \"%s.prism-server.h\"\n\n", emit->file->stem);
	for (size_t i = 0; i < emit->file->count; i++)
		put_service(emit->out, &emit->file->services[i]);
}
