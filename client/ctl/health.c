#include "client/ctl/catalog.h"
#include "client/ctl/names.h"
#include "client/ctl/report.h"
#include "client/ctl/talk.h"
#include "client/ctl/verbs.h"
#include "grpc/health/v1/health.pb-c.h"

#include <stdio.h>

struct health {
	const struct options *options;
	const char *service;
	int status;
};

static const char *status_word(int status)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&grpc__health__v1__health_check_response__serving_status__descriptor, status);
	return value ? value->name : "UNKNOWN";
}

static bool on_health(void *ctx, const ProtobufCMessage *answer)
{
	struct health *health = ctx;
	health->status = (int)((const Grpc__Health__V1__HealthCheckResponse *)answer)->status;
	if (health->options->output == OUTPUT_JSON)
		printf("{\"service\":\"%s\",\"status\":\"%s\"}\n", health->service,
		       status_word(health->status));
	else
		printf("%s: %s\n", *health->service ? health->service : "server",
		       status_word(health->status));
	fflush(stdout);
	return !ferror(stdout);
}

/* The full name of a service that is known here, else what was given. */
static const char *service_name(const char *given)
{
	const struct catalog *known = &CATALOG_BUILT_IN;
	for (size_t i = 0; i < known->count; i++)
		if (name_matches(known->services[i]->name, given))
			return known->services[i]->name;
	return given;
}

int verb_health(const struct options *options)
{
	struct catalog_entry entry;
	char fault[CATALOG_FAULT_SIZE];
	if (options->argument_count > 1)
		return report_usage("health takes at most one service");
	struct health health = {.options = options, .service = ""};
	if (options->argument_count == 1)
		health.service = service_name(options->arguments[0]);
	if (strpbrk(health.service, "\"\\"))
		return report_usage("a service's name has no quotes");
	if (!catalog_method(&CATALOG_BUILT_IN,
	                    options->watch ? "grpc.health.v1.Health/Watch"
	                                   : "grpc.health.v1.Health/Check",
	                    &entry, fault))
		return report_usage("%s", fault);
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	request.service = (char *)health.service;
	ProtobufCMessage *list[] = {&request.base};
	struct requests requests = {list, 1};
	int code = report_output(talk(options, entry.method, &requests, on_health, &health));
	bool serving = health.status ==
	               (int)GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	return code == EXIT_DONE && !serving ? EXIT_FAILED : code;
}
