-- A backlog to measure with: psql -v stories=100000 -v per_organization=1000 -v actor=UUID -f backlog.sql
--
-- Into an empty database. Ids run from 1: stories 1..per_organization belong to organization 1, and
-- so on; ten projects in each organization. The actor is a member of every one, among twenty
-- others. A story is about 490 bytes on the wire.
\set ON_ERROR_STOP on
BEGIN;

INSERT INTO users (id, email, username, full_name, status, email_verified)
VALUES (:'actor', 'bench@example.org', 'bench', 'Bench Actor', 'active', true);
INSERT INTO users (id, email, username, full_name, status, email_verified)
SELECT md5('bench user ' || n)::uuid, 'user' || n || '@example.org', 'user' || n, 'User ' || n, 'active', true
FROM generate_series(1, 1000) n;

INSERT INTO organizations (id, name, slug, owner_id)
SELECT n, 'Organization ' || n, 'organization-' || n, md5('bench user ' || n % 1000 + 1)::uuid
FROM generate_series(1, :stories / :per_organization) n;

INSERT INTO organization_members (organization_id, user_id, role)
SELECT id, :'actor', 'member' FROM organizations;
INSERT INTO organization_members (organization_id, user_id, role)
SELECT o.id, md5('bench user ' || (o.id + n) % 1000 + 1)::uuid,
       CASE n % 10 WHEN 0 THEN 'admin' WHEN 9 THEN 'viewer' ELSE 'member' END
FROM organizations o, generate_series(0, 19) n;

INSERT INTO projects (id, organization_id, name, key, status)
SELECT (o.id - 1) * 10 + n, o.id, 'Project ' || n, 'P' || chr(64 + n), 'active'
FROM organizations o, generate_series(1, 10) n;
INSERT INTO project_keys (organization_id, key, project_id, is_current)
SELECT organization_id, key, id, true FROM projects;

INSERT INTO stories (id, organization_id, project_id, number, rank, title, description, story_points,
                     priority, status, assignee_id, creator_id)
SELECT n, (n - 1) / :per_organization + 1, (n - 1) / :per_organization * 10 + n % 10 + 1,
       (n - 1) % :per_organization / 10 + 1, n::bigint * 65536, 'As a user I want thing ' || n,
       repeat('Lorem ipsum dolor sit amet, consectetur. ', 7), n % 8 + 1,
       (ARRAY['high', 'medium', 'low'])[n % 3 + 1], (ARRAY['todo', 'in_progress', 'done'])[n % 3 + 1],
       md5('bench user ' || n % 1000 + 1)::uuid, :'actor'
FROM generate_series(1, :stories) n;

INSERT INTO project_counters (organization_id, project_id, next_number, next_rank)
SELECT p.organization_id, p.id, coalesce(max(s.number), 0) + 1, coalesce(max(s.rank), 0) + 65536
FROM projects p LEFT JOIN stories s ON s.project_id = p.id
GROUP BY p.id
ON CONFLICT (project_id) DO UPDATE SET next_number = excluded.next_number, next_rank = excluded.next_rank;

SELECT setval(pg_get_serial_sequence('organizations', 'id'), (SELECT max(id) FROM organizations)),
       setval(pg_get_serial_sequence('projects', 'id'), (SELECT max(id) FROM projects)),
       setval(pg_get_serial_sequence('stories', 'id'), (SELECT max(id) FROM stories)) \g /dev/null
COMMIT;

VACUUM (ANALYZE);
CHECKPOINT;
