-- Stories: moving them in the backlog.

-- statement: story_move
-- After project_lock: the neighbours are those that everybody else has left. The block goes between `low` and
-- `high`, the ranks around it, at equal distances. When they are too near, up to 1,000 neighbours on either side
-- are spread out with it between the ranks around those; when these are too near as well, the whole project
-- is. Ranks that only make room are nobody's change: versions and times stay. What is there already, between the
-- same neighbours and in this order, stays too, with its rank; nothing is written for it. What is written is locked
-- first, by id (held).
-- The placement is 1 top, 2 bottom, 3 before the anchor, 4 after it; the sprint 0 stays, -1 none, else that one.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, ids int8[], placement int4,
--   anchor_id int8, sprint int8
-- columns: rank int4?, id int8?, story_rank int8?, version int4?, project_found bool, project_open bool?,
--   missing_id int8?, anchor_found bool?, sprint_ok bool?, sprint_open bool?
-- found: id
WITH {{caller}}, {{fresh}},
project AS MATERIALIZED (
  SELECT p.id, p.status <> 'completed' OR $4 AS open
  FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND p.id = $9 AND p.organization_id = $1 AND p.deleted_at IS NULL),
item AS MATERIALIZED (
  SELECT i.n, i.id, s.rank, s.version, s.sprint_id, s.status, s.id IS NOT NULL AS found,
    EXISTS (SELECT FROM sprints x WHERE x.id = s.sprint_id AND x.status = 'completed' OFFSET 0) AS closed
  FROM unnest($10::int8[]) WITH ORDINALITY AS i(id, n)
  LEFT JOIN LATERAL (
    SELECT s.id, s.project_id, s.rank, s.version, s.sprint_id, s.status FROM stories s
    WHERE s.organization_id = $1 AND s.id = i.id AND s.deleted_at IS NULL
    OFFSET 0) s ON s.project_id = (SELECT id FROM project)),
anchor AS MATERIALIZED (
  SELECT s.rank, s.id
  FROM (
    SELECT s.rank, s.id, s.project_id FROM stories s
    WHERE s.organization_id = $1 AND s.id = $12 AND s.deleted_at IS NULL OFFSET 0) s
  WHERE s.project_id = (SELECT id FROM project)),
sprint AS MATERIALIZED (
  SELECT x.id, x.status FROM sprints x
  WHERE x.id = $13 AND x.organization_id = $1 AND x.project_id = (SELECT id FROM project) AND x.deleted_at IS NULL
  FOR SHARE OF x),
judged AS MATERIALIZED (
  SELECT p.id AS project_id, p.open,
    (SELECT i.id FROM item i WHERE NOT i.found ORDER BY i.n LIMIT 1) AS missing_id,
    $11 < 3 OR EXISTS (SELECT FROM anchor) AS anchor_found,
    $13 <= 0 OR EXISTS (SELECT FROM sprint) AS sprint_ok,
    $4 OR $13 = 0 OR (NOT EXISTS (SELECT FROM sprint x WHERE x.status = 'completed')
      AND NOT EXISTS (SELECT FROM item i WHERE i.status = 'done' AND i.closed
        AND i.sprint_id IS DISTINCT FROM NULLIF($13, -1))) AS sprint_open
  FROM project p),
able AS MATERIALIZED (
  SELECT j.project_id, (SELECT count(*) FROM item) AS n FROM judged j
  WHERE j.open AND j.missing_id IS NULL AND j.anchor_found AND j.sprint_ok AND j.sprint_open),
edge AS MATERIALIZED (
  SELECT a.project_id, a.n,
    CASE $11 WHEN 1 THEN -9223372036854775807 WHEN 2 THEN 9223372036854775807 ELSE x.rank END AS rank,
    CASE $11 WHEN 3 THEN x.id WHEN 4 THEN x.id + 1 ELSE 0 END AS id
  FROM able a LEFT JOIN anchor x ON true),
