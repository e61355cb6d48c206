#include "client/ctl/metadata.h"

#include "client/ctl/report.h"
#include "client/ctl/text.h"
#include "proto/base64.h"
#include "proto/grpc_text.h"

#include <ctype.h>
#include <stdlib.h>

/* Keys are lower case, as in HTTP/2. */
static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

const char *metadata_parse(char *text, struct prism_metadata *out)
{
	char *value = strchr(text, ':');
	if (!value || value == text)
		return "metadata must be \"KEY: VALUE\"";
	*value++ = '\0';
	lower(text);
	value += strspn(value, " ");
	size_t len = strlen(value);
	if (grpc_key_is_binary(bytes_of_string(text)) &&
	    !base64_read(bytes_of(value, len), (uint8_t *)value, &len))
		return "metadata whose key ends in -bin must have a value in base64";
	*out = (struct prism_metadata){text, value, len};
	return NULL;
}

static void print_binary(struct bytes value)
{
	char *text = malloc(base64_text_len(value.len) + 1);
	if (!text)
		report_no_memory();
	base64_write(value, text);
	fwrite(text, 1, base64_text_len(value.len), stderr);
	free(text);
}

void metadata_print(const char *part, const struct prism_metadata *list, size_t count)
{
	if (count == 0)
		fprintf(stderr, "%s metadata: none\n", part);
	for (size_t i = 0; i < count; i++) {
		fprintf(stderr, "%s metadata: ", part);
		text_print(list[i].key, stderr);
		fputs(": ", stderr);
		if (grpc_key_is_binary(bytes_of_string(list[i].key)))
			print_binary(bytes_of(list[i].value, list[i].value_len));
		else
			text_print(list[i].value, stderr);
		fputc('\n', stderr);
	}
}
