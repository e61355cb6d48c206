-- prism: transaction none
DROP INDEX CONCURRENTLY documents_metadata_idx;
