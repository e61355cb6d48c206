#!/usr/bin/env python3
"""Measures PRISM beside its peers, interleaved in one run, and prints medians as ratios with the target next to each.

  script/bench [echo|grpc|idle|story|write|list|all] [--quick] [--rounds N] [--seconds S] [--json FILE]

Only ratios of one run count: machines are noisy. CPU per call, from the processes' own accounting, is the steadiest
figure. What is slow never fails; what does not work does.
"""
import argparse
import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

import echo  # noqa: E402
import grpc_echo  # noqa: E402
import lists  # noqa: E402
import story  # noqa: E402
import write  # noqa: E402
from machine import BenchError, Machine  # noqa: E402

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
ALL = ('echo', 'grpc', 'idle', 'story', 'write', 'list')
TARGETS = {
    'echo': ['bench_load', 'bench_uv_echo', 'prismd-echo'],
    'grpc': ['bench_load', 'bench_uv_echo', 'prismd-echo'],
    'idle': ['bench_load', 'bench_uv_echo', 'bench_idle', 'prismd-echo'],
    'story': ['bench_load', 'bench_libpq', 'bench_uv_echo', 'prismd', 'prism-db'],
    'write': ['bench_load', 'prismd', 'prism-db', 'prismctl'],
    'list': ['bench_load', 'prismd', 'prism-db', 'prismctl'],
}


class Programs:
    """Where the build put them."""

    def __init__(self, build):
        self.build = build

    def bench(self, name):
        return os.path.join(self.build, 'bench', name)

    def product(self, name):
        return os.path.join(self.build, 'bin', name)

    def echo_server(self):
        for folder in ('tests', 'bin'):
            path = os.path.join(self.build, folder, 'prismd-echo')
            if os.path.exists(path):
                return path
        raise BenchError(f'there is no prismd-echo in {self.build}')


def build(directory, suites):
    """Builds what the suites need, optimised."""
    print(f'script/bench: building in {os.path.relpath(directory, ROOT)}', flush=True)
    targets = sorted({target for suite in suites for target in TARGETS[suite]})
    for command in (['cmake', '--preset', 'release', '-B', directory, '-DBUILD_TESTING=ON'],
                    ['cmake', '--build', directory, '--target', *targets]):
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise BenchError(f'{" ".join(command)}\n{(ran.stdout + ran.stderr)[-4000:]}')


def options_of(arguments):
    parser = argparse.ArgumentParser(prog='script/bench', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suites', nargs='*', metavar='SUITE', help='echo, grpc, idle, story, write, list or all')
    parser.add_argument('--quick', action='store_true', help='one short round: do the benchmarks work?')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--seconds', type=float, default=3, help='measured time of each sample')
    parser.add_argument('--json', metavar='FILE', help='every report of every round')
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'), metavar='DIRECTORY')
    options = parser.parse_args(arguments)
    unknown = set(options.suites) - {*ALL, 'all'}
    if unknown:
        parser.error(f'no such suite: {", ".join(sorted(unknown))}')
    options.suites = ALL if not options.suites or 'all' in options.suites else options.suites
    if options.quick:
        options.rounds, options.seconds = 1, 1
    if options.rounds < 1 or options.seconds <= 0:
        parser.error('--rounds is at least 1, --seconds more than 0')
    return options


def measure(options):
    """Runs the suites; their raw reports and what went wrong within them."""
    reports, complaints = {}, []
    for suite in options.suites:
        if suite == 'idle':
            found = {**echo.measure_idle(options), **grpc_echo.measure_idle(options)}
            print('\n' + echo.show_idle(found), flush=True)
            reports['idle'] = {f'{name} {count}': one for (name, count), one in found.items()}
        else:
            module = {'echo': echo, 'grpc': grpc_echo, 'story': story, 'write': write, 'list': lists}[suite]
            samples = module.measure(options)
            print('\n' + module.show(samples), flush=True)
            reports[suite] = samples.rounds
            complaints += samples.errors()
    return reports, complaints


def interrupted(number, _):
    raise BenchError(f'ended by signal {number}')


def main():
    options = options_of(sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, interrupted)
    options.machine, options.programs = Machine(), Programs(options.build)
    try:
        build(options.build, options.suites)
        print(f'{options.machine.note()}; {options.rounds} rounds of {options.seconds:g} s, medians')
        reports, complaints = measure(options)
        if options.json:
            with open(options.json, 'w', encoding='utf-8') as file:
                json.dump(reports, file, indent=1)
    except BenchError as problem:
        print(f'script/bench: {problem}', file=sys.stderr)
        return 1
    for complaint in complaints:
        print(f'script/bench: calls failed: {complaint}', file=sys.stderr)
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
