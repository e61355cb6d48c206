"""CreateStory, keyed, beside pgbench that inserts the same rows with one statement; and the import of a backlog."""
import json
import os
import re
import time

from machine import BenchError, run
from samples import Samples, interleaved, table, verdict
from server import HERE, Prismd

PERSON = "md5('user 5')::uuid"   # of plan_data.sql: a member of organization 1, whose projects are 1-3000
STORIES = 100000
WRITERS = 16                     # clients of pgbench, connections of prismd that write, callers
# what is done: (projects, callers, share of pgbench's rate that is wanted: number 4 of targets.md)
LOADS = {
    '200 projects, 16 callers': ('2-201', WRITERS, 0.7),
    'one project, 16 callers': ('1', WRITERS, 1.0),
    'one project, 64 callers': ('1', 64, 2.0),
}
USERS, PROJECTS, PROJECT_STORIES = 20, 10, 1000   # of the backlog that is imported

# One statement without a gate: the rows that CreateStory writes. Their numbers come from a sequence, so that nobody
# waits for a project's counter; or from that counter, as CreateStory's do.
INSERT = """\\set project random({projects})
WITH {counter}written AS (
  INSERT INTO stories (organization_id, project_id, number, rank, title, creator_id)
  SELECT 1, :project, {number}, {number} * 65536, 'As a user I want one more story', '{person}' {source}
  RETURNING id, project_id),
logged AS (
  INSERT INTO activity_log (organization_id, project_id, entity_type, entity_id, verb, actor_id, principal_id, request_id)
  SELECT 1, project_id, 'story', id::text, 'create', '{person}', 2, gen_random_uuid() FROM written),
keyed AS (
  INSERT INTO idempotency_keys (principal_id, actor_id, request_id, method, request_hash, organization_id, result)
  SELECT 2, '{person}', gen_random_uuid(), '/prism.v1.StoryService/CreateStory', sha256('request'), 1,
    jsonb_build_object('ids', jsonb_build_array(id)) FROM written)
SELECT id FROM written;
"""
FREE = {'counter': '', 'number': "(100000000 + nextval('bench_number'))", 'source': ''}
COUNTED = {'counter': 'counter AS (UPDATE project_counters SET next_number = next_number + 1, next_rank = next_rank + 65536 '
                      'WHERE project_id = :project RETURNING next_number - 1 AS number), ',
           'number': 'number', 'source': 'FROM counter'}


def tenants(database, stories=STORIES):
    """The rows that the plans of statements are tried on (tests/services)."""
    data = os.path.join(HERE, '..', 'services', 'plan_data.sql')
    database.sql('-c', f'SET plans.stories = {stories}', '-f', data, '-c', 'CREATE SEQUENCE bench_number',
                 '-c', 'VACUUM ANALYZE', '-c', 'CHECKPOINT')


