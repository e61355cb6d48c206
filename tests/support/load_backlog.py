#!/usr/bin/env python3
"""Loads a backlog (NDJSON: organization, users, project, sprints, stories, documents) with COPY.

  load_backlog.py FILE [--database CONNINFO]

CONNINFO is a libpq connection string or URL; default: DATABASE_URL. The database is at the newest
revision (prism-db upgrade head). Does nothing if the organization is there already. Prints, as
NAME=VALUE lines, the ids that a caller needs: organization_id, user_id (its owner), member_id (somebody
with the role `member`), project_key and story_key (the last story's).

Users become active members, the first one the owner; `role` and `status` may say otherwise. A sprint,
story or document belongs to the project line before it.
"""
import argparse
import json
import os
import re
import subprocess
import sys

LOAD = r"""
BEGIN;
SELECT pg_advisory_xact_lock(hashtext('load_backlog'));
CREATE TEMP TABLE line (n bigint GENERATED ALWAYS AS IDENTITY, data jsonb NOT NULL) ON COMMIT DROP;
COPY line (data) FROM STDIN;
@DATA@
\.
CREATE TEMP TABLE entry ON COMMIT DROP AS
SELECT n, data->>'kind' AS kind, data,
  (SELECT max(p.n) FROM line p WHERE p.n <= l.n AND p.data->>'kind' = 'project') AS project_line
FROM line l;
CREATE INDEX ON entry (kind);
ANALYZE entry;

-- Somebody of that name may be there from another backlog.
INSERT INTO users (email, username, full_name, status, email_verified)
SELECT data->>'email', data->>'username', data->>'full_name',
  coalesce(data->>'status', 'active')::user_status, true
FROM entry WHERE kind = 'user' ORDER BY n
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE person ON COMMIT DROP AS
SELECT e.n, e.data->>'username' AS username, u.id, coalesce(e.data->>'role',
  CASE WHEN e.n = min(e.n) OVER () THEN 'admin' ELSE 'member' END) AS role
FROM entry e LEFT JOIN users u ON lower(u.username) = lower(e.data->>'username')
WHERE e.kind = 'user';
CREATE UNIQUE INDEX ON person (username);

INSERT INTO organizations (name, slug, owner_id, settings)
SELECT data->>'name', data->>'slug', (SELECT id FROM person ORDER BY n LIMIT 1), coalesce(data->'settings', '{}')
FROM entry WHERE kind = 'organization';

CREATE TEMP TABLE home ON COMMIT DROP AS
SELECT o.id, o.owner_id FROM organizations o JOIN entry e ON e.kind = 'organization' AND o.slug = e.data->>'slug';

INSERT INTO organization_members (organization_id, user_id, role)
SELECT home.id, person.id, person.role FROM home, person ORDER BY person.n;

INSERT INTO projects (organization_id, name, key, description, status, owner_id)
SELECT home.id, data->>'name', upper(data->>'key'), data->>'description', coalesce(data->>'status', 'active'), home.owner_id
FROM entry, home WHERE kind = 'project' ORDER BY n;

CREATE TEMP TABLE place ON COMMIT DROP AS
SELECT e.n AS project_line, p.id AS project_id, p.organization_id, p.key
FROM entry e JOIN home ON true JOIN projects p ON p.organization_id = home.id AND p.key = upper(e.data->>'key')
WHERE e.kind = 'project';

INSERT INTO project_keys (organization_id, key, project_id, is_current)
SELECT organization_id, key, project_id, true FROM place;

INSERT INTO sprints (organization_id, project_id, name, goal, start_date, end_date)
SELECT organization_id, project_id, data->>'name', data->>'goal', (data->>'start_date')::date, (data->>'end_date')::date
FROM entry JOIN place USING (project_line) WHERE kind = 'sprint' ORDER BY n;

INSERT INTO stories (organization_id, project_id, sprint_id, number, rank, title, description, acceptance_criteria,
  story_points, priority, status, assignee_id, creator_id, created_at, updated_at, started_at, completed_at)
SELECT place.organization_id, place.project_id, sprint.id, (data->>'number')::bigint, (data->>'number')::bigint * 65536,
  data->>'title', data->>'description', data->>'acceptance_criteria', (data->>'story_points')::int,
  coalesce(data->>'priority', 'medium'), coalesce(data->>'status', 'todo'), assignee.id, creator.id,
  (data->>'created_at')::timestamptz, coalesce(data->>'completed_at', data->>'created_at')::timestamptz,
  (data->>'started_at')::timestamptz, (data->>'completed_at')::timestamptz
FROM entry JOIN place USING (project_line)
LEFT JOIN sprints sprint ON sprint.project_id = place.project_id AND sprint.name = data->>'sprint'
LEFT JOIN person assignee ON assignee.username = data->>'assignee'
LEFT JOIN person creator ON creator.username = data->>'creator'
WHERE kind = 'story' ORDER BY entry.n;

INSERT INTO project_counters (project_id, organization_id, next_number, next_rank)
SELECT place.project_id, place.organization_id, coalesce(max(number), 0) + 1, coalesce(max(rank), 0) + 65536
FROM place LEFT JOIN stories ON stories.project_id = place.project_id GROUP BY 1, 2;

-- A sprint is over when its end is past and nothing in it is open.
UPDATE sprints s SET status = 'completed', velocity = (
  SELECT coalesce(sum(story_points), 0) FROM stories WHERE sprint_id = s.id AND status = 'done')
FROM place WHERE s.project_id = place.project_id AND s.end_date < current_date
  AND NOT EXISTS (SELECT FROM stories WHERE sprint_id = s.id AND status <> 'done');
UPDATE sprints s SET status = data->>'status'
FROM entry JOIN place USING (project_line)
WHERE kind = 'sprint' AND s.project_id = place.project_id AND s.name = data->>'name' AND data->>'status' IS NOT NULL;

INSERT INTO documents (organization_id, project_id, title, slug, content, document_type, status, creator_id, metadata, published_at)
SELECT organization_id, project_id, data->>'title',
  trim(BOTH '-' FROM regexp_replace(lower(coalesce(data->>'path', data->>'title')), '[^a-z0-9]+', '-', 'g')),
  data->>'content', coalesce(data->>'document_type', 'other'), 'published', home.owner_id,
  coalesce(data->'metadata', '{}'), now()
FROM entry JOIN place USING (project_line), home WHERE kind = 'document' ORDER BY n;
COMMIT;
ANALYZE users, organizations, organization_members, projects, project_keys, sprints, stories, documents;
"""

