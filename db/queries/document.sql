-- Documents of a project. Drafts are for members and above (rank 2); for viewers there are none.

-- fragment: document_columns
-- params: none
d.id, d.project_id, d.title, d.slug, d.content, d.document_type, d.status, d.creator_id, d.metadata, d.version,
  d.created_at, d.updated_at, d.published_at, d.external_source, d.external_id
;

-- fragment: document_row
-- params: none
-- columns: id int8, project_id int8, title text, slug text, content text?, document_type text, status text,
--   creator_id uuid?, metadata jsonb, version int4, created_at timestamptz, updated_at timestamptz,
--   published_at timestamptz?, external_source text?, external_id text?
d.id, d.project_id, d.title, d.slug, d.content, d.document_type, d.status, d.creator_id, d.metadata, d.version,
  d.created_at, d.updated_at, d.published_at, d.external_source, d.external_id
;

-- statement: document_create
-- A slug that was made of the title is tried with -2, -3 ... until one is free, after project_lock; who gives the
-- same one at the same time meets its unique key, and the handler tries again. Which ones are taken is looked up
-- once, and only when the first one is.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, title text, slug text, slug_given bool,
--   content text?, document_type text, metadata jsonb, external_source text?, external_id text?
-- columns: rank int4?, {{document_row}}, project_found bool, project_open bool?
-- found: id
WITH {{caller}}, {{fresh}}, {{place}},
taken AS MATERIALIZED (
  SELECT d.slug FROM place p JOIN documents d ON d.project_id = p.id
  WHERE NOT $12 AND d.deleted_at IS NULL AND starts_with(d.slug, rtrim(left($11, 249), '-'))
    AND EXISTS (SELECT FROM documents x WHERE x.project_id = $9 AND x.slug = $11 AND x.deleted_at IS NULL)),
chosen AS MATERIALIZED (
  SELECT c.slug
  FROM place p CROSS JOIN (
    SELECT n, CASE n WHEN 1 THEN $11 ELSE rtrim(left($11, 254 - length(n::text)), '-') || '-' || n END AS slug
    FROM generate_series(1, CASE WHEN $12 THEN 1 ELSE 10000 END) WITH ORDINALITY AS g(i, n)) c
  WHERE p.open AND c.slug NOT IN (SELECT t.slug FROM taken t)
  ORDER BY c.n LIMIT 1),
written AS (
  INSERT INTO documents AS d (organization_id, project_id, title, slug, content, document_type, metadata, creator_id,
    external_source, external_id)
  SELECT $1, $9, $10, c.slug, $13, $14, $15::jsonb, $2, $16, $17 FROM chosen c
  RETURNING {{document_columns}}),
activity AS (
  SELECT d.project_id, 'document' AS entity_type, d.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written d),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(d.id)) AS result FROM written d),
{{recorded}}
SELECT c.rank, {{document_row}}, p.id IS NOT NULL AS project_found, p.open AS project_open
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN written d ON true;

