/* sniff - which protocol a connection speaks, from its first bytes (PROTOCOL.md, "First bytes").
 *
 * Every protocol here lets the client speak first, so nobody waits for anybody. Decided once per
 * connection. */
#pragma once
#include "proto/bytes.h"

enum sniff {
	SNIFF_MORE,   /* these bytes could still become several */
	SNIFF_NATIVE, /* 8E 'R' 'P' 'C' */
	SNIFF_HTTP2,  /* "PRI" */
	SNIFF_HTTP1,  /* the first letter of a method */
	SNIFF_TLS,    /* 16 03: a ClientHello */
	SNIFF_UNKNOWN,
};

/* `first`: all that arrived so far, at least one byte. */
enum sniff sniff(struct bytes first);
