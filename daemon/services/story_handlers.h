/* story_handlers - StoryService, by file: story.c reads, story_write.c makes, story_update.c
 * changes, story_move.c moves, story_list.c lists. Private to the story files. */
#pragma once
#include "daemon/auth/access.h"
#include "daemon/services/keyed.h"
#include "daemon/services/story_row.h"

SUSPENDS
enum status story_create(struct call *call, const Prism__V1__CreateStoryRequest *request,
                         Prism__V1__Story *response);
SUSPENDS
enum status story_batch_create(struct call *call,
                               const Prism__V1__BatchCreateStoriesRequest *request,
                               Prism__V1__BatchCreateStoriesResponse *response);
SUSPENDS
enum status story_batch_upsert(struct call *call,
                               const Prism__V1__BatchUpsertStoriesRequest *request,
                               Prism__V1__BatchUpsertStoriesResponse *response);
SUSPENDS
enum status story_update(struct call *call, const Prism__V1__UpdateStoryRequest *request,
                         Prism__V1__Story *response);
SUSPENDS
enum status story_delete(struct call *call, const Prism__V1__DeleteStoryRequest *request,
                         Prism__V1__Story *response);
SUSPENDS
enum status story_undelete(struct call *call, const Prism__V1__UndeleteStoryRequest *request,
                           Prism__V1__Story *response);
SUSPENDS
enum status story_move(struct call *call, const Prism__V1__MoveStoriesRequest *request,
                       Prism__V1__MoveStoriesResponse *response);
SUSPENDS
enum status story_list(struct call *call, const Prism__V1__ListStoriesRequest *request,
                       Prism__V1__ListStoriesResponse *response);

/* The stories that a repeated write made or changed, as they are now (deleted ones too); one that
 * is gone for good has its id, the recorded version, and nothing else. The long texts
 * (story_without_texts) are left out. */
MUST_CHECK
SUSPENDS
enum status story_recall(struct call *call, const struct access *access,
                         const struct keyed_effect *effect, Prism__V1__Story ***stories,
                         size_t *count);

/* The same for a single one, with its texts, into the response. */
MUST_CHECK
SUSPENDS
enum status story_recall_one(struct call *call, const struct access *access,
                             const struct keyed_effect *effect, Prism__V1__Story *response);