space AS MATERIALIZED (
  SELECT e.n, l.rank AS low, l.id AS low_id, h.rank AS high, h.id AS high_id,
    CASE WHEN l.rank IS NULL OR h.rank IS NULL THEN 65536 ELSE (h.rank - l.rank) / (e.n + 1) END AS step
  FROM edge e
  LEFT JOIN LATERAL (
    SELECT s.rank, s.id FROM stories s
    WHERE s.organization_id = $1 AND s.project_id = e.project_id AND (s.rank, s.id) < (e.rank, e.id)
      AND s.id <> ALL ($10::int8[])
    ORDER BY s.rank DESC, s.id DESC LIMIT 1) l ON true
  LEFT JOIN LATERAL (
    SELECT s.rank, s.id FROM stories s
    WHERE s.organization_id = $1 AND s.project_id = e.project_id AND (s.rank, s.id) >= (e.rank, e.id)
      AND s.id <> ALL ($10::int8[])
    ORDER BY s.rank, s.id LIMIT 1) h ON true),
stays AS MATERIALIZED (
  SELECT bool_and((i.rank, i.id) > (i.rank_before, i.id_before)) IS NOT FALSE
    AND bool_and((i.rank, i.id) > (g.low, g.low_id)) IS NOT FALSE
    AND bool_and((i.rank, i.id) < (g.high, g.high_id)) IS NOT FALSE AS ok
  FROM space g CROSS JOIN (
    SELECT i.rank, i.id, lag(i.rank) OVER (ORDER BY i.n) AS rank_before, lag(i.id) OVER (ORDER BY i.n) AS id_before
    FROM item i) i
  HAVING count(*) > 0),
near AS MATERIALIZED (
  SELECT x.id, x.rank, x.side, row_number() OVER (PARTITION BY x.side ORDER BY x.rank * x.side, x.id * x.side) AS r
  FROM space g CROSS JOIN edge e
  CROSS JOIN LATERAL (
    (SELECT s.id, s.rank, -1 AS side FROM stories s
     WHERE s.organization_id = $1 AND s.project_id = e.project_id AND (s.rank, s.id) < (e.rank, e.id)
       AND s.id <> ALL ($10::int8[])
     ORDER BY s.rank DESC, s.id DESC LIMIT 1001)
    UNION ALL
    (SELECT s.id, s.rank, 1 FROM stories s
     WHERE s.organization_id = $1 AND s.project_id = e.project_id AND (s.rank, s.id) >= (e.rank, e.id)
       AND s.id <> ALL ($10::int8[])
     ORDER BY s.rank, s.id LIMIT 1001)) x
  WHERE g.step < 1 AND NOT (SELECT ok FROM stays)),
room AS MATERIALIZED (
  SELECT b.low, (b.high - b.low) / (b.others + b.n + 1) AS step
  FROM (
    SELECT e.n, count(*) FILTER (WHERE x.r <= 1000) AS others,
      coalesce(max(x.rank) FILTER (WHERE x.side = -1 AND x.r = 1001), min(x.rank) - 65536 * (count(*) + e.n)) AS low,
      coalesce(max(x.rank) FILTER (WHERE x.side = 1 AND x.r = 1001), max(x.rank) + 65536 * (count(*) + e.n)) AS high
    FROM edge e CROSS JOIN near x GROUP BY e.n) b),
lineup AS MATERIALIZED (
  SELECT x.id, x.rank, row_number() OVER (ORDER BY x.part, x.a, x.b) AS k
  FROM (
    SELECT x.id, x.rank, CASE x.side WHEN -1 THEN 1 ELSE 3 END AS part, x.rank AS a, x.id AS b FROM near x WHERE x.r <= 1000
    UNION ALL SELECT i.id, i.rank, 2, i.n, 0 FROM room r CROSS JOIN item i WHERE r.step >= 1) x),
