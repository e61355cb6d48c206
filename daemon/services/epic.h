/* epic - EpicService (proto/prism/v1/epic.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service epic_service(void);
