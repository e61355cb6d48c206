-- Stories: lists.
--
-- One statement for each order, so that each reads its index from where the page before ended. Filters that are
-- not set are constants when the statement is planned, which is why it is planned each time.

-- What a story must be to be listed: of stories s.
-- fragment: story_filter
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?
(s.deleted_at IS NULL OR $7::bool)
  AND (cardinality($8::text[]) = 0 OR s.status = ANY ($8::text[]))
  AND (cardinality($9::text[]) = 0 OR s.priority = ANY ($9::text[]))
  AND ((cardinality($10::int8[]) = 0 AND NOT $11::bool) OR s.epic_id = ANY ($10::int8[]) OR ($11::bool AND s.epic_id IS NULL))
  AND ((cardinality($12::int8[]) = 0 AND NOT $13::bool) OR s.sprint_id = ANY ($12::int8[]) OR ($13::bool AND s.sprint_id IS NULL))
  AND ((cardinality($14::uuid[]) = 0 AND NOT $15::bool) OR s.assignee_id = ANY ($14::uuid[])
    OR ($15::bool AND s.assignee_id IS NULL))
  AND (cardinality($16::uuid[]) = 0 OR s.creator_id = ANY ($16::uuid[]))
  AND ($17::int4 IS NULL OR s.story_points >= $17::int4) AND ($18::int4 IS NULL OR s.story_points <= $18::int4)
  AND ($19::timestamptz IS NULL OR s.created_at >= $19::timestamptz)
  AND ($20::timestamptz IS NULL OR s.created_at < $20::timestamptz)
  AND ($21::timestamptz IS NULL OR s.updated_at >= $21::timestamptz)
  AND ($22::timestamptz IS NULL OR s.updated_at < $22::timestamptz)
  AND ($23::timestamptz IS NULL OR s.completed_at >= $23::timestamptz)
  AND ($24::timestamptz IS NULL OR s.completed_at < $24::timestamptz)
  AND ($25::text IS NULL OR strpos(lower(s.title), lower($25::text)) > 0)
;

-- How many stories the filter leaves on all pages, up to $26; NULL if that is 0, and then in no plan.
-- fragment: story_total
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4
CASE WHEN $26::int4 > 0 THEN (
  SELECT count(*) FROM (
    SELECT FROM stories s CROSS JOIN project p
    WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    ORDER BY s.rank, s.id LIMIT $26::int4) s) END
;

-- The place of a priority in the order of priorities, by the words of stories_priority_idx.
-- fragment: priority_level
-- params: none
CASE s.priority WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END
;

-- statement: story_list_backlog
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_rank int8?, after_id int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::int8 IS NULL OR (s.rank, s.id) > ($27::int8, $28::int8))
  ORDER BY s.rank, s.id LIMIT $6::int4) s ON true
ORDER BY s.story_rank, s.id;

-- statement: story_list_backlog_descending
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_rank int8?, after_id int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::int8 IS NULL OR (s.rank, s.id) < ($27::int8, $28::int8))
  ORDER BY s.rank DESC, s.id DESC LIMIT $6::int4) s ON true
ORDER BY s.story_rank DESC, s.id DESC;

-- statement: story_list_number
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_number int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::int8 IS NULL OR s.number > $27::int8)
  ORDER BY s.number LIMIT $6::int4) s ON true
ORDER BY s.number;

-- statement: story_list_number_descending
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_number int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::int8 IS NULL OR s.number < $27::int8)
  ORDER BY s.number DESC LIMIT $6::int4) s ON true
ORDER BY s.number DESC;

-- statement: story_list_updated
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_time timestamptz?, after_id int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::timestamptz IS NULL OR (s.updated_at, s.id) > ($27::timestamptz, $28::int8))
  ORDER BY s.updated_at, s.id LIMIT $6::int4) s ON true
ORDER BY s.updated_at, s.id;

-- statement: story_list_updated_descending
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_time timestamptz?, after_id int8?
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ($27::timestamptz IS NULL OR (s.updated_at, s.id) < ($27::timestamptz, $28::int8))
  ORDER BY s.updated_at DESC, s.id DESC LIMIT $6::int4) s ON true
ORDER BY s.updated_at DESC, s.id DESC;

-- statement: story_list_priority
-- It begins behind the place that is given, on page 1 too, and ends with the last level that the filter leaves.
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_level int4, after_rank int8, after_id int8, last_level int4
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ({{priority_level}}, s.rank, s.id) > ($27::int4, $28::int8, $29::int8)
    AND {{priority_level}} <= $30::int4
  ORDER BY {{priority_level}}, s.rank, s.id LIMIT $6::int4) s ON true
ORDER BY {{priority_level}}, s.story_rank, s.id;

-- statement: story_list_priority_descending
-- It begins behind the place that is given, on page 1 too, and ends with the last level that the filter leaves.
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   deleted_too bool, statuses text[], priorities text[], epic_ids int8[], without_epic bool, sprint_ids int8[],
--   without_sprint bool, assignee_ids uuid[], without_assignee bool, creator_ids uuid[], min_points int4?,
--   max_points int4?, created_since timestamptz?, created_before timestamptz?, updated_since timestamptz?,
--   updated_before timestamptz?, completed_since timestamptz?, completed_before timestamptz?, title_contains text?,
--   total_most int4, after_level int4, after_rank int8, after_id int8, last_level int4
-- columns: rank int4?, {{story_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
project AS MATERIALIZED (
  SELECT p.id, p.key FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{story_row}}, p.id IS NOT NULL AS project_found, {{story_total}} AS total
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN (
  SELECT {{story_columns}}
  FROM stories s CROSS JOIN project p
  WHERE s.organization_id = $1 AND s.project_id = $5 AND {{story_filter}}
    AND ({{priority_level}}, s.rank, s.id) < ($27::int4, $28::int8, $29::int8)
    AND {{priority_level}} >= $30::int4
  ORDER BY {{priority_level}} DESC, s.rank DESC, s.id DESC LIMIT $6::int4) s ON true
ORDER BY {{priority_level}} DESC, s.story_rank DESC, s.id DESC;
