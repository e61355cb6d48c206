#include "db/check.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char mend[] = "run `prism-db upgrade head`";

static const char attributes_sql[] =
	"SELECT a.attrelid, a.attnum, a.attnotnull, c.relname, a.attname FROM pg_attribute a"
	" JOIN pg_class c ON c.oid = a.attrelid"
	" WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND c.relkind IN ('r', 'p')";
static const char types_sql[] = "SELECT oid, format_type(oid, NULL), typtype FROM pg_type"
				" WHERE oid = ANY ($1::oid[])";

enum check_phase {
	PHASE_DESCRIBING, /* statements are prepared and described */
	PHASE_CATALOG,    /* pg_attribute and pg_type were asked */
};

struct check {
	enum check_phase phase;
	size_t next;          /* the statement, or catalog query, whose results come */
	bool prepared;        /* it is prepared: its description comes next */
	bool refused;         /* `message` says which statement PostgreSQL refused */
	PGresult **described; /* one for each statement */
	PGresult *attributes, *types;
	char message[CHECK_MESSAGE_SIZE];
};

void check_free(struct check *check)
{
	if (!check)
		return;
	for (size_t i = 0; check->described && i < statement_count; i++)
		PQclear(check->described[i]);
	free(check->described);
	PQclear(check->attributes);
	PQclear(check->types);
	free(check);
}

static bool send_descriptions(PGconn *pg)
{
	for (size_t i = 0; i < statement_count; i++)
		if (!PQsendPrepare(pg, "", statements[i]->sql, 0, NULL) ||
		    !PQsendDescribePrepared(pg, ""))
			return false;
	return PQpipelineSync(pg);
}

struct check *check_start(PGconn *pg)
{
	struct check *check = calloc(1, sizeof(*check));
	if (!check)
		return NULL;
	check->described = calloc(statement_count, sizeof(PGresult *));
	if (!check->described || !send_descriptions(pg)) {
		check_free(check);
		return NULL;
	}
	return check;
}

/* --- what PostgreSQL knows ------------------------------------------------------------------ */

static bool append_oid(struct buffer *list, Oid oid)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%c%u", buffer_len(list) ? ',' : '{', oid);
	return oid == InvalidOid || buffer_append(list, text, (size_t)length);
}

static bool end_list(struct buffer *list)
{
	return buffer_append(list, buffer_len(list) ? "}" : "{}", buffer_len(list) ? 2 : 3);
}

static bool list_oids(const PGresult *described, struct buffer *tables, struct buffer *types)
{
	bool fits = true;
	for (int i = 0; i < PQnfields(described); i++)
		fits = fits && append_oid(tables, PQftable(described, i)) &&
		       append_oid(types, PQftype(described, i));
	for (int i = 0; i < PQnparams(described); i++)
		fits = fits && append_oid(types, PQparamtype(described, i));
	return fits;
}

static bool send_one_list(PGconn *pg, const char *sql, const struct buffer *list)
{
	const char *value = (const char *)list->data + list->start;
	return PQsendQueryParams(pg, sql, 1, NULL, &value, NULL, NULL, 0);
}

static bool send_catalog(const struct check *check, PGconn *pg)
{
	struct buffer tables = {0}, types = {0};
	bool sent = true;
	for (size_t i = 0; i < statement_count; i++)
		sent = sent && list_oids(check->described[i], &tables, &types);
	sent = sent && end_list(&tables) && end_list(&types) &&
	       send_one_list(pg, attributes_sql, &tables) && send_one_list(pg, types_sql, &types) &&
	       PQpipelineSync(pg);
	buffer_deinit(&tables);
	buffer_deinit(&types);
	return sent;
}

static Oid oid_at(const PGresult *result, int row, int column)
{
	return (Oid)strtoul(PQgetvalue(result, row, column), NULL, 10);
}

/* The row of a table's column; -1: not of a plain table. */
static int find_attribute(const struct check *check, Oid table, int number)
{
	for (int row = 0; row < PQntuples(check->attributes); row++)
		if (oid_at(check->attributes, row, 0) == table &&
		    atoi(PQgetvalue(check->attributes, row, 1)) == number)
			return row;
	return -1;
}

static int find_type(const struct check *check, Oid type)
{
	for (int row = 0; row < PQntuples(check->types); row++)
		if (oid_at(check->types, row, 0) == type)
			return row;
	return -1;
}

static const char *type_name(const struct check *check, Oid type)
{
	int row = find_type(check, type);
	return row < 0 ? "an unknown type" : PQgetvalue(check->types, row, 1);
}

