"""Echo of 64 bytes: the native framing beside a raw libuv echo, which is the floor. And idle connections."""
import json

from machine import Process, run
from samples import Samples, interleaved, table, verdict

# load: (connections, in flight, CPU target in us per call, CPU of the floor where the target was set) (targets.md)
LOADS = {
    '8 x 32': (8, 32, 0.5, 0.18),
    '64 x 1': (64, 1, 6.5, 5.5),
    '1 x 1': (1, 1, 30.0, 26.5),
}
METHOD = '/prism.test.v1.EchoService/Echo'
PAYLOAD = 64
RAW_MESSAGE = PAYLOAD - 2   # as a protobuf field it has 64 bytes
IDLE_TARGET_KIB = 1.0


def load_command(programs, address, pid, connections, in_flight, seconds):
    return [programs.bench('bench_load'), '--address', address, '--server-pid', pid, '--connections', connections,
            '--in-flight', in_flight, '--duration', seconds, '--warmup', min(1, seconds / 2), '--json']


def measure(options):
    samples = Samples()
    programs, machine = options.programs, options.machine
    with Process([programs.bench('bench_uv_echo')], machine) as raw, \
            Process([programs.echo_server(), '--listen', '127.0.0.1:0'], machine) as native:
        def ask(server, workload):
            def go(connections, in_flight):
                command = load_command(programs, server.address, server.pid, connections, in_flight, options.seconds)
                return json.loads(run(command + workload, machine.load))
            return go

        peers = {'raw': ask(raw, ['--raw', '--echo', RAW_MESSAGE]),
                 'native': ask(native, ['--echo', PAYLOAD, '--method', METHOD])}
        for _, name, go in interleaved(peers, options.rounds):
            for load, (connections, in_flight, *_) in LOADS.items():
                samples.add(load, name, go(connections, in_flight))
    return samples


def show(samples):
    rows = []
    for load, (_, _, target, floor) in LOADS.items():
        raw = samples.median(load, 'raw', 'cpu_us_per_call', 'server')
        native = samples.median(load, 'native', 'cpu_us_per_call', 'server')
        ratio, allowed = native / raw, target / floor
        rows.append([load, f'{raw:.2f}', f'{native:.2f}', f'{ratio:.2f}', f'<= {allowed:.2f}', verdict(ratio, allowed),
                     f'{samples.median(load, "raw", "latency_us", "p50"):.0f}',
                     f'{samples.median(load, "native", "latency_us", "p50"):.0f}',
                     f'{samples.median(load, "native", "latency_us", "p99"):.0f}',
                     f'{samples.median(load, "native", "calls_per_second"):,.0f}',
                     f'{samples.median(load, "native", "cpu_us_per_call", "load"):.2f}'])
    return table('Echo of 64 bytes, server CPU in us per call (connections x in flight)',
                 ['load', 'raw libuv', 'prism', 'ratio', 'target', '', 'raw p50 us', 'p50 us', 'p99 us', 'calls/s',
                  'load CPU'], rows)


def measure_idle(options):
    """Memory per idle connection, and whether 10,000 of them slow a call down."""
    programs, machine = options.programs, options.machine
    counts = [1000] if options.quick else [1000, 10000]
    found = {}
    for name, command, flags in (('raw', [programs.bench('bench_uv_echo')], ['--raw']),
                                 ('native', [programs.echo_server(), '--listen', '127.0.0.1:0'], [])):
        for count in counts:
            with Process(command, machine) as server:
                idle = [programs.bench('bench_idle'), '--address', server.address, '--server-pid', server.pid,
                        '--connections', count, '--json', *flags]
                call = load_command(programs, server.address, server.pid, 1, 1, options.seconds)
                call += [*flags, '--echo', PAYLOAD, '--method', METHOD]
                alone = json.loads(run(call, machine.load))
                memory, beside = run(idle + ['--'] + call, machine.load).splitlines()
                found[name, count] = {'memory': json.loads(memory), 'alone': alone, 'beside': json.loads(beside)}
    return found


IDLE = {'raw': ('raw libuv', None), 'native': ('prism', IDLE_TARGET_KIB), 'gRPC C++': ('gRPC C++', None),
        'prism': ('prism, gRPC', 14.0)}


def show_idle(found):
    rows = []
    for (name, count), one in found.items():
        shown, most = IDLE[name]
        kib = one['memory']['kib_per_connection']
        target = [f'<= {most:.0f}', verdict(kib, most)] if most else ['', '']
        rows.append([shown, f'{count:,}', f'{kib:.2f}', *target,
                     f'{one["alone"]["latency_us"]["p50"]:.0f}', f'{one["beside"]["latency_us"]["p50"]:.0f}',
                     f'{one["beside"]["latency_us"]["p99"]:.0f}'])
    return table('Idle connections: the server\'s own memory in KiB each, and a call beside them',
                 ['server', 'idle', 'KiB', 'target', '', 'p50 us alone', 'p50 us beside', 'p99 us beside'], rows)
