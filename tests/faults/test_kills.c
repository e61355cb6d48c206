/* prismd, one backend or the postmaster is killed (SIGKILL) at a random instant under keyed writes:
 * every acknowledged write is there, no key took effect twice, what was said not to be executed was
 * not, and what is unknown is said to be unknown and settled by sending it again.
 *
 * PRISM_KILL_ROUNDS: how many rounds (30); PRISM_KILL_SEED: of the random numbers, which is
 * printed. */
#include "tests/faults/kill_load.h"
#include "tests/support/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ACTOR "00000000-0000-4000-8000-000000000001"

enum {
	ROUNDS_USUAL = 30,
	HARM_CALLS = 60, /* acknowledged before the harm is done, at most */
	HARM_MS = 8,     /* and so much later, at most */
	HEAL_MS = 50,    /* how long the victim stays dead, at most, where we start it again */
};

static struct stack stack;
static struct kill_load load;
static char listen_on[96];
static unsigned random_state;
static struct {
	size_t calls, acknowledged, not_executed, unknown;
} sums;

static const char SEED[] =
	"INSERT INTO users (id, email, username, status) VALUES ('" ACTOR
	"', 'a@example.org', 'actor', 'active');"
	"INSERT INTO organizations (id, name, slug, owner_id) OVERRIDING SYSTEM VALUE VALUES (1, "
	"'One', 'one', '" ACTOR "');"
	"INSERT INTO organization_members (organization_id, user_id, role) VALUES (1, '" ACTOR
	"', 'member');"
	"INSERT INTO projects (id, organization_id, name, key) OVERRIDING SYSTEM VALUE"
	" VALUES (1, 1, 'First', 'FST'), (2, 1, 'Second', 'SND');"
	"INSERT INTO project_counters (project_id, organization_id) VALUES (1, 1), (2, 1);"
	/* What the callers were told, beside what is there. */
	"CREATE TABLE told (id uuid PRIMARY KEY, kind int, status int, outcome int, project bigint,"
	" story bigint, number bigint, version int);";

/* --- victims ------------------------------------------------------------------------------ */

static void serve(void *ctx)
{
	(void)ctx;
	const char *const argv[] = {program_path("prismd"),
	                            "--listen",
	                            listen_on,
	                            "--state-dir",
	                            stack.directory,
	                            "--workers",
	                            "2",
	                            "--database-url",
	                            cluster_conninfo(stack.cluster),
	                            NULL};
	program_start(&stack.prismd, argv, NULL);
}

static void kill_prismd(void *ctx)
{
	(void)ctx;
	program_kill(&stack.prismd);
}

/* One of prismd's that is at work, if there is one: the postmaster ends all the others, and
 * recovers. */
static void kill_backend(void *ctx)
{
	(void)ctx;
	char sql[192];
	long pid = 0;
	snprintf(sql, sizeof(sql),
	         "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'prismd%%'"
	         " ORDER BY state = 'idle', md5(pid || '%d') LIMIT 1",
	         rand_r(&random_state));
	while ((pid = cluster_number(stack.cluster, sql)) == 0)
		usleep(1000);
	cluster_kill_backend(stack.cluster, (int)pid);
}

static void kill_postmaster(void *ctx)
{
	(void)ctx;
	cluster_kill(stack.cluster);
}

static void start_postmaster(void *ctx)
{
	(void)ctx;
	cluster_start(stack.cluster);
}

static void comes_back_alone(void *ctx)
{
	(void)ctx;
}

static const struct {
	const char *name;
	void (*harm)(void *ctx), (*heal)(void *ctx);
} victims[] = {
	{"prismd", kill_prismd, serve},
	{"a backend", kill_backend, comes_back_alone},
	{"the postmaster", kill_postmaster, start_postmaster},
};
enum { VICTIMS = sizeof(victims) / sizeof(victims[0]) };

/* --- what must not be --------------------------------------------------------------------- */

#define ACKNOWLEDGED "t.status = 0"
#define NOT_DONE     "t.status <> 0 AND t.outcome = 0"
#define UPSERTED                                                                \
	"(SELECT left(external_id, 36)::uuid AS id, count(*) AS n FROM stories" \
	" WHERE external_source = 'kills' GROUP BY 1)"

