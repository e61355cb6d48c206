/* prismd.service under a real systemd, in a machine of its own (tests/product/machine): started,
 * shut in, reloaded, misconfigured, hung, stopped, backed up by the clock. Skipped where that is
 * not possible: it takes root and namespaces. */
#include "tests/support/cluster.h"
#include "tests/support/program.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, COMMAND_SIZE = 1024, TRIES = 600, TRY_MS = 100 };

#define MACHINE PRISM_SOURCE_DIR "/tests/product/machine"
#define SCRIPT  "SYSTEMD_COLORS=0; SYSTEMD_PAGER=; export SYSTEMD_COLORS SYSTEMD_PAGER; set -e\n"

static char directory[64], text[PROGRAM_TEXT];
static struct cluster *cluster;
static struct program machine;
static char inside[16]; /* the machine's first process, as we see it */

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = TRY_MS * 1000000}, NULL);
}

/* A command line of sh in the machine; its output is in `text`. */
static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *format, ...)
{
	char command[COMMAND_SIZE] = SCRIPT;
	size_t len = strlen(command);
	va_list args;
	va_start(args, format);
	vsnprintf(command + len, sizeof(command) - len, format, args);
	va_end(args);
	const char *const argv[] = {
		"/usr/bin/nsenter", "--target", inside,  "-m", "-u", "-i", "-p", "-C",
		"/bin/sh",          "-c",       command, NULL};
	return program_run(argv, NULL, text);
}

static void succeeds(const char *command)
{
	int code = run("%s", command);
	if (code != 0)
		fail_msg("%s: exit code %d\n%s", command, code, text);
}

/* Waits until a property of prismd.service has this value. */
static void expect(const char *property, const char *value)
{
	char wanted[128];
	snprintf(wanted, sizeof(wanted), "%s\n", value);
	for (int i = 0; i < TRIES; i++) {
		run("systemctl show prismd -p %s --value", property);
		if (strcmp(text, wanted) == 0)
			return;
		wait_a_little();
	}
	run("systemctl status prismd; journalctl -u prismd -o cat");
	fail_msg("%s is not %s:\n%s", property, value, text);
}

static void expect_journal(const char *part)
{
	for (int i = 0; i < TRIES; i++) {
		run("journalctl -u prismd -o cat");
		if (strstr(text, part))
			return;
		wait_a_little();
	}
	fail_msg("'%s' is not in:\n%s", part, text);
}

/* --- the machine ------------------------------------------------------------------------------ */

/* `machine` is unshare; the first process of its namespace is its child. */
static void find_first_process(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)machine.pid,
	         (int)machine.pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%15s", inside), 1);
	fclose(file);
}

static void boot(void)
{
	char place[128];
	snprintf(place, sizeof(place), "%s/machine", directory);
	const char *const make[] = {"/bin/mkdir", place, NULL};
	assert_int_equal(program_run(make, NULL, text), 0);
	program_start(&machine, (const char *const[]){MACHINE, place, PRISM_BUILD_DIR, NULL}, NULL);
	find_first_process();
	for (int i = 0; run("systemctl is-active machine.target") != 0; i++) {
		assert_true(i < TRIES);
		wait_a_little();
	}
}

/* A database on this machine, which wants a password. The sanitizers' leak check needs ptrace,
 * which the sandbox forbids. */
