-- Stories: making them: one; those of several callers at once; or up to five hundred of one caller in arrays. What
-- differs between the three is only how they come in (item), are looked up (project, sprint, epic) and numbered; the
-- rules are the same text. One story as arrays would cost PostgreSQL half as much again, most of it for starting a plan
-- of twice the size.

-- statement: project_lock
-- The lock under which a project's numbers, ranks and external ids are looked at and changed by whoever
-- needs to see what others have just committed: the first one of all that a project's writes take (ARCHITECTURE.md
-- has the order).
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8
-- columns: project_id int8
-- found: project_id
WITH {{caller}}
SELECT k.project_id
FROM project_counters k
WHERE k.project_id = $5 AND k.organization_id = $1 AND (SELECT rank FROM caller) >= $3
FOR NO KEY UPDATE OF k;

-- What stories go into. The project's counter is locked first, then what must not go, or be completed, meanwhile;
-- foreign keys do not keep a status, and who waits here sees what the other one left.
-- fragment: story_place
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8
held AS MATERIALIZED (
  SELECT k.project_id
  FROM project_counters k
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND k.project_id = $9 AND k.organization_id = $1
  FOR NO KEY UPDATE OF k),
project AS MATERIALIZED (
  SELECT p.id, p.organization_id, p.key, p.status <> 'completed' OR $4 AS open
  FROM held h JOIN projects p ON p.id = h.project_id AND p.deleted_at IS NULL
  FOR SHARE OF p)
;

-- The story to be made, for whom, and what it refers to; a number of NULL is the next one.
-- fragment: story_item
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, title text, description text?,
--   criteria text?, status text, priority text, points int4?, epic_id int8?, sprint_id int8?,
--   assignee_id uuid?, creator_id uuid?, number int8?, created_at timestamptz?, started_at timestamptz?,
--   completed_at timestamptz?, external_source text?, external_id text?
item AS NOT MATERIALIZED (
  SELECT 1::int8 AS n, $1::int8 AS organization_id, $2::uuid AS actor, $4::bool AS system, $9::int8 AS project_id,
    $10::text AS title, $11::text AS description, $12::text AS criteria, $13::text AS status, $14::text AS priority,
    $15::int4 AS points, $16::int8 AS epic_id, $17::int8 AS sprint_id, $18::uuid AS assignee_id,
    $19::uuid AS creator_id, $20::int8 AS number, $21::timestamptz AS created_at, $22::timestamptz AS started_at,
    $23::timestamptz AS completed_at, $24::text AS external_source, $25::text AS external_id),
sprint AS MATERIALIZED (
  SELECT x.id, x.project_id, x.status
  FROM project p JOIN sprints x
    ON x.id = $17 AND x.organization_id = $1 AND x.project_id = p.id AND x.deleted_at IS NULL
  FOR SHARE OF x),
epic AS MATERIALIZED (
  SELECT e.id, e.project_id
  FROM project p JOIN epics e
    ON e.id = $16 AND e.organization_id = $1 AND e.project_id = p.id AND e.deleted_at IS NULL
  FOR SHARE OF e)
;

-- The same for many. In the arrays 0, the nil UUID and -1 (points) stand for nothing.
-- fragment: story_items
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, titles text[],
--   descriptions text[], criteria text[], statuses text[], priorities text[], points int4[],
--   epic_ids int8[], sprint_ids int8[], assignee_ids uuid[], creator_ids uuid[], numbers int8[],
--   created_ats timestamptz[], started_ats timestamptz[], completed_ats timestamptz[],
--   external_sources text[], external_ids text[]
item AS MATERIALIZED (
  SELECT i.n, $1::int8 AS organization_id, $2::uuid AS actor, $4::bool AS system, $9::int8 AS project_id,
    i.title, i.description, i.criteria, i.status, i.priority, NULLIF(i.points, -1) AS points,
    NULLIF(i.epic_id, 0) AS epic_id, NULLIF(i.sprint_id, 0) AS sprint_id,
    NULLIF(i.assignee_id, '00000000-0000-0000-0000-000000000000') AS assignee_id,
    NULLIF(i.creator_id, '00000000-0000-0000-0000-000000000000') AS creator_id,
    NULLIF(i.number, 0) AS number, i.created_at, i.started_at, i.completed_at, i.external_source,
    i.external_id
  FROM unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::int4[], $16::int8[],
    $17::int8[], $18::uuid[], $19::uuid[], $20::int8[], $21::timestamptz[], $22::timestamptz[],
    $23::timestamptz[], $24::text[], $25::text[]) WITH ORDINALITY
    AS i(title, description, criteria, status, priority, points, epic_id, sprint_id, assignee_id,
         creator_id, number, created_at, started_at, completed_at, external_source, external_id, n)),
