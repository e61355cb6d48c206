/* user - UserService (proto/prism/v1/user.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service user_service(void);
