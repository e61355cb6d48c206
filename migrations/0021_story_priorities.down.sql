-- prism: transaction none
DROP INDEX CONCURRENTLY stories_priority_idx;
