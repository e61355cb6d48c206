/* echo_service - prism.test.v1.EchoService (echo.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service echo_service(void);

/* Where Record writes; `path` outlives the service. */
void echo_record_to(const char *path);