sprint AS MATERIALIZED (
  SELECT x.id, x.project_id, x.status
  FROM project p CROSS JOIN (SELECT DISTINCT i.sprint_id AS id FROM item i ORDER BY 1) i
  CROSS JOIN LATERAL (
    SELECT x.id, x.project_id, x.status FROM sprints x
    WHERE x.id = i.id AND x.organization_id = $1 AND x.project_id = p.id AND x.deleted_at IS NULL
    FOR SHARE) x),
epic AS MATERIALIZED (
  SELECT x.id, x.project_id
  FROM project p CROSS JOIN (SELECT DISTINCT i.epic_id AS id FROM item i ORDER BY 1) i
  CROSS JOIN LATERAL (
    SELECT e.id, e.project_id FROM epics e
    WHERE e.id = i.id AND e.organization_id = $1 AND e.project_id = p.id AND e.deleted_at IS NULL
    FOR SHARE) x)
;

-- Which of the stories refer to what they must not. What a story that is there (known: n, epic_id, sprint_id,
-- assignee_id, status, closed: its sprint is completed, gone) refers to already is not judged. OFFSET 0 keeps the
-- look-ups what they are, one by full key for each story, instead of a hash of everybody. Whoever leaves waits for
-- those that still give work (member_lock).
-- fragment: story_judged
-- params: none
judged AS MATERIALIZED (
  SELECT i.n,
    i.epic_id IS DISTINCT FROM k.epic_id AND i.epic_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM epic e WHERE e.id = i.epic_id AND e.project_id = i.project_id OFFSET 0) AS epic,
    i.sprint_id IS DISTINCT FROM k.sprint_id AND i.sprint_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM sprint x WHERE x.id = i.sprint_id AND x.project_id = i.project_id OFFSET 0) AS sprint,
    NOT i.system AND (
      (i.sprint_id IS DISTINCT FROM k.sprint_id AND EXISTS (
        SELECT FROM sprint x
        WHERE x.id = i.sprint_id AND x.project_id = i.project_id AND x.status = 'completed' OFFSET 0))
      OR (k.closed AND k.status = 'done'
        AND (i.sprint_id IS DISTINCT FROM k.sprint_id) = (i.status = 'done'))) AS completed,
    i.assignee_id IS DISTINCT FROM k.assignee_id AND i.assignee_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM organization_members m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = i.organization_id AND m.user_id = i.assignee_id AND m.role <> 'viewer'
        AND u.id = i.assignee_id AND u.status = 'active' AND u.deleted_at IS NULL OFFSET 0 FOR KEY SHARE OF m) AS assignee,
    k.n IS NULL AND i.creator_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM users u WHERE u.id = i.creator_id OFFSET 0) AS creator
  FROM project p JOIN item i ON i.project_id = p.id AND i.organization_id = p.organization_id LEFT JOIN known k ON k.n = i.n
  WHERE k.gone IS NOT TRUE)
;

-- The first story with each fault.
-- fragment: story_fault
-- params: none
fault AS MATERIALIZED (
  SELECT min(j.n) FILTER (WHERE j.epic) AS epic, min(j.n) FILTER (WHERE j.sprint) AS sprint,
    min(j.n) FILTER (WHERE j.completed) AS completed, min(j.n) FILTER (WHERE j.assignee) AS assignee,
    min(j.n) FILTER (WHERE j.creator) AS creator
  FROM judged j)