static const struct {
	const char *what, *count;
} violations[] = {
	{"created stories are not there as they were acknowledged",
         "SELECT count(*) FROM told t WHERE kind = 0 AND " ACKNOWLEDGED
         " AND NOT EXISTS (SELECT FROM stories s WHERE s.id = t.story AND s.title = t.id::text"
         " AND s.project_id = t.project AND s.number = t.number)"},
	{"stories were created twice",
         "SELECT count(*) FROM (SELECT FROM stories GROUP BY title HAVING count(*) > 1) s"},
	{"stories were created that were said not to be",
         "SELECT count(*) FROM told t JOIN stories s ON s.title = t.id::text"
         " WHERE kind = 0 AND " NOT_DONE},
	{"projects whose numbers have gaps, or are behind",
         "SELECT count(*) FROM project_counters k JOIN (SELECT project_id, count(*) AS n,"
         " max(number) AS last FROM stories GROUP BY project_id) s USING (project_id)"
         " WHERE s.n <> s.last OR k.next_number <> s.last + 1"},
	{"changes were acknowledged and have left no trace",
         "SELECT count(*) FROM told t WHERE kind = 1 AND " ACKNOWLEDGED
         " AND NOT EXISTS (SELECT FROM activity_log a WHERE a.request_id = t.id"
         " AND a.verb = 'update' AND a.entity_id = t.story::text)"},
	{"changes were made that were said not to be",
         "SELECT count(*) FROM told t JOIN activity_log a ON a.request_id = t.id"
         " WHERE kind = 1 AND " NOT_DONE},
	{"stories are behind a version that was acknowledged",
         "SELECT count(*) FROM told t JOIN stories s ON s.id = t.story"
         " WHERE " ACKNOWLEDGED " AND s.version < t.version"},
	{"stories have not the version that their changes make",
         "SELECT count(*) FROM stories s LEFT JOIN (SELECT entity_id, count(*) AS n FROM"
         " activity_log WHERE verb = 'update' GROUP BY entity_id) a ON a.entity_id = s.id::text"
         " WHERE s.version <> 1 + coalesce(a.n, 0)"},
	{"things happened twice under one request id",
         "SELECT count(*) FROM (SELECT FROM activity_log WHERE request_id IS NOT NULL"
         " GROUP BY request_id HAVING count(*) > 1) a"},
	{"keyed writes were acknowledged without their key, or the key is there without the write",
         "SELECT count(*) FROM (SELECT t.id FROM told t WHERE kind < 2 AND " ACKNOWLEDGED
         ") t FULL JOIN (SELECT k.request_id AS id FROM idempotency_keys k LEFT JOIN told t"
         " ON t.id = k.request_id WHERE t.id IS NULL OR t.outcome <> 1) k USING (id)"
         " WHERE t.id IS NULL OR k.id IS NULL"},
	{"upserts were done by half", "SELECT count(*) FROM " UPSERTED " u WHERE n <> 5"},
	{"upserts were acknowledged and are not there",
         "SELECT count(*) FROM told t LEFT JOIN " UPSERTED
         " u USING (id) WHERE kind = 2 AND " ACKNOWLEDGED " AND u.id IS NULL"},
	{"upserts were done that were said not to be",
         "SELECT count(*) FROM told t JOIN " UPSERTED " u USING (id) WHERE kind = 2 AND " NOT_DONE},
};

static void check(const char *when)
{
	/* Without it PostgreSQL would take the tables for empty, and compare each row with each. */
	cluster_sql(stack.cluster, "ANALYZE told, stories, activity_log, idempotency_keys");
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		long count = cluster_number(stack.cluster, violations[i].count);
		if (count != 0)
			fail_msg("%s: %ld %s", when, count, violations[i].what);
	}
}

