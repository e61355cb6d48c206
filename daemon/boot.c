#include "daemon/boot.h"
#include "daemon/activation.h"
#include "daemon/admin/health.h"
#include "daemon/admin/reflection.h"
#include "daemon/auth/auth.h"
#include "daemon/database.h"
#include "daemon/expiry.h"
#include "daemon/interceptors.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/services/document.h"
#include "daemon/services/epic.h"
#include "daemon/services/membership.h"
#include "daemon/services/organization.h"
#include "daemon/services/project.h"
#include "daemon/services/sprint.h"
#include "daemon/services/story.h"
#include "daemon/services/user.h"
#include "db/control.h"
#include "db/startup/state_dir.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	SERVICES_MAX = 16,
	RESERVED_DESCRIPTORS = 64,
	STOP_MARGIN_MS = 15000, /* after a drain, for connections and PostgreSQL to end */
};

struct boot {
	struct boot_settings settings;
	char state_dir[STATE_PATH_SIZE];
	struct keyring *keyring;
	struct database *database;
	struct control *control;
	struct server *server;
	struct activation activation;
	struct service services[SERVICES_MAX];
	size_t service_count;
	struct pool_settings pool;
	atomic_bool checked;       /* the schema, once for all pools */
	atomic_bool mismatched;    /* a worker found that the schema is not ours */
	atomic_uint with_database; /* workers */
	uv_async_t reported;       /* one of these changed */
	struct expiry expiry;      /* of the first worker */
	bool watching;
	enum boot_exit code; /* how the process will end */
	bool stopping;
};

const struct server *boot_server(const struct boot *boot)
{
	return boot->server;
}

/* --- what workers report --------------------------------------------------------- */

static void on_transport_note(void *ctx, const struct peer *peer, const char *message)
{
	(void)ctx;
	log_limited(LOG_WARN, "connection", LOG_TEXT("peer", peer ? peer->address : "-"),
	            LOG_TEXT("note", message));
}

static void on_pool_note(void *ctx, const char *message)
{
	(void)ctx;
	log_limited(LOG_WARN, "database", LOG_TEXT("note", message));
}

/* On a worker's thread. */
static void on_pool_changed(void *ctx, bool available)
{
	struct boot *boot = ctx;
	log_line(LOG_INFO, "database", LOG_TEXT("state", available ? "available" : "lost"));
	if (available)
		atomic_fetch_add(&boot->with_database, 1);
	else
		atomic_fetch_sub(&boot->with_database, 1);
	uv_async_send(&boot->reported);
}

/* On a worker's thread. */
static void on_pool_mismatch(void *ctx, const char *message)
{
	struct boot *boot = ctx;
	log_line(LOG_ERROR, "schema_mismatch", LOG_TEXT("message", message));
	atomic_store(&boot->mismatched, true);
	uv_async_send(&boot->reported);
}

static bool open_parts(struct rpc *rpc, void *ctx, char message[SERVER_MESSAGE_SIZE])
{
	struct boot *boot = ctx;
	if (!boot->expiry.rpc)
		expiry_open(&boot->expiry, rpc);
	if (auth_new(&rpc->auth, rpc->pool, boot->keyring) && health_new(&rpc->health, rpc->router))
		return true;
	snprintf(message, SERVER_MESSAGE_SIZE, "no memory for the credential cache and health");
	return false;
}

static void close_parts(struct rpc *rpc, void *ctx)
{
	struct boot *boot = ctx;
	if (boot->expiry.rpc == rpc)
		expiry_close(&boot->expiry);
	health_free(rpc->health);
	rpc->health = NULL;
	auth_free(rpc->auth);
	rpc->auth = NULL;
}

/* Every service needs the database. */
static void on_database(struct rpc *rpc, void *ctx, bool available)
{
	(void)ctx;
	if (rpc->health)
		health_set(rpc->health, NULL, available ? HEALTH_SERVING : HEALTH_NOT_SERVING);
}

static void on_drain(struct rpc *rpc, void *ctx)
{
	(void)ctx;
	if (rpc->health)
		health_drain(rpc->health);
}