;

-- The faults of each story, which is the first one (and only) of its call.
-- fragment: story_fault_each
-- params: none
fault AS NOT MATERIALIZED (
  SELECT j.n, CASE WHEN j.epic THEN 1::int8 END AS epic, CASE WHEN j.sprint THEN 1::int8 END AS sprint,
    CASE WHEN j.completed THEN 1::int8 END AS completed, CASE WHEN j.assignee THEN 1::int8 END AS assignee,
    CASE WHEN j.creator THEN 1::int8 END AS creator
  FROM judged j)
;

-- No story is known yet.
-- fragment: story_unknown
-- params: none
known AS (
  SELECT i.n, i.epic_id, i.sprint_id, i.assignee_id, i.status, false AS closed, false AS gone FROM item i WHERE false)
;

-- Faults by the number of the story in the request, from 1.
-- fragment: story_faults
-- params: none
-- columns: project_found bool, project_open bool?, fault_epic int8?, fault_sprint int8?,
--   fault_completed int8?, fault_assignee int8?, fault_creator int8?
p.id IS NOT NULL AS project_found, p.open AS project_open, f.epic AS fault_epic,
  f.sprint AS fault_sprint, f.completed AS fault_completed, f.assignee AS fault_assignee,
  f.creator AS fault_creator
;

-- Numbers and ranks for the rows of `fresh_item` (n, number), out of the project's counter: explicit numbers
-- raise it, the others come after them.
-- fragment: story_numbers
-- params: none
counter AS (
  UPDATE project_counters k
  SET next_number = greatest(k.next_number, w.most + 1) + w.unnumbered, next_rank = k.next_rank + 65536 * w.count
  FROM (SELECT p.id, count(i.n) AS count, count(i.n) FILTER (WHERE i.number IS NULL) AS unnumbered,
          coalesce(max(i.number), 0) AS most
        FROM project p CROSS JOIN fault f CROSS JOIN fresh_item i
        WHERE p.open AND num_nonnulls(f.epic, f.sprint, f.completed, f.assignee, f.creator) = 0
        GROUP BY p.id) w
  WHERE k.project_id = w.id
  RETURNING k.project_id, k.next_number - w.unnumbered AS first_number,
    k.next_rank - 65536 * w.count AS first_rank),
numbered AS MATERIALIZED (
  SELECT i.n, c.project_id,
    coalesce(i.number, c.first_number - 1 + row_number() OVER (PARTITION BY i.number IS NULL ORDER BY i.n)) AS number,
    c.first_rank + 65536 * (row_number() OVER (ORDER BY i.n) - 1) AS rank
  FROM fresh_item i CROSS JOIN counter c)
;

-- The rows of `numbered` (n, project_id, number, rank).
-- fragment: story_written
-- params: none
written AS (
  INSERT INTO stories (organization_id, project_id, epic_id, sprint_id, number, rank, title, description,
    acceptance_criteria, story_points, priority, status, assignee_id, creator_id, created_at, started_at,
    completed_at, external_source, external_id)
  SELECT i.organization_id, n.project_id, i.epic_id, i.sprint_id, n.number, n.rank, i.title, i.description, i.criteria,
    i.points, i.priority, i.status, i.assignee_id, coalesce(i.creator_id, i.actor), coalesce(i.created_at, now()),
    coalesce(i.started_at, CASE WHEN i.status = 'in_progress' THEN now() END),
    CASE WHEN i.status = 'done' THEN coalesce(i.completed_at, now()) END, i.external_source, i.external_id
  FROM numbered n JOIN item i ON i.n = n.n
  ORDER BY n.n
  RETURNING id, project_id, number, title, description, acceptance_criteria, status, priority,
    story_points, epic_id, sprint_id, assignee_id, creator_id, rank AS story_rank, version, created_at,
    updated_at, started_at, completed_at, deleted_at, external_source, external_id)
;