-- statement: document_get
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, id int8
-- columns: rank int4?, {{document_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{document_row}}
FROM caller c
LEFT JOIN (
  SELECT {{document_columns}}
  FROM documents d JOIN projects p ON p.id = d.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= CASE d.status WHEN 'draft' THEN 2 ELSE $3 END
    AND d.id = $5 AND d.organization_id = $1 AND d.deleted_at IS NULL) d ON true;

-- statement: document_get_by_slug
-- lane: read
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, slug text
-- columns: rank int4?, {{document_row}}
-- found: id
WITH {{caller}}
SELECT c.rank, {{document_row}}
FROM caller c
LEFT JOIN (
  SELECT {{document_columns}}
  FROM projects p
  JOIN LATERAL (
    SELECT {{document_columns}}, d.organization_id FROM documents d
    WHERE d.project_id = $5 AND d.slug = $6 AND d.deleted_at IS NULL OFFSET 0) d ON d.organization_id = $1
  WHERE (SELECT rank FROM caller) >= CASE d.status WHEN 'draft' THEN 2 ELSE $3 END
    AND p.id = $5 AND p.deleted_at IS NULL) d ON true;

-- What a document must be to be listed: of documents d. Drafts are for members.
-- fragment: document_filter
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   types text[], statuses text[]
d.organization_id = $1 AND d.project_id = $5 AND d.deleted_at IS NULL
  AND (cardinality($7::text[]) = 0 OR d.document_type = ANY ($7::text[]))
  AND (cardinality($8::text[]) = 0 OR d.status = ANY ($8::text[]))
  AND (d.status <> 'draft' OR (SELECT rank FROM caller) >= 2)
;

-- statement: document_list
-- Without their content; what changed last comes first.
-- lane: read
-- prepare: no (filters that are not set become constants)
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, project_id int8, max_rows int4,
--   types text[], statuses text[], total_most int4, before_time timestamptz?, before_id int8?
-- columns: rank int4?, {{document_row}}, project_found bool, total int8?
-- found: id
WITH {{caller}},
place AS MATERIALIZED (
  SELECT p.id FROM projects p
  WHERE (SELECT rank FROM caller) >= $3 AND p.id = $5 AND p.organization_id = $1 AND p.deleted_at IS NULL)
SELECT c.rank, {{document_row}}, p.id IS NOT NULL AS project_found,
  CASE WHEN $9::int4 > 0 THEN (
    SELECT count(*) FROM (
      SELECT FROM place p CROSS JOIN documents d WHERE {{document_filter}}
      ORDER BY d.updated_at DESC, d.id DESC LIMIT $9::int4) d) END AS total
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN (
  SELECT d.id, d.project_id, d.title, d.slug, NULL::text AS content, d.document_type, d.status, d.creator_id,
    d.metadata, d.version, d.created_at, d.updated_at, d.published_at, d.external_source, d.external_id
  FROM place p CROSS JOIN documents d
  WHERE {{document_filter}}
    AND ($10::timestamptz IS NULL OR (d.updated_at, d.id) < ($10::timestamptz, $11::int8))
  ORDER BY d.updated_at DESC, d.id DESC LIMIT $6::int4) d ON true
ORDER BY d.updated_at DESC, d.id DESC;

-- statement: document_update
-- The mask is 1 title, 2 slug, 4 content, 8 document_type, 16 metadata, 32 status.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, id int8, expected_version int4, mask int4, title text?,
--   slug text?, content text?, document_type text?, metadata jsonb?, status text?
-- columns: rank int4?, {{document_row}}, written bool, version_ok bool?, project_open bool?, transition_ok bool?, yours bool?,
--   content_ok bool?, slug_ok bool?
-- found: id
-- wrote: written
WITH {{caller}}, {{fresh}},
old AS MATERIALIZED (
  SELECT {{document_columns}}, p.owner_id, p.status <> 'completed' OR $4 AS project_open
  FROM documents d JOIN projects p ON p.id = d.project_id AND p.deleted_at IS NULL
  WHERE (SELECT rank FROM caller) >= $3 AND (SELECT ok FROM fresh)
    AND d.id = $9 AND d.organization_id = $1 AND d.deleted_at IS NULL
  FOR NO KEY UPDATE OF d),
new AS MATERIALIZED (
  SELECT o.id,
    CASE WHEN $11 & 1 <> 0 THEN $12 ELSE o.title END AS title,
    CASE WHEN $11 & 2 <> 0 THEN $13 ELSE o.slug END AS slug,
    CASE WHEN $11 & 4 <> 0 THEN $14 ELSE o.content END AS content,
    CASE WHEN $11 & 8 <> 0 THEN $15 ELSE o.document_type END AS document_type,
    CASE WHEN $11 & 16 <> 0 THEN $16::jsonb ELSE o.metadata END AS metadata,
    CASE WHEN $11 & 32 <> 0 THEN $17 ELSE o.status END AS status
  FROM old o),
judged AS MATERIALIZED (
  SELECT o.id, o.project_open, $10::int4 = 0 OR o.version = $10::int4 AS version_ok,
    NOT (o.status = 'archived' AND n.status = 'published') AS transition_ok,
    n.status = o.status OR c.rank >= 3 OR o.creator_id IS NOT DISTINCT FROM $2
      OR o.owner_id IS NOT DISTINCT FROM $2 AS yours,
    NOT (n.status = 'published' AND o.status <> 'published' AND coalesce(n.content, '') = '') AS content_ok,
    n.slug = o.slug OR o.status = 'draft' OR c.rank >= 3 AS slug_ok
  FROM old o JOIN new n ON n.id = o.id CROSS JOIN caller c),
written AS (
  UPDATE documents d
  SET title = n.title, slug = n.slug, content = n.content, document_type = n.document_type, metadata = n.metadata,
    status = n.status,
    published_at = CASE WHEN n.status = 'published' AND o.status = 'draft' THEN now()
                        WHEN n.status = 'draft' AND o.status = 'published' THEN NULL ELSE d.published_at END,
    version = d.version + 1, updated_at = now()
  FROM new n JOIN old o ON o.id = n.id JOIN judged j ON j.id = n.id
  WHERE d.id = n.id AND j.version_ok AND j.project_open AND j.transition_ok AND j.yours AND j.content_ok AND j.slug_ok
    AND (n.title, n.slug, n.content, n.document_type, n.metadata, n.status)
      IS DISTINCT FROM (o.title, o.slug, o.content, o.document_type, o.metadata, o.status)
  RETURNING {{document_columns}}),
activity AS (
  SELECT d.project_id, 'document' AS entity_type, d.id::text AS entity_id, 'update' AS verb,
    jsonb_strip_nulls(jsonb_build_object(
      'title', CASE WHEN d.title <> o.title THEN jsonb_build_object('old', o.title, 'new', d.title) END,
      'slug', CASE WHEN d.slug <> o.slug THEN jsonb_build_object('old', o.slug, 'new', d.slug) END,
      'content', CASE WHEN d.content IS DISTINCT FROM o.content
        THEN jsonb_build_object('changed', true, 'bytes', octet_length(d.content)) END,
      'document_type', CASE WHEN d.document_type <> o.document_type
        THEN jsonb_build_object('old', o.document_type, 'new', d.document_type) END,
      'metadata', CASE WHEN d.metadata <> o.metadata THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN d.status <> o.status THEN jsonb_build_object('old', o.status, 'new', d.status) END)) AS changes
  FROM written d JOIN old o ON o.id = d.id),
effect AS (SELECT jsonb_build_object('ids', jsonb_build_array(d.id)) AS result FROM written d),
{{recorded}}
SELECT c.rank, {{document_row}}, EXISTS (SELECT FROM written) AS written, j.version_ok, j.project_open,
  j.transition_ok, j.yours, j.content_ok, j.slug_ok
FROM caller c
LEFT JOIN judged j ON true
LEFT JOIN (
  SELECT w.* FROM written w
  UNION ALL
  SELECT {{document_columns}} FROM old d WHERE NOT EXISTS (SELECT FROM written)) d ON true;

-- statement: document_upsert
-- After project_lock. The effect is 1 created, 2 updated, 3 unchanged, 4 deleted before: it stays so. A document that is
-- new and has no slug of its own gets the next free one of those made of its title, and none that another one of
-- the request has; only for a title that makes one that is in use are the project's looked through.
-- Faults by the number of the document in the request, from 1; nothing was written if there is one.
-- lane: write
-- params: organization_id int8, actor uuid?, minimum_rank int4, system bool, principal_id int8,
--   request_id uuid?, method text, request_hash bytea?, project_id int8, external_source text, external_ids text[],
--   titles text[], slugs text[], slugs_given bool[], contents text[], types text[], statuses text[], metadata text[],
--   creator_ids uuid[], created_ats timestamptz[], published_ats timestamptz[]
-- columns: rank int4?, id int8?, effect int4?, project_found bool, project_open bool?, fault_creator int8?,
--   fault_slug int8?
-- found: id
WITH {{caller}}, {{fresh}}, {{place}},
item AS MATERIALIZED (
  SELECT i.n, i.external_id, i.title, i.slug, i.given, i.content, i.type, i.status, i.metadata::jsonb AS metadata,
    NULLIF(i.creator_id, '00000000-0000-0000-0000-000000000000') AS creator_id, i.created_at,
    CASE WHEN i.status <> 'draft' THEN coalesce(i.published_at, (o.was).published_at,
      CASE i.status WHEN 'published' THEN now() END) END AS published_at,
    o.id, o.deleted, o.was,
    row_number() OVER (PARTITION BY i.slug, o.id IS NULL AND NOT i.given ORDER BY i.n) AS k
  FROM place p CROSS JOIN unnest($11::text[], $12::text[], $13::text[], $14::bool[], $15::text[], $16::text[], $17::text[],
    $18::text[], $19::uuid[], $20::timestamptz[], $21::timestamptz[]) WITH ORDINALITY
    AS i(external_id, title, slug, given, content, type, status, metadata, creator_id, created_at, published_at, n)
  LEFT JOIN LATERAL (
    SELECT d.id, d.deleted_at IS NOT NULL AS deleted, d AS was FROM documents d
    WHERE d.project_id = p.id AND d.external_source = $10 AND d.external_id = i.external_id FOR NO KEY UPDATE) o ON true
  WHERE p.open),
met AS MATERIALIZED (
  SELECT DISTINCT i.slug FROM item i CROSS JOIN LATERAL (
    SELECT FROM documents d
    WHERE d.project_id = $9 AND d.slug = i.slug AND d.deleted_at IS NULL OFFSET 0) d
  WHERE i.id IS NULL),
crowded AS MATERIALIZED (
  SELECT i.slug, rtrim(left(i.slug, 249), '-') AS stem FROM item i
  WHERE i.id IS NULL AND NOT i.given
    AND (i.k = 2 OR i.k = 1 AND (EXISTS (SELECT FROM met m WHERE m.slug = i.slug)
      OR EXISTS (SELECT FROM item y WHERE y.id IS NULL AND y.given AND y.slug = i.slug)))),
taken AS MATERIALIZED (
  SELECT m.slug FROM met m
  UNION ALL
  SELECT d.slug FROM place p JOIN documents d ON d.project_id = p.id
  WHERE d.deleted_at IS NULL AND EXISTS (SELECT FROM crowded)
    AND EXISTS (SELECT FROM crowded c WHERE starts_with(d.slug, c.stem))),
fault AS MATERIALIZED (
  SELECT
    min(i.n) FILTER (WHERE i.creator_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM users u WHERE u.id = i.creator_id OFFSET 0)) AS creator,
    min(i.n) FILTER (WHERE i.given AND (
      i.slug IN (SELECT t.slug FROM taken t) OR EXISTS (SELECT FROM item y WHERE y.n < i.n AND y.given AND y.id IS NULL AND y.slug = i.slug))) AS slug
  FROM item i WHERE i.id IS NULL),
