#include "proto/frame.h"
#include "tests/unit/proto/support.h"

/* A frame's header over a body of zeros: what frame_decode says of it. */
struct verdict {
	enum decode decode;
	const char *reason;
	size_t consumed, needed;
	struct frame frame;
};

static uint8_t wire[70000];

static struct verdict decode_len(size_t available, uint32_t max_frame)
{
	struct verdict verdict = {.reason = ""};
	uint8_t *copy = exact_copy(bytes_of(wire, available));
	verdict.decode = frame_decode(bytes_of(copy, available), max_frame, &verdict.frame,
	                              &verdict.consumed, &verdict.needed, &verdict.reason);
	free(copy);
	return verdict;
}

static struct verdict decode(unsigned type, unsigned flags, uint32_t stream, uint16_t meta_len,
                             uint32_t length)
{
	memset(wire, 0, sizeof wire);
	struct writer writer = writer_init(wire, sizeof wire);
	writer_u32(&writer, length);
	writer_u8(&writer, (uint8_t)type);
	writer_u8(&writer, (uint8_t)flags);
	writer_u16(&writer, meta_len);
	writer_u32(&writer, stream);
	size_t size = FRAME_HEADER_SIZE + (size_t)length;
	return decode_len(size < sizeof wire ? size : sizeof wire, LIMIT_FRAME_START);
}

static void assert_refused(struct verdict verdict, const char *why)
{
	assert_int_equal(verdict.decode, DECODE_MALFORMED);
	if (!strstr(verdict.reason, why))
		fail_msg("\"%s\" does not say \"%s\"", verdict.reason, why);
}

static void assert_taken(struct verdict verdict)
{
	if (verdict.decode == DECODE_MALFORMED)
		fail_msg("refused: %s", verdict.reason);
	assert_int_equal(verdict.decode, DECODE_OK);
}

/* --- preface ------------------------------------------------------------------- */

static void a_preface_comes_back(void **state)
{
	(void)state;
	uint8_t out[PREFACE_SIZE], min, max;
	const char *reason;
	preface_write(out, 1, 3);
	assert_memory_equal(out, "\x8eRPC\1\3\0\0", PREFACE_SIZE);
	assert_int_equal(preface_decode(bytes_of(out, 8), &min, &max, &reason), DECODE_OK);
	assert_int_equal(min, 1);
	assert_int_equal(max, 3);
	assert_int_equal(preface_decode(bytes_of("\x8eRPC\1\1\0\0more", 12), &min, &max, &reason),
	                 DECODE_OK);
	assert_int_equal(max, 1);
}

static void a_cut_preface_is_incomplete(void **state)
{
	(void)state;
	uint8_t min = 77, max = 77;
	const char *reason;
	for (size_t len = 0; len < PREFACE_SIZE; len++) {
		uint8_t *copy = exact_copy(bytes_of("\x8eRPC\1\1\0\0", len));
		assert_int_equal(preface_decode(bytes_of(copy, len), &min, &max, &reason),
		                 DECODE_INCOMPLETE);
		free(copy);
	}
	assert_int_equal(min, 77);
}

static void a_wrong_byte_of_a_preface_is_found_as_soon_as_it_is_there(void **state)
{
	(void)state;
	static const char bad[][PREFACE_SIZE] = {
		"\x8fRPC\1\1\0\0", "\x8eSPC\1\1\0\0", "\x8eRQC\1\1\0\0", "\x8eRPD\1\1\0\0",
		"\x8eRPC\0\1\0\0", "\x8eRPC\2\1\0\0", "\x8eRPC\1\1\1\0", "\x8eRPC\1\1\0\1",
	};
	for (size_t at = 0; at < PREFACE_SIZE; at++) {
		uint8_t min, max;
		const char *reason = NULL;
		assert_int_equal(preface_decode(bytes_of(bad[at], at), &min, &max, &reason),
		                 DECODE_INCOMPLETE);
		assert_int_equal(preface_decode(bytes_of(bad[at], at + 1), &min, &max, &reason),
		                 DECODE_MALFORMED);
		assert_non_null(reason);
	}
}

/* --- frames --------------------------------------------------------------------- */

