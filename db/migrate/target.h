/* target - which revision a word of the command line means. Private to migrate/. */
#pragma once
#include "db/migrate/migration.h"

/* `live` is where relative targets start. Each is false with a message that says what is allowed.
 */
MUST_CHECK
bool target_of_upgrade(const struct migration_set *set, uint32_t live, const char *word,
                       uint32_t *revision, char *message, size_t message_size);
MUST_CHECK
bool target_of_downgrade(const struct migration_set *set, uint32_t live, const char *word,
                         uint32_t *revision, char *message, size_t message_size);
MUST_CHECK
bool target_of_stamp(const struct migration_set *set, const char *word, uint32_t *revision,
                     char *message, size_t message_size);
