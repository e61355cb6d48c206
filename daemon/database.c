#include "daemon/database.h"
#include "daemon/log.h"
#include "daemon/upgrade.h"
#include "db/embedded.h"
#include "db/keys/bootstrap.h"
#include "db/migrate/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_LOOK_MS = 2000, LOOK_AGAIN_MS = 1000, REVIVE_EVERY_MS = 500 };

static const char PROGRAM[] = "prismd";

struct database {
	struct database_settings settings;
	struct embedded *embedded; /* NULL: the configured one */
	uv_timer_t revival;        /* looks after the private one, on the main loop */
	bool reviving;
	/* the thread that looks at the configured one */
	uv_thread_t watcher;
	uv_mutex_t lock;
	uv_cond_t changed;
	uv_async_t told; /* on the main loop */
	bool watching;   /* `told` is on the loop */
	bool looking;    /* the thread runs, or ran */
	/* under `lock` */
	bool stop, looked, announced;
	enum database_state state;
	char message[DATABASE_MESSAGE_SIZE];
};

const char *database_conninfo(const struct database *database)
{
	return database->embedded ? embedded_conninfo(database->embedded)
	                          : config_text(database->settings.config, SETTING_DATABASE_URL);
}

static struct migrate_settings migrate_settings_of(const struct database *database)
{
	return (struct migrate_settings){
		.conninfo = database_conninfo(database),
		.program = PROGRAM,
		.lock_wait_ms = MIGRATE_LOCK_WAIT_MS,
	};
}

static bool record_bootstrap_key(const struct database *database,
                                 char message[DATABASE_MESSAGE_SIZE])
{
	char fault[KEYRING_MESSAGE_SIZE];
	if (bootstrap_key(database_conninfo(database), database->settings.keyring,
	                  database->settings.state_dir, fault))
		return true;
	snprintf(message, DATABASE_MESSAGE_SIZE, "%s", fault);
	return false;
}

/* --- the private one -------------------------------------------------------- */

/* The kernel's out-of-memory killer, or somebody, may take PostgreSQL from under us. */
static void on_revival(uv_timer_t *timer)
{
	struct database *database = timer->data;
	char fault[EMBEDDED_MESSAGE_SIZE];
	bool restarted;
	if (!embedded_revive(database->embedded, &restarted, fault))
		log_limited(LOG_ERROR, "postgresql_gone", LOG_TEXT("why", fault));
	else if (restarted)
		log_line(LOG_WARN, "postgresql_restarted",
		         LOG_NUMBER("pid", embedded_pid(database->embedded)));
}

static void look_after(struct database *database)
{
	uv_timer_init(database->settings.loop, &database->revival);
	database->revival.data = database;
	uv_timer_start(&database->revival, on_revival, REVIVE_EVERY_MS, REVIVE_EVERY_MS);
	uv_unref((uv_handle_t *)&database->revival);
	database->reviving = true;
}

static enum database_state open_private(struct database *database,
                                        char message[DATABASE_MESSAGE_SIZE])
{
	char fault[EMBEDDED_MESSAGE_SIZE];
	const struct database_settings *settings = &database->settings;
	/* beside the pool: prism-db, backups, people */
	uint32_t connections = config_pool_size(settings->config) + 20;
	log_line(LOG_INFO, "postgresql_starting", LOG_TEXT("state_dir", settings->state_dir));
	if (!embedded_start_for(&database->embedded, settings->state_dir, connections, fault)) {
		snprintf(message, DATABASE_MESSAGE_SIZE, "%s", fault);
		return DATABASE_UNFIT;
	}
	look_after(database);
	log_line(LOG_INFO, "postgresql_started",
	         LOG_NUMBER("pid", embedded_pid(database->embedded)),
	         LOG_TEXT("conninfo", embedded_conninfo(database->embedded)));
	return upgrade_private(database_conninfo(database), settings->state_dir, message,
	                       DATABASE_MESSAGE_SIZE) &&
	                       record_bootstrap_key(database, message)
	               ? DATABASE_USABLE
	               : DATABASE_UNFIT;
}

/* --- the configured one ------------------------------------------------------- */

static enum database_state look(const struct database *database,
                                char message[DATABASE_MESSAGE_SIZE])
{
	struct migrate_settings settings = migrate_settings_of(database);
	char fault[MIGRATE_MESSAGE_SIZE];
	enum migrate_fit fit;
	enum migrate_status status = migrate_check(&settings, &fit, fault);
	if (status == MIGRATE_OK && fit == MIGRATE_FITS)
		return record_bootstrap_key(database, message) ? DATABASE_USABLE : DATABASE_AWAITED;
	snprintf(message, DATABASE_MESSAGE_SIZE, "%s", fault);
	return status == MIGRATE_OK || status == MIGRATE_MISMATCH ? DATABASE_UNFIT
	                                                          : DATABASE_AWAITED;
}