-- statement: story_create
-- A refused call takes no number.
-- lane: write
-- group: story_create_many
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, title text, description text?,
--   criteria text?, status text, priority text, points int4?, epic_id int8?, sprint_id int8?,
--   assignee_id uuid?, creator_id uuid?, number int8?, created_at timestamptz?, started_at timestamptz?,
--   completed_at timestamptz?, external_source text?, external_id text?
-- columns: rank int4?, {{story_row}}, {{story_faults}}
-- found: id
WITH {{caller}}, {{fresh}}, {{story_place}}, {{story_item}}, {{story_unknown}}, {{story_judged}},
{{story_fault_each}},
counter AS (
  UPDATE project_counters k
  SET next_number = greatest(k.next_number, i.number + 1) + CASE WHEN i.number IS NULL THEN 1 ELSE 0 END,
    next_rank = k.next_rank + 65536
  FROM project p CROSS JOIN fault f CROSS JOIN item i
  WHERE k.project_id = p.id AND p.open AND num_nonnulls(f.epic, f.sprint, f.completed, f.assignee, f.creator) = 0
  RETURNING i.n, k.project_id, coalesce(i.number, k.next_number - 1) AS number, k.next_rank - 65536 AS rank),
numbered AS NOT MATERIALIZED (SELECT c.n, c.project_id, c.number, c.rank FROM counter c),
{{story_written}},
activity AS (
  SELECT w.project_id, 'story' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(w.id)) AS result FROM written w),
{{recorded}}
SELECT c.rank, {{story_row}}, {{story_faults}}
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN fault f ON true
LEFT JOIN (SELECT p.key AS project_key, w.* FROM written w CROSS JOIN project p) s ON true;

