-- A big tenant among small ones, to plan statements on. Set plans.stories to how many stories there shall be.
--
-- Organization 1 has 10,000 members, 3,000 projects, and nine tenths of the stories; project 1 alone has six
-- tenths. Organizations 2 to 2001 have five members, two projects each. User n is
-- md5('user ' || n)::uuid: 1 owns and 2 administers organization 1, 3 is in every organization, 4 is a viewer,
-- those from 10,001 on are in small ones. Foreign keys are not looked at meanwhile: all of this is right.
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO users (id, email, username, full_name, status, email_verified)
SELECT md5('user ' || n)::uuid, 'user' || n || '@example.org', 'user-' || n, 'User ' || n, 'active', true
FROM generate_series(1, 20000) n;

INSERT INTO organizations (id, name, slug, owner_id)
SELECT n, 'Organization ' || n, 'organization-' || n, md5('user ' || CASE n WHEN 1 THEN 1 ELSE 10000 + n END)::uuid
FROM generate_series(1, 2001) n;

INSERT INTO organization_members (organization_id, user_id, role)
SELECT 1, md5('user ' || n)::uuid, CASE WHEN n < 3 THEN 'admin' WHEN n = 4 THEN 'viewer' ELSE 'member' END
FROM generate_series(1, 10000) n
UNION ALL
SELECT o, md5('user ' || CASE n WHEN 0 THEN 3 WHEN 1 THEN 10000 + o ELSE 10000 + (o * 4 + n) % 10000 END)::uuid,
  CASE n WHEN 1 THEN 'admin' ELSE 'member' END
FROM generate_series(2, 2001) o, generate_series(0, 4) n
ON CONFLICT DO NOTHING;

INSERT INTO projects (id, organization_id, name, key, status, owner_id)
SELECT n, 1, 'Project ' || n, 'P' || n, 'active', md5('user ' || n)::uuid FROM generate_series(1, 3000) n
UNION ALL
SELECT 3000 + n, 2 + n / 2, 'Project ' || n, 'P' || n, 'active', NULL FROM generate_series(1, 3999) n;
INSERT INTO project_keys (organization_id, key, project_id, is_current) SELECT organization_id, key, id, true FROM projects;

INSERT INTO epics (id, organization_id, project_id, name, external_source, external_id)
SELECT p.id * 10 + n, p.organization_id, p.id, 'Epic ' || n, 'tracker', 'epic:' || n FROM projects p, generate_series(0, 9) n;
INSERT INTO sprints (id, organization_id, project_id, name, status, external_source, external_id)
SELECT p.id * 10 + n, p.organization_id, p.id, 'Sprint ' || n, CASE n WHEN 9 THEN 'planning' WHEN 8 THEN 'active' ELSE 'completed' END,
  'tracker', 'sprint:' || n
FROM projects p, generate_series(0, 9) n;
INSERT INTO documents (id, organization_id, project_id, title, slug, content, status, creator_id, external_source, external_id)
SELECT p.id * 10 + n, p.organization_id, p.id, 'Document ' || n, 'document-' || n, 'Text', 'published', md5('user ' || p.id)::uuid,
  'tracker', 'document:' || n
FROM projects p, generate_series(0, 9) n;

INSERT INTO stories (id, organization_id, project_id, epic_id, sprint_id, number, rank, title, description, story_points, priority,
  status, assignee_id, creator_id, created_at, updated_at, completed_at, external_source, external_id)
SELECT s.id, s.o, s.p, s.p * 10 + s.id % 10, CASE WHEN s.id % 4 = 0 THEN s.p * 10 + s.id / 4 % 10 END, s.number, s.number * 65536,
  'As a user I want thing ' || s.id, 'Lorem ipsum dolor sit amet', s.id % 8 + 1, (ARRAY['high', 'medium', 'low'])[s.id % 3 + 1],
  (ARRAY['todo', 'in_progress', 'done'])[s.id % 3 + 1], md5('user ' || s.id % 10000 + 1)::uuid, md5('user ' || s.id % 10000 + 1)::uuid,
  s.at, s.at, CASE s.id % 3 WHEN 2 THEN s.at END, 'tracker', 'story:' || s.id
FROM (
  SELECT n::bigint AS id, CASE WHEN n % 10 = 9 THEN 2 + n / 10 % 2000 ELSE 1 END AS o,
    CASE WHEN n % 10 = 9 THEN 3001 + (n / 10 % 2000) * 2 - 2 WHEN n % 10 < 6 THEN 1 ELSE 2 + n / 10 % 2999 END AS p,
    n::bigint AS number, timestamptz '2020-01-01' + n * interval '1 minute' AS at
  FROM generate_series(1, current_setting('plans.stories')::int) n) s;

INSERT INTO principals (id, name) SELECT n, 'service ' || n FROM generate_series(2, 1000) n;
INSERT INTO service_keys (principal_id, token_hash, key_id, scopes)
SELECT n, sha256(('key ' || n)::bytea), 1, '{act-as-user}' FROM generate_series(2, 1000) n;
INSERT INTO idempotency_keys (principal_id, actor_id, request_id, method, request_hash, organization_id, result)
SELECT 2, md5('user ' || n % 10000)::uuid, gen_random_uuid(), 'StoryService/CreateStory', '\x00', 1, '{}'
FROM generate_series(1, 100000) n;
INSERT INTO activity_log (organization_id, project_id, entity_type, entity_id, verb, principal_id)
SELECT 1, 1, 'story', n, 'create', 2 FROM generate_series(1, 100000) n;

INSERT INTO project_counters (project_id, organization_id, next_number, next_rank)
SELECT id, organization_id, current_setting('plans.stories')::int8 + 1, (current_setting('plans.stories')::int8 + 1) * 65536 FROM projects;
DO $$
DECLARE
  t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['principals', 'organizations', 'organization_members', 'projects', 'epics', 'sprints', 'documents', 'stories'] LOOP
    EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), (SELECT max(id) FROM %I))', t, 'id', t);
  END LOOP;
END $$;
