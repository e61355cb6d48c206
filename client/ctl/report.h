/* report - what goes to standard error, and the exit code that belongs to it. */
#pragma once
#include "client/ctl/options.h"

/* "prismctl: ..." and how to get help; returns EXIT_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A request that makes no sense; how it should look is told by describe. Returns EXIT_USAGE. */
int report_request(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "prismctl: ..."; returns EXIT_FAILED. */
int report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A call's end: nothing if it went well, else "STATUS: message" and what can be done about it. */
int report_result(const struct options *options, const struct prism_result *result);

/* A channel that could not be opened. */
int report_open(enum prism_status status, const char *message);

/* Whether everything reached standard output: `code`, or EXIT_FAILED with a message. */
int report_output(int code);

/* Memory is exhausted: nothing else is possible. */
_Noreturn void report_no_memory(void);
