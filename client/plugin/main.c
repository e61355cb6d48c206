/* protoc-gen-prism-c: the plugin that protoc runs for --prism-c_out. A CodeGeneratorRequest comes
 * on standard input, a CodeGeneratorResponse goes to standard output. */
#include "client/plugin/generate.h"
#include "client/plugin/names.h"
#include "proto/bytes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
	"protoc-gen-prism-c makes C code of the services in .proto files. protoc runs it:\n"
	"\n"
	"  protoc --prism-c_out=MODE[+MODE...]:DIR -I ROOT FILE.proto...\n"
	"\n"
	"  methods   FILE.prism-methods.[ch]: method tables, field rules, descriptor set\n"
	"  server    FILE.prism-server.[ch]:  typed handlers (needs methods)\n"
	"  client    FILE.prism-client.[ch]:  typed calls with <prism/client.h>\n"
	"\n"
	"Messages come from protoc-c: protoc-c --c_out=DIR -I ROOT FILE.proto...\n"
	"Each method needs option (prism.method) = {role: ...}; see prism/options.proto.\n"
	"\n"
	"  --help     this text\n"
	"  --version  the version\n";

static bool read_all(FILE *in, struct buffer *buffer)
{
	enum { PIECE = 65536 };
	for (;;) {
		uint8_t *room = must(buffer_reserve(buffer, PIECE));
		size_t len = fread(room, 1, PIECE, in);
		buffer->end += len;
		if (len == 0)
			return !ferror(in);
	}
}

static int fail(const char *what)
{
	fprintf(stderr, "protoc-gen-prism-c: %s\n", what);
	return 1;
}

static int answer(struct arena *arena, struct bytes input)
{
	Google__Protobuf__Compiler__CodeGeneratorRequest *request =
		google__protobuf__compiler__code_generator_request__unpack(&arena->allocator,
	                                                                   input.len, input.data);
	if (!request)
		return fail("standard input is no CodeGeneratorRequest: protoc runs this program "
		            "(--help says how)");
	struct bytes response = generate(arena, request);
	if (fwrite(response.data, 1, response.len, stdout) != response.len || fflush(stdout) != 0)
		return fail("cannot write to standard output");
	return 0;
}

static int run(void)
{
	struct buffer input = {0};
	struct arena arena;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	int result = read_all(stdin, &input) ? answer(&arena, buffer_bytes(&input))
	                                     : fail("cannot read standard input");
	arena_deinit(&arena);
	buffer_deinit(&input);
	return result;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("protoc-gen-prism-c " PRISM_VERSION) < 0;
	if ((argc == 2 && strcmp(argv[1], "--help") == 0) || (argc == 1 && isatty(0)))
		return fputs(HELP, stdout) < 0;
	if (argc > 1) {
		fputs(HELP, stderr);
		return 2;
	}
	return run();
}
