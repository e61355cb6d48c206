/* generate - from protoc's request to the plugin's response. */
#pragma once
#include "google/protobuf/compiler/plugin.pb-c.h"
#include "proto/arena.h"

/* What --prism-c_out=PARAMETER:DIR may name. */
#define GENERATE_MODES "methods, server and client"

/* The packed CodeGeneratorResponse: files, or an error. In the arena. */
struct bytes generate(struct arena *arena,
                      const Google__Protobuf__Compiler__CodeGeneratorRequest *request);
