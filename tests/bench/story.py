"""GetStory through prismd, beside gRPC C++ with libpq, and the same statement through pgbench and through pipelined libpq."""
import json
import os
import re

from grpc_peer import build_peer
from machine import BenchError, Process, run
from samples import Samples, interleaved, table, verdict
from server import HERE, Prismd

ACTOR = '7b0b2d9e-5c54-4a2f-9d0c-3f6f5a1be001'
STORIES, PER_ORGANIZATION = 100000, 1000
DATABASE_CONNECTIONS = 4   # that read: prismd's (a third of its pool, but for two), bench_libpq's
DEPTH = 16                 # in flight on each, where that can be said
SHARE_TARGETS = {'prism 8 x 8': 0.75, 'prism gRPC 8 x 8': 0.55}   # of bench_libpq's rate
PEER_CONNECTIONS = 8       # of gRPC C++, which has one statement under way on each
PEER_RATE, PEER_CPU = 3, 0.25   # times its calls/s over gRPC, and at most this part of its CPU
PEER_PROTOS = ('prism/options.proto', 'prism/v1/upsert.proto', 'prism/v1/story.proto')
PARAMETERS = ('organization_id', 'actor', 'minimum_rank', 'system', 'id')
LONE_TARGET_US = 60        # that a lone call adds


def backlog(database):
    database.sql('-v', f'stories={STORIES}', '-v', f'per_organization={PER_ORGANIZATION}', '-v', f'actor={ACTOR}',
                 '-f', os.path.join(HERE, 'backlog.sql'))


class Story(Prismd):
    """prismd with a generated backlog, and what is asked of it."""

    def __init__(self, options):
        super().__init__(options, backlog, 3 * DATABASE_CONNECTIONS)

    def __enter__(self):
        super().__enter__()
        self.script = os.path.join(self.state_dir, 'get_story.pgbench')
        run([self.programs.bench('bench_libpq'), '--pgbench-script', self.script, *self._stories()])
        return self

    def peer(self):
        """gRPC C++ with the same statement."""
        with open(self.script, encoding='utf-8') as file:
            statement = ''.join(line for line in file if not line.startswith('\\set')).rstrip().rstrip(';')
        statement = re.sub(r'(?<!:):(\w+)', lambda found: f'${PARAMETERS.index(found.group(1)) + 1}', statement)
        path = os.path.join(self.state_dir, 'get_story.sql')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(statement)
        return Process([build_peer(self.programs, 'grpc_story_peer', PEER_PROTOS, ['libpq']), self.database.conninfo, path,
                        str(PEER_CONNECTIONS)], self.machine)

    @staticmethod
    def _stories():
        return ['--actor', ACTOR, '--organization', '1', '--ids', f'1-{STORIES}',
                '--per-organization', str(PER_ORGANIZATION)]

    # --- one measurement each ------------------------------------------------

    def prism(self, connections, in_flight, address=None, *more):
        return self._ask(self.server, address or self.server.address, connections, in_flight, *more)

    def _ask(self, server, address, connections, in_flight, *more):
        command = [self.programs.bench('bench_load'), '--address', address, '--get-story',
                   *self._stories()[2:], '--token', self.key, '--metadata', f'x-prism-actor={ACTOR}',
                   '--connections', connections, '--in-flight', in_flight, '--server-pid', server.pid,
                   '--postmaster', self.database.postmaster, '--duration', self.options.seconds, '--json', *more]
        return json.loads(run(command, self.machine.load))

    def grpc(self, server, connections, in_flight):
        return self._ask(server, server.address, connections, in_flight, '--grpc')

    def with_workers(self, workers):
        self.serve(workers)
        return self.prism(64, 1)

    def raw_echo(self):
        """A round trip with nothing in it: what any daemon in between adds at least."""
        with Process([self.programs.bench('bench_uv_echo')], self.machine) as floor:
            return json.loads(run([self.programs.bench('bench_load'), '--address', floor.address, '--raw', '--echo', 62,
                                   '--duration', self.options.seconds, '--json'], self.machine.load))

    def libpq(self, connections, in_flight, sync):
        command = [self.programs.bench('bench_libpq'), '--database', self.database.conninfo, *self._stories(),
                   '--connections', connections, '--in-flight', in_flight, '--postmaster', self.database.postmaster,
                   '--duration', self.options.seconds, '--json', *(['--sync', 'each'] if sync == 'each' else [])]
        return json.loads(run(command, self.machine.server))

    def pgbench(self, clients):
        command = ['pgbench', '-n', '-M', 'prepared', '-f', self.script, '-c', clients, '-j', '1',
                   '-T', max(1, round(self.options.seconds)), '-D', f'actor={ACTOR}', '-D', 'minimum_rank=1',
                   '-D', 'system=false', self.database.conninfo]
        told = run(command, self.machine.server)
        rate = re.search(r'^tps = ([\d.]+)', told, re.M)
        latency = re.search(r'^latency average = ([\d.]+) ms', told, re.M)
        if not rate or not latency:
            raise BenchError(f'pgbench said:\n{told}')
        return {'calls_per_second': float(rate.group(1)), 'latency_us': {'mean': float(latency.group(1)) * 1000}}


