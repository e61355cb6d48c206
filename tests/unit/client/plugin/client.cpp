// Every generated client header, in one C++ file.
#include "good/kinds.prism-client.h"
#include "good/odd.name-of.prism-client.h"
#include "good/shared.prism-client.h"

static void done(void *, const struct prism_result *, const Plugin__Kinds__V1__Thing *) {}

struct prism_call *start(struct prism_channel *channel, const Plugin__Kinds__V1__GetThingRequest *request)
{
	return plugin_kinds_v1_thing_service_get_thing(channel, nullptr, request, done, nullptr);
}
