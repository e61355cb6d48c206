/* Unary calls, blocking, against a peer that answers as a server does. */
#include "tests/unit/client/notes.h"
#include "tests/unit/client/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void answer_one(struct peer *peer)
{
	struct frame frame;
	struct call_meta meta;
	uint8_t body[64];
	peer_greet(peer);
	peer_expect_call(peer, &frame, &meta);
	if (frame.flags != FRAME_CLOSE || frame.stream != 1 || meta.path_id != 1)
		peer_fail(peer, "flags %u, stream %u, path id %u", frame.flags, frame.stream,
		          meta.path_id);
	if (!bytes_equal_string(meta.path, NOTE_GET.path))
		peer_fail(peer, "path %.*s", (int)meta.path.len, (const char *)meta.path.data);
	if (!bytes_equal(frame.body, note_pack(body, "a", 0)))
		peer_fail(peer, "the request has %zu bytes", frame.body.len);
	if (!meta.has_timeout || meta.timeout_us > 30000000 || meta.timeout_us < 20000000)
		peer_fail(peer, "timeout %lu us", (unsigned long)meta.timeout_us);
	peer_answer(peer, 1, note_pack(body, "b", 7));
	peer_expect_close(peer);
}

static void test_answer(void **state)
{
	(void)state;
	struct peer peer;
	struct prism_result result;
	Prism__Test__Client__Note *note = NULL;
	peer_start(&peer, answer_one, NULL);
	struct prism_channel *channel = note_channel(peer.address);
	assert_int_equal(note_call(channel, &NOTE_GET, "a", &note, &result), PRISM_OK);
	assert_int_equal(result.status, PRISM_OK);
	assert_int_equal(result.outcome, PRISM_EXECUTED);
	assert_string_equal(result.message, "");
	assert_string_equal(note->text, "b");
	assert_int_equal(note->number, 7);
	prism__test__client__note__free_unpacked(note, NULL);
	prism_channel_close(channel, NULL, NULL);
	peer_stop(&peer);
	assert_string_equal(peer.agent, "notes libprism/" PRISM_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
