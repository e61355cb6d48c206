/* prismd: reads its settings, boots, says that it is ready, and waits for signals. */
#include "daemon/boot.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/signals.h"
#include "daemon/watchdog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct process {
	struct options options;
	struct config *config;
	uv_loop_t loop;
	struct boot *boot;
	struct signals signals;
	struct watchdog watchdog;
	enum boot_exit code;
};

static void complain(void *ctx, const char *message)
{
	(void)ctx;
	fprintf(stderr, "prismd: %s\n", message);
}

/* NULL: something was wrong, and was said. */
static struct config *read_config(const struct options *options)
{
	struct config *config = config_new(complain, NULL);
	if (!config)
		return NULL;
	if (options->config_path)
		config_read_file(config, options->config_path);
	config_read_environment(config, environ);
	options_apply(options, config);
	if (config->complaints == 0)
		config_check(config);
	if (config->complaints == 0)
		return config;
	config_free(config);
	return NULL;
}

/* --- reload ------------------------------------------------------------------- */

static void apply_log_level(const struct config *config)
{
	log_set_level((enum log_level)config_number(config, SETTING_LOG_LEVEL));
}

/* Takes what may change; names what needs a restart. */
static void take_over(struct config *old, struct config *new)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		struct config_value *before = &old->values[i], *after = &new->values[i];
		if (strcmp(before->text, after->text) == 0)
			continue;
		log_line(setting_table[i].reload ? LOG_INFO : LOG_WARN, "setting_changed",
		         LOG_TEXT("section", setting_table[i].section),
		         LOG_TEXT("key", setting_table[i].key),
		         LOG_TEXT("effect", setting_table[i].reload ? "now" : "after a restart"));
		if (!setting_table[i].reload)
			continue;
		struct config_value swapped = *before;
		*before = *after;
		*after = swapped;
	}
}

static void reload(struct process *process)
{
	struct config *config = read_config(&process->options);
	if (!config) {
		log_line(LOG_ERROR, "reload", LOG_TEXT("result", "refused; nothing was changed"));
		return;
	}
	take_over(process->config, config);
	config_free(config);
	apply_log_level(process->config);
	log_line(LOG_INFO, "reload", LOG_TEXT("result", "done"));
}

/* The service manager waits for READY whatever came of it. */
static void on_reload(void *ctx)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	notify("RELOADING=1\nMONOTONIC_USEC=%lld",
	       (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	reload(ctx);
	notify("READY=1");
}

/* --- the end -------------------------------------------------------------------- */

static void on_stop(void *ctx, bool again)
{
	struct process *process = ctx;
	log_line(LOG_INFO, "stopping", LOG_TEXT("how", again ? "at once" : "draining"));
	boot_stop(process->boot, again);
}

static void on_down(void *ctx, enum boot_exit code)
{
	struct process *process = ctx;
	process->code = code;
	signals_close(&process->signals);
	watchdog_close(&process->watchdog);
}

static bool turns(void *ctx)
{
	return boot_turns(((struct process *)ctx)->boot);
}

/* --- the beginning ----------------------------------------------------------------- */

static void say_ready(const struct server *server)
{
	char text[ADDRESS_TEXT_SIZE];
	printf("prismd " PRISM_VERSION " ready:");
	for (size_t i = 0; i < server_address_count(server); i++) {
		address_format(server_address(server, i), text);
		printf(" %s", text);
		log_line(LOG_INFO, "listening", LOG_TEXT("address", text),
		         LOG_NUMBER("workers", server_workers(server)));
	}
	printf("\n");
	fflush(stdout);
	notify("READY=1\nSTATUS=waiting for the database"); /* until a worker has it */
}

/* Connections are descriptors: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void begin(struct process *process)
{
	char message[BOOT_MESSAGE_SIZE];
	const struct boot_settings settings = {
		.config = process->config, .loop = &process->loop, .down = on_down, .ctx = process};
	process->code = boot_up(&process->boot, &settings, message);
	if (process->code != BOOT_OK) {
		fprintf(stderr, "prismd: %s\n", message);
		return;
	}
	signals_open(
		&process->signals, &process->loop,
		&(struct signal_actions){.stop = on_stop, .reload = on_reload, .ctx = process});
	watchdog_open(&process->watchdog, &process->loop, turns, process);
	say_ready(boot_server(process->boot));
}

static int serve(struct process *process)
{
	process->config = read_config(&process->options);
	if (!process->config)
		return BOOT_CONFIG;
	apply_log_level(process->config);
	raise_descriptor_limit();
	signals_early();
	uv_loop_init(&process->loop);
	begin(process);
	uv_run(&process->loop, UV_RUN_DEFAULT);
	boot_free(process->boot);
	int closed = uv_loop_close(&process->loop);
	assert(closed == 0);
	(void)closed;
	config_free(process->config);
	return process->code;
}

static int check_config(const struct options *options)
{
	struct config *config = read_config(options);
	if (!config)
		return BOOT_CONFIG;
	config_free(config);
	printf("the configuration is good\n");
	return 0;
}

int main(int argc, char **argv)
{
	static struct process process;
	options_parse(&process.options, argc, argv);
	switch (process.options.action) {
	case ACTION_SERVE:
		return serve(&process);
	case ACTION_CHECK_CONFIG:
		return check_config(&process.options);
	case ACTION_PRINT_DEFAULTS:
		config_print_defaults();
		return 0;
	case ACTION_HELP:
		options_print_help();
		return 0;
	case ACTION_VERSION:
		printf("prismd " PRISM_VERSION "\n");
		return 0;
	case ACTION_REFUSE:
		break;
	}
	return BOOT_CONFIG;
}
