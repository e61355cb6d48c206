DROP INDEX stories_updated_idx;
