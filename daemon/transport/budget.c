#include "daemon/transport/budget.h"

bool budget_take(struct budget *budget, uint32_t capacity, uint32_t per_second, uint64_t now_ms)
{
	if (budget->used == 0)
		budget->filled_ms = now_ms;
	uint64_t gained = (now_ms - budget->filled_ms) * per_second / 1000;
	if (gained > 0) {
		budget->used = gained > budget->used ? 0 : budget->used - (uint32_t)gained;
		budget->filled_ms = now_ms;
	}
	if (budget->used >= capacity)
		return false;
	budget->used++;
	return true;
}
