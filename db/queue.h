/* queue - requests in line, oldest first; a request is in one queue at most.
 *
 * Owns: nothing. Thread: the pool's. */
#pragma once
#include "db/pool.h"

#include <assert.h>

struct queue {
	struct db_request *first, *last;
	uint32_t count;
};

/* Ahead of `next`, which is in this queue; NULL: as the last. */
static inline void queue_insert(struct queue *queue, struct db_request *request,
                                struct db_request *next)
{
	request->next = next;
	request->prev = next ? next->prev : queue->last;
	request->place = queue;
	*(request->prev ? &request->prev->next : &queue->first) = request;
	*(next ? &next->prev : &queue->last) = request;
	queue->count++;
}

static inline void queue_push(struct queue *queue, struct db_request *request)
{
	queue_insert(queue, request, NULL);
}

static inline void queue_remove(struct queue *queue, struct db_request *request)
{
	assert(request->place == queue);
	if (request->prev)
		request->prev->next = request->next;
	else
		queue->first = request->next;
	if (request->next)
		request->next->prev = request->prev;
	else
		queue->last = request->prev;
	request->next = request->prev = NULL;
	request->place = NULL;
	queue->count--;
}

static inline struct db_request *queue_pop(struct queue *queue)
{
	struct db_request *request = queue->first;
	if (request)
		queue_remove(queue, request);
	return request;
}
