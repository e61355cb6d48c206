"""Connect's streams by curl at the test server, in JSON and in protobuf: what is in the envelopes.

    test_connect.py PRISMD_ECHO
"""
import base64
import gzip
import json
import subprocess
import sys
import tempfile
import unittest

from server import Server
from wire import number, text

ECHO, TEST = '/prism.test.v1.EchoService/', '/grpc.testing.TestService/'
JSON, PROTO = 'application/connect+json', 'application/connect+proto'
MESSAGE_MAX = 4 << 20
GZIP = 'connect-content-encoding: gzip', 'connect-accept-encoding: gzip'


def enveloped(message, flag=0):
    if not isinstance(message, bytes):
        message = json.dumps(message).encode()
    return bytes([flag]) + len(message).to_bytes(4, 'big') + message


def b64(data):
    return base64.b64encode(data).decode()


class Answer:
    """Head fields, messages as they were and without gzip, and what the last one says."""

    def __init__(self, raw):
        head, _, body = raw.partition(b'\r\n\r\n')
        first, *lines = head.decode().split('\r\n')
        self.status = int(first.split()[1])
        self.fields = dict(line.split(': ', 1) for line in lines)
        self.flags, self.messages, self.end = [], [], None
        while body:
            size = int.from_bytes(body[1:5], 'big')
            flag, part, body = body[0], body[5:5 + size], body[5 + size:]
            if flag == 2:
                assert not body, 'nothing follows the end'
                self.end = json.loads(part)
            else:
                self.flags.append(flag)
                self.messages.append(gzip.decompress(part) if flag else part)

    def json(self):
        return [json.loads(message) for message in self.messages]


class ConnectTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.argv[1])
        cls.addClassCleanup(cls.server.stop)

    def post(self, path, body, *headers, content=JSON):
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            command = ['curl', '-sS', '--http2-prior-knowledge', '--include', '--max-time', '30', '--data-binary', f'@{file.name}']
            for header in (f'content-type: {content}', 'connect-protocol-version: 1', *headers):
                command += ['-H', header]
            done = subprocess.run([*command, f'http://{self.server.address}{path}'], stdout=subprocess.PIPE, check=True)
        return Answer(done.stdout)

    def refused(self, answer, code, says):
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.end['error']['code'], code)
        self.assertIn(says, answer.end['error'].get('message', ''))

    def test_stream_of_answers(self):
        answer = self.post(ECHO + 'Expand', enveloped({'count': 3, 'size': 2}))
        self.assertEqual((answer.status, answer.fields['content-type']), (200, JSON))
        self.assertEqual((answer.json(), answer.end), ([{'data': 'AAA='}, {'data': 'AQA='}, {'data': 'AgA='}], {}))
        answer = self.post(ECHO + 'Expand', enveloped(number(1, 3) + number(2, 100000)), content=PROTO)
        self.assertEqual((answer.status, answer.fields['content-type'], answer.end), (200, PROTO, {}))
        self.assertEqual([len(message) for message in answer.messages], [100004] * 3)

    def test_stream_of_requests(self):
        body = b''.join(enveloped({'data': b64(bytes(size))}) for size in (1, 1000, 100000))
        answer = self.post(ECHO + 'Collect', body)
        self.assertEqual((answer.json(), answer.end), ([{'messages': '3', 'bytes': '101001'}], {}))

    def test_both(self):
        sent = [{'data': b64(bytes([n]) * n)} for n in range(1, 60)]
        answer = self.post(ECHO + 'Chat', b''.join(map(enveloped, sent)))
        self.assertEqual((answer.json(), answer.end), (sent, {}))
        sent = [text(1, bytes([n]) * n) for n in range(1, 60)]
        answer = self.post(ECHO + 'Chat', b''.join(map(enveloped, sent)), content=PROTO)
        self.assertEqual((answer.messages, answer.end), (sent, {}))

    def test_failures(self):
        self.refused(self.post(ECHO + 'Expand', enveloped({'count': 2, 'size': 1, 'code': 10})), 'aborted', 'as you asked')
        answer = self.post(ECHO + 'Fail', enveloped({'code': 9, 'message': 'a "quoted" \\ \n\x01 Zürich', 'details': 2}))
        self.refused(answer, 'failed_precondition', 'a "quoted" \\ \n\x01 Zürich')
        self.assertEqual([one['type'] for one in answer.end['error']['details']], ['prism.test.v1.EchoMessage'] * 2)
        self.assertEqual(answer.messages, [])

    def test_requests_that_are_none(self):
        # (No answer may come before the request's end: curl 7.88 would wait for ever.)
        good = {'data': 'YQ=='}
        for bad, code, says in ((b'', 'invalid_argument', ''), (b'{"data":', 'invalid_argument', ''), (b'[]', 'invalid_argument', ''),
                                (b'{"dat": ""}', 'invalid_argument', 'dat: unknown field'),
                                (b'{"data": "YQ=="} {}', 'invalid_argument', ''),
                                (b'[' * 100000, 'resource_exhausted', 'nested deeper')):
            self.refused(self.post(ECHO + 'Chat', enveloped(bad)), code, says)
            self.refused(self.post(ECHO + 'Chat', enveloped(good) + enveloped(bad)), code, says)
        self.refused(self.post(ECHO + 'Chat', enveloped(b'\x0a\x05h'), content=PROTO), 'invalid_argument', 'data: the value is longer')
        for count in 0, 2:
            self.refused(self.post(ECHO + 'Expand', count * enveloped({})), 'unimplemented', 'exactly one')

    def test_deadlines(self):
        answer = self.post(ECHO + 'Expand', enveloped({'count': 3, 'size': 10, 'pauseMs': 60000}), 'connect-timeout-ms: 300')
        self.refused(answer, 'deadline_exceeded', '300 ms')
        self.assertEqual(len(answer.messages), 1)

    def test_metadata(self):
        answer = self.post(TEST + 'FullDuplexCall', enveloped({}), 'x-grpc-test-echo-initial: a', 'x-grpc-test-echo-trailing-bin: q6ur')
        self.assertEqual(answer.fields['x-grpc-test-echo-initial'], 'a')
        self.assertEqual(answer.end, {'metadata': {'x-grpc-test-echo-trailing-bin': ['q6ur']}})
        twice = ('x-grpc-test-echo-trailing-bin: q6ur', 'x-grpc-test-echo-trailing-bin: AAEC')
        answer = self.post(TEST + 'UnaryCall', enveloped({'responseStatus': {'code': 2}}), *twice)
        self.assertEqual(answer.end['error'], {'code': 'unknown'})
        self.assertLessEqual({'x-grpc-test-echo-trailing-bin'}, set(answer.end['metadata']))

    def test_gzip(self):
        for content, message in ((JSON, json.dumps({'data': b64(9000 * b'z')}, separators=(',', ':')).encode()), (PROTO, text(1, 9000 * b'z'))):
            body = enveloped(gzip.compress(message), 1) + enveloped(message)
            answer = self.post(ECHO + 'Chat', body, *GZIP, content=content)
            self.assertEqual((answer.flags, answer.messages, answer.end), ([1, 1], [message] * 2, {}))
            self.assertEqual((answer.fields['connect-content-encoding'], answer.fields['connect-accept-encoding']), ('gzip', 'identity,gzip'))
            answer = self.post(ECHO + 'Chat', body, GZIP[0], content=content)
            self.assertEqual((answer.flags, answer.messages, answer.end), ([0, 0], [message] * 2, {}))
            self.assertNotIn('connect-content-encoding', answer.fields)
            answer = self.post(ECHO + 'Chat', enveloped(message), GZIP[1], content=content)
            self.assertEqual((answer.flags, answer.messages), ([0], [message]))

    def test_sizes(self):
        data = b64((3 * (MESSAGE_MAX // 4) - 100) * b'x')
        self.assertEqual(self.post(ECHO + 'Chat', 2 * enveloped({'data': data})).json(), 2 * [{'data': data}])
        for content in JSON, PROTO:
            bomb = enveloped(gzip.compress((1 << 28) * b' '), 1)
            self.refused(self.post(ECHO + 'Chat', bomb, *GZIP, content=content), 'resource_exhausted', str(MESSAGE_MAX))
        self.refused(self.post(ECHO + 'Small', enveloped({'data': b64(bytes(2000))})), 'resource_exhausted', '1000')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