class Writes(Prismd):
    def __init__(self, options):
        super().__init__(options, tenants, WRITERS * 3 // 2)

    def __enter__(self):
        super().__enter__()
        self.person = self.database.sql('-c', f'SELECT {PERSON}').strip()
        self.backlog = os.path.join(self.state_dir, 'backlog.ndjson')
        return self

    def create(self, projects, callers):
        command = [self.programs.bench('bench_load'), '--address', self.server.address, '--create-story',
                   '--organization', 1, '--projects', projects, '--token', self.key,
                   '--metadata', f'x-prism-actor={self.person}', '--connections', callers, '--server-pid', self.server.pid,
                   '--postmaster', self.database.postmaster, '--duration', self.options.seconds, '--json']
        return json.loads(run(command, self.machine.load))

    def pgbench(self, projects, form):
        script = os.path.join(self.state_dir, 'insert.pgbench')
        with open(script, 'w', encoding='utf-8') as file:
            file.write(INSERT.format(projects=projects, person=self.person, **form))
        before = self.database.cpu_seconds()
        told = run(['pgbench', '-n', '-M', 'prepared', '-f', script, '-c', WRITERS, '-j', '1',
                    '-T', max(1, round(self.options.seconds)), self.database.conninfo], self.machine.load)
        rate = re.search(r'^tps = ([\d.]+)', told, re.M)
        done = re.search(r'^number of transactions actually processed: (\d+)', told, re.M)
        if not rate or not done:
            raise BenchError(f'pgbench said:\n{told}')
        cpu_us = (self.database.cpu_seconds() - before) * 1e6 / int(done.group(1))
        return {'calls_per_second': float(rate.group(1)), 'cpu_us_per_call': {'postgres': cpu_us}}

    # --- a whole backlog -----------------------------------------------------

    def write_backlog(self, name):
        """A backlog of an organization that is not there yet; how many lines it has."""
        lines = [{'kind': 'organization', 'slug': name, 'name': name}]
        lines += [{'kind': 'user', 'username': f'{name}-{n}', 'email': f'{name}-{n}@example.org',
                   'full_name': f'User {n}', 'role': 'member' if n else 'admin'} for n in range(USERS)]
        for p in range(PROJECTS):
            lines.append({'kind': 'project', 'key': f'P{p}', 'name': f'Project {p}', 'status': 'active'})
            lines += [{'kind': 'story', 'number': n, 'title': f'As a user I want thing {n}', 'description': 'Lorem ipsum ' * 20,
                       'status': 'todo', 'priority': 'medium', 'assignee': f'{name}-{n % USERS}', 'creator': f'{name}-0',
                       'created_at': '2026-01-02T03:04:05Z'}
                      for n in range(1, PROJECT_STORIES + 1)]
        with open(self.backlog, 'w', encoding='utf-8') as file:
            file.writelines(json.dumps(line) + '\n' for line in lines)
        return len(lines)

    def prismctl(self, number):
        """With the key for set-up: imports set what nobody else may."""
        lines = self.write_backlog(f'services-{number}')
        told = run([self.programs.product('prismctl'), '--address', self.socket, '--key-file',
                    os.path.join(self.state_dir, 'bootstrap.key'), '--output', 'json', 'import', self.backlog],
                   self.machine.load)
        return {'calls_per_second': lines / json.loads(told[told.index('{'):])['seconds']}

    def copy(self, number):
        """The rows of as many stories, and nothing of what they mean."""
        rows, begin = PROJECTS * PROJECT_STORIES, 200000000 + number * PROJECTS * PROJECT_STORIES
        path = os.path.join(self.state_dir, 'stories.csv')
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(f'1,2,{begin + n},{(begin + n) * 65536},As a user I want thing {n},{"Lorem ipsum " * 20}\n'
                            for n in range(rows))
        started = time.monotonic()
        self.database.sql('-c', '\\copy stories (organization_id, project_id, number, rank, title, description) '
                                f'from {path} (format csv)')
        return {'calls_per_second': rows / (time.monotonic() - started)}


def measure(options):
    samples = Samples()
    with Writes(options) as writes:
        peers = {'pgbench': lambda: writes.pgbench('2, 201', FREE),
                 'pgbench, one counter': lambda: writes.pgbench('2, 2', COUNTED)}
        for name, (projects, callers, _) in LOADS.items():
            peers[name] = lambda projects=projects, callers=callers: writes.create(projects, callers)
        for _, name, go in interleaved(peers, options.rounds):
            samples.add('create', name, go())
        peers = {'prismctl import': writes.prismctl, 'COPY': writes.copy}
        for number, name, go in interleaved(peers, options.rounds):
            samples.add('import', name, go(number))
    return samples


def _cpu(samples, name, whose):
    reports = samples.rounds['create'][name]
    if whose not in reports[0].get('cpu_us_per_call', {}):
        return '-'
    return f'{samples.median("create", name, "cpu_us_per_call", whose):.0f}'


def show(samples):
    theirs = samples.median('create', 'pgbench', 'calls_per_second')
    rows = []
    for name in samples.rounds['create']:
        rate = samples.median('create', name, 'calls_per_second')
        target = LOADS[name][2] if name in LOADS else None
        rows.append([name, f'{rate / theirs:.2f}', f'>= {target:.2f}' if target else '',
                     verdict(rate / theirs, target, at_least=True) if target else '', f'{rate:,.0f}',
                     _cpu(samples, name, 'server'), _cpu(samples, name, 'postgres')])
    create = table(f'CreateStory with a request id: share of what pgbench writes with {WRITERS} clients',
                   ['who', 'share', 'target', '', 'calls/s', 'CPU us/call', 'postgres CPU'], rows)
    copied = samples.median('import', 'COPY', 'calls_per_second')
    rows = []
    for name in samples.rounds['import']:
        rate = samples.median('import', name, 'calls_per_second')
        rows.append([name, f'{rate / copied:.2f}', f'{rate:,.0f}'])
    lines = table(f'Import of {PROJECTS * PROJECT_STORIES:,} stories: share of a COPY of their rows', ['who', 'share', 'lines/s'], rows)
    return create + '\n\n' + lines