static bool is_enum(const struct check *check, Oid type)
{
	int row = find_type(check, type);
	return row >= 0 && *PQgetvalue(check->types, row, 2) == 'e';
}

/* --- what the registry says ----------------------------------------------------------------- */

/* Numbers of pg_type.dat, which never change. */
static const struct {
	const char *name;
	Oid oid;
} types[] = {
	[DB_BOOL] = {"boolean", 16},
	[DB_INT2] = {"smallint", 21},
	[DB_INT4] = {"integer", 23},
	[DB_INT8] = {"bigint", 20},
	[DB_UUID] = {"uuid", 2950},
	[DB_TEXT] = {"text", 25},
	[DB_BYTEA] = {"bytea", 17},
	[DB_JSONB] = {"jsonb", 3802},
	[DB_TIMESTAMPTZ] = {"timestamp with time zone", 1184},
	[DB_DATE] = {"date", 1082},
	[DB_NUMERIC] = {"numeric", 1700},
	[DB_INT8_ARRAY] = {"bigint[]", 1016},
	[DB_UUID_ARRAY] = {"uuid[]", 2951},
	[DB_TEXT_ARRAY] = {"text[]", 1009},
	[DB_BOOL_ARRAY] = {"boolean[]", 1000},
	[DB_INT4_ARRAY] = {"integer[]", 1007},
	[DB_TIMESTAMPTZ_ARRAY] = {"timestamp with time zone[]", 1185},
	[DB_BYTEA_ARRAY] = {"bytea[]", 1001},
};

enum { OID_NAME = 19, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_VARCHAR_ARRAY = 1015 };

/* Types whose binary form is text. */
static bool is_text(const struct check *check, Oid type)
{
	return type == types[DB_TEXT].oid || type == OID_VARCHAR || type == OID_BPCHAR ||
	       type == OID_NAME || is_enum(check, type);
}

static bool column_fits(const struct check *check, enum db_type declared, Oid type)
{
	if (declared == DB_TEXT)
		return is_text(check, type);
	if (declared == DB_NUMERIC) /* exact decimals leave the database as text */
		return type == types[DB_TEXT].oid;
	return type == types[declared].oid ||
	       (declared == DB_TEXT_ARRAY && type == OID_VARCHAR_ARRAY);
}

static bool param_fits(const struct check *check, enum db_type declared, Oid type)
{
	bool text = declared == DB_TEXT;
	return type == types[declared].oid ||
	       (text && (is_text(check, type) || type == types[DB_JSONB].oid));
}

/* --- comparing ------------------------------------------------------------------------------ */

static bool __attribute__((format(printf, 2, 3)))
differs(struct check *check, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(check->message, sizeof(check->message), format, args);
	va_end(args);
	if (length > 0 && (size_t)length < sizeof(check->message))
		snprintf(check->message + length, sizeof(check->message) - (size_t)length, "; %s",
		         mend);
	return false;
}

static bool compare_param(struct check *check, const struct statement *statement,
                          const PGresult *described, unsigned i)
{
	const struct param_spec *param = &statement->params[i];
	Oid type = PQparamtype(described, (int)i);
	if (param_fits(check, param->type, type))
		return true;
	return differs(check, "statement %s, parameter $%u %s: we send %s, the database takes %s",
	               statement->name, i + 1, param->name, types[param->type].name,
	               type_name(check, type));
}

static bool compare_nullability(struct check *check, const struct statement *statement,
                                const PGresult *described, int i)
{
	const struct column_spec *column = &statement->columns[i];
	int row = find_attribute(check, PQftable(described, i), PQftablecol(described, i));
	bool may_be_null = row >= 0 && *PQgetvalue(check->attributes, row, 2) == 'f';
	if (column->nullable || !may_be_null)
		return true;
	return differs(check,
	               "statement %s, column %s: we rely on %s.%s being NOT NULL, in the database "
	               "it may be NULL",
	               statement->name, column->name, PQgetvalue(check->attributes, row, 3),
	               PQgetvalue(check->attributes, row, 4));
}

static bool compare_column(struct check *check, const struct statement *statement,
                           const PGresult *described, int i)
{
	const struct column_spec *column = &statement->columns[i];
	const char *name = PQfname(described, i);
	Oid type = PQftype(described, i);
	if (strcmp(column->name, name) != 0)
		return differs(check, "statement %s, column %d: we expect %s, the database has %s",
		               statement->name, i + 1, column->name, name);
	if (!column_fits(check, column->type, type))
		return differs(
			check, "statement %s, column %s: we expect %s, the database has %s%s",
			statement->name, column->name, types[column->type].name,
			type_name(check, type),
			column->type == DB_NUMERIC ? " (cast it to text in the statement)" : "");
	return compare_nullability(check, statement, described, i);
}

