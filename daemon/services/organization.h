/* organization - OrganizationService (proto/prism/v1/organization.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service organization_service(void);