def measure(options):
    samples = Samples()
    with Story(options) as story, story.peer() as peer:
        busy = {
            'prism 8 x 8': lambda: story.prism(8, 8),
            'prism 64 x 1': lambda: story.prism(64, 1),
            'prism gRPC 8 x 8': lambda: story.grpc(story.server, 8, 8),
            'prism gRPC 64 x 1': lambda: story.grpc(story.server, 64, 1),
            'gRPC C++ 64 x 1': lambda: story.grpc(peer, 64, 1),
            'libpq, Sync per turn': lambda: story.libpq(DATABASE_CONNECTIONS, DEPTH, 'turn'),
            'libpq, Sync each': lambda: story.libpq(DATABASE_CONNECTIONS, DEPTH, 'each'),
            'pgbench, 8 clients': lambda: story.pgbench(8),
        }
        lone = {'raw libuv echo, loopback': story.raw_echo,
                'prism, loopback': lambda: story.prism(1, 1), 'prism, unix socket': lambda: story.prism(1, 1, story.socket),
                'libpq': lambda: story.libpq(1, 1, 'turn')}
        for _, name, go in interleaved(busy, options.rounds):
            samples.add('busy', name, go())
        for _, name, go in interleaved(lone, options.rounds):
            samples.add('lone', name, go())
        workers = {'one worker': lambda: story.with_workers(1), 'two workers': lambda: story.with_workers(2)}
        for _, name, go in interleaved(workers, options.rounds):
            samples.add('workers', name, go())
    return samples


def _cpu(samples, name, whose):
    reports = samples.rounds['busy'][name]
    if whose in reports[0].get('cpu_us_per_call', {}):
        return f'{samples.median("busy", name, "cpu_us_per_call", whose):.1f}'
    return '-'


def show(samples):
    ceiling = samples.median('busy', 'libpq, Sync per turn', 'calls_per_second')
    rows = []
    for name in samples.rounds['busy']:
        share = samples.median('busy', name, 'calls_per_second') / ceiling
        target = SHARE_TARGETS.get(name)
        client = 'server' if 'prism' in name or 'gRPC' in name else 'load'
        rows.append([name, f'{share:.2f}', f'>= {target}' if target else '',
                     verdict(share, target, at_least=True) if target else '',
                     f'{samples.median("busy", name, "calls_per_second"):,.0f}',
                     _cpu(samples, name, client), _cpu(samples, name, 'postgres')])
    busy = table(f'GetStory, {DATABASE_CONNECTIONS} database connections: share of what libpq reaches',
                 ['who', 'share', 'target', '', 'calls/s', 'CPU us/call', 'postgres CPU'], rows)
    theirs = samples.median('lone', 'libpq', 'latency_us', 'p50')
    rows = []
    for name in samples.rounds['lone']:
        p50 = samples.median('lone', name, 'latency_us', 'p50')
        target = ['', '', '']
        if name.startswith('prism'):
            target = [f'{p50 - theirs:.0f}', f'<= {LONE_TARGET_US}', verdict(p50 - theirs, LONE_TARGET_US)]
        rows.append([name, f'{p50:.0f}', *target])
    lone = table('A lone GetStory: p50 in us, and what the daemon adds', ['who', 'p50', 'adds', 'target', ''], rows)
    return '\n\n'.join([busy, show_peer(samples), lone, show_workers(samples)])


def show_peer(samples):
    rows = []
    ours, theirs = 'prism gRPC 64 x 1', 'gRPC C++ 64 x 1'
    for what, path, target, at_least in (('calls/s', ('calls_per_second',), PEER_RATE, True),
                                         ('server CPU', ('cpu_us_per_call', 'server'), PEER_CPU, False)):
        ratio = samples.median('busy', ours, *path) / samples.median('busy', theirs, *path)
        rows.append([what, f'{ratio:.2f}', f'{">=" if at_least else "<="} {target}', verdict(ratio, target, at_least)])
    return table('GetStory over gRPC, 64 x 1, beside gRPC C++ with libpq in threads', ['what', 'ratio', 'target', ''], rows)


def show_workers(samples):
    one = samples.median('workers', 'one worker', 'calls_per_second')
    rows = []
    for name in samples.rounds['workers']:
        rate = samples.median('workers', name, 'calls_per_second')
        rows.append([name, f'{rate / one:.2f}', f'{rate:,.0f}',
                     f'{samples.median("workers", name, "cpu_us_per_call", "server"):.1f}',
                     f'{samples.median("workers", name, "cpu_us_per_call", "postgres"):.1f}'])
    return table('Two workers beside one, 64 x 1 (the load and PostgreSQL take their share of the same cores)',
                 ['who', 'rate', 'calls/s', 'CPU us/call', 'postgres CPU'], rows)
