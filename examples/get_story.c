/* Reads one story, blocking: get_story [ORGANIZATION [KEY]]. PRISM_ADDRESS, PRISM_KEY_FILE and
 * PRISM_ACTOR say where, with which key, and for whom. */
#include "prism/v1/story.prism-client.h"
#include <prism/client.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct prism_channel *channel;
	char message[256];
	if (prism_channel_open(&channel, NULL, NULL, message) != PRISM_OK) {
		fprintf(stderr, "%s\n", message);
		return 2;
	}

	Prism__V1__GetStoryRequest request = PRISM__V1__GET_STORY_REQUEST__INIT;
	request.organization_id = argc > 1 ? atoll(argv[1]) : 1;
	request.story_case = PRISM__V1__GET_STORY_REQUEST__STORY_KEY;
	request.key = argc > 2 ? argv[2] : (char *)"DEMO-3";

	Prism__V1__Story *story;
	struct prism_result result;
	if (prism_v1_story_service_get_story_wait(channel, NULL, &request, &story, &result) ==
	    PRISM_OK) {
		printf("%s %s\n", story->key, story->title);
		prism__v1__story__free_unpacked(story, NULL);
	} else {
		fprintf(stderr, "%s: %s\n", prism_status_name(result.status), result.message);
	}
	prism_channel_close(channel, NULL, NULL);
	return result.status == PRISM_OK ? 0 : 1;
}