/* --- the way back ------------------------------------------------------------------- */

/* Whoever is told may free boot: its handle has left the loop. */
static void tell_down(struct boot *boot)
{
	if (boot->settings.down)
		boot->settings.down(boot->settings.ctx, boot->code);
}

static void on_watch_closed(uv_handle_t *handle)
{
	tell_down(handle->data);
}

static void on_control_closed(void *ctx)
{
	struct boot *boot = ctx;
	boot->control = NULL;
	database_close(boot->database);
	boot->database = NULL;
	keyring_close(boot->keyring);
	boot->keyring = NULL;
	if (boot->watching)
		uv_close((uv_handle_t *)&boot->reported, on_watch_closed);
	else
		tell_down(boot);
}

static void undo(struct boot *boot)
{
	if (boot->server)
		server_free(boot->server);
	boot->server = NULL;
	if (boot->control)
		control_close(boot->control, on_control_closed, boot);
	else
		on_control_closed(boot);
}

static void on_server_stopped(void *ctx)
{
	undo(ctx);
}

/* A service manager that would kill us before the drain is over is asked for more time. */
void boot_stop(struct boot *boot, bool at_once)
{
	uint32_t patience_ms =
		at_once ? 0 : config_u32(boot->settings.config, SETTING_DRAIN_TIMEOUT);
	boot->stopping = true;
	notify("STOPPING=1\nSTATUS=%s\nEXTEND_TIMEOUT_USEC=%llu",
	       at_once ? "stopping at once" : "draining",
	       (patience_ms + 1ULL * STOP_MARGIN_MS) * 1000);
	if (!boot->server)
		return;
	if (at_once)
		server_abort(boot->server);
	else
		server_drain(boot->server, patience_ms);
}

bool boot_turns(struct boot *boot)
{
	return !boot->server || server_turns(boot->server);
}

static void stop_for(struct boot *boot, enum boot_exit code)
{
	if (boot->stopping)
		return;
	boot->code = code;
	boot_stop(boot, false);
}

static void on_reported(uv_async_t *async)
{
	struct boot *boot = async->data;
	if (atomic_load(&boot->mismatched))
		stop_for(boot, BOOT_CONFIG);
	if (!boot->stopping)
		notify("STATUS=%s", atomic_load(&boot->with_database) > 0
		                            ? "serving"
		                            : "waiting for the database");
}

static void on_database_found(void *ctx, enum database_state state, const char *message)
{
	if (state == DATABASE_USABLE)
		return;
	log_line(LOG_ERROR, "database_unfit", LOG_TEXT("message", message));
	stop_for(ctx, BOOT_CONFIG);
}

/* --- the way up ------------------------------------------------------------------------ */

/* First of all: what we start must not inherit them. */
static enum boot_exit take_sockets(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	char fault[SERVER_MESSAGE_SIZE], refusal[CONFIG_REFUSAL_SIZE];
	struct address open;
	if (!activation_take(&boot->activation, fault)) {
		snprintf(message, BOOT_MESSAGE_SIZE, "%s", fault);
		return BOOT_CONFIG;
	}
	if (!activation_find_open(&boot->activation, &open) ||
	    !config_refuses(boot->settings.config, &open, "LISTEN_FDS", refusal))
		return BOOT_OK;
	snprintf(message, BOOT_MESSAGE_SIZE, "%s", refusal);
	return BOOT_CONFIG;
}

static enum boot_exit find_state_dir(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	const char *given = config_text(boot->settings.config, SETTING_STATE_DIR);
	if (given[0] == '\0' && !state_dir_default(boot->state_dir, sizeof(boot->state_dir))) {
		snprintf(message, BOOT_MESSAGE_SIZE,
		         "no state directory: HOME is not set; give --state-dir DIR");
		return BOOT_CONFIG;
	}
	if (given[0] != '\0')
		snprintf(boot->state_dir, sizeof(boot->state_dir), "%s", given);
	return state_dir_make(boot->state_dir, message, BOOT_MESSAGE_SIZE) ? BOOT_OK : BOOT_CONFIG;
}