/* Writes down what the callers of this round were told. */
static void tell(void)
{
	char *sql = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&sql, &size);
	assert_non_null(text);
	for (size_t i = 0; i < load.count; i++) {
		const struct kill_call *call = &load.calls[i];
		fprintf(text, "%s ('%s', %d, %d, %d, %lld, %lld, %lld, %d)",
		        i ? "," : "INSERT INTO told VALUES", call->id, call->kind, call->status,
		        call->outcome, (long long)call->project, (long long)call->story,
		        (long long)call->number, call->version);
	}
	fputs(" ON CONFLICT (id) DO UPDATE SET status = excluded.status, outcome = "
	      "excluded.outcome,"
	      " story = excluded.story, number = excluded.number, version = excluded.version",
	      text);
	assert_int_equal(fclose(text), 0);
	cluster_sql(stack.cluster, sql);
	free(sql);
}

static bool is_unknown(const struct kill_call *call)
{
	return call->status != PRISM_OK && call->outcome == PRISM_OUTCOME_UNKNOWN;
}

/* Whatever a call left running has ended. */
static void wait_for_quiet(void)
{
	while (cluster_number(stack.cluster,
	                      "SELECT count(*) FROM pg_stat_activity WHERE"
	                      " application_name LIKE 'prismd%' AND state <> 'idle'"))
		usleep(1000);
}

static void count_calls(void)
{
	for (size_t i = 0; i < load.count; i++) {
		const struct kill_call *call = &load.calls[i];
		sums.acknowledged += call->status == PRISM_OK;
		sums.unknown += is_unknown(call);
		sums.not_executed += call->status != PRISM_OK && !is_unknown(call);
	}
	sums.calls += load.count;
}

/* Sent again under its id, each unknown one becomes an acknowledged one. */
static void settle_unknown(void)
{
	for (size_t i = 0; i < load.count; i++)
		if (is_unknown(&load.calls[i]))
			kill_load_repeat(&load, &load.calls[i]);
	for (size_t i = 0; i < load.count; i++)
		assert_false(is_unknown(&load.calls[i]));
}

static unsigned chance(unsigned most)
{
	return (unsigned)rand_r(&random_state) % most;
}

static void play(unsigned number)
{
	char when[80];
	unsigned victim = number % VICTIMS;
	struct kill_instant instant = {chance(HARM_CALLS), chance(HARM_MS), chance(HEAL_MS)};
	snprintf(when, sizeof(when), "round %u, %s killed %u ms after %u answers", number,
	         victims[victim].name, instant.harm_ms, instant.acknowledged);
	load.harm = victims[victim].harm;
	load.heal = victims[victim].heal;
	kill_load_run(&load, &instant);
	wait_for_quiet();
	count_calls();
	tell();
	check(when);
	settle_unknown();
	tell();
	check(when);
}

static unsigned setting(const char *name, unsigned usual)
{
	const char *value = getenv(name);
	return value ? (unsigned)strtoul(value, NULL, 10) : usual;
}

static void what_was_acknowledged_stays(void **state)
{
	(void)state;
	unsigned rounds = setting("PRISM_KILL_ROUNDS", ROUNDS_USUAL);
	for (unsigned i = 0; i < rounds; i++)
		play(i);
	print_message("%u rounds, %zu calls: %zu acknowledged, %zu not executed, %zu unknown, each "
	              "settled when it was sent again\n",
	              rounds, sums.calls, sums.acknowledged, sums.not_executed, sums.unknown);
}

static int set_up(void **state)
{
	(void)state;
	char key[STACK_KEY_SIZE];
	random_state = setting("PRISM_KILL_SEED", (unsigned)time(NULL));
	print_message("PRISM_KILL_SEED=%u\n", random_state);
	stack_open_with(&stack,
	                "fsync = on\nfull_page_writes = on\nrecovery_init_sync_method = syncfs\n");
	cluster_sql(stack.cluster, SEED);
	stack_key(&stack, "act-as-user", 0, key);
	snprintf(listen_on, sizeof(listen_on), "unix:%s/rpc.sock", stack.directory);
	serve(NULL);
	kill_load_open(&load, listen_on, key, ACTOR, &random_state);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kill_load_close(&load);
	stack_stop(&stack);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_acknowledged_stays)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