changed AS (
  UPDATE documents d
  SET title = i.title, content = i.content, document_type = i.type, status = i.status, metadata = i.metadata,
    published_at = i.published_at, version = d.version + 1, updated_at = now()
  FROM item i CROSS JOIN fault f
  WHERE d.id = i.id AND NOT i.deleted AND num_nonnulls(f.creator, f.slug) = 0
    AND (d.title, d.content, d.document_type, d.status, d.metadata, d.published_at)
      IS DISTINCT FROM (i.title, i.content, i.type, i.status, i.metadata, i.published_at)
  RETURNING d.id, d.project_id, jsonb_strip_nulls(jsonb_build_object(
      'title', CASE WHEN i.title <> (i.was).title THEN jsonb_build_object('old', (i.was).title, 'new', i.title) END,
      'content', CASE WHEN i.content IS DISTINCT FROM (i.was).content
        THEN jsonb_build_object('changed', true, 'bytes', octet_length(i.content)) END,
      'document_type', CASE WHEN i.type <> (i.was).document_type
        THEN jsonb_build_object('old', (i.was).document_type, 'new', i.type) END,
      'metadata', CASE WHEN i.metadata <> (i.was).metadata THEN '{"changed": true}'::jsonb END,
      'status', CASE WHEN i.status <> (i.was).status THEN jsonb_build_object('old', (i.was).status, 'new', i.status) END,
      'published_at', CASE WHEN i.published_at IS DISTINCT FROM (i.was).published_at
        THEN jsonb_build_object('old', (i.was).published_at, 'new', i.published_at) END)) AS changes),
