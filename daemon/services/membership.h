/* membership - MembershipService (proto/prism/v1/membership.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service membership_service(void);
