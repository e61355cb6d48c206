/* program - our programs run by tests as a user runs them: started, waited for, stopped, always
 * cleaned up.
 *
 * A daemon's standard output is read until its `ready` line; standard error goes to a file in
 * memory that is printed when something fails. Errors: a failed step fails the cmocka test that
 * asked for it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PROGRAM_TEXT = 65536 };

struct program {
	pid_t pid;
	int out;
	char ready[1024];  /* the line that says so */
	char address[128]; /* the first address in it */
	int log;           /* a file in memory with its standard error */
};

/* The path of one of our programs ("prismd"); the thread's last four stay. */
const char *program_path(const char *name);

/* Starts argv[0] with `env` ("NAME=value", NULL-terminated, or NULL: added to ours) and waits for
 * its ready line, a minute at most. */
void program_start(struct program *program, const char *const argv[], const char *const env[]);

/* The same, but for a program that is expected to fail at start: returns its exit code; its
 * standard error is in `text` (PROGRAM_TEXT bytes), NUL-terminated. */
int program_start_fails(const char *const argv[], const char *const env[], char *text);

/* SIGTERM, then waits. The exit code, or 128 + signal. */
int program_stop(struct program *program);

/* Waits for one that was told to stop. The same code. */
int program_wait(struct program *program);

/* SIGKILL, then waits. */
void program_kill(struct program *program);

/* Whether it has ended, by itself or by a signal; program_stop() and program_kill() are still to be
 * called. Does not wait. */
bool program_ended(struct program *program);

/* Reads its standard error so far into `text`, NUL-terminated. */
void program_log(const struct program *program, char *text, size_t size);

/* Runs to its end; standard output and error into `text` (PROGRAM_TEXT bytes), NUL-terminated. The
 * exit code. */
int program_run(const char *const argv[], const char *const env[], char *text);

/* A new private directory under /tmp with a short name; removed with everything in it by
 * directory_remove(), or when the test program has ended. */
void directory_make(char path[64]);
void directory_remove(const char *path);

/* A new file under /tmp with `text` in it, to be unlinked, or removed when the test program has
 * ended. */
void file_make(char path[64], const char *text);
