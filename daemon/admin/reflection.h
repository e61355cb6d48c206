/* reflection - grpc.reflection.v1.ServerReflection, and v1alpha, from the descriptors that are
 * built in: grpcurl, Postman and their like need no .proto file
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
 *
 * Public: it says nothing that the .proto files do not say. Owns: nothing. Thread: a worker's.
 * Errors: what is not found is an answer (ErrorResponse, NOT_FOUND), and the stream goes on. */
#pragma once
#include "daemon/rpc/service.h"

struct service reflection_service(void);
struct service reflection_alpha_service(void);
