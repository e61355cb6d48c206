#include "tests/bench/pipelines.h"

#include "db/queries.h"

#include <endian.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, RANK_VIEWER = 1 }; /* GetStory's minimum */

struct sent {
	uint64_t at_ns;
	int64_t id;
};

struct pipeline {
	struct pipelines *pipelines;
	PGconn *connection;
	struct sent *sent; /* in order, a ring of in_flight */
	uint32_t next_sent, next_answered, in_flight;
	uint32_t unfinished; /* statements and Syncs whose results were not all taken */
	bool wants_output;
};

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool failed(struct pipelines *pipelines, const char *what, const char *why)
{
	snprintf(pipelines->message, sizeof pipelines->message, "%s: %s", what, why);
	return false;
}

static bool pipeline_failed(struct pipeline *pipeline, const char *what)
{
	return failed(pipeline->pipelines, what, PQerrorMessage(pipeline->connection));
}

/* --- beginning and end ------------------------------------------------------------- */

static bool prepare(struct pipeline *pipeline)
{
	const struct statement *statement = &STORY_GET_BY_ID;
	PGresult *result =
		PQprepare(pipeline->connection, statement->name, statement->sql, 0, NULL);
	bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return prepared || pipeline_failed(pipeline, "cannot prepare the statement");
}

static bool pipeline_open(struct pipeline *pipeline, struct pipelines *pipelines)
{
	pipeline->pipelines = pipelines;
	pipeline->sent = calloc(pipelines->options.in_flight, sizeof *pipeline->sent);
	pipeline->connection = PQconnectdb(pipelines->options.conninfo);
	if (!pipeline->sent || PQstatus(pipeline->connection) != CONNECTION_OK)
		return pipeline_failed(pipeline, "cannot connect");
	if (!prepare(pipeline))
		return false;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = pipeline};
	bool ready = PQsetnonblocking(pipeline->connection, 1) == 0 &&
	             PQenterPipelineMode(pipeline->connection) == 1 &&
	             epoll_ctl(pipelines->epoll, EPOLL_CTL_ADD, PQsocket(pipeline->connection),
	                       &event) == 0;
	return ready || pipeline_failed(pipeline, "cannot begin");
}

static int column_named(const struct statement *statement, const char *name)
{
	int column = 0;
	while (strcmp(statement->columns[column].name, name) != 0)
		column++;
	return column;
}

/* The parameters are encoded once; each statement differs in two integers. What the encoder points
 * to outlives it here: the actor is the options' own. */
static bool encode(struct pipelines *pipelines)
{
	struct params params =
		STORY_GET_BY_ID_PARAMS(.organization_id = 1, .actor = &pipelines->options.actor,
	                               .minimum_rank = RANK_VIEWER, .system = false, .id = 1);
	if (!encode_params(&pipelines->params, &STORY_GET_BY_ID, &params))
		return failed(pipelines, "cannot begin", "out of memory");
	pipelines->params.values[0] = (const char *)&pipelines->organization_id;
	pipelines->params.values[1] = (const char *)pipelines->options.actor.byte;
	pipelines->params.values[4] = (const char *)&pipelines->story_id;
	return true;
}

bool pipelines_open(struct pipelines *pipelines)
{
	const struct pipeline_options *options = &pipelines->options;
	pipelines->report = (struct report){
		.title = options->sync_each ? "libpq pipelines, a Sync each"
	                                    : "libpq pipelines, a Sync per turn",
		.connections = options->connections,
		.in_flight = options->in_flight,
		.duration_ns = options->duration_ns,
		.usage = {.postmaster = options->postmaster},
	};
	pipelines->id_column = column_named(&STORY_GET_BY_ID, "id");
	pipelines->epoll = epoll_create1(EPOLL_CLOEXEC);
	pipelines->all = calloc(options->connections, sizeof *pipelines->all);
	if (!pipelines->all || pipelines->epoll < 0 || !encode(pipelines))
		return failed(pipelines, "cannot begin", "out of memory");
	for (uint32_t i = 0; i < options->connections; i++)
		if (!pipeline_open(&pipelines->all[i], pipelines))
			return false;
	return true;
}

void pipelines_close(struct pipelines *pipelines)
{
	for (uint32_t i = 0; pipelines->all && i < pipelines->options.connections; i++) {
		PQfinish(pipelines->all[i].connection);
		free(pipelines->all[i].sent);
	}
	free(pipelines->all);
	encoded_deinit(&pipelines->params);
	close(pipelines->epoll);
}

/* --- sending ------------------------------------------------------------------------ */

static bool sync_now(struct pipeline *pipeline)
{
	pipeline->unfinished++;
	return PQpipelineSync(pipeline->connection) == 1 ||
	       pipeline_failed(pipeline, "cannot send a Sync");
}