/* What one look found; true: no further look is needed. */
static bool publish(struct database *database, enum database_state state, const char *message)
{
	database->looked = true;
	database->state = state;
	snprintf(database->message, sizeof(database->message), "%s", message);
	uv_cond_broadcast(&database->changed);
	if (database->announced && state != DATABASE_AWAITED)
		uv_async_send(&database->told);
	return state != DATABASE_AWAITED;
}

static void watcher_main(void *arg)
{
	struct database *database = arg;
	char message[DATABASE_MESSAGE_SIZE] = "";
	uv_mutex_lock(&database->lock);
	while (!database->stop) {
		uv_mutex_unlock(&database->lock);
		enum database_state state = look(database, message);
		if (state == DATABASE_AWAITED)
			log_limited(LOG_WARN, "database_awaited", LOG_TEXT("why", message));
		uv_mutex_lock(&database->lock);
		if (publish(database, state, message))
			break;
		uv_cond_timedwait(&database->changed, &database->lock,
		                  LOOK_AGAIN_MS * UINT64_C(1000000));
	}
	uv_mutex_unlock(&database->lock);
}

static void on_told(uv_async_t *async)
{
	struct database *database = async->data;
	uv_mutex_lock(&database->lock);
	enum database_state state = database->state;
	uv_mutex_unlock(&database->lock);
	if (state != DATABASE_AWAITED)
		database->settings.found(database->settings.ctx, state, database->message);
}

static bool watch(struct database *database)
{
	if (uv_mutex_init(&database->lock) != 0 || uv_cond_init(&database->changed) != 0 ||
	    uv_async_init(database->settings.loop, &database->told, on_told) != 0)
		return false;
	database->told.data = database;
	uv_unref((uv_handle_t *)&database->told);
	database->watching = true;
	database->looking = uv_thread_create(&database->watcher, watcher_main, database) == 0;
	return database->looking;
}

static enum database_state open_configured(struct database *database,
                                           char message[DATABASE_MESSAGE_SIZE])
{
	if (!watch(database)) {
		snprintf(message, DATABASE_MESSAGE_SIZE, "cannot start a thread");
		return DATABASE_UNFIT;
	}
	uint64_t until_ns = uv_hrtime() + FIRST_LOOK_MS * UINT64_C(1000000);
	uv_mutex_lock(&database->lock);
	for (uint64_t now; !database->looked && (now = uv_hrtime()) < until_ns;)
		uv_cond_timedwait(&database->changed, &database->lock, until_ns - now);
	enum database_state state = database->looked ? database->state : DATABASE_AWAITED;
	database->announced = state == DATABASE_AWAITED;
	snprintf(message, DATABASE_MESSAGE_SIZE, "%s", database->message);
	uv_mutex_unlock(&database->lock);
	return state;
}

/* --- its life --------------------------------------------------------------------- */

enum database_state database_open(struct database **out, const struct database_settings *settings,
                                  char message[DATABASE_MESSAGE_SIZE])
{
	struct database *database = calloc(1, sizeof(*database));
	*out = NULL;
	if (!database) {
		snprintf(message, DATABASE_MESSAGE_SIZE, "no memory");
		return DATABASE_UNFIT;
	}
	database->settings = *settings;
	upgrade_log_served();
	bool configured = config_text(settings->config, SETTING_DATABASE_URL)[0] != '\0';
	enum database_state state =
		configured ? open_configured(database, message) : open_private(database, message);
	if (state == DATABASE_UNFIT)
		database_close(database);
	else
		*out = database;
	return state;
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct database *database = handle->data;
	uv_cond_destroy(&database->changed);
	uv_mutex_destroy(&database->lock);
	free(database);
}

static void on_revival_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void stop_watching(struct database *database)
{
	uv_mutex_lock(&database->lock);
	database->stop = true;
	uv_cond_broadcast(&database->changed);
	uv_mutex_unlock(&database->lock);
	if (database->looking)
		uv_thread_join(&database->watcher);
	uv_close((uv_handle_t *)&database->told, on_watch_closed);
}

void database_close(struct database *database)
{
	if (!database)
		return;
	embedded_stop(database->embedded);
	if (database->watching)
		stop_watching(database);
	else if (database->reviving)
		uv_close((uv_handle_t *)&database->revival, on_revival_closed);
	else
		free(database);
}