whole AS MATERIALIZED (
  SELECT x.id, x.rank, row_number() OVER (ORDER BY x.part, x.a, x.b) AS k
  FROM (
    SELECT s.id, s.rank, CASE WHEN (s.rank, s.id) < (e.rank, e.id) THEN 1 ELSE 3 END AS part, s.rank AS a, s.id AS b
    FROM room r CROSS JOIN edge e
    CROSS JOIN LATERAL (
      SELECT s.id, s.rank FROM stories s
      WHERE s.organization_id = $1 AND s.project_id = e.project_id AND s.id <> ALL ($10::int8[]) OFFSET 0) s
    WHERE r.step < 1
    UNION ALL SELECT i.id, i.rank, 2, i.n, 0 FROM room r CROSS JOIN item i WHERE r.step < 1) x),
placed AS MATERIALIZED (
  SELECT i.id, coalesce(g.low + g.step * i.n, g.high - g.step * (g.n - i.n + 1), 65536 * i.n) AS rank, i.rank AS old_rank
  FROM space g CROSS JOIN item i WHERE g.step >= 1 AND NOT (SELECT ok FROM stays)
  UNION ALL SELECT i.id, i.rank, i.rank FROM stays t CROSS JOIN item i WHERE t.ok
  UNION ALL SELECT l.id, r.low + r.step * l.k, l.rank FROM room r CROSS JOIN lineup l WHERE r.step >= 1
  UNION ALL SELECT w.id, 65536 * w.k, w.rank FROM whole w),
held AS MATERIALIZED (
  SELECT s.id
  FROM (
    SELECT p.id FROM placed p LEFT JOIN item i ON i.id = p.id
    WHERE p.rank <> p.old_rank OR (i.id IS NOT NULL AND $13 <> 0 AND i.sprint_id IS DISTINCT FROM NULLIF($13, -1))
    ORDER BY p.id) p
  CROSS JOIN LATERAL (SELECT s.id FROM stories s WHERE s.id = p.id FOR NO KEY UPDATE) s),
shifted AS (
  UPDATE stories s SET rank = p.rank FROM placed p
  WHERE s.id = p.id AND (SELECT count(*) FROM held) > 0 AND s.rank <> p.rank AND s.id <> ALL ($10::int8[])),
moved AS (
  UPDATE stories s
  SET rank = p.rank, sprint_id = CASE $13 WHEN 0 THEN s.sprint_id ELSE NULLIF($13, -1) END, version = s.version + 1,
    updated_at = now()
  FROM placed p JOIN item i ON i.id = p.id
  WHERE s.id = p.id AND (SELECT count(*) FROM held) > 0
    AND (s.rank <> p.rank OR ($13 <> 0 AND s.sprint_id IS DISTINCT FROM NULLIF($13, -1)))
  RETURNING s.id, i.n, s.rank, s.version, i.rank AS old_rank, s.project_id, s.sprint_id, i.sprint_id AS old_sprint_id),
counter AS (
  UPDATE project_counters k SET next_rank = greatest(k.next_rank, m.rank + 65536)
  FROM (SELECT max(p.rank) AS rank FROM placed p) m, able a
  WHERE k.project_id = a.project_id AND k.next_rank < m.rank + 65536 AND NOT (SELECT ok FROM stays)),
activity AS (
  SELECT m.project_id, 'story' AS entity_type, m.id::text AS entity_id, 'move' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'rank', CASE WHEN m.rank <> m.old_rank THEN jsonb_build_object('old', m.old_rank, 'new', m.rank) END,
      'sprint_id', CASE WHEN m.sprint_id IS DISTINCT FROM m.old_sprint_id
        THEN jsonb_build_object('old', m.old_sprint_id, 'new', m.sprint_id) END)) AS changes
  FROM moved m),
effect AS (
  SELECT jsonb_build_object('ids', jsonb_agg(i.id ORDER BY i.n)) AS result
  FROM item i WHERE EXISTS (SELECT FROM moved) HAVING count(*) > 0),
{{recorded}}
SELECT c.rank, i.id, coalesce(m.rank, i.rank) AS story_rank, coalesce(m.version, i.version) AS version,
  j.project_id IS NOT NULL AS project_found, j.open AS project_open, j.missing_id, j.anchor_found, j.sprint_ok, j.sprint_open
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN item i ON EXISTS (SELECT FROM able)
LEFT JOIN moved m ON m.id = i.id
ORDER BY i.n;
