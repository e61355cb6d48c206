/* metadata - what goes with a call, from the command line, and what a server says beside its
 * answers, to standard error. */
#pragma once
#include "client/ctl/options.h"

/* "KEY: VALUE", which is changed and kept; the VALUE of a KEY that ends in "-bin" is base64.
 * NULL, or what is wrong with it. */
const char *metadata_parse(char *text, struct prism_metadata *out);

/* A line for each entry behind `part`, or that there is none. */
void metadata_print(const char *part, const struct prism_metadata *list, size_t count);
