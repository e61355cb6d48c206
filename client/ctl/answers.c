#include "client/ctl/answers.h"

#include "client/ctl/card.h"
#include "client/ctl/report.h"
#include "proto/json.h"

#include <stdio.h>

void answers_print(struct answers *answers, const ProtobufCMessage *answer)
{
	struct arena arena;
	char *text;
	arena_init(&arena, NULL, 0, SIZE_MAX);
	enum status status = json_from_message(
		answer, answers->streams ? JSON_COMPACT : JSON_INDENTED, &arena, &text);
	if (status != STATUS_OK) {
		report_failure("the answer cannot be written as JSON: %s", status_text(status));
	} else if (answers->output == OUTPUT_JSON) {
		puts(text);
	} else {
		if (answers->count > 0)
			putchar('\n');
		card_print(text);
	}
	answers->count++;
	fflush(stdout);
	arena_deinit(&arena);
}