static enum boot_exit open_keyring(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	char fault[KEYRING_MESSAGE_SIZE];
	if (keyring_open(&boot->keyring, boot->state_dir, fault))
		return BOOT_OK;
	snprintf(message, BOOT_MESSAGE_SIZE, "%s", fault);
	return BOOT_CONFIG;
}

static enum boot_exit open_database(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	const struct database_settings settings = {
		.config = boot->settings.config,
		.state_dir = boot->state_dir,
		.keyring = boot->keyring,
		.loop = boot->settings.loop,
		.found = on_database_found,
		.ctx = boot,
	};
	char fault[DATABASE_MESSAGE_SIZE];
	if (database_open(&boot->database, &settings, fault) == DATABASE_UNFIT) {
		snprintf(message, BOOT_MESSAGE_SIZE, "%s", fault);
		bool configured =
			config_text(boot->settings.config, SETTING_DATABASE_URL)[0] != '\0';
		return configured ? BOOT_CONFIG : BOOT_FAILED;
	}
	if (control_open(&boot->control, boot->settings.loop, database_conninfo(boot->database)) ==
	    STATUS_OK)
		return BOOT_OK;
	snprintf(message, BOOT_MESSAGE_SIZE, "%s: not a connection string that libpq takes",
	         "database.url");
	return BOOT_CONFIG;
}

/* Of each worker: a third of its connections read, the others write, since writes wait for the
 * disk. */
static struct pool_settings pool_settings_of(struct boot *boot)
{
	const struct config *config = boot->settings.config;
	uint32_t share = (config_pool_size(config) - 2) / config_workers(config);
	uint32_t reading = share / 3 ? share / 3 : 1;
	return (struct pool_settings){
		.conninfo = database_conninfo(boot->database),
		.read_connections = reading,
		.write_connections = share - reading,
		.queue_timeout_ms = config_u32(config, SETTING_POOL_TIMEOUT),
		.read_timeout_ms = config_u32(config, SETTING_READ_TIMEOUT),
		.write_timeout_ms = config_u32(config, SETTING_WRITE_TIMEOUT),
		.control = boot->control,
		.checked = &boot->checked,
		.mismatch = on_pool_mismatch,
		.changed = on_pool_changed,
		.note = on_pool_note,
		.ctx = boot,
	};
}

/* A connection is a descriptor; the pool, the loops and the log need some too. */
static uint32_t connection_limit_of(const struct config *config)
{
	uint32_t wanted = config_u32(config, SETTING_CONNECTIONS);
	uint32_t workers = config_workers(config);
	rlim_t reserved = config_pool_size(config) + RESERVED_DESCRIPTORS +
	                  (16 + LIMIT_REFUSED_CONNECTIONS) * (rlim_t)workers;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	rlim_t left = limit.rlim_cur > reserved ? (limit.rlim_cur - reserved) / workers : 1;
	if (left >= wanted)
		return wanted;
	log_line(LOG_INFO, "connections_limited", LOG_NUMBER("per_worker", left),
	         LOG_NUMBER("wanted", wanted), LOG_NUMBER("descriptors", limit.rlim_cur),
	         LOG_TEXT("raise", "LimitNOFILE, or ulimit -n"));
	return left > 0 ? (uint32_t)left : 1;
}

static struct transport_settings transport_settings_of(const struct boot *boot)
{
	const struct config *config = boot->settings.config;
	struct transport_settings settings = {
		.agent = "prismd/" PRISM_VERSION,
		.connection_limit = connection_limit_of(config),
		.preface_ms = config_u32(config, SETTING_PREFACE_TIMEOUT),
		.write_stall_ms = config_u32(config, SETTING_WRITE_STALL),
		.keepalive_ms = config_u32(config, SETTING_KEEPALIVE),
		.pong_ms = config_u32(config, SETTING_KEEPALIVE_TIMEOUT),
		.idle_ms = config_u32(config, SETTING_CONNECTION_IDLE),
		.age_ms = config_u32(config, SETTING_CONNECTION_AGE),
		.grace_ms = config_u32(config, SETTING_CONNECTION_GRACE),
		.note = on_transport_note,
	};
	randombytes_buf(&settings.boot_id, sizeof(settings.boot_id));
	randombytes_buf(&settings.seed, sizeof(settings.seed));
	return settings;
}

