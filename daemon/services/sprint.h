/* sprint - SprintService (proto/prism/v1/sprint.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service sprint_service(void);