-- statement: story_create_many
-- story_create for several callers at once, who know nothing of each other: each has its own gate, key, project and
-- answer, which `n` names. On any error nothing is written, and each is executed alone.
-- lane: write
-- tenant: no (each item has its own organization_id)
-- params: organization_ids int8[], actors uuid[], minimum_ranks int4[], systems bool[], principal_ids int8[],
--   request_ids uuid[], methods text[], request_hashes bytea[], project_ids int8[], titles text[],
--   descriptions text[], criteria text[], statuses text[], priorities text[], points int4[],
--   epic_ids int8[], sprint_ids int8[], assignee_ids uuid[], creator_ids uuid[], numbers int8[],
--   created_ats timestamptz[], started_ats timestamptz[], completed_ats timestamptz[],
--   external_sources text[], external_ids text[]
-- columns: rank int4?, {{story_row}}, {{story_faults}}, n int8
-- found: id
WITH asked AS MATERIALIZED (
  SELECT i.*, c.rank,
    c.rank >= i.minimum_rank AND {{fresh_each}} AS allowed
  FROM unnest($1::int8[], $2::uuid[], $3::int4[], $4::bool[], $5::int8[], $6::uuid[], $7::text[], $8::bytea[],
    $9::int8[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::int4[], $16::int8[],
    $17::int8[], $18::uuid[], $19::uuid[], $20::int8[], $21::timestamptz[], $22::timestamptz[],
    $23::timestamptz[], $24::text[], $25::text[]) WITH ORDINALITY
    AS i(organization_id, actor, minimum_rank, system, principal_id, request_id, method, request_hash, project_id,
         title, description, criteria, status, priority, points, epic_id, sprint_id, assignee_id, creator_id, number,
         created_at, started_at, completed_at, external_source, external_id, n)
  CROSS JOIN LATERAL ({{caller_each}}) c),
item AS NOT MATERIALIZED (SELECT a.* FROM asked a WHERE a.allowed),
{{brief}},
held AS MATERIALIZED (
  SELECT k.project_id
  FROM (SELECT DISTINCT i.project_id, i.organization_id FROM item i ORDER BY i.project_id) i
  CROSS JOIN LATERAL (
    SELECT k.project_id FROM project_counters k
    WHERE (SELECT ok FROM brief) AND k.project_id = i.project_id AND k.organization_id = i.organization_id
    FOR NO KEY UPDATE) k),
project AS MATERIALIZED (
  SELECT p.id, p.organization_id, p.key, p.open
  FROM held h CROSS JOIN LATERAL (
    SELECT p.id, p.organization_id, p.key, p.status <> 'completed' AS open FROM projects p
    WHERE (SELECT count(*) FROM held) > 0 AND p.id = h.project_id AND p.deleted_at IS NULL
    FOR SHARE) p),
sprint AS MATERIALIZED (
  SELECT x.id, x.project_id, x.status
  FROM (SELECT DISTINCT i.sprint_id AS id, i.project_id, i.organization_id FROM item i
        WHERE i.sprint_id IS NOT NULL ORDER BY i.sprint_id) i
  CROSS JOIN LATERAL (
    SELECT x.id, x.project_id, x.status
    FROM project p JOIN sprints x
      ON x.id = i.id AND x.organization_id = i.organization_id AND x.project_id = p.id AND x.deleted_at IS NULL
    WHERE p.id = i.project_id
    FOR SHARE OF x) x),
epic AS MATERIALIZED (
  SELECT x.id, x.project_id
  FROM (SELECT DISTINCT i.epic_id AS id, i.project_id, i.organization_id FROM item i
        WHERE i.epic_id IS NOT NULL ORDER BY i.epic_id) i
  CROSS JOIN LATERAL (
    SELECT e.id, e.project_id
    FROM project p JOIN epics e
      ON e.id = i.id AND e.organization_id = i.organization_id AND e.project_id = p.id AND e.deleted_at IS NULL
    WHERE p.id = i.project_id
    FOR SHARE OF e) x),
{{story_unknown}}, {{story_judged}},
{{story_fault_each}},
place AS MATERIALIZED (
  SELECT i.n, p.id, p.key, p.open OR i.system AS open
  FROM item i JOIN project p ON p.id = i.project_id AND p.organization_id = i.organization_id),
fit AS MATERIALIZED (
  SELECT i.n, i.project_id, i.number, row_number() OVER (PARTITION BY i.project_id ORDER BY i.n) AS place,
    count(*) FILTER (WHERE i.number IS NULL) OVER (PARTITION BY i.project_id ORDER BY i.n) AS unnumbered
  FROM place p JOIN fault f ON f.n = p.n JOIN item i ON i.n = p.n
  WHERE p.open AND num_nonnulls(f.epic, f.sprint, f.completed, f.assignee, f.creator) = 0),
counter AS (
  UPDATE project_counters k
  SET next_number = greatest(k.next_number, w.most + 1) + w.unnumbered, next_rank = k.next_rank + 65536 * w.count
  FROM (SELECT f.project_id, count(*) AS count, count(*) FILTER (WHERE f.number IS NULL) AS unnumbered,
          coalesce(max(f.number), 0) AS most
        FROM fit f GROUP BY f.project_id) w
  WHERE k.project_id = w.project_id
  RETURNING k.project_id, k.next_number - w.unnumbered AS first_number, k.next_rank - 65536 * w.count AS first_rank),
numbered AS MATERIALIZED (
  SELECT f.n, f.project_id, coalesce(f.number, c.first_number - 1 + f.unnumbered) AS number,
    c.first_rank + 65536 * (f.place - 1) AS rank
  FROM fit f JOIN counter c ON c.project_id = f.project_id),
{{story_written}},
done AS MATERIALIZED (
  SELECT n.n, w.* FROM written w JOIN numbered n ON n.project_id = w.project_id AND n.number = w.number),
activity AS (
  SELECT d.n, d.project_id, 'story' AS entity_type, d.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM done d),
effect AS (SELECT d.n, jsonb_build_object('ids', jsonb_build_array(d.id)) AS result FROM done d),
{{recorded_each}}
SELECT a.rank, {{story_row}}, {{story_faults}}, a.n
FROM asked a
LEFT JOIN place p ON p.n = a.n
LEFT JOIN fault f ON f.n = a.n
LEFT JOIN (SELECT p.key AS project_key, d.* FROM done d JOIN place p ON p.n = d.n) s ON s.n = a.n
ORDER BY a.n;

-- statement: story_batch_create
-- All or none. A refused call takes no number.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, titles text[],
--   descriptions text[], criteria text[], statuses text[], priorities text[], points int4[],
--   epic_ids int8[], sprint_ids int8[], assignee_ids uuid[], creator_ids uuid[], numbers int8[],
--   created_ats timestamptz[], started_ats timestamptz[], completed_ats timestamptz[],
--   external_sources text[], external_ids text[]
-- columns: rank int4?, {{story_row}}, {{story_faults}}
-- found: id
WITH {{caller}}, {{fresh}}, {{story_place}}, {{story_items}}, {{story_unknown}}, {{story_judged}}, {{story_fault}},
fresh_item AS (SELECT n, number FROM item),
{{story_numbers}},
{{story_written}},
activity AS (
  SELECT w.project_id, 'story' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w),
effect AS (
  SELECT jsonb_build_object('ids', jsonb_agg(w.id ORDER BY n.n)) AS result
  FROM written w JOIN numbered n ON n.number = w.number
  HAVING count(*) > 0),
{{recorded}}
SELECT c.rank, {{story_row}}, {{story_faults}}
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN fault f ON true
LEFT JOIN (
  SELECT n.n, p.key AS project_key, w.*
  FROM written w JOIN numbered n ON n.number = w.number CROSS JOIN project p) s ON true
ORDER BY s.n;

-- statement: story_upsert
-- After project_lock, so that two imports at once find each other's rows. A deleted story stays deleted.
-- The effect is 1 created, 2 updated, 3 unchanged, 4 deleted before.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, titles text[],
--   descriptions text[], criteria text[], statuses text[], priorities text[], points int4[],
--   epic_ids int8[], sprint_ids int8[], assignee_ids uuid[], creator_ids uuid[], numbers int8[],
--   created_ats timestamptz[], started_ats timestamptz[], completed_ats timestamptz[],
--   external_sources text[], external_ids text[]
-- columns: rank int4?, id int8?, effect int4?, number int8?, {{story_faults}}
-- found: id
WITH {{caller}}, {{fresh}}, {{story_place}}, {{story_items}},
assignee AS MATERIALIZED (
  SELECT m.user_id
  FROM (SELECT DISTINCT i.assignee_id AS id FROM project p CROSS JOIN item i WHERE i.assignee_id IS NOT NULL ORDER BY 1) a
  CROSS JOIN LATERAL (
    SELECT m.user_id FROM organization_members m WHERE m.organization_id = $1 AND m.user_id = a.id FOR KEY SHARE) m),
old AS MATERIALIZED (
  SELECT i.n, s.*
  FROM (
    SELECT i.n, s.id FROM project p CROSS JOIN item i
    CROSS JOIN LATERAL (
      SELECT s.id FROM stories s
      WHERE s.project_id = p.id AND s.external_source = i.external_source AND s.external_id = i.external_id OFFSET 0) s
    ORDER BY s.id) i
  CROSS JOIN LATERAL (
    SELECT s.id, s.number, s.title, s.description, s.acceptance_criteria, s.status, s.priority,
      s.story_points, s.epic_id, s.sprint_id, s.assignee_id, s.started_at, s.completed_at, s.deleted_at
    FROM stories s
    WHERE (SELECT count(*) FROM epic) + (SELECT count(*) FROM sprint) + (SELECT count(*) FROM assignee) >= 0
      AND s.id = i.id
    FOR NO KEY UPDATE) s),
known AS MATERIALIZED (
  SELECT o.n, o.epic_id, o.sprint_id, o.assignee_id, o.status, o.deleted_at IS NOT NULL AS gone, EXISTS (
    SELECT FROM sprints x WHERE x.id = o.sprint_id AND x.status = 'completed' OFFSET 0) AS closed
  FROM old o),
{{story_judged}},
{{story_fault}},
fresh_item AS (SELECT i.n, i.number FROM item i WHERE NOT EXISTS (SELECT FROM old o WHERE o.n = i.n)),
{{story_numbers}},
{{story_written}},
wanted AS MATERIALIZED (
  SELECT o.id, i.title, i.description, i.criteria, i.status, i.priority, i.points, i.epic_id, i.sprint_id,
    i.assignee_id,
    coalesce(i.started_at, o.started_at, CASE WHEN i.status = 'in_progress' THEN now() END) AS started_at,
    CASE WHEN i.status = 'done' THEN coalesce(i.completed_at, o.completed_at, now()) END AS completed_at,
    jsonb_strip_nulls(jsonb_build_object(
      'title', CASE WHEN i.title <> o.title THEN jsonb_build_object('old', o.title, 'new', i.title) END,
      'description', CASE WHEN i.description IS DISTINCT FROM o.description THEN '{"changed": true}'::jsonb END,
      'acceptance_criteria', CASE WHEN i.criteria IS DISTINCT FROM o.acceptance_criteria
        THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN i.status <> o.status THEN jsonb_build_object('old', o.status, 'new', i.status) END,
      'priority', CASE WHEN i.priority <> o.priority
        THEN jsonb_build_object('old', o.priority, 'new', i.priority) END,
      'story_points', CASE WHEN i.points IS DISTINCT FROM o.story_points
        THEN jsonb_build_object('old', o.story_points, 'new', i.points) END,
      'epic_id', CASE WHEN i.epic_id IS DISTINCT FROM o.epic_id
        THEN jsonb_build_object('old', o.epic_id, 'new', i.epic_id) END,
      'sprint_id', CASE WHEN i.sprint_id IS DISTINCT FROM o.sprint_id
        THEN jsonb_build_object('old', o.sprint_id, 'new', i.sprint_id) END,
      'assignee_id', CASE WHEN i.assignee_id IS DISTINCT FROM o.assignee_id
        THEN jsonb_build_object('old', o.assignee_id, 'new', i.assignee_id) END)) AS changes
  FROM old o JOIN item i ON i.n = o.n CROSS JOIN project p CROSS JOIN fault f
  WHERE o.deleted_at IS NULL AND p.open
    AND num_nonnulls(f.epic, f.sprint, f.completed, f.assignee, f.creator) = 0),
changed AS (
  UPDATE stories s
  SET title = w.title, description = w.description, acceptance_criteria = w.criteria, status = w.status,
    priority = w.priority, story_points = w.points, epic_id = w.epic_id, sprint_id = w.sprint_id,
    assignee_id = w.assignee_id, started_at = w.started_at, completed_at = w.completed_at,
    version = s.version + 1, updated_at = now()
  FROM wanted w
  WHERE s.id = w.id
    AND (s.title, s.description, s.acceptance_criteria, s.status, s.priority, s.story_points, s.epic_id,
         s.sprint_id, s.assignee_id, s.started_at, s.completed_at)
      IS DISTINCT FROM (w.title, w.description, w.criteria, w.status, w.priority, w.points, w.epic_id,
         w.sprint_id, w.assignee_id, w.started_at, w.completed_at)
  RETURNING s.id, s.project_id, w.changes),
activity AS (
  SELECT w.project_id, 'story' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w
  UNION ALL SELECT c.project_id, 'story', c.id::text, 'update', c.changes FROM changed c),
effect AS (SELECT '{}'::jsonb AS result WHERE false),
{{recorded}}
SELECT c.rank, s.id, s.effect, s.number, {{story_faults}}
FROM caller c
LEFT JOIN project p ON true
LEFT JOIN fault f ON true
LEFT JOIN (
  SELECT n.n, w.id, 1 AS effect, w.number FROM written w JOIN numbered n ON n.number = w.number
  UNION ALL
  SELECT o.n, o.id,
    CASE WHEN EXISTS (SELECT FROM changed c WHERE c.id = o.id) THEN 2 WHEN o.deleted_at IS NOT NULL THEN 4 ELSE 3 END,
    o.number
  FROM old o) s ON true
ORDER BY s.n;
