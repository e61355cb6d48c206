/* cluster - a private PostgreSQL for one test: a unix socket in a short private directory, trust,
 * no fsync. Its files are a copy of a template that initdb made once per build directory.
 *
 * Owns: the directory and the processes; if the test dies, a guardian ends and removes them.
 * As root it runs as the user postgres. Trouble ends the test program with a message: there is
 * nothing that a test could do about it. Blocking; Thread: one. */
#pragma once
#include <stdbool.h>

struct cluster;

enum { CLUSTER_CONNINFO_SIZE = 256 };

/* A running cluster. `settings` are lines of postgresql.conf, or NULL. */
struct cluster *cluster_new(const char *settings);

/* Ends it, however it is, and removes everything. */
void cluster_free(struct cluster *cluster);

/* "host=... port=... user=postgres dbname=postgres"; as long as the cluster. */
const char *cluster_conninfo(const struct cluster *cluster);

/* Its port on 127.0.0.1. The first call restarts it to listen there, and changes the connection
 * string: most tests need no port, which somebody else could take. */
int cluster_port(struct cluster *cluster);

void cluster_stop(struct cluster *cluster); /* fast: sessions end with 57P01 */
void cluster_start(
	struct cluster *cluster); /* after stop or kill; returns when it takes connections */

/* SIGKILL to the postmaster; its processes end by themselves when they see it. */
void cluster_kill(struct cluster *cluster);

/* SIGKILL to one backend: the postmaster ends the others, which has begun when this returns, and
 * recovers. */
void cluster_kill_backend(struct cluster *cluster, int pid);

/* SIGSTOP and SIGCONT to the postmaster and all of its processes. */
void cluster_freeze(struct cluster *cluster);
void cluster_thaw(struct cluster *cluster);

/* Replaces pg_hba.conf and reloads. */
void cluster_hba(struct cluster *cluster, const char *lines);

/* Runs SQL (several statements may be in it) as the superuser. */
void cluster_sql(struct cluster *cluster, const char *sql);

/* The first column of the first row of `sql`, as a number; 0 if there is none. */
long cluster_number(struct cluster *cluster, const char *sql);