static void a_frame_points_into_its_input(void **state)
{
	(void)state;
	struct hex hex_ = hex("00 00 00 05 02 04 00 02 00 00 00 07 | 10 01 | 61 62 63 ff");
	struct frame frame;
	size_t consumed = 0, needed;
	const char *reason;
	assert_int_equal(frame_decode(hex_bytes(&hex_), 65536, &frame, &consumed, &needed, &reason),
	                 DECODE_OK);
	assert_int_equal(consumed, 17);
	assert_int_equal(frame.type, FRAME_CALL);
	assert_int_equal(frame.flags, FRAME_CLOSE);
	assert_int_equal(frame.stream, 7);
	assert_ptr_equal(frame.meta.data, hex_.data + 12);
	assert_int_equal(frame.meta.len, 2);
	assert_bytes(frame.body, "abc");
}

static void a_frame_cut_anywhere_says_what_it_needs(void **state)
{
	(void)state;
	assert_taken(decode(FRAME_CALL, FRAME_CLOSE, 1, 4, 30));
	for (size_t len = 0; len < 42; len++) {
		struct verdict verdict = decode_len(len, LIMIT_FRAME_START);
		assert_int_equal(verdict.decode, DECODE_INCOMPLETE);
		assert_int_equal(verdict.needed, len < FRAME_HEADER_SIZE ? FRAME_HEADER_SIZE : 42);
		assert_int_equal(verdict.consumed, 0);
	}
	assert_int_equal(decode_len(42, LIMIT_FRAME_START).consumed, 42);
	assert_int_equal(decode_len(43, LIMIT_FRAME_START).consumed, 42);
}

static void a_fault_is_found_before_the_frame_is_complete(void **state)
{
	(void)state;
	(void)decode(FRAME_CALL, 0, 0, 0, 1000);
	assert_refused(decode_len(FRAME_HEADER_SIZE, LIMIT_FRAME_START), "stream");
}

static void frames_are_as_long_as_max_frame_allows(void **state)
{
	(void)state;
	assert_taken(decode(FRAME_MSG, 0, 1, 0, LIMIT_FRAME_START - 1));
	assert_taken(decode(FRAME_MSG, 0, 1, 0, LIMIT_FRAME_START));
	assert_refused(decode(FRAME_MSG, 0, 1, 0, LIMIT_FRAME_START + 1), "max_frame");
	assert_refused(decode(FRAME_MSG, 0, 1, 0, UINT32_MAX), "max_frame");
	assert_refused(decode(0xff, 0, 1, 0, LIMIT_FRAME_START + 1), "max_frame");
}

static void no_frame_is_longer_than_24_bits_say(void **state)
{
	(void)state;
	(void)decode(FRAME_MSG, 0, 1, 0, LIMIT_FRAME_MAX);
	assert_int_equal(decode_len(FRAME_HEADER_SIZE, UINT32_MAX).decode, DECODE_INCOMPLETE);
	(void)decode(FRAME_MSG, 0, 1, 0, LIMIT_FRAME_MAX + 1);
	assert_refused(decode_len(FRAME_HEADER_SIZE, UINT32_MAX), "max_frame");
}

static void metadata_is_within_the_frame_and_its_limit(void **state)
{
	(void)state;
	assert_taken(decode(FRAME_CALL, 0, 1, 10, 10));
	assert_refused(decode(FRAME_CALL, 0, 1, 11, 10), "meta_len");
	assert_refused(decode(FRAME_CALL, 0, 1, 1, 0), "meta_len");
	assert_taken(decode(FRAME_CALL, 0, 1, LIMIT_FRAME_META - 1, 9000));
	assert_taken(decode(FRAME_CALL, 0, 1, LIMIT_FRAME_META, 9000));
	assert_refused(decode(FRAME_CALL, 0, 1, LIMIT_FRAME_META + 1, 9000), "8192");
	assert_refused(decode(0x80, 0, 1, 11, 10), "meta_len");
}

static void bit_31_of_the_stream_is_reserved(void **state)
{
	(void)state;
	assert_taken(decode(FRAME_MSG, 0, FRAME_STREAM_MAX, 0, 0));
	assert_refused(decode(FRAME_MSG, 0, 0x80000000, 0, 0), "bit 31");
	assert_refused(decode(0x80, 0, 0x80000001, 0, 0), "bit 31");
}