static bool compare_counts(struct check *check, const struct statement *statement,
                           const PGresult *described)
{
	if (PQnparams(described) != statement->param_count)
		return differs(check, "statement %s: we send %u parameters, the database takes %d",
		               statement->name, statement->param_count, PQnparams(described));
	if (PQnfields(described) != statement->column_count)
		return differs(check, "statement %s: we expect %u columns, the database has %d",
		               statement->name, statement->column_count, PQnfields(described));
	return true;
}

static bool compare(struct check *check, const struct statement *statement,
                    const PGresult *described)
{
	bool fits = compare_counts(check, statement, described);
	for (unsigned i = 0; fits && i < statement->param_count; i++)
		fits = compare_param(check, statement, described, i);
	for (int i = 0; fits && i < statement->column_count; i++)
		fits = compare_column(check, statement, described, i);
	return fits;
}

static enum check_result compare_all(struct check *check)
{
	for (size_t i = 0; i < statement_count; i++)
		if (!compare(check, statements[i], check->described[i]))
			return CHECK_DIFFERS;
	return CHECK_FITS;
}

/* --- results -------------------------------------------------------------------------------- */

static void take_description(struct check *check, PGresult *result)
{
	assert(check->next < statement_count);
	if (!check->prepared) {
		check->prepared = true;
		PQclear(result);
		return;
	}
	check->described[check->next++] = result;
	check->prepared = false;
}

static void take_catalog(struct check *check, PGresult *result)
{
	PGresult **place = check->next++ == 0 ? &check->attributes : &check->types;
	PQclear(*place);
	*place = result;
}

/* A statement that PostgreSQL refuses is drift; anything else is trouble of the moment. */
static bool take_error(struct check *check, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	if (!sqlstate || strncmp(sqlstate, "42", 2) != 0 || check->phase != PHASE_DESCRIBING)
		return false;
	check->refused = true;
	(void)differs(check, "statement %s: %s", statements[check->next]->name, words ? words : "");
	return true;
}

/* False: the link is dead. */
static bool take(struct check *check, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_COMMAND_OK && check->phase == PHASE_DESCRIBING) {
		take_description(check, result);
		return true;
	}
	if (status == PGRES_TUPLES_OK && check->phase == PHASE_CATALOG) {
		take_catalog(check, result);
		return true;
	}
	bool alive = status == PGRES_PIPELINE_ABORTED || take_error(check, result);
	PQclear(result);
	return alive;
}

static enum check_result take_sync(struct check *check, PGconn *pg)
{
	if (check->refused)
		return CHECK_DIFFERS;
	if (check->phase == PHASE_CATALOG)
		return check->next == 2 ? compare_all(check) : CHECK_DEAD;
	if (check->next != statement_count || !send_catalog(check, pg))
		return CHECK_DEAD;
	check->phase = PHASE_CATALOG;
	check->next = 0;
	return CHECK_WAITING;
}

/* One result, NULL: the end of a query's. */
static enum check_result step(struct check *check, PGconn *pg, PGresult *result, int *nulls)
{
	*nulls = result ? 0 : *nulls + 1;
	if (!result)
		return *nulls > 2 ? CHECK_DEAD : CHECK_WAITING;
	if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
		return take(check, result) ? CHECK_WAITING : CHECK_DEAD;
	PQclear(result);
	return take_sync(check, pg);
}

enum check_result check_pump(struct check *check, PGconn *pg, char message[CHECK_MESSAGE_SIZE])
{
	int nulls = 0;
	enum check_result result = CHECK_WAITING;
	while (result == CHECK_WAITING && !PQisBusy(pg))
		result = step(check, pg, PQgetResult(pg), &nulls);
	memcpy(message, check->message, sizeof(check->message));
	return result;
}

enum check_result check_run(PGconn *pg, char message[CHECK_MESSAGE_SIZE])
{
	if (!PQenterPipelineMode(pg))
		return CHECK_DEAD;
	struct check *check = check_start(pg);
	enum check_result result = check ? CHECK_WAITING : CHECK_DEAD;
	int nulls = 0;
	while (result == CHECK_WAITING)
		result = step(check, pg, PQgetResult(pg), &nulls);
	if (check)
		memcpy(message, check->message, sizeof(check->message));
	check_free(check);
	return PQexitPipelineMode(pg) ? result : CHECK_DEAD;
}
