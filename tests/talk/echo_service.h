/* echo_service - prism.test.v1.EchoService (echo.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service echo_service(void);
