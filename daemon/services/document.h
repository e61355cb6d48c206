/* document - DocumentService (proto/prism/v1/document.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service document_service(void);
