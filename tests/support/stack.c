#include "tests/support/stack.h"

#include "tests/support/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 24 };

void stack_open(struct stack *stack)
{
	stack_open_with(stack, NULL);
}

void stack_open_with(struct stack *stack, const char *settings)
{
	*stack = (struct stack){0};
	directory_make(stack->directory);
	stack->cluster = cluster_new(settings);
	char text[PROGRAM_TEXT];
	stack_prism_db(stack, (const char *const[]){"upgrade", "head", NULL}, text);
}

static size_t append(const char **all, size_t count, const char *const *more)
{
	for (; more && *more; more++) {
		assert_true(count < ARGUMENTS_MAX - 1);
		all[count++] = *more;
	}
	all[count] = NULL;
	return count;
}

void stack_serve_at(struct stack *stack, const char *address, const char *const arguments[])
{
	const char *const fixed[] = {program_path("prismd"),
	                             "--listen",
	                             address,
	                             "--state-dir",
	                             stack->directory,
	                             "--database-url",
	                             cluster_conninfo(stack->cluster),
	                             NULL};
	const char *all[ARGUMENTS_MAX];
	append(all, append(all, 0, fixed), arguments);
	program_start(&stack->prismd, all, NULL);
}

void stack_serve(struct stack *stack, const char *const arguments[])
{
	stack_serve_at(stack, "127.0.0.1:0", arguments);
}

void stack_kill_and_serve(struct stack *stack, const char *const arguments[])
{
	char address[sizeof(stack->prismd.address)];
	memcpy(address, stack->prismd.address, sizeof(address));
	program_kill(&stack->prismd);
	stack_serve_at(stack, address, arguments);
}

void stack_prism_db(struct stack *stack, const char *const arguments[], char text[PROGRAM_TEXT])
{
	const char *const fixed[] = {program_path("prism-db"),
	                             "--database-url",
	                             cluster_conninfo(stack->cluster),
	                             "--state-dir",
	                             stack->directory,
	                             NULL};
	const char *all[ARGUMENTS_MAX];
	append(all, append(all, 0, fixed), arguments);
	int code = program_run(all, NULL, text);
	if (code != 0)
		fail_msg("prism-db %s: exit code %d\n%s", arguments[0], code, text);
}

void stack_key(struct stack *stack, const char *scopes, long organization, char key[STACK_KEY_SIZE])
{
	static unsigned made;
	char name[32], bound[32], list[128];
	snprintf(name, sizeof(name), "test-%u", ++made);
	snprintf(bound, sizeof(bound), "%ld", organization);
	snprintf(list, sizeof(list), "%s", scopes);
	const char *arguments[ARGUMENTS_MAX] = {"create-key", "--name", name};
	size_t count = 3;
	char *rest = NULL;
	for (char *scope = strtok_r(list, ",", &rest); scope; scope = strtok_r(NULL, ",", &rest))
		count = append(arguments, count, (const char *const[]){"--scope", scope, NULL});
	if (organization != 0)
		append(arguments, count, (const char *const[]){"--organization", bound, NULL});
	char text[PROGRAM_TEXT];
	stack_prism_db(stack, arguments, text);
	const char *at = strstr(text, "prk_");
	assert_non_null(at);
	snprintf(key, STACK_KEY_SIZE, "%.53s", at);
}

struct prism_channel *stack_channel(const struct stack *stack, const char *key, const char *actor)
{
	struct prism_channel *channel = NULL;
	struct prism_channel_options options = {.protocol = test_protocol(),
	                                        .address = stack->prismd.address,
	                                        .key = key,
	                                        .actor = actor,
	                                        .agent = "test"};
	char message[256];
	if (prism_channel_open(&channel, &options, NULL, message) != PRISM_OK)
		fail_msg("%s", message);
	return channel;
}

void stack_stop(struct stack *stack)
{
	assert_int_equal(program_stop(&stack->prismd), 0);
	cluster_free(stack->cluster);
	directory_remove(stack->directory);
}
