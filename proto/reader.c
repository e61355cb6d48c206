#include "proto/reader.h"

enum { VARINT_MOST = 10 };

uint64_t reader_varint_slow(struct reader *reader)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < VARINT_MOST && i < reader_left(reader); i++) {
		uint8_t byte = reader->at[i];
		if (i == VARINT_MOST - 1 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			reader->at += i + 1;
			return value;
		}
	}
	reader->failed = true;
	reader->at = reader->end;
	return 0;
}
