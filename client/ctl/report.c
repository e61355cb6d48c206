#include "client/ctl/report.h"

#include "client/ctl/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *format, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, format, args);
	fputs("prismctl: ", stderr);
	text_print(text, stderr);
	fputc('\n', stderr);
}

int report_usage(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(format, args);
	va_end(args);
	fputs("Try prismctl --help.\n", stderr);
	return EXIT_USAGE;
}

int report_request(const char *path, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "hint: prismctl describe %s shows its fields and an example\n", path + 1);
	return EXIT_USAGE;
}

int report_failure(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(format, args);
	va_end(args);
	return EXIT_FAILED;
}

static bool given(const char *option, const char *name)
{
	const char *value = option ? option : getenv(name);
	return value && *value;
}

/* The server says which of the two is missing; a key that it refuses is not mended by a user. */
static void hint_credentials(const struct options *options, const struct prism_result *result)
{
	if (!given(options->channel.key_file, "PRISM_KEY_FILE"))
		fputs("hint: no service key was sent; name its file with --key-file or "
		      "PRISM_KEY_FILE\n      (a new server writes its first key to bootstrap.key "
		      "in "
		      "its state directory)\n",
		      stderr);
	else if (strcmp(result->reason, "ACTOR_MISSING") == 0)
		fputs("hint: no user was named; --actor or PRISM_ACTOR says on whose behalf (a "
		      "UUID)\n",
		      stderr);
}

static void hint_repeat(const struct prism_result *result)
{
	fputs("hint: the request may have been executed; check before repeating it", stderr);
	if (*result->request_id)
		fprintf(stderr, ",\n      or repeat it with \"requestId\": \"%s\"",
		        result->request_id);
	fputc('\n', stderr);
}

static void hint(const struct options *options, const struct prism_result *result)
{
	if (result->status == PRISM_UNAUTHENTICATED)
		hint_credentials(options, result);
	if (result->status == PRISM_UNAVAILABLE &&
	    strncmp(result->message, "cannot connect", 14) == 0)
		fprintf(stderr,
		        "hint: is prismd running at %s? --address or PRISM_ADDRESS says "
		        "where\n",
		        options_address(options));
	if (result->status == PRISM_UNIMPLEMENTED)
		fputs("hint: the server does not have this method; is it of the same version?\n",
		      stderr);
	if (result->attempts > 1)
		fprintf(stderr, "hint: it was sent %u times\n", result->attempts);
	if (result->outcome == PRISM_OUTCOME_UNKNOWN)
		hint_repeat(result);
	if (result->pushback_ms > 0)
		fprintf(stderr, "hint: the server asks to wait %u ms before trying again\n",
		        result->pushback_ms);
}

/* A call that waited for a server until its time was over has met none. */
static bool met_no_server(const struct prism_result *result)
{
	return result->status == PRISM_UNAVAILABLE ||
	       (result->status == PRISM_DEADLINE_EXCEEDED && result->attempts == 0);
}

int report_result(const struct options *options, const struct prism_result *result)
{
	if (result->status == PRISM_OK)
		return EXIT_DONE;
	fprintf(stderr, "%s: ", prism_status_name(result->status));
	text_print(result->message, stderr);
	if (result->reason[0])
		fprintf(stderr, " (%s)", result->reason);
	fputc('\n', stderr);
	hint(options, result);
	return met_no_server(result) ? EXIT_UNAVAILABLE : EXIT_FAILED;
}

int report_open(enum prism_status status, const char *message)
{
	fprintf(stderr, "prismctl: ");
	text_print(message, stderr);
	fputc('\n', stderr);
	return status == PRISM_RESOURCE_EXHAUSTED ? EXIT_FAILED : EXIT_USAGE;
}

int report_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return report_failure("standard output: %s", strerror(errno));
}

void report_no_memory(void)
{
	fputs("prismctl: no memory\n", stderr);
	exit(EXIT_FAILED);
}
