#include "daemon/transport/sniff.h"

static const uint8_t NATIVE[] = {0x8e, 'R', 'P', 'C'};
static const uint8_t HTTP2[] = {'P', 'R', 'I'};
static const uint8_t TLS[] = {0x16, 0x03};

static enum sniff match(struct bytes first, const uint8_t *magic, size_t len, enum sniff found)
{
	size_t known = first.len < len ? first.len : len;
	if (memcmp(first.data, magic, known) != 0)
		return SNIFF_UNKNOWN;
	return known == len ? found : SNIFF_MORE;
}

/* POST, PUT and PATCH begin like the HTTP/2 preface and like PROXY. */
static enum sniff match_p(struct bytes first)
{
	if (first.len == 1)
		return SNIFF_MORE;
	if (first.data[1] == 'R')
		return match(first, HTTP2, sizeof(HTTP2), SNIFF_HTTP2);
	return memchr("OUA", first.data[1], 3) ? SNIFF_HTTP1 : SNIFF_UNKNOWN;
}

enum sniff sniff(struct bytes first)
{
	switch (first.data[0]) {
	case 0x8e:
		return match(first, NATIVE, sizeof(NATIVE), SNIFF_NATIVE);
	case 0x16:
		return match(first, TLS, sizeof(TLS), SNIFF_TLS);
	case 'P':
		return match_p(first);
	case 'G': /* GET */
	case 'H': /* HEAD */
	case 'D': /* DELETE */
	case 'O': /* OPTIONS */
	case 'C': /* CONNECT */
	case 'T': /* TRACE */
		return SNIFF_HTTP1;
	default:
		return SNIFF_UNKNOWN;
	}
}