static struct listen_options listen_options_of(const struct config *config)
{
	static const mode_t modes[] = {0600, 0660, 0666}; /* UNIX_MODE's words */
	return (struct listen_options){
		.keepalive_ms = config_u32(config, SETTING_TCP_KEEPALIVE),
		.user_timeout_ms = config_u32(config, SETTING_TCP_USER_TIMEOUT),
		.unix_mode = modes[config_number(config, SETTING_UNIX_MODE)],
	};
}

static enum boot_exit start_server(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	const struct config *config = boot->settings.config;
	struct address addresses[SERVER_ADDRESSES_MAX];
	boot->pool = pool_settings_of(boot);
	struct server_settings settings = {
		.sockets = boot->activation.sockets,
		.socket_count = boot->activation.count,
		.listen = listen_options_of(config),
		.workers = config_workers(config),
		.transport = transport_settings_of(boot),
		.services = boot->services,
		.service_count = boot->service_count,
		.interceptors = server_interceptors,
		.pool = &boot->pool,
		.parts = {.open = open_parts,
	                  .close = close_parts,
	                  .database = on_database,
	                  .drain = on_drain,
	                  .ctx = boot},
		.stopped = on_server_stopped,
		.ctx = boot,
	};
	char fault[SERVER_MESSAGE_SIZE];
	if (settings.socket_count == 0) {
		settings.addresses = addresses;
		settings.address_count = config_addresses(config, addresses, SERVER_ADDRESSES_MAX);
	}
	if (server_start(&boot->server, boot->settings.loop, &settings, fault))
		return BOOT_OK;
	snprintf(message, BOOT_MESSAGE_SIZE, "%s", fault);
	return BOOT_FAILED;
}

static void list_services(struct boot *boot)
{
	const struct service all[] = {
		health_service(),           user_service(),
		organization_service(),     membership_service(),
		project_service(),          epic_service(),
		sprint_service(),           story_service(),
		document_service(),         reflection_service(),
		reflection_alpha_service(),
	};
	boot->service_count = sizeof(all) / sizeof(*all);
	static_assert(sizeof(all) / sizeof(*all) <= SERVICES_MAX, "room for every service");
	memcpy(boot->services, all, sizeof(all));
}

static enum boot_exit watch(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	boot->watching = uv_async_init(boot->settings.loop, &boot->reported, on_reported) == 0;
	boot->reported.data = boot;
	if (boot->watching && sodium_init() >= 0)
		return BOOT_OK;
	snprintf(message, BOOT_MESSAGE_SIZE, "cannot make the main loop");
	return BOOT_FAILED;
}

static enum boot_exit step_up(struct boot *boot, char message[BOOT_MESSAGE_SIZE])
{
	static enum boot_exit (*const steps[])(struct boot *, char[BOOT_MESSAGE_SIZE]) = {
		watch, take_sockets, find_state_dir, open_keyring, open_database, start_server,
	};
	list_services(boot);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		enum boot_exit code = steps[i](boot, message);
		if (code != BOOT_OK)
			return code;
	}
	return BOOT_OK;
}

/* A boot that failed half-way is freed once its control connection is closed. */
static void on_undone(void *ctx, enum boot_exit code)
{
	(void)code;
	boot_free(ctx);
}

enum boot_exit boot_up(struct boot **out, const struct boot_settings *settings,
                       char message[BOOT_MESSAGE_SIZE])
{
	struct boot *boot = calloc(1, sizeof(*boot));
	if (!boot) {
		snprintf(message, BOOT_MESSAGE_SIZE, "no memory");
		return BOOT_FAILED;
	}
	boot->settings = *settings;
	enum boot_exit code = step_up(boot, message);
	if (code == BOOT_OK) {
		*out = boot;
		return BOOT_OK;
	}
	boot->settings.down = on_undone;
	boot->settings.ctx = boot;
	undo(boot);
	return code;
}

void boot_free(struct boot *boot)
{
	free(boot);
}
