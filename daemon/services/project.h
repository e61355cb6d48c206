/* project - ProjectService (proto/prism/v1/project.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service project_service(void);
