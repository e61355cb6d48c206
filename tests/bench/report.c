#include "tests/bench/report.h"

#include <inttypes.h>
#include <jansson.h>

static const struct {
	const char *name;
	double fraction;
} PERCENTILES[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

enum { PERCENTILE_COUNT = sizeof PERCENTILES / sizeof PERCENTILES[0] };

static double per_call(const struct report *report, uint64_t amount)
{
	return report->finished > 0 ? (double)amount / (double)report->finished : 0;
}

static double rate(const struct report *report)
{
	return (double)report->finished * 1e9 / (double)report->duration_ns;
}

static double us(uint64_t ns)
{
	return (double)ns / 1000;
}

static uint64_t errors(const struct report *report)
{
	uint64_t sum = report->wrong + report->unanswered;
	for (size_t i = 0; i < STATUS_COUNT; i++)
		sum += report->errors[i];
	return sum;
}

static void text_errors(const struct report *report, FILE *out)
{
	for (size_t i = 0; i < STATUS_COUNT; i++)
		if (report->errors[i] > 0)
			fprintf(out, "  %s %" PRIu64, status_name((enum status)i),
			        report->errors[i]);
	if (report->wrong > 0)
		fprintf(out, "  wrong answers %" PRIu64, report->wrong);
	if (report->unanswered > 0)
		fprintf(out, "  unanswered %" PRIu64, report->unanswered);
	if (report->first_error[0])
		fprintf(out, "  (first: %s)", report->first_error);
	fputc('\n', out);
}

void report_text(const struct report *report, FILE *out)
{
	const struct usage *usage = &report->usage;
	fprintf(out, "%s, %u connections x %u in flight", report->title, report->connections,
	        report->in_flight);
	if (report->offered_per_second > 0)
		fprintf(out, ", open loop at %.0f/s", report->offered_per_second);
	fprintf(out, "\ncalls     %.0f/s\nlatency  ", rate(report));
	for (size_t i = 0; i < PERCENTILE_COUNT; i++)
		fprintf(out, " %s %.1f", PERCENTILES[i].name,
		        us(histogram_percentile(&report->latency, PERCENTILES[i].fraction)));
	fprintf(out, " max %.1f us\nCPU      ", us(report->latency.max_ns));
	if (usage->server > 0)
		fprintf(out, " server %.2f", per_call(report, usage->server_us));
	if (usage->postmaster > 0)
		fprintf(out, " postgres %.2f", per_call(report, usage->postgres_us));
	fprintf(out, " load %.2f us/call\n", per_call(report, usage->own_us));
	if (errors(report) > 0) {
		fputs("errors   ", out);
		text_errors(report, out);
	}
}

static json_t *json_latency(const struct report *report)
{
	json_t *latency = json_object();
	for (size_t i = 0; i < PERCENTILE_COUNT; i++)
		json_object_set_new(latency, PERCENTILES[i].name,
		                    json_real(us(histogram_percentile(&report->latency,
		                                                      PERCENTILES[i].fraction))));
	json_object_set_new(latency, "max", json_real(us(report->latency.max_ns)));
	return latency;
}

static json_t *json_cpu(const struct report *report)
{
	const struct usage *usage = &report->usage;
	json_t *cpu = json_object();
	json_object_set_new(cpu, "load", json_real(per_call(report, usage->own_us)));
	if (usage->server > 0)
		json_object_set_new(cpu, "server", json_real(per_call(report, usage->server_us)));
	if (usage->postmaster > 0)
		json_object_set_new(cpu, "postgres",
		                    json_real(per_call(report, usage->postgres_us)));
	return cpu;
}

static json_t *json_errors(const struct report *report)
{
	json_t *errors = json_object();
	for (size_t i = 0; i < STATUS_COUNT; i++)
		if (report->errors[i] > 0)
			json_object_set_new(errors, status_name((enum status)i),
			                    json_integer((json_int_t)report->errors[i]));
	if (report->wrong > 0)
		json_object_set_new(errors, "wrong", json_integer((json_int_t)report->wrong));
	if (report->unanswered > 0)
		json_object_set_new(errors, "unanswered",
		                    json_integer((json_int_t)report->unanswered));
	return errors;
}

void report_json(const struct report *report, FILE *out)
{
	json_t *root = json_object();
	json_object_set_new(root, "title", json_string(report->title));
	json_object_set_new(root, "connections", json_integer(report->connections));
	json_object_set_new(root, "in_flight", json_integer(report->in_flight));
	json_object_set_new(root, "offered_per_second", json_real(report->offered_per_second));
	json_object_set_new(root, "calls_per_second", json_real(rate(report)));
	json_object_set_new(root, "latency_us", json_latency(report));
	json_object_set_new(root, "cpu_us_per_call", json_cpu(report));
	json_object_set_new(root, "errors", json_errors(report));
	json_object_set_new(root, "first_error", json_string(report->first_error));
	json_dumpf(root, out, JSON_REAL_PRECISION(9));
	fputc('\n', out);
	json_decref(root);
}

bool report_good(const struct report *report, FILE *complaints)
{
	if (report->wrong > 0)
		fprintf(complaints, "%" PRIu64 " answers were not the right ones\n", report->wrong);
	if (report->finished == 0)
		fprintf(complaints, "no call succeeded; %s\n", report->first_error);
	return report->wrong == 0 && report->finished > 0;
}
