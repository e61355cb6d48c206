"""curl at the test server: unary calls as plain HTTP, in JSON and in protobuf.

    test_json.py PRISMD_ECHO
"""
import base64
import gzip
import json
import subprocess
import sys
import tempfile
import unittest

from server import Server
from wire import text

ECHO, FAIL, WAIT = (f'/prism.test.v1.EchoService/{method}' for method in ('Echo', 'Fail', 'Wait'))
EMPTY = '/grpc.testing.TestService/EmptyCall'
MESSAGE_MAX = 4 << 20
JSON, PROTO = 'application/json', 'application/proto'


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b'\r\n\r\n')
        first, *lines = head.decode().split('\r\n')
        self.status = int(first.split()[1])
        self.fields = dict(line.split(': ', 1) for line in lines)

    def json(self):
        return json.loads(self.body)


class JsonTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.argv[1])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def post(self, path, body, *fields, content=JSON, more=()):
        with tempfile.NamedTemporaryFile() as file:
            file.write(body if isinstance(body, bytes) else json.dumps(body).encode())
            file.flush()
            command = ['curl', '--silent', '--show-error', '--http2-prior-knowledge', '--include', '--max-time', '30',
                       '--data-binary', f'@{file.name}', *more]
            for field in (f'content-type: {content}', *fields):
                command += ['--header', field]
            done = subprocess.run([*command, f'http://{self.server.address}{path}'], stdout=subprocess.PIPE, check=True)
        return Answer(done.stdout)

    def refused(self, answer, status, code, says):
        self.assertEqual((answer.status, answer.fields['content-type']), (status, JSON), answer.body)
        error = answer.json()
        self.assertEqual(error['code'], code)
        self.assertIn(says, error['message'])

    def test_json(self):
        answer = self.post(ECHO, {'data': base64.b64encode(b'hello').decode()}, content='application/json; charset=utf-8')
        self.assertEqual((answer.status, answer.fields['content-type']), (200, JSON))
        self.assertEqual(answer.json(), {'data': 'aGVsbG8='})

    def test_protobuf(self):
        for data in (b'', text(1, b'hello')):
            answer = self.post(ECHO, data, content=PROTO)
            self.assertEqual((answer.status, answer.fields['content-type'], answer.body), (200, PROTO, data))
        answer = self.post(ECHO, b'\x0a\x05h', content=PROTO)
        self.refused(answer, 400, 'invalid_argument', 'data: the value is longer')
        self.assertEqual([one['type'] for one in answer.json()['details']], ['google.rpc.ErrorInfo', 'google.rpc.BadRequest'])
        self.assertIn(b'FIELD_INVALID', base64.b64decode(answer.json()['details'][0]['value'] + '=='))

    def test_every_status(self):
        http = {1: (499, 'canceled'), 2: (500, 'unknown'), 3: (400, 'invalid_argument'), 4: (504, 'deadline_exceeded'),
                5: (404, 'not_found'), 6: (409, 'already_exists'), 7: (403, 'permission_denied'),
                8: (429, 'resource_exhausted'), 9: (400, 'failed_precondition'), 10: (409, 'aborted'),
                11: (400, 'out_of_range'), 12: (501, 'unimplemented'), 13: (500, 'internal'), 14: (503, 'unavailable'),
                15: (500, 'data_loss'), 16: (401, 'unauthenticated')}
        for code, (status, name) in http.items():
            message = 'a "quoted" \\ \n\x01 Zürich'
            answer = self.post(FAIL, {'code': code, 'message': message})
            self.refused(answer, status, name, message)

    def test_what_is_no_request(self):
        self.refused(self.post(ECHO, b''), 400, 'invalid_argument', '')
        self.refused(self.post(ECHO, b'{"data":'), 400, 'invalid_argument', '')
        self.refused(self.post(ECHO, {'dat': ''}), 400, 'invalid_argument', 'dat: unknown field')
        self.refused(self.post(ECHO, b'[' * 100000), 429, 'resource_exhausted', 'nested deeper')
        self.refused(self.post('/prism.test.v1.EchoService/Nothing', {}), 501, 'unimplemented', 'no such method')
        self.refused(self.post('/prism.test.v1.EchoService/Chat', {}), 501, 'unimplemented', 'gRPC')
        self.refused(self.post(ECHO, {}, more=('--request', 'PUT')), 405, 'unimplemented', 'POST')
        self.refused(self.post(ECHO, {}, 'x-bin: !'), 400, 'invalid_argument', 'base64')
        self.refused(self.post(ECHO, {}, 'x-long: ' + 9000 * 'x'), 431, 'resource_exhausted', '8192')
        self.refused(self.post(ECHO, {}, 'content-encoding: br'), 501, 'unimplemented', 'gzip')
        self.refused(self.post(ECHO, {}, content='text/json'), 415, 'unknown', 'application/json')

    def test_deadlines(self):
        self.refused(self.post(WAIT, {'ms': 60000}, 'connect-timeout-ms: 50'), 504, 'deadline_exceeded', '50 ms')
        for bad in ('-1', '1s', '12345678901'):
            self.refused(self.post(ECHO, {}, f'connect-timeout-ms: {bad}'), 400, 'invalid_argument', 'connect-timeout-ms')

    def test_version(self):
        self.assertEqual(self.post(ECHO, {'data': 'YQ=='}, 'connect-protocol-version: 1').json(), {'data': 'YQ=='})
        for bad in '2', '1.0', '01':
            self.refused(self.post(ECHO, {}, f'connect-protocol-version: {bad}'), 400, 'invalid_argument', 'must be 1')

    def test_metadata(self):
        value = base64.b64encode(bytes(range(256))).decode().rstrip('=')
        answer = self.post(EMPTY, {}, 'x-grpc-test-echo-initial: hello', f'x-grpc-test-echo-trailing-bin: {value}')
        self.assertEqual(answer.fields['x-grpc-test-echo-initial'], 'hello')
        self.assertEqual(answer.fields['trailer-x-grpc-test-echo-trailing-bin'], value)

    def test_sizes(self):
        size = 3 * (MESSAGE_MAX // 4) - 100
        data = base64.b64encode(size * b'x').decode()
        self.assertEqual(self.post(ECHO, {'data': data}).json(), {'data': data})
        self.refused(self.post(ECHO, (MESSAGE_MAX + 1) * b' '), 429, 'resource_exhausted', str(MESSAGE_MAX))
        self.refused(self.post(ECHO, (MESSAGE_MAX + (3 << 20)) * b' '), 429, 'resource_exhausted', str(MESSAGE_MAX))

    def test_answered_before_the_body_ended(self):
        for body in (2000000 * b' ', 7000000 * b' '):
            self.refused(self.post('/no.such.Service/Method', body), 501, 'unimplemented', 'no such method')

    def test_compression(self):
        request = json.dumps({'data': 4000 * 'a'}).encode()
        answer = self.post(ECHO, gzip.compress(request), 'content-encoding: gzip', 'accept-encoding: gzip')
        self.assertEqual(answer.fields['content-encoding'], 'gzip')
        self.assertEqual(json.loads(gzip.decompress(answer.body)), json.loads(request))
        self.assertNotIn('content-encoding', self.post(ECHO, request).fields)
        self.refused(self.post(ECHO, b'{}', 'content-encoding: gzip'), 400, 'invalid_argument', 'gzip')
        bomb = gzip.compress((1 << 28) * b' ')
        self.refused(self.post(ECHO, bomb, 'content-encoding: gzip'), 429, 'resource_exhausted', str(MESSAGE_MAX))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
