"""gRPC-Web by curl at the test server, as a proxy passes on what a browser sends.

    test_grpc_web.py PRISMD_ECHO
"""
import gzip
import subprocess
import sys
import tempfile
import unittest

from server import Server
from wire import number, text

ECHO = '/prism.test.v1.EchoService/'


def framed(message, flag=0):
    return bytes([flag]) + len(message).to_bytes(4, 'big') + message


class Answer:
    """Head fields, messages, and what the last part says: as trailers, if there was one."""

    def __init__(self, raw):
        head, _, body = raw.partition(b'\r\n\r\n')
        first, *lines = head.decode().split('\r\n')
        self.status = int(first.split()[1])
        self.fields = dict(line.split(': ', 1) for line in lines)
        self.messages, self.trailers = [], None
        while body and self.fields['content-type'].startswith('application/grpc-web'):
            size = int.from_bytes(body[1:5], 'big')
            flag, part, body = body[0], body[5:5 + size], body[5 + size:]
            if flag == 0x80:
                assert not body, 'nothing follows the trailers'
                self.trailers = dict(line.split(': ', 1) for line in part.decode().split('\r\n') if line)
            else:
                self.messages.append(gzip.decompress(part) if flag else part)


class GrpcWeb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.argv[1])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def post(self, method, body, *headers, content='application/grpc-web+proto'):
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            command = ['curl', '-sS', '--http2-prior-knowledge', '--include', '--max-time', '30', '--data-binary', f'@{file.name}']
            for header in (f'content-type: {content}', 'x-grpc-web: 1', *headers):
                command += ['-H', header]
            done = subprocess.run([*command, f'http://{self.server.address}{method}'], stdout=subprocess.PIPE, check=True)
        return Answer(done.stdout)

    def test_unary(self):
        for content in ('application/grpc-web', 'application/grpc-web+proto', 'application/grpc-web+proto; charset=utf-8'):
            for message in (b'', text(1, b'hello'), text(1, b'x' * 1000000)):
                answer = self.post(ECHO + 'Echo', framed(message), content=content)
                self.assertEqual((answer.status, answer.fields['content-type']), (200, 'application/grpc-web+proto'))
                self.assertEqual((answer.messages, answer.trailers), ([message], {'grpc-status': '0'}))

    def test_stream_of_answers(self):
        answer = self.post(ECHO + 'Expand', framed(number(1, 3) + number(2, 100000)))
        self.assertEqual([len(message) for message in answer.messages], [100004] * 3)
        self.assertEqual(answer.trailers, {'grpc-status': '0'})
        answer = self.post(ECHO + 'Expand', framed(number(1, 2) + number(2, 1) + number(4, 10)))
        self.assertEqual(len(answer.messages), 2)
        self.assertEqual((answer.trailers['grpc-status'], answer.trailers['grpc-message']), ('10', 'as you asked'))

    def test_failures_before_an_answer(self):
        # (No answer of 200 may come before the request's end: curl 7.88 would wait for ever.)
        answer = self.post(ECHO + 'Fail', framed(number(1, 5) + text(2, 'nö'.encode()) + number(4, 1)))
        self.assertEqual((answer.status, answer.fields['grpc-status'], answer.fields['grpc-message']), (200, '5', 'n%C3%B6'))
        self.assertIn('grpc-status-details-bin', answer.fields)
        self.assertEqual(self.post(ECHO + 'Wait', framed(number(1, 60000)), 'grpc-timeout: 50m').fields['grpc-status'], '4')
        answer = self.post(ECHO + 'Echo', framed(b''), 'grpc-timeout: soon')
        self.assertEqual((answer.status, answer.fields['content-type'], answer.fields['grpc-status']),
                         (400, 'application/grpc-web+proto', '13'))

    def test_deadline_between_answers(self):
        request = number(1, 3) + number(2, 10) + number(3, 60000)
        answer = self.post(ECHO + 'Expand', framed(request), 'grpc-timeout: 300m')
        self.assertEqual((len(answer.messages), answer.trailers['grpc-status']), (1, '4'))

    def test_gzip(self):
        message = text(1, b'z' * 100000)
        answer = self.post(ECHO + 'Echo', framed(gzip.compress(message), 1), 'grpc-encoding: gzip', 'grpc-accept-encoding: gzip')
        self.assertEqual((answer.messages, answer.fields['grpc-encoding']), ([message], 'gzip'))

    def test_metadata(self):
        answer = self.post('/grpc.testing.TestService/UnaryCall', framed(b''), 'x-grpc-test-echo-initial: a',
                           'x-grpc-test-echo-trailing-bin: q6ur')
        self.assertEqual(answer.fields['x-grpc-test-echo-initial'], 'a')
        self.assertEqual(answer.trailers, {'grpc-status': '0', 'x-grpc-test-echo-trailing-bin': 'q6ur'})

    def test_text_is_not_taken(self):
        self.assertEqual(self.post(ECHO + 'Echo', b'AAAAAAA=', content='application/grpc-web-text').status, 415)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
