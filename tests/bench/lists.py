"""ListStories: page 10,000 beside page 1 of a project with most of a million stories, and what else is asked of a list."""
import json
import os

from machine import BenchError, run
from samples import Samples, interleaved, table, verdict
from server import Prismd
from write import PERSON, tenants

STORIES = 1000000   # six tenths of them in project 1
PAGE, DEPTH = 20, 10000
STEP = 200          # rows of a call on the way to page DEPTH: the longest page
COST_TARGET = 1.3   # of page 1's, number 5 of targets.md
PRIORITY = 4        # STORY_ORDER_PRIORITY


class Lists(Prismd):
    def __init__(self, options):
        self.depth = DEPTH // 10 if options.quick else DEPTH
        super().__init__(options, lambda database: tenants(database, STORIES * self.depth // DEPTH), 12)

    def __enter__(self):
        super().__enter__()
        self.person = self.database.sql('-c', f'SELECT {PERSON}').strip()
        self.token, self.priority_token = self._walk(0), self._walk(PRIORITY)
        return self

    def _walk(self, order):
        """Reads the list up to the page; the token of that page."""
        key_file = os.path.join(self.state_dir, 'bench.key')
        with open(key_file, 'w', encoding='utf-8') as file:
            file.write(self.key)
        token = ''
        for _ in range((self.depth - 1) * PAGE // STEP + 1):
            request = {'organizationId': 1, 'projectId': 1, 'order': order, 'pageSize': STEP, 'pageToken': token}
            told = run([self.programs.product('prismctl'), '--address', self.socket, '--key-file', key_file, '--actor',
                        self.person, '--output', 'json', 'call', 'StoryService/ListStories', json.dumps(request)])
            token = json.loads(told).get('nextPageToken')
            if not token:
                raise BenchError('the list ended too early')
        return token

    def page(self, token, *more):
        command = [self.programs.bench('bench_load'), '--address', self.server.address, '--list-stories',
                   '--organization', 1, '--projects', 1, '--page-size', PAGE, *(['--page-token', token] if token else []), *more,
                   '--token', self.key, '--metadata', f'x-prism-actor={self.person}', '--connections', 4, '--in-flight', 4,
                   '--server-pid', self.server.pid, '--postmaster', self.database.postmaster,
                   '--duration', self.options.seconds, '--json']
        return json.loads(run(command, self.machine.load))


def measure(options):
    samples = Samples()
    with Lists(options) as lists:
        samples.depth = lists.depth
        peers = {'page 1': lambda: lists.page(None), f'page {lists.depth:,}': lambda: lists.page(lists.token),
                 'page 1 by priority': lambda: lists.page(None, '--order', PRIORITY),
                 f'page {lists.depth:,} by priority': lambda: lists.page(lists.priority_token, '--order', PRIORITY),
                 'page 1 and a total of 10,000': lambda: lists.page(None, '--want-total')}
        for _, name, go in interleaved(peers, options.rounds):
            samples.add('list', name, go())
    return samples


def show(samples):
    def cost(name, whose):
        return samples.median('list', name, 'cpu_us_per_call', whose)

    rows = []
    first = cost('page 1', 'server') + cost('page 1', 'postgres')
    for name in samples.rounds['list']:
        ratio = (cost(name, 'server') + cost(name, 'postgres')) / first
        deep = name.startswith(f'page {samples.depth:,}')
        rows.append([name, f'{ratio:.2f}', f'<= {COST_TARGET}' if deep else '', verdict(ratio, COST_TARGET) if deep else '',
                     f'{samples.median("list", name, "calls_per_second"):,.0f}',
                     f'{samples.median("list", name, "latency_us", "p50"):.0f}', f'{cost(name, "server"):.0f}',
                     f'{cost(name, "postgres"):.0f}'])
    return table(f'ListStories among {STORIES * samples.depth // DEPTH:,} stories, {PAGE} a page: CPU of a call',
                 ['page', 'cost', 'target', '', 'calls/s', 'p50 us', 'CPU us/call', 'postgres CPU'], rows)
