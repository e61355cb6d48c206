/* verbs - what prismctl does; each returns the exit code. */
#pragma once
#include "client/ctl/options.h"

int verb_call(const struct options *options);
int verb_story(const struct options *options);
int verb_import(const struct options *options);
int verb_list(const struct options *options);
int verb_describe(const struct options *options);
int verb_health(const struct options *options);
int verb_ping(const struct options *options);
