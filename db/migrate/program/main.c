/* prism-db - migrates PRISM's database, backs it up and restores it, and manages the keys of the
 * services that call it. */
#include "db/migrate/program/verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb verbs[] = {
	{"upgrade", "upgrade [head|+N|REV|REV+N] [--wait SECONDS] [--dry-run] [--sql] [--json]",
         "apply migrations",
         "Applies what is missing up to REV (default: head), each migration in one transaction "
         "with\n"
         "the row that records it. Killed at any moment, it leaves whole revisions; the next run "
         "goes\n"
         "on. A second one at the same time waits (--wait, default 300) and finds nothing to do.\n"
         "Without a database URL it makes the embedded cluster if there is none.\n"
         "  --dry-run  run them in one transaction that is rolled back\n"
         "  --sql      connect to nothing; print a script for psql ([FROM:]REV, default from "
         "base)\n"
         "  --json     say where the database is then, as `current --json` does\n",
         0, 1, verb_upgrade, "wait dry-run sql json"},
	{"downgrade", "downgrade -N|REV|REV-N|base [--wait SECONDS] [--dry-run] [--sql] [--json]",
         "take migrations back",
         "Runs the downs, newest first, until the database is at REV. `-1` takes one back, `base` "
         "all.\n"
         "What only the removed columns and tables held is lost. --dry-run, --sql: as for upgrade\n"
         "(the script starts at the head, or at FROM: in FROM:REV).\n",
         1, 1, verb_downgrade, "wait dry-run sql json"},
	{"current", "current [--verbose] [--json]", "show the revision of the database",
         "One line: the revision, and where the head is. --verbose: its row of `history "
         "--verbose`, too.\n",
         0, 0, verb_current, "verbose json"},
	{"history", "history [[FROM]:[TO]] [--verbose] [--json]",
         "list all migrations and when they were applied",
         "Oldest first. --verbose: by whom, with which version, how long it took, checksums.\n"
         "FROM and TO are a revision, base, current, head, or -N: so many before current. "
         "0005:current,\n"
         "-3: and :0007 are ranges.\n",
         0, 1, verb_history, "verbose json"},
	{"heads", "heads [--json]", "show the newest revision this program has",
         "Always one: the history is linear.\n", 0, 0, verb_heads, "json"},
	{"show", "show REV [--json]", "print a migration",
         "Both of its files, with their SHA-256.\n", 1, 1, verb_show, "json"},
	{"verify", "verify [--json]", "compare what is applied with what this program has",
         "By the checksums of the files. Exit code 5: one was changed since, the database is "
         "newer,\n"
         "or a migration stopped half-way.\n",
         0, 0, verb_verify, "json"},
	{"stamp", "stamp head|REV|base [--wait SECONDS] [--json]",
         "record a revision without running anything",
         "For a database whose schema came about without prism-db: one that was built from the "
         "database\n"
         "document is `stamp 0001`, then `upgrade head`.\n",
         1, 1, verb_stamp, "wait json"},
	{"backup",
         "backup FILE|DIRECTORY/ [--format plain|gzip|custom|directory] [--verify]\n"
         "           [--keep N] [--jobs N] [--container NAME] [--replace] [--json]",
         "dump the database into a file with a manifest",
         "The format goes by the name: .sql (plain), .sql.gz (gzip), .dir (directory), else "
         "pg_dump's\n"
         "custom format. FILE.manifest.json says what was in the database at the dump's snapshot, "
         "and\n"
         "what the file hashes to. An existing DIRECTORY gets a name by database, revision and "
         "time;\n"
         "--keep N then removes all but the N newest ones there. Killed at any moment, there is "
         "the "
         "former\n"
         "backup or the new one, whole; the next run removes what was left. What no dump has, the "
         "manifest\n"
         "does: the database's owner, comment, grants and settings. Passwords of roles are in "
         "neither.\n"
         "  --verify          restore it into a scratch database and compare every row\n"
         "  --jobs N          of the directory format; default: one a processor, up to four\n"
         "  --container NAME  run pg_dump inside of that container, of Docker or Podman, "
         "whichever has it\n"
         "                    (docker:NAME, podman:NAME: of that one); not for directories\n"
         "  --replace         overwrite FILE\n",
         1, 1, verb_backup, "format verify keep jobs container replace json"},
	{"restore",
         "restore FILE [--into DATABASE] [--replace] [--jobs N] [--container NAME] [--json]",
         "bring a backup back",
         "Restores into a new database, compares it with the manifest, and only then puts it in "
         "the\n"
         "place of the database (or of --into), which has to be empty or absent. A damaged file "
         "leaves\n"
         "everything as it was. A dump that pg_dump made by hand has no manifest: it is restored, "
         "and\n"
         "nothing is compared. A database that was there keeps its owner, grants and settings; a "
         "new "
         "one has\n"
         "the backup's. Roles that own something are made; they may not log in until somebody lets "
         "them.\n"
         "  --replace  take the place of a database with contents, which is kept under another "
         "name\n",
         1, 1, verb_restore, "into replace jobs container json"},
	{"revision", "revision -m|--message TITLE [--autogenerate]", "write the next migration",
         "A pair of files in --migrations (default: migrations), to be filled by hand; with "
         "--autogenerate,\n"
         "with what leads from the migrations to the declared schema (--schema, default: "
         "db/schema), "
         "and\n"
         "back. Both are run in a scratch database before they are written, and have to give the "
         "declared\n"
         "schema and the former one. Statements take the form that leaves tables in use; what "
         "loses "
         "data\n"
         "says so. `-- prism: renamed from OLD` in the declared schema tells a rename.\n",
         0, 0, verb_revision, "message autogenerate"},
	{"check", "check [--json]", "compare the live schema with what the migrations build",
         "Exit code 1: migrations are pending, or the schema was changed by other means; says what "
         "differs,\n"
         "and the SQL that mends it. The migrations are replayed in a scratch database on the same "
         "server.\n",
         0, 0, verb_check, "json"},
	{"lint", "lint [REV|REV:REV] [--json]", "say what a migration does to a database in use",
         "Runs it (default: the last one), up and down, in a scratch database and asks the server "
         "what it\n"
         "locked, read through and wrote anew. Exit code 1: there are findings. `-- prism: allow "
         "RULE: why`\n"
         "in the up says that one is meant, both ways; in the down, there. Rules:\n"
         "  rewrite            a table that was there is written anew, locked meanwhile\n"
         "  long-lock          a table is read through while it, or another, is locked\n"
         "  data-loss          a table or column goes with what it holds (in a down: what its up "
         "did "
         "not make)\n"
         "  enum-value         a label is used by the transaction that adds it\n"
         "  foreign-key-index  a foreign key has no index\n"
         "  organization-id    a table, or a foreign key between tenants' tables, is without it\n"
         "  way-back           the down does not lead back\n",
         0, 1, verb_lint, "json"},
	{"diff", "diff FROM TO", "print the SQL that leads from one schema to another",
         "FROM and TO are each one of\n"
         "  live              the database\n"
         "  declared          the files of --schema (default: db/schema)\n"
         "  base, REV, head   what the migrations build, in a scratch database\n"
         "  a URL or a libpq connection string\n",
         2, 2, verb_diff, ""},
	{"dump-schema", "dump-schema [live|declared|REV|URL]", "print a schema as SQL",
         "The statements that make it (default: that of the database), in the server's own words "
         "and "
         "in an\n"
         "order in which they run. The order of columns is the database's.\n",
         0, 1, verb_dump_schema, ""},
	{"create-key",
         "create-key --name NAME --scope SCOPE [--scope SCOPE]...\n"
         "           [--organization ID] [--expires DAYS] [--label LABEL] [--json]",
         "make a key for a service",
         "Prints the key on standard output, once; the database keeps a keyed hash of it. The same "
         "NAME\n"
         "again gives that service another key. Scopes:\n"
         "  system       no acting user needed; the rank of an owner everywhere\n"
         "  act-as-user  names a user in x-prism-actor and has that user's rank\n"
         "  read-only    only methods without side effects\n"
         "  metrics      may read metrics\n"
         "--organization: the only one that the key may touch.\n",
         0, 0, verb_create_key, "name scope organization expires label json"},
	{"list-keys", "list-keys [--json]", "list the services' keys",
         "Everything but the keys themselves, which nobody has.\n", 0, 0, verb_list_keys, "json"},
	{"revoke-key", "revoke-key ID", "revoke a key",
         "For good. A running prismd refuses it within seconds.\n", 1, 1, verb_revoke_key, ""},
	{"keys", "keys status|rotate [--json]", "show or rotate the keyring",
         "status: the keys of STATE_DIR/keyring, and how many service keys each of them hashed.\n"
         "rotate: adds a new active key; what the former ones made stays valid.\n",
         1, 1, verb_keys, "json"},
	{"conninfo", "conninfo [--json]", "print the database's connection string",
         "For psql and scripts: psql \"$(prism-db conninfo)\".\n", 0, 0, verb_conninfo, "json"},
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]), WORD_MAX = 31 };

