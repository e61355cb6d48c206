"""Echo of 64 bytes over gRPC, and idle gRPC connections: prismd's HTTP/2 beside gRPC C++ (Debian's libgrpc++-dev), and beside
a raw libuv echo, which says what the machine takes for a round trip."""
import json

import echo
from grpc_peer import build_peer
from machine import Process, run
from samples import Samples, interleaved, table, verdict

# load: (connections, in flight, CPU target in us per call, CPU of gRPC C++ where the target was set)
LOADS = {
    '8 x 32': (8, 32, 2.0, 13.2),
    '64 x 1': (64, 1, 10.0, 21.5),
    '1 x 1': (1, 1, 32.0, 75.5),
}
ECHO, RAW = ['--grpc', '--echo', echo.PAYLOAD, '--method', echo.METHOD], ['--raw', '--echo', echo.RAW_MESSAGE]
PROTOS = ('prism/options.proto', 'echo.proto')


def servers(options):
    """Name: the command of a server."""
    return {'gRPC C++': [build_peer(options.programs, 'grpc_echo_peer', PROTOS)],
            'prism': [options.programs.echo_server(), '--listen', '127.0.0.1:0']}


def command_for(options, server, workload, connections, in_flight):
    return echo.load_command(options.programs, server.address, server.pid, connections, in_flight, options.seconds) + workload


def measure(options):
    samples = Samples()
    commands = servers(options)
    with Process(commands['gRPC C++'], options.machine) as theirs, Process(commands['prism'], options.machine) as ours, \
            Process([options.programs.bench('bench_uv_echo')], options.machine) as raw:
        def ask(server, workload):
            return lambda connections, in_flight: json.loads(
                run(command_for(options, server, workload, connections, in_flight), options.machine.load))

        peers = {'raw': ask(raw, RAW), 'gRPC C++': ask(theirs, ECHO), 'prism': ask(ours, ECHO)}
        for _, name, go in interleaved(peers, options.rounds):
            for load, (connections, in_flight, *_) in LOADS.items():
                samples.add(load, name, go(connections, in_flight))
    return samples


def show(samples):
    rows = []
    for load, (_, _, target, peer) in LOADS.items():
        theirs = samples.median(load, 'gRPC C++', 'cpu_us_per_call', 'server')
        ours = samples.median(load, 'prism', 'cpu_us_per_call', 'server')
        ratio, allowed = ours / theirs, target / peer
        floor = samples.median(load, 'raw', 'cpu_us_per_call', 'server')
        rows.append([load, f'{floor:.2f}', f'{theirs:.2f}', f'{ours:.2f}', f'{ratio:.2f}', f'<= {allowed:.2f}', verdict(ratio, allowed),
                     *(f'{samples.median(load, name, "calls_per_second"):,.0f}' for name in ('gRPC C++', 'prism')),
                     *(f'{samples.median(load, name, "latency_us", "p50"):.0f}' for name in ('gRPC C++', 'prism')),
                     f'{samples.median(load, "prism", "latency_us", "p99"):.0f}',
                     f'{samples.median(load, "prism", "cpu_us_per_call", "load"):.2f}'])
    return table('gRPC: echo of 64 bytes, server CPU in us per call (connections x in flight)',
                 ['load', 'raw libuv', 'gRPC C++', 'prism', 'ratio', 'target', '', 'C++ calls/s', 'calls/s', 'C++ p50 us', 'p50 us',
                  'p99 us', 'load CPU'], rows)


def measure_idle(options):
    """As echo.measure_idle: memory for each connection, and a call beside them."""
    count = 1000 if options.quick else 10000
    found = {}
    for name, command in servers(options).items():
        with Process(command, options.machine) as server:
            call = command_for(options, server, ECHO, 1, 1)
            idle = [options.programs.bench('bench_idle'), '--address', server.address, '--server-pid', server.pid,
                    '--connections', count, '--grpc', '--json']
            alone = json.loads(run(call, options.machine.load))
            memory, beside = run(idle + ['--'] + call, options.machine.load).splitlines()
            found[name, count] = {'memory': json.loads(memory), 'alone': alone, 'beside': json.loads(beside)}
    return found
