"""The load tools work: against the raw echo, closed and open loop, with plain answers and with plain complaints.

Usage: test_tools.py DIRECTORY-OF-THE-PROGRAMS ECHO-SERVER. Nothing here depends on how long anything takes.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PROGRAMS = ECHO_SERVER = ''


def run(name, *arguments):
    command = [os.path.join(PROGRAMS, name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


class ServerCase(unittest.TestCase):
    def start(self, *command):
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        self.address = None
        while not self.address:
            line = self.server.stdout.readline()
            self.assertTrue(line, 'the server did not get ready')
            found = re.search(r'ready\b.*?(127\.0\.0\.1:\d+)', line)
            self.address = found and found.group(1)

    def stop(self):
        self.server.terminate()
        self.assertEqual(self.server.wait(timeout=30), 0)
        self.server.stdout.close()


class RawEcho(ServerCase):
    def setUp(self):
        self.start(os.path.join(PROGRAMS, 'bench_uv_echo'))

    def load(self, *arguments):
        return run('bench_load', '--address', self.address, '--raw', '--echo', 62, '--warmup', 0, '--duration', 0.2,
                   '--server-pid', self.server.pid, *arguments)

    def test_closed_loop(self):
        ran = self.load('--connections', 4, '--in-flight', 8, '--json')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        report = json.loads(ran.stdout)
        self.assertGreater(report['calls_per_second'], 0)
        self.assertEqual(report['errors'], {})
        latency = report['latency_us']
        self.assertLessEqual(latency['p50'], latency['p99'])
        self.assertLessEqual(latency['p99'], latency['max'])
        self.assertIn('server', report['cpu_us_per_call'])

    def test_open_loop_sends_what_was_asked(self):
        ran = self.load('--connections', 2, '--in-flight', 100, '--rate', 1000, '--json')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        report = json.loads(ran.stdout)
        self.assertEqual(report['offered_per_second'], 1000)
        self.assertGreater(report['calls_per_second'], 0)
        self.assertEqual(report['errors'], {})

    def test_text(self):
        ran = self.load()
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stdout, r'(?s)^raw bytes, 1 connections x 1.*calls.*latency.*p99\.9.*CPU')

    def test_idle_connections(self):
        ran = run('bench_idle', '--address', self.address, '--raw', '--server-pid', self.server.pid,
                  '--connections', 200, '--json')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)['connections'], 200)

    def test_a_command_while_they_are_open(self):
        idle = ('bench_idle', '--address', self.address, '--raw', '--server-pid', self.server.pid, '--connections', 8, '--')
        self.assertIn('seen', run(*idle, 'echo', 'seen').stdout)
        self.assertEqual(run(*idle, 'false').returncode, 1)

    def test_an_echo_is_no_prism_server(self):
        ran = run('bench_load', '--address', self.address, '--echo', 64)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('broke the protocol', ran.stderr)


class NativeEcho(ServerCase):
    def setUp(self):
        self.start(ECHO_SERVER, '--listen', '127.0.0.1:0')

    def load(self, *arguments):
        return run('bench_load', '--address', self.address, '--warmup', 0, '--duration', 0.2, '--json', *arguments)

    def test_answers(self):
        for load in (('--connections', 1), ('--connections', 3, '--in-flight', 200), ('--rate', 500, '--in-flight', 50)):
            ran = self.load('--echo', 64, *load)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            report = json.loads(ran.stdout)
            self.assertGreater(report['calls_per_second'], 0)
            self.assertEqual(report['errors'], {})

    def test_large_messages_need_credit_both_ways(self):
        ran = self.load('--echo', 50000, '--connections', 2, '--in-flight', 100)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)['errors'], {})

    def test_a_refusal_is_no_success(self):
        ran = self.load('--echo', 64, '--method', '/prism.test.v1.EchoService/Missing')
        self.assertEqual(ran.returncode, 1)
        report = json.loads(ran.stdout)
        self.assertEqual(report['calls_per_second'], 0)
        self.assertEqual(list(report['errors']), ['UNIMPLEMENTED'])
        self.assertIn('UNIMPLEMENTED', report['first_error'])

    def test_another_answer_is_wrong(self):
        ran = self.load('--get-story', '--organization', 1, '--ids', '1-9', '--method', '/prism.test.v1.EchoService/Count')
        self.assertEqual(ran.returncode, 1)
        self.assertIn('not the right ones', ran.stderr)

    def test_more_in_flight_than_the_server_allows(self):
        ran = self.load('--echo', 64, '--in-flight', 100000)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('the server allows', ran.stderr)

    def test_idle_connections(self):
        ran = run('bench_idle', '--address', self.address, '--server-pid', self.server.pid, '--connections', 200, '--json')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)['connections'], 200)


class GrpcEcho(NativeEcho):
    """The same over HTTP/2."""

    def load(self, *arguments):
        return super().load('--grpc', *arguments)

    def test_large_messages_need_credit_both_ways(self):
        ran = self.load('--echo', 16000, '--connections', 2, '--in-flight', 100)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)['errors'], {})

    def test_messages_of_one_frame_only(self):
        ran = self.load('--echo', 50000)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('more than one DATA frame', ran.stderr)

    def test_long_header_fields(self):
        ran = self.load('--echo', 64, '--token', 'x' * 300, '--metadata', f'x-long={"y" * 500}', '--timeout-ms', 5000)
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_idle_connections(self):
        ran = run('bench_idle', '--address', self.address, '--grpc', '--server-pid', self.server.pid, '--connections', 200, '--json')
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)['connections'], 200)


class Libpq(unittest.TestCase):
    STORIES = ('--actor', '7b0b2d9e-5c54-4a2f-9d0c-3f6f5a1be001', '--organization', 5, '--ids', '11-40')

    def test_the_script_for_pgbench(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'script')
            ran = run('bench_libpq', '--pgbench-script', path, *self.STORIES, '--per-organization', 10)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            with open(path, encoding='utf-8') as file:
                script = file.read()
        self.assertTrue(script.startswith('\\set id random(11, 40)\n\\set organization_id (:id - 11) / 10 + 5\n'), script)
        self.assertIn(':actor', script)
        self.assertNotRegex(script, r'\$\d')

    def test_no_database(self):
        ran = run('bench_libpq', '--database', 'host=/nonexistent', *self.STORIES)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('cannot connect', ran.stderr)

    def test_bad_options(self):
        for arguments in ((), ('--actor', 'x'), ('--database', 'x', *self.STORIES, '--ids', '5-1')):
            ran = run('bench_libpq', *arguments)
            self.assertEqual(ran.returncode, 2, arguments)
            self.assertIn('bench_libpq --database', ran.stderr)


class Complaints(unittest.TestCase):
    def test_nobody_listens(self):
        ran = run('bench_load', '--address', '127.0.0.1:1', '--echo', 64)
        self.assertEqual(ran.returncode, 1)
        self.assertIn('cannot connect to 127.0.0.1:1', ran.stderr)

    def test_bad_options(self):
        for arguments, expected in (
                (('--connections', 'x'), 'expected a number'),
                (('--ids', '5-1'), 'FIRST-LAST'),
                (('--metadata', 'novalue'), 'KEY=VALUE'),
                (('--key-file', '/nonexistent'), 'a file'),
                ((), 'bench_load --address')):
            ran = run('bench_load', *arguments)
            self.assertEqual(ran.returncode, 2, arguments)
            self.assertIn(expected, ran.stderr)


if __name__ == '__main__':
    PROGRAMS, ECHO_SERVER = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
