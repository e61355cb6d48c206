/* protocol - what channels of a test speak: the test runs once for each protocol. */
#pragma once
#include <prism/client.h>
#include <stdlib.h>
#include <string.h>

/* By PRISM_TEST_PROTOCOL: "grpc", else the native framing. */
static inline enum prism_protocol test_protocol(void)
{
	const char *protocol = getenv("PRISM_TEST_PROTOCOL");
	return protocol && strcmp(protocol, "grpc") == 0 ? PRISM_GRPC : PRISM_NATIVE;
}
