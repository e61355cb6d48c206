/* story - StoryService (proto/prism/v1/story.proto). */
#pragma once
#include "daemon/rpc/service.h"

struct service story_service(void);