IDS = """
SELECT 'organization_id=' || o.id || E'\\nuser_id=' || o.owner_id
  || coalesce(E'\\nmember_id=' || (SELECT m.user_id FROM organization_members m JOIN users u ON u.id = m.user_id
       WHERE m.organization_id = o.id AND m.role = 'member' AND u.status = 'active' ORDER BY m.id LIMIT 1), '')
  || coalesce((SELECT E'\\nproject_key=' || p.key || E'\\nstory_key=' || p.key || '-' || max(s.number)
       FROM projects p JOIN stories s ON s.project_id = p.id WHERE p.organization_id = o.id
       GROUP BY p.id, p.key ORDER BY p.id LIMIT 1), '')
FROM organizations o WHERE o.slug = :'slug';
"""

KINDS = ('organization', 'user', 'project', 'sprint', 'story', 'document')


def read(path):
    """The lines, checked for what the SQL would take silently."""
    entries, project = [], False
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                kind = entry['kind']
            except (ValueError, KeyError, TypeError) as error:
                sys.exit(f'{path}:{number}: no JSON object with a `kind`: {error}')
            if kind not in KINDS:
                sys.exit(f'{path}:{number}: kind {kind!r}; it is one of {", ".join(KINDS)}')
            project = project or kind == 'project'
            if kind in ('sprint', 'story', 'document') and not project:
                sys.exit(f'{path}:{number}: a {kind} before any project')
            entries.append(entry)
    slugs = [entry['slug'] for entry in entries if entry['kind'] == 'organization']
    if len(slugs) != 1:
        sys.exit(f'{path}: {len(slugs)} organizations; there has to be one')
    check_names(path, entries)
    return slugs[0], entries


def check_names(path, entries):
    users = {entry['username'] for entry in entries if entry['kind'] == 'user'}
    sprints = {entry['name'] for entry in entries if entry['kind'] == 'sprint'}
    if not users:
        sys.exit(f'{path}: no user, so nobody owns the organization')
    for entry in entries:
        if entry['kind'] != 'story':
            continue
        for field, known in (('assignee', users), ('creator', users), ('sprint', sprints)):
            if entry.get(field) is not None and entry[field] not in known:
                sys.exit(f'{path}: story {entry["number"]} names the {field} {entry[field]!r}, who is not in the file')


def psql(database, script, **variables):
    command = ['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', database]
    for name, value in variables.items():
        command += ['-v', f'{name}={value}']
    result = subprocess.run(command, input=script, text=True, stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)
    return result.stdout.strip()


def copy_text(entry):
    return json.dumps(entry, ensure_ascii=False).replace('\\', '\\\\')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file')
    parser.add_argument('--database', default=os.environ.get('DATABASE_URL'))
    arguments = parser.parse_args()
    if not arguments.database:
        parser.error('say where: --database CONNINFO, or DATABASE_URL')
    database = re.sub(r'^(postgres(?:ql)?)\+\w+://', r'\1://', arguments.database)
    slug, entries = read(arguments.file)
    ids = psql(database, IDS, slug=slug)
    if not ids:
        psql(database, LOAD.replace('@DATA@', '\n'.join(map(copy_text, entries))))
        ids = psql(database, IDS, slug=slug)
    print(ids)


main()
