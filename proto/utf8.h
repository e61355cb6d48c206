/* utf8 - text by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Owns: nothing. Units: lengths in bytes unless they are called characters. */
#pragma once
#include "proto/bytes.h"

enum utf8_fault {
	UTF8_GOOD,
	UTF8_NUL, /* U+0000, which a C string cannot hold */
	UTF8_INVALID,
};

bool utf8_valid(struct bytes text);

/* As utf8_valid, and no NUL. */
enum utf8_fault utf8_string_fault(struct bytes text);

/* At most `most` bytes of valid text, and no half character at the end. */
struct bytes utf8_cut(struct bytes text, size_t most);

/* Drops from `text` the bytes that make it invalid, in place. Returns its new length. */
size_t utf8_mend(char *text, size_t len);

/* Characters of valid text. */
size_t utf8_characters(struct bytes text);

/* The number of bytes that the white space (Unicode's White_Space) at `text` takes; 0: it starts
 * with none. */
size_t utf8_space(struct bytes text);

/* Whether valid text starts or ends with white space. */
bool utf8_edge_space(struct bytes text);