static void configure(void)
{
	char port[16];
	snprintf(port, sizeof(port), "%d", cluster_port(cluster));
	cluster_sql(cluster, "ALTER ROLE postgres PASSWORD 'secret'");
	cluster_hba(cluster, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
	succeeds("systemd-sysusers && systemd-tmpfiles --create prism.conf");
	assert_int_equal(run("cat > /etc/prism/prismd.env <<END\n"
	                     "DATABASE_URL=postgresql://postgres@127.0.0.1:%s/postgres\n"
	                     "PRISMD_SERVER_LISTEN=127.0.0.1:0\n"
	                     "ASAN_OPTIONS=detect_leaks=0\nEND\n"
	                     "umask 077; echo '127.0.0.1:%s:*:postgres:secret' > /etc/prism/pgpass",
	                     port, port),
	                 0);
	succeeds("mkdir /etc/systemd/system/prismd.service.d\n"
	         "printf '[Service]\\nWatchdogSec=3s\\n' "
	         "> /etc/systemd/system/prismd.service.d/test.conf\n"
	         "systemctl daemon-reload");
}

static int set_up(void **state)
{
	(void)state;
	cluster = cluster_new(NULL);
	const char *const upgrade[] = {program_path("prism-db"),
	                               "--database-url",
	                               cluster_conninfo(cluster),
	                               "upgrade",
	                               "head",
	                               NULL};
	assert_int_equal(program_run(upgrade, NULL, text), 0);
	boot();
	configure();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	program_kill(&machine);
	cluster_free(cluster);
	directory_remove(directory);
	return 0;
}

static int start(void **state)
{
	(void)state;
	succeeds("systemctl start prismd");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	succeeds("systemctl stop prismd");
	expect("ActiveState", "inactive");
	expect("Result", "success");
	return 0;
}

/* --- the unit ----------------------------------------------------------------------------------
 */

static void test_it_serves(void **state)
{
	(void)state;
	expect("ActiveState", "active");
	expect("StatusText", "serving"); /* so the password was found */
	succeeds("address=$(journalctl -u prismd -o cat | sed -n 's/.* ready: //p' | tail -n 1)\n"
	         "ASAN_OPTIONS=detect_leaks=0 prismctl -a $address health");
	assert_non_null(strstr(text, "SERVING"));
}

static void test_it_is_shut_in(void **state)
{
	(void)state;
	succeeds("cat /proc/$(systemctl show prismd -p MainPID --value)/status");
	assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(text, "Seccomp:\t2\n"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000\n"));
	assert_null(strstr(text, "Uid:\t0\t"));
	succeeds("stat -c '%a %U %n' /var/lib/prism /var/lib/prism/keyring");
	assert_string_equal(text, "700 prism /var/lib/prism\n600 prism /var/lib/prism/keyring\n");
}

/* An operator's key is made with the daemon's keyring, whoever makes it. */
static void test_keys_are_made_beside_it(void **state)
{
	(void)state;
	succeeds("set -a; . /etc/prism/prismd.env\n"
	         "PGPASSFILE=/etc/prism/pgpass PRISM_KEY_FILE=/run/test.key\n"
	         "prism-db create-key --name test --scope system > $PRISM_KEY_FILE\n"
	         "address=$(journalctl -u prismd -o cat | sed -n 's/.* ready: //p' | tail -n 1)\n"
	         "prismctl -a $address call OrganizationService/GetOrganizationBySlug "
	         "'{\"slug\": \"nobody\"}' || true");
	assert_non_null(strstr(text, "NOT_FOUND"));
}

static void test_reload(void **state)
{
	(void)state;
	succeeds("printf '[log]\\nlevel = debug\\n' > /etc/prism/prismd.conf\n"
	         "systemctl reload prismd");
	expect_journal("event=reload result=done");
	expect("ActiveState", "active");
	/* A mistake is told to whoever asked, and changes nothing. */
	succeeds("printf '[log]\\nlevel = loud\\n' > /etc/prism/prismd.conf");
	assert_int_not_equal(run("systemctl reload prismd"), 0);
	expect_journal("/etc/prism/prismd.conf:2: [log] level: 'loud' is not one of");
	expect("ActiveState", "active");
	succeeds(": > /etc/prism/prismd.conf");
}

static void test_a_wrong_configuration_is_not_tried_again(void **state)
{
	(void)state;
	succeeds("printf '[server]\\nworkers = many\\n' > /etc/prism/prismd.conf");
	assert_int_not_equal(run("systemctl start prismd"), 0);
	expect("ActiveState", "failed");
	expect("ExecMainStatus", "78");
	expect("NRestarts", "0");
	succeeds(": > /etc/prism/prismd.conf\nsystemctl reset-failed prismd");
}

static void test_one_that_hangs_is_started_again(void **state)
{
	(void)state;
	expect("StatusText", "serving");
	succeeds("kill -STOP $(systemctl show prismd -p MainPID --value)");
	succeeds("timeout 60 sh -c 'until [ $(systemctl show prismd -p NRestarts --value) -gt 0 ]; "
	         "do sleep 0.1; done'");
	expect("StatusText", "serving");
}

/* systemd keeps the socket: who connects while the daemon is not there starts it, and is
 * served when it is. */
static void test_its_socket(void **state)
{
	(void)state;
	succeeds("mkdir -p /etc/systemd/system/prismd.socket.d\n"
	         "printf '[Socket]\\nListenStream=\\nListenStream=/run/prism-test.sock\\n' "
	         "> /etc/systemd/system/prismd.socket.d/test.conf\n"
	         "systemctl daemon-reload && systemctl start prismd.socket");
	for (int i = 0; i < 3; i++) {
		expect("ActiveState", "inactive");
		succeeds("ASAN_OPTIONS=detect_leaks=0 prismctl -a unix:/run/prism-test.sock ping");
		expect("ActiveState", "active");
		succeeds("systemctl stop prismd");
	}
	succeeds("systemctl stop prismd.socket prismd\n"
	         "rm -r /etc/systemd/system/prismd.socket.d && systemctl daemon-reload");
}

static void test_backup(void **state)
{
	(void)state;
	succeeds("systemctl start prism-backup");
	succeeds("ls /var/lib/prism/backups");
	assert_non_null(strstr(text, ".dump.manifest.json"));
}

/* Waits until a command line succeeds. */
static void until(const char *command)
{
	for (int i = 0; run("%s", command) != 0; i++) {
		if (i == TRIES) {
			run("systemctl status prism-backup.timer prism-backup; "
			    "journalctl -u prism-backup -o cat");
			fail_msg("never: %s\n%s", command, text);
		}
		wait_a_little();
	}
}

#define BACKUPS  "ls /var/lib/prism/backups/*.dump | wc -l"
#define FINISHED "journalctl -u prism-backup -o cat | grep 'backed up and verified' | wc -l"

/* The shipped timer, with another time of day. */
static void set_timer(const char *calendar, int keep)
{
	assert_int_equal(run("mkdir -p /etc/systemd/system/prism-backup.timer.d "
	                     "/etc/systemd/system/prism-backup.service.d\n"
	                     "printf '[Timer]\\nOnCalendar=\\nOnCalendar=%s\\nAccuracySec=100ms\\n"
	                     "RandomizedDelaySec=0\\n' > "
	                     "/etc/systemd/system/prism-backup.timer.d/test.conf\n"
	                     "printf '[Service]\\nEnvironment=PRISM_BACKUP_KEEP=%d\\n' > "
	                     "/etc/systemd/system/prism-backup.service.d/test.conf\n"
	                     "systemctl daemon-reload",
	                     calendar, keep),
	                 0);
}

/* By itself, again and again, and the newest ones are kept. */
static void test_the_timer_makes_backups(void **state)
{
	(void)state;
	succeeds("systemctl enable prism-backup.timer\n"
	         "test -L /etc/systemd/system/timers.target.wants/prism-backup.timer");
	set_timer("*-*-* *:*:00/2", 2);
	succeeds("before=$(" FINISHED "); echo $((before + 4)) > /run/wanted\n"
	         "systemctl start prism-backup.timer");
	until("test $(" FINISHED ") -ge $(cat /run/wanted)");
	succeeds("systemctl stop prism-backup.timer");
	until("test $(systemctl show prism-backup -p ActiveState --value) = inactive");
	succeeds("systemctl show prism-backup -p Result --value; " BACKUPS);
	assert_string_equal(text, "success\n2\n");
	succeeds("ls /var/lib/prism/backups/ | grep -vE '\\.dump(\\.manifest\\.json)?$' | wc -l");
	assert_string_equal(text, "0\n");
}

/* One that fell due while the machine was off is made up for at its start; nothing is if none did.
 */
static void test_a_missed_backup_is_made_up_for(void **state)
{
	(void)state;
	static const char stamp[] = "/var/lib/systemd/timers/stamp-prism-backup.timer";
	set_timer("*-01-01 02:30", 2);
	assert_int_equal(run("touch %s && " FINISHED " > /run/before\n"
	                     "systemctl start prism-backup.timer\n"
	                     "systemctl show prism-backup.timer -p NextElapseUSecRealtime --value",
	                     stamp),
	                 0);
	assert_non_null(strstr(text, "-01-01 02:30"));
	succeeds("systemctl stop prism-backup.timer\n"
	         "test $(" FINISHED ") = $(cat /run/before)");
	assert_int_equal(
		run("touch -d '2 years ago' %s && systemctl start prism-backup.timer", stamp), 0);
	until("test $(" FINISHED ") = $(($(cat /run/before) + 1))");
	succeeds("systemctl stop prism-backup.timer");
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	directory_make(directory);
	if (geteuid() != 0 || access("/lib/systemd/systemd", X_OK) != 0 ||
	    program_run((const char *const[]){MACHINE, "--possible", directory, NULL}, NULL,
	                text) != 0) {
		printf("no machine of our own to be had (root, namespaces, systemd): skipped\n%s",
		       text);
		directory_remove(directory);
		return SKIPPED;
	}
	const struct CMUnitTest tests[] = {
		SERVED(test_it_serves),
		SERVED(test_it_is_shut_in),
		SERVED(test_keys_are_made_beside_it),
		SERVED(test_reload),
		cmocka_unit_test(test_a_wrong_configuration_is_not_tried_again),
		SERVED(test_one_that_hangs_is_started_again),
		cmocka_unit_test(test_its_socket),
		cmocka_unit_test(test_backup),
		cmocka_unit_test(test_the_timer_makes_backups),
		cmocka_unit_test(test_a_missed_backup_is_made_up_for),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