void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("prism-db: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

static void print_common(FILE *out)
{
	fputs("\nWhich database: --database-url URL, else DATABASE_URL (postgresql+driver:// is "
	      "accepted),\n"
	      "else the embedded PostgreSQL of the state directory.\n"
	      "  --state-dir DIR    default: $STATE_DIRECTORY, $XDG_STATE_HOME/prism, "
	      "/var/lib/prism for\n"
	      "                     root, ~/.local/state/prism\n"
	      "  --migrations DIR   use these files in place of those compiled in\n"
	      "  --schema DIR       the declared schema (default: db/schema)\n"
	      "  --json             print data as JSON\n"
	      "  --help, --version\n"
	      "\nExit codes: 0 done; 1 failed, or check and lint have found something; 2 wrong "
	      "usage, nothing\n"
	      "was done; 3 no database; 4 busy (another migrator or backup, or sessions that are "
	      "in "
	      "the way);\n"
	      "5 applied migrations were changed or are not known, or a backup is damaged or no "
	      "backup.\n"
	      "128 + N: ended by signal N.\n",
	      out);
}

static void print_help(void)
{
	fputs("prism-db migrates PRISM's database, backs it up and restores it, and manages the "
	      "keys "
	      "of the\nservices that call it.\n\n"
	      "Usage: prism-db [OPTION...] VERB [ARGUMENT...]; prism-db VERB --help\n\n",
	      stdout);
	for (size_t i = 0; i < VERB_COUNT; i++)
		printf("  %-12s %s\n", verbs[i].name, verbs[i].summary);
	print_common(stdout);
}

static void print_verb_help(const struct verb *verb)
{
	printf("Usage: prism-db %s\n\n%s", verb->synopsis, verb->help);
	print_common(stdout);
}

/* Levenshtein's distance, of short words. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], length = strlen(b);
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length];
}

static void complain_of_verb(const char *word)
{
	const struct verb *nearest = NULL;
	size_t least = 4;
	for (size_t i = 0; i < VERB_COUNT && strlen(word) <= WORD_MAX; i++) {
		size_t away = distance(word, verbs[i].name);
		if (away < least) {
			least = away;
			nearest = &verbs[i];
		}
	}
	if (nearest)
		say("there is no verb '%s'; did you mean '%s'?", word, nearest->name);
	else
		say("there is no verb '%s'; `prism-db --help` lists them", word);
}

static const struct verb *find_verb(const char *word)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(word, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static int run(const struct verb *verb, const struct options *options)
{
	size_t operands = options->operand_count - 1;
	if (options->help) {
		print_verb_help(verb);
		return EXIT_DONE;
	}
	const char *stranger = options_stranger(options, verb->options);
	if (stranger) {
		say("%s takes no --%s; usage: prism-db %s", verb->name, stranger, verb->synopsis);
		return EXIT_USAGE;
	}
	if (operands < verb->operands_least || operands > verb->operands_most) {
		say("usage: prism-db %s", verb->synopsis);
		return EXIT_USAGE;
	}
	return (int)verb->run(options);
}

int main(int argc, char **argv)
{
	struct options options;
	if (!options_parse(&options, argc, argv))
		return EXIT_USAGE;
	if (options.version) {
		printf("prism-db %s\n", PRISM_VERSION);
		return EXIT_DONE;
	}
	if (options.operand_count == 0) {
		if (options.help)
			print_help();
		else
			say("say what to do: `prism-db --help` lists the verbs");
		return options.help ? EXIT_DONE : EXIT_USAGE;
	}
	const struct verb *verb = find_verb(options.operands[0]);
	if (!verb) {
		complain_of_verb(options.operands[0]);
		return EXIT_USAGE;
	}
	return run(verb, &options);
}
