/* echo_service - prism.test.v1.EchoService (echo.proto), and grpc.testing.TestService
 * (interop.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service echo_service(void);
struct service interop_service(void);

/* Where Record writes; `path` outlives the service. */
void echo_record_to(const char *path);