static const uint8_t known[] = {FRAME_HELLO,  FRAME_CALL,   FRAME_MSG,  FRAME_HEAD,  FRAME_END,
                                FRAME_CANCEL, FRAME_CREDIT, FRAME_PING, FRAME_GOAWAY};

static uint32_t usual_len(uint8_t type)
{
	return type == FRAME_CREDIT ? 4 : type == FRAME_PING ? 8 : 0;
}

static void stream_zero_is_for_connection_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known; i++) {
		uint8_t type = known[i];
		bool connection = type == FRAME_HELLO || type == FRAME_PING || type == FRAME_GOAWAY;
		struct verdict on_zero = decode(type, 0, 0, 0, usual_len(type));
		struct verdict on_one = decode(type, 0, 1, 0, usual_len(type));
		if (connection || type == FRAME_CREDIT)
			assert_taken(on_zero);
		else
			assert_refused(on_zero, "needs a stream");
		if (connection)
			assert_refused(on_one, "stream 0");
		else
			assert_taken(on_one);
	}
}

static void unknown_types_end_the_connection_or_are_ignorable(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		if (memchr(known, (int)type, sizeof known))
			continue;
		struct verdict verdict = decode(type, 0xff, 0, 1, 3);
		if (type < FRAME_IGNORABLE) {
			assert_refused(verdict, "unknown");
			continue;
		}
		assert_taken(verdict);
		assert_int_equal(verdict.consumed, 15);
		assert_int_equal(verdict.frame.type, type);
	}
}

/* The flags that PROTOCOL.md gives to each type. */
static unsigned flags_of(uint8_t type)
{
	static const uint8_t flags[] = {
		[FRAME_HELLO] = 0,  [FRAME_CALL] = 0x0f, [FRAME_MSG] = 0x0f,
		[FRAME_HEAD] = 0,   [FRAME_END] = 0x0a,  [FRAME_CANCEL] = 0,
		[FRAME_CREDIT] = 0, [FRAME_PING] = 0x01, [FRAME_GOAWAY] = 0x03,
	};
	return flags[type];
}

static void only_the_flags_of_its_type_may_be_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known; i++) {
		uint8_t type = known[i];
		bool connection = type == FRAME_HELLO || type == FRAME_PING || type == FRAME_GOAWAY;
		for (unsigned bit = 0; bit < 8; bit++) {
			struct verdict verdict =
				decode(type, 1U << bit, !connection, 0, usual_len(type));
			if (flags_of(type) & 1U << bit)
				assert_taken(verdict);
			else
				assert_refused(verdict, "flag");
		}
	}
}

static void nomsg_has_no_body_and_stands_alone(void **state)
{
	(void)state;
	static const uint8_t types[] = {FRAME_CALL, FRAME_MSG, FRAME_END};
	for (size_t i = 0; i < sizeof types; i++) {
		assert_taken(decode(types[i], FRAME_NOMSG, 1, 0, 0));
		assert_refused(decode(types[i], FRAME_NOMSG, 1, 0, 1), "NOMSG");
		assert_refused(decode(types[i], FRAME_NOMSG | FRAME_COMPRESSED, 1, 0, 0), "NOMSG");
	}
	assert_taken(decode(FRAME_CALL, FRAME_NOMSG | FRAME_CLOSE, 1, 5, 5));
	assert_refused(decode(FRAME_CALL, FRAME_NOMSG, 1, 5, 6), "NOMSG");
	assert_refused(decode(FRAME_MSG, FRAME_NOMSG | FRAME_MORE, 1, 0, 0), "NOMSG");
}

static void frames_have_only_the_parts_of_their_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known; i++) {
		uint8_t type = known[i];
		bool connection = type == FRAME_HELLO || type == FRAME_PING || type == FRAME_GOAWAY;
		bool no_meta = type == FRAME_MSG || type == FRAME_CREDIT || type == FRAME_PING;
		bool no_body = type == FRAME_HELLO || type == FRAME_HEAD || type == FRAME_CANCEL ||
		               type == FRAME_GOAWAY;
		struct verdict meta = decode(type, 0, !connection, 3, 3 + usual_len(type));
		struct verdict body = decode(type, 0, !connection, 0, usual_len(type) + 1);
		if (no_meta)
			assert_refused(meta, "no metadata");
		else
			assert_taken(meta);
		if (no_body || usual_len(type) > 0)
			assert_refused(body, "body");
		else
			assert_taken(body);
	}
}

