/* pipelines - GetStory's statement, straight through libpq's pipeline mode: what a daemon in front
 * of PostgreSQL is measured against. Many connections on one epoll loop, so many statements in
 * flight on each, binary parameters and results.
 *
 * Owns: its connections. Lifetime: pipelines_open() .. pipelines_close(). Thread: one.
 * Units: *_ns are CLOCK_MONOTONIC nanoseconds. Errors: a message; any failed statement ends the
 * run. */
#pragma once
#include "db/encode.h"
#include "tests/bench/report.h"
#include "tests/bench/workload.h"

enum { PIPELINES_MESSAGE_SIZE = 512 };

struct pipeline_options {
	const char *conninfo;
	struct uuid actor;
	uint32_t connections, in_flight;
	bool sync_each; /* a Sync behind each statement, else one behind those of a turn */
	uint64_t duration_ns, warmup_ns;
	pid_t postmaster;
};

struct pipeline; /* one connection */

struct pipelines {
	struct pipeline_options options;
	struct workload *workload;
	struct pipeline *all;
	struct encoded params;
	uint64_t organization_id, story_id; /* parameters, big-endian */
	int id_column, epoll;
	uint64_t begin_ns, end_ns;
	struct report report;
	char message[PIPELINES_MESSAGE_SIZE];
};

/* `pipelines` is zeroed but for options and workload. */
MUST_CHECK
bool pipelines_open(struct pipelines *pipelines);
MUST_CHECK
bool pipelines_run(struct pipelines *pipelines);
void pipelines_close(struct pipelines *pipelines);
