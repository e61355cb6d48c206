"""Load from nghttp2's h2load and nghttp, and servers that drain under the calls of grpcio: none fails.

    test_load.py PRISMD_ECHO
"""
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import grpc

from server import Server
from wire import fields, number, text

ECHO = '/prism.test.v1.EchoService/'
CALLS, PAYLOAD = 5000, 64


def h2load(server, body, *arguments):
    """Its counts by name: what was done, failed, and how many bytes of DATA came."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        ran = subprocess.run(['h2load', '-n', str(CALLS), '-d', file.name, *arguments, f'http://{server.address}{ECHO}Echo'],
                             capture_output=True, text=True, timeout=200, check=True)
    requests = re.search(r'^requests: (.*)$', ran.stdout, re.M).group(1)
    counts = {name: int(value) for value, name in re.findall(r'(\d+) (\w+)', requests)}
    counts['2xx'] = int(re.search(r'^status codes: (\d+) 2xx', ran.stdout, re.M).group(1))
    counts['data'] = int(re.search(r'\((\d+)\) data', ran.stdout).group(1))
    return counts


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def expect(self, counts, size):
        self.assertEqual((counts['succeeded'], counts['failed'], counts['errored'], counts['timeout']), (CALLS, 0, 0, 0))
        self.assertEqual((counts['2xx'], counts['data']), (CALLS, CALLS * size))

    def test_grpc(self):
        message = text(1, b'x' * PAYLOAD)
        body = bytes([0]) + len(message).to_bytes(4, 'big') + message
        for shape in (('-c', '8', '-m', '32'), ('-c', '64', '-m', '1'), ('-c', '1', '-m', '1'), ('-c', '2', '-m', '1000')):
            counts = h2load(self.server, body, *shape, '-H', 'content-type: application/grpc', '-H', 'te: trailers')
            self.expect(counts, len(body))   # an error would have no message

    def test_json(self):
        body = b'{"data":"aGVsbG8="}'
        counts = h2load(self.server, body, '-c', '8', '-m', '32', '-H', 'content-type: application/json')
        self.expect(counts, len(body) + 1)

    def test_nghttp(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b'{"data":"aGVsbG8="}')
            file.flush()
            ran = subprocess.run(['nghttp', '-H', ':method: POST', '-H', 'content-type: application/json', '-d', file.name,
                                  f'http://{self.server.address}{ECHO}Echo'], capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual(json.loads(ran.stdout), {'data': 'aGVsbG8='})


class Callers:
    """Threads that call one after the other until they are told to stop; every other one's calls stream.

    When a GOAWAY says that a stream was not processed, grpcio 1.51 sends the call again by itself, and then now and then
    leaves out one of the messages it had taken before: of 100 streams that a server of a few lines disowned, 28 came
    again with four of five messages, and ended OK. So those of Chat are sent again here, by a channel that does not;
    what came back is then what our server made of what it got."""

    def __init__(self, target, count=8):
        self.channels = [grpc.insecure_channel(target), grpc.insecure_channel(target, [('grpc.enable_retries', 0)])]
        self.wait = self.channels[0].unary_unary(ECHO + 'Wait')
        self.chat = self.channels[1].stream_stream(ECHO + 'Chat')
        self.stopping = threading.Event()
        self.done = threading.Semaphore(0)
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.futures = [self.pool.submit(self.go, i) for i in range(count)]

    def say(self, messages):
        """False: it was not begun."""
        came = []
        call = self.chat(iter(messages), timeout=60)
        try:
            came.extend(call)
        except grpc.RpcError as error:
            if came or error.details() != 'GOAWAY received':
                raise
            return False
        if came != messages:
            raise AssertionError(f'{came} came back, {call.code()}, {call.trailing_metadata()}')
        return True

    def go(self, i):
        calls = 0
        while not self.stopping.is_set():
            if i % 2:
                self.wait(number(1, 2) + number(2, 100), timeout=60)
            else:
                while not self.say([text(1, b'%d.%d.%d' % (i, calls, one)) for one in range(5)]):
                    pass
            calls += 1
            self.done.release()
        return calls

    def let_do(self, calls):
        for _ in range(calls):
            self.done.acquire(timeout=60)

    def stop(self):
        """How many calls were made; raises what one of them failed with."""
        self.stopping.set()
        calls = sum(future.result() for future in self.futures)
        for channel in self.channels:
            channel.close()
        return calls


class Drain(unittest.TestCase):
    def test_a_server_that_is_replaced(self):
        """SIGTERM to one of two, under calls: they go on at the other."""
        first, second = Server(PROGRAM), Server(PROGRAM)
        callers = Callers(f'ipv4:{first.address},{second.address}')
        callers.let_do(300)
        first.stop()
        callers.let_do(300)
        self.assertGreaterEqual(callers.stop(), 600)
        second.stop()

    def test_connections_that_are_sent_away(self):
        server = Server(PROGRAM, '--age-ms', '100')
        callers = Callers(server.address)
        callers.let_do(2000)
        self.assertGreaterEqual(callers.stop(), 2000)
        with grpc.insecure_channel(server.address) as channel:
            counts = dict(fields(channel.unary_unary(ECHO + 'Count')(b'', timeout=60)))
        self.assertGreater(counts[12], 3)
        server.stop()


if __name__ == '__main__':
    PROGRAM = sys.argv.pop(1)
    unittest.main()
