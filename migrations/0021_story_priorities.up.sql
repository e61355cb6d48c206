-- prism: transaction none
-- What ListStories reads in the order of priority: high, medium, low (which is not that of the alphabet), and within
-- one by the place in the backlog. The statements say the expression in the same words (priority_level).
CREATE INDEX CONCURRENTLY stories_priority_idx ON stories
  (organization_id, project_id, (CASE priority WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END), rank, id);
