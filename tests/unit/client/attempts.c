#include "tests/unit/client/attempts.h"

uint32_t attempts_expect(struct peer *peer, struct attempts *attempts)
{
	struct frame frame;
	struct call_meta meta;
	peer_expect_call(peer, &frame, &meta);
	if (meta.attempt != attempts->calls)
		peer_fail(peer, "attempt %u instead of %u", meta.attempt, attempts->calls);
	if (frame.body.len > ATTEMPTS_BODY)
		peer_fail(peer, "a body of %zu bytes", frame.body.len);
	if (attempts->calls++ > 0 && !*peer->fault &&
	    !bytes_equal(frame.body, bytes_of(attempts->body, attempts->len)))
		peer_fail(peer, "the second attempt has other bytes than the first");
	if (!*peer->fault && frame.body.len > 0)
		memcpy(attempts->body, frame.body.data, frame.body.len);
	attempts->len = frame.body.len;
	return frame.stream;
}

struct prism_method method_with(enum prism_idempotency idempotency)
{
	struct prism_method method = NOTE_GET;
	method.idempotency = idempotency;
	return method;
}