written AS (
  INSERT INTO documents (organization_id, project_id, title, slug, content, document_type, status, metadata, creator_id,
    published_at, external_source, external_id, created_at)
  SELECT $1, $9, i.title, s.slug, i.content, i.type, i.status, i.metadata, coalesce(i.creator_id, $2), i.published_at, $10,
    i.external_id, coalesce(i.created_at, now())
  FROM item i CROSS JOIN fault f
  CROSS JOIN LATERAL (
    SELECT c.slug
    FROM (SELECT n, CASE n WHEN 1 THEN i.slug ELSE rtrim(left(i.slug, 254 - length(n::text)), '-') || '-' || n END AS slug
          FROM generate_series(1, CASE WHEN i.given THEN 1 ELSE 10000 END) WITH ORDINALITY AS g(i, n)) c
    WHERE i.given OR (
      c.slug NOT IN (SELECT t.slug FROM taken t) AND c.slug NOT IN (SELECT y.slug FROM item y WHERE y.id IS NULL AND y.given)
      AND (c.n = 1 OR c.slug NOT IN (SELECT y.slug FROM item y WHERE y.id IS NULL)))
    ORDER BY c.n OFFSET CASE WHEN i.given THEN 0 ELSE i.k - 1 END LIMIT 1) s
  WHERE i.id IS NULL AND num_nonnulls(f.creator, f.slug) = 0
  ORDER BY i.n
  RETURNING id, project_id, external_id),
activity AS (
  SELECT w.project_id, 'document' AS entity_type, w.id::text AS entity_id, 'create' AS verb, '{}'::jsonb AS changes
  FROM written w
  UNION ALL SELECT c.project_id, 'document', c.id::text, 'update', c.changes FROM changed c),
effect AS (SELECT '{}'::jsonb AS result WHERE false),
{{recorded}}
SELECT c.rank, coalesce(i.id, w.id) AS id,
  CASE WHEN i.n IS NULL THEN NULL WHEN i.id IS NULL THEN 1 WHEN y.id IS NOT NULL THEN 2 WHEN i.deleted THEN 4 ELSE 3 END
    AS effect,
  p.id IS NOT NULL AS project_found, p.open AS project_open, f.creator AS fault_creator, f.slug AS fault_slug
FROM caller c
LEFT JOIN place p ON true
LEFT JOIN fault f ON true
LEFT JOIN item i ON true
LEFT JOIN written w ON w.external_id = i.external_id
LEFT JOIN changed y ON y.id = i.id
ORDER BY i.n;