static void credit_and_ping_have_bodies_of_one_size(void **state)
{
	(void)state;
	for (uint32_t len = 0; len < 12; len++) {
		struct verdict credit = decode(FRAME_CREDIT, 0, 1, 0, len);
		struct verdict ping = decode(FRAME_PING, 0, 0, 0, len);
		if (len == 4)
			assert_taken(credit);
		else
			assert_refused(credit, "4 bytes");
		if (len == 8)
			assert_taken(ping);
		else
			assert_refused(ping, "8 bytes");
	}
}

static void headers_written_are_headers_read(void **state)
{
	(void)state;
	uint8_t out[FRAME_HEADER_SIZE + 5] = {0};
	struct writer writer = writer_init(out, sizeof out);
	frame_header_write(&writer, FRAME_END, FRAME_COMPRESSED, 0x01020304, 2, 3);
	assert_false(writer.failed);
	struct frame frame;
	size_t consumed, needed;
	const char *reason;
	assert_int_equal(
		frame_decode(bytes_of(out, sizeof out), 65536, &frame, &consumed, &needed, &reason),
		DECODE_OK);
	assert_int_equal(frame.type, FRAME_END);
	assert_int_equal(frame.flags, FRAME_COMPRESSED);
	assert_int_equal(frame.stream, 0x01020304);
	assert_int_equal(frame.meta.len, 2);
	assert_int_equal(frame.body.len, 3);
	assert_int_equal(consumed, sizeof out);
}

static void random_headers_never_pass_what_they_were_given(void **state)
{
	(void)state;
	uint64_t seed = 5;
	size_t taken = 0;
	for (int round = 0; round < 200000; round++) {
		uint8_t bytes[40];
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)(random_next(&seed) & (i < 12 ? 0x0f : 0xff));
		bytes[0] = bytes[1] = bytes[2] = bytes[6] = 0;
		size_t len = random_below(&seed, sizeof bytes + 1), consumed = 0, needed = 0;
		struct frame frame;
		const char *reason = NULL;
		enum decode decoded = frame_decode(bytes_of(bytes, len), 65536, &frame, &consumed,
		                                   &needed, &reason);
		if (decoded == DECODE_MALFORMED)
			assert_non_null(reason);
		if (decoded == DECODE_INCOMPLETE)
			assert_true(needed > len);
		if (decoded != DECODE_OK)
			continue;
		taken++;
		assert_true(consumed <= len);
		assert_int_equal(consumed, 12 + frame.meta.len + frame.body.len);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_preface_comes_back),
		cmocka_unit_test(a_cut_preface_is_incomplete),
		cmocka_unit_test(a_wrong_byte_of_a_preface_is_found_as_soon_as_it_is_there),
		cmocka_unit_test(a_frame_points_into_its_input),
		cmocka_unit_test(a_frame_cut_anywhere_says_what_it_needs),
		cmocka_unit_test(a_fault_is_found_before_the_frame_is_complete),
		cmocka_unit_test(frames_are_as_long_as_max_frame_allows),
		cmocka_unit_test(no_frame_is_longer_than_24_bits_say),
		cmocka_unit_test(metadata_is_within_the_frame_and_its_limit),
		cmocka_unit_test(bit_31_of_the_stream_is_reserved),
		cmocka_unit_test(stream_zero_is_for_connection_frames),
		cmocka_unit_test(unknown_types_end_the_connection_or_are_ignorable),
		cmocka_unit_test(only_the_flags_of_its_type_may_be_set),
		cmocka_unit_test(nomsg_has_no_body_and_stands_alone),
		cmocka_unit_test(frames_have_only_the_parts_of_their_type),
		cmocka_unit_test(credit_and_ping_have_bodies_of_one_size),
		cmocka_unit_test(headers_written_are_headers_read),
		cmocka_unit_test(random_headers_never_pass_what_they_were_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
