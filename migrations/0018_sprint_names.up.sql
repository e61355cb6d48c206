-- People name a sprint, so a name is one sprint's. Twins that are there get their number in line behind it.
UPDATE sprints s SET name = left(s.name, 240) || ' (' || t.n || ')'
FROM (SELECT id, row_number() OVER (PARTITION BY project_id, lower(name) ORDER BY id) AS n
      FROM sprints WHERE deleted_at IS NULL) t
WHERE t.id = s.id AND t.n > 1;
CREATE UNIQUE INDEX sprints_name_key ON sprints (project_id, lower(name)) WHERE deleted_at IS NULL;
