"""A gRPC client that nobody here wrote, grpcio, at the test server: what the official cases leave out.

    test_grpcio.py PRISMD_ECHO
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import threading
import unittest

import grpc

from server import Server
from wire import fields, number, text, varint

ECHO = '/prism.test.v1.EchoService/'
INTEROP = '/grpc.testing.TestService/'


def raw(data):
    return data


def echo(value):
    return text(1, value) if value else b''


class Case(unittest.TestCase):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM, *cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def channel(self, **options):
        channel = grpc.insecure_channel(self.server.address, **options)
        self.addCleanup(channel.close)
        return channel

    def unary(self, method, channel=None):
        return (channel or self.channel()).unary_unary(method, raw, raw)

    def fails(self, call, request, **options):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, timeout=options.pop('timeout', 30), **options)
        return caught.exception


class Kinds(Case):
    def test_messages_of_every_size(self):
        call = self.unary(ECHO + 'Echo')
        for size in (0, 1, 5, 16379, 16384, 65535, 65536, 1048571, 1048576, 4194304 - 5):
            self.assertEqual(call(echo(b'x' * size), timeout=30), echo(b'x' * size))

    def test_many_at_once(self):
        call = self.unary(ECHO + 'Echo')
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = pool.map(lambda i: call(echo(b'%d' % i), timeout=60), range(2000))
            for i, answer in enumerate(answers):
                self.assertEqual(answer, echo(b'%d' % i))

    def test_streams_both_ways(self):
        messages = [echo(bytes([i]) * (i * 1000)) for i in range(200)]
        chat = self.channel().stream_stream(ECHO + 'Chat', raw, raw)
        self.assertEqual(list(chat(iter(messages), timeout=60)), messages)

    def test_messages_larger_than_the_window(self):
        messages = [echo(b'y' * 4000000)] * 5
        chat = self.channel().stream_stream(ECHO + 'Chat', raw, raw)
        got = list(chat(iter(messages), timeout=60))
        self.assertEqual([len(one) for one in got], [len(one) for one in messages])

    def test_an_empty_stream_of_answers(self):
        expand = self.channel().unary_stream(ECHO + 'Expand', raw, raw)
        self.assertEqual(list(expand(b'', timeout=30)), [])

    def test_a_slow_reader_holds_up_nobody(self):
        channel = self.channel()
        expand = channel.unary_stream(ECHO + 'Expand', raw, raw)
        slow = expand(number(1, 500) + number(2, 100000), timeout=120)
        next(slow)
        other = self.unary(ECHO + 'Echo', channel)
        for _ in range(50):
            self.assertEqual(other(echo(b'quick'), timeout=60), echo(b'quick'))
        self.assertEqual(sum(1 for _ in slow), 499)


class Statuses(Case):
    def test_every_code(self):
        call = self.unary(ECHO + 'Fail')
        for code in grpc.StatusCode:
            value = code.value[0]
            if value == 0:
                continue
            error = self.fails(call, number(1, value) + text(2, b'as told'))
            self.assertEqual(error.code(), code)
            self.assertEqual(error.details(), 'as told')

    def test_special_status_message(self):
        message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP \U0001f608\t\n'
        for call, request in ((self.unary(ECHO + 'Fail'), number(1, 2) + text(2, message.encode())),
                              (self.unary(INTEROP + 'UnaryCall'),
                               text(7, number(1, 2) + text(2, message.encode())))):
            error = self.fails(call, request)
            self.assertEqual(error.code(), grpc.StatusCode.UNKNOWN)
            self.assertEqual(error.details(), message)

    def test_details(self):
        error = self.fails(self.unary(ECHO + 'Fail'), number(1, 9) + text(2, b'why') + number(4, 3))
        trailing = dict(error.trailing_metadata())
        status = fields(trailing['grpc-status-details-bin'])
        self.assertEqual(status[:2], [(1, 9), (2, b'why')])
        self.assertEqual([(key, len(value)) for key, value in status[2:]], [(3, 1000)] * 3)

    def test_details_that_are_too_large_are_left_out(self):
        error = self.fails(self.unary(ECHO + 'Fail'), number(1, 9) + text(2, b'why') + number(4, 30))
        self.assertEqual(error.details(), 'why')
        self.assertNotIn('grpc-status-details-bin', dict(error.trailing_metadata()))

    def test_after_messages(self):
        expand = self.channel().unary_stream(ECHO + 'Expand', raw, raw)
        stream = expand(number(1, 3) + number(2, 10) + number(4, 10), timeout=30)
        got = []
        with self.assertRaises(grpc.RpcError):
            for message in stream:
                got.append(message)
        self.assertEqual(len(got), 3)
        self.assertEqual(stream.code(), grpc.StatusCode.ABORTED)

    def test_unknown(self):
        error = self.fails(self.unary('/prism.test.v1.EchoService/Nope'), b'')
        self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)
        self.assertEqual(dict(error.trailing_metadata())['prism-outcome'], 'not-executed')
        error = self.fails(self.unary('/no.such.Service/Nope'), b'')
        self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_cardinality(self):
        for messages in ([], [b'', b'']):
            call = self.channel().stream_unary(ECHO + 'Echo', raw, raw)
            error = self.fails(call, iter(messages))
            self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)
            self.assertIn('exactly one', error.details())

    def test_bad_message(self):
        error = self.fails(self.unary(ECHO + 'Echo'), b'\x0a\x7f')
        self.assertEqual(error.code(), grpc.StatusCode.INTERNAL)
        self.assertIn('data: the value is longer', error.details())


class Limits(Case):
    def test_sizes(self):
        small = self.unary(ECHO + 'Small')
        self.assertEqual(len(small(echo(b'x' * 997), timeout=30)), 1000)
        for size in (998, 100000, 4194304, 5000000):
            error = self.fails(small, echo(b'x' * size))
            self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
            self.assertIn('at most 1000', error.details())
        error = self.fails(self.unary(ECHO + 'Echo'), echo(b'x' * 4194304))
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_header_list(self):
        call = self.unary(ECHO + 'Echo')
        self.assertEqual(call(b'', timeout=30, metadata=[('x-a', 'v' * 4000)]), b'')
        error = self.fails(call, b'', metadata=[('x-a', 'v' * 9000)])
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        error = self.fails(call, b'', metadata=[(f'x-{i}', 'v') for i in range(101)])
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_gzip_bomb(self):
        channel = self.channel(compression=grpc.Compression.Gzip,
                               options=[('grpc.max_send_message_length', -1)])
        error = self.fails(self.unary(ECHO + 'Echo', channel), echo(b'\0' * 100000000))
        self.assertEqual(error.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertEqual(self.unary(ECHO + 'Echo', channel)(echo(b'\0' * 4000000), timeout=30), echo(b'\0' * 4000000))


class Metadata(Case):
    def test_both_ways(self):
        call = self.unary(INTEROP + 'UnaryCall')
        binary = bytes(range(256))
        for data in (binary, binary[:1], binary[:2], binary[:3]):
            _, made = call.with_call(b'', timeout=30, metadata=[
                ('x-grpc-test-echo-initial', 'some text'), ('x-grpc-test-echo-trailing-bin', data)])
            self.assertIn(('x-grpc-test-echo-initial', 'some text'), made.initial_metadata())
            self.assertIn(('x-grpc-test-echo-trailing-bin', data), made.trailing_metadata())

    def test_of_a_stream(self):
        stream = self.channel().stream_stream(INTEROP + 'FullDuplexCall', raw, raw)(
            iter([text(2, number(1, 100))]), timeout=30, metadata=[
                ('x-grpc-test-echo-initial', 'a'), ('x-grpc-test-echo-trailing-bin', b'\xab')])
        self.assertEqual(sum(1 for _ in stream), 1)
        self.assertIn(('x-grpc-test-echo-initial', 'a'), stream.initial_metadata())
        self.assertIn(('x-grpc-test-echo-trailing-bin', b'\xab'), stream.trailing_metadata())

    def test_of_a_stream_without_messages(self):
        stream = self.channel().stream_stream(INTEROP + 'FullDuplexCall', raw, raw)(
            iter([]), timeout=30, metadata=[('x-grpc-test-echo-initial', 'a'), ('x-grpc-test-echo-trailing-bin', b'\xab')])
        self.assertEqual(list(stream), [])
        self.assertIn(('x-grpc-test-echo-initial', 'a'), stream.initial_metadata())
        self.assertIn(('x-grpc-test-echo-trailing-bin', b'\xab'), stream.trailing_metadata())

    def test_with_an_error(self):
        error = self.fails(self.unary(INTEROP + 'UnaryCall'), text(7, number(1, 5)), metadata=[
            ('x-grpc-test-echo-initial', 'a'), ('x-grpc-test-echo-trailing-bin', b'\xab')])
        self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
        self.assertIn(('x-grpc-test-echo-initial', 'a'), error.initial_metadata())
        self.assertIn(('x-grpc-test-echo-trailing-bin', b'\xab'), error.trailing_metadata())


class Compression(Case):
    def test_both_ways(self):
        channel = self.channel(compression=grpc.Compression.Gzip)
        for size in (0, 10, 1024, 100000, 4000000):
            message = echo(b'z' * size)
            self.assertEqual(self.unary(ECHO + 'Echo', channel)(message, timeout=30), message)
        messages = [echo(b'z' * 100000)] * 50
        chat = channel.stream_stream(ECHO + 'Chat', raw, raw)
        self.assertEqual(list(chat(iter(messages), timeout=30)), messages)

    def test_more_than_is_decompressed_in_a_turn(self):
        messages = [echo(bytes([i]) * size) for i, size in enumerate((3000000, 5, 1500000, 0, 2000000, 70000))] * 2
        chat = self.channel(compression=grpc.Compression.Gzip).stream_stream(ECHO + 'Chat', raw, raw)
        streams = [chat(iter(messages), timeout=60) for _ in range(4)]
        for stream in streams:
            self.assertEqual(list(stream), messages)

    def test_asked_for_by_the_request(self):
        call = self.unary(INTEROP + 'UnaryCall')
        for wanted in (0, 1):
            answer = call(text(6, number(1, wanted)) + number(2, 314159), timeout=30)
            self.assertEqual(len(answer), 314159 + 8)

    def test_unknown_codec(self):
        channel = self.channel(compression=grpc.Compression.Deflate)
        error = self.fails(self.unary(ECHO + 'Echo', channel), echo(b'z' * 100000))
        self.assertEqual(error.code(), grpc.StatusCode.UNIMPLEMENTED)


class Time(Case):
    def test_deadline(self):
        error = self.fails(self.unary(ECHO + 'Wait'), number(1, 60000), timeout=0.2)
        self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_deadline_of_a_stream_that_is_not_read(self):
        expand = self.channel().unary_stream(ECHO + 'Expand', raw, raw)
        stream = expand(number(1, 1000) + number(2, 1000000), timeout=0.5)
        next(stream)
        stream.initial_metadata()
        with self.assertRaises(grpc.RpcError):
            for _ in stream:
                threading.Event().wait(0.1)
        self.assertEqual(stream.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_cancel(self):
        call = self.unary(ECHO + 'Wait').future(number(1, 60000), timeout=60)
        call.cancel()
        with self.assertRaises(grpc.FutureCancelledError):
            call.result()

    def test_cancel_while_answers_come(self):
        expand = self.channel().unary_stream(ECHO + 'Expand', raw, raw)
        for _ in range(20):
            stream = expand(number(1, 100000) + number(2, 1000), timeout=60)
            next(stream)
            stream.cancel()


class UnixSocket(unittest.TestCase):
    def test_grpc_and_json(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'rpc.sock')
            server = Server(PROGRAM, '--listen', f'unix:{path}')
            try:
                with grpc.insecure_channel(f'unix:{path}') as channel:
                    self.assertEqual(channel.unary_unary(ECHO + 'Echo')(echo(b'hello'), timeout=30), echo(b'hello'))
                answer = subprocess.run(['curl', '-sS', '--http2-prior-knowledge', '--unix-socket', path, f'http://localhost{ECHO}Echo',
                                         '-H', 'content-type: application/json', '-d', '{"data": "aGVsbG8="}'],
                                        stdout=subprocess.PIPE, timeout=30, check=True)
                self.assertEqual(answer.stdout, b'{"data":"aGVsbG8="}\n')
            finally:
                server.stop()


class Drain(unittest.TestCase):
    def test_no_call_is_lost(self):
        """A stream goes on to its end on the old connection; the server ends when it has."""
        server = Server(PROGRAM)
        with grpc.insecure_channel(server.address) as channel:
            chat = channel.stream_stream(ECHO + 'Chat', raw, raw)
            more = threading.Semaphore(1)
            stopping = False

            def messages():
                for i in range(30):
                    more.acquire()
                    yield echo(b'%d' % i)

            answers = chat(messages(), timeout=60)
            for i in range(30):
                self.assertEqual(next(answers), echo(b'%d' % i))
                if not stopping:
                    server.drain()
                    stopping = True
                more.release()
            self.assertEqual(list(answers), [])
            self.assertEqual(answers.code(), grpc.StatusCode.OK)
        server.stop()


if __name__ == '__main__':
    PROGRAM = sys.argv.pop(1)
    unittest.main()
