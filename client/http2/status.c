#include "client/http2/status.h"

#include <nghttp2/nghttp2.h>

enum { CALM_MS = 1000 };

enum status status_of_http(unsigned http_status)
{
	switch (http_status) {
	case 400:
	case 431:
		return STATUS_INTERNAL;
	case 401:
		return STATUS_UNAUTHENTICATED;
	case 403:
		return STATUS_PERMISSION_DENIED;
	case 404:
		return STATUS_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return STATUS_UNAVAILABLE;
	default:
		return STATUS_UNKNOWN;
	}
}

enum status status_of_reset(uint32_t code, bool late)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
		return STATUS_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return late ? STATUS_DEADLINE_EXCEEDED : STATUS_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return STATUS_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return STATUS_PERMISSION_DENIED;
	default:
		return code <= NGHTTP2_HTTP_1_1_REQUIRED ? STATUS_INTERNAL : STATUS_UNKNOWN;
	}
}

enum status status_of_goaway(uint32_t code, uint32_t *wait_ms)
{
	*wait_ms = code == NGHTTP2_ENHANCE_YOUR_CALM ? CALM_MS : 0;
	return code == NGHTTP2_NO_ERROR ? STATUS_OK : STATUS_UNAVAILABLE;
}