static bool send_one(struct pipeline *pipeline, uint64_t now)
{
	struct pipelines *pipelines = pipeline->pipelines;
	const struct encoded *params = &pipelines->params;
	const struct story_key *story = workload_story(pipelines->workload);
	pipelines->organization_id = htobe64((uint64_t)story->organization);
	pipelines->story_id = htobe64((uint64_t)story->id);
	if (!PQsendQueryPrepared(pipeline->connection, STORY_GET_BY_ID.name,
	                         STORY_GET_BY_ID.param_count, params->values, params->lengths,
	                         params->formats, 1))
		return pipeline_failed(pipeline, "cannot send the statement");
	pipeline->sent[pipeline->next_sent] = (struct sent){now, story->id};
	pipeline->next_sent = (pipeline->next_sent + 1) % pipelines->options.in_flight;
	pipeline->in_flight++;
	pipeline->unfinished++;
	return !pipelines->options.sync_each || sync_now(pipeline);
}

static bool flush(struct pipeline *pipeline)
{
	int left = PQflush(pipeline->connection);
	if (left < 0)
		return pipeline_failed(pipeline, "cannot send");
	bool wants_output = left > 0;
	if (wants_output == pipeline->wants_output)
		return true;
	pipeline->wants_output = wants_output;
	struct epoll_event event = {
		.events = EPOLLIN | (wants_output ? (uint32_t)EPOLLOUT : 0),
		.data.ptr = pipeline,
	};
	return epoll_ctl(pipeline->pipelines->epoll, EPOLL_CTL_MOD, PQsocket(pipeline->connection),
	                 &event) == 0;
}

static bool top_up(struct pipeline *pipeline, uint64_t now)
{
	const struct pipeline_options *options = &pipeline->pipelines->options;
	bool sent = pipeline->in_flight < options->in_flight;
	while (pipeline->in_flight < options->in_flight)
		if (!send_one(pipeline, now))
			return false;
	if (sent && !options->sync_each && !sync_now(pipeline))
		return false;
	return flush(pipeline);
}

/* --- answers ------------------------------------------------------------------------ */

static bool take_row(struct pipeline *pipeline, const PGresult *result, uint64_t now)
{
	struct pipelines *pipelines = pipeline->pipelines;
	struct report *report = &pipelines->report;
	struct sent sent = pipeline->sent[pipeline->next_answered];
	uint64_t id = 0;
	pipeline->next_answered = (pipeline->next_answered + 1) % pipelines->options.in_flight;
	pipeline->in_flight--;
	if (PQntuples(result) == 1 && PQgetlength(result, 0, pipelines->id_column) == sizeof id)
		memcpy(&id, PQgetvalue(result, 0, pipelines->id_column), sizeof id);
	if (be64toh(id) != (uint64_t)sent.id) {
		report->wrong++;
	} else if (now >= pipelines->begin_ns && now < pipelines->end_ns) {
		report->finished++;
		histogram_record(&report->latency, now - sent.at_ns);
	}
	return true;
}

static bool take_result(struct pipeline *pipeline, PGresult *result, uint64_t now)
{
	if (!result) { /* the statement before has no more results */
		pipeline->unfinished--;
		return true;
	}
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_PIPELINE_SYNC || status == PGRES_TUPLES_OK;
	if (status == PGRES_PIPELINE_SYNC)
		pipeline->unfinished--;
	else if (status == PGRES_TUPLES_OK)
		good = take_row(pipeline, result, now);
	if (!good)
		failed(pipeline->pipelines, "the statement failed", PQresultErrorMessage(result));
	PQclear(result);
	return good;
}

static bool handle(struct pipeline *pipeline)
{
	if (!PQconsumeInput(pipeline->connection))
		return pipeline_failed(pipeline, "a connection was lost");
	uint64_t now = now_ns();
	while (pipeline->unfinished > 0 && !PQisBusy(pipeline->connection))
		if (!take_result(pipeline, PQgetResult(pipeline->connection), now))
			return false;
	return top_up(pipeline, now);
}

/* --- the loop ----------------------------------------------------------------------- */

static bool turn(struct pipelines *pipelines, uint64_t now, uint64_t until)
{
	struct epoll_event events[EVENTS];
	uint64_t wait_ms = until > now ? (until - now) / 1000000 + 1 : 0;
	int count = epoll_wait(pipelines->epoll, events, EVENTS, (int)wait_ms);
	for (int i = 0; i < count; i++)
		if (!handle(events[i].data.ptr))
			return false;
	return true;
}

static bool run_until(struct pipelines *pipelines, uint64_t until)
{
	for (uint64_t now; (now = now_ns()) < until;)
		if (!turn(pipelines, now, until))
			return false;
	return true;
}

bool pipelines_run(struct pipelines *pipelines)
{
	const struct pipeline_options *options = &pipelines->options;
	uint64_t start = now_ns();
	pipelines->begin_ns = pipelines->end_ns = UINT64_MAX;
	for (uint32_t i = 0; i < options->connections; i++)
		if (!top_up(&pipelines->all[i], start))
			return false;
	if (!run_until(pipelines, start + options->warmup_ns))
		return false;
	usage_take(&pipelines->report.usage);
	pipelines->begin_ns = now_ns();
	pipelines->end_ns = pipelines->begin_ns + options->duration_ns;
	bool ran = run_until(pipelines, pipelines->end_ns);
	usage_take(&pipelines->report.usage);
	return ran;
}
