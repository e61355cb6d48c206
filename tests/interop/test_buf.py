"""`buf curl`, a client in Go that knows no .proto file and is told nothing but an address: at the test server, and at a real prismd.

    test_buf.py PRISMD_ECHO SOURCE_DIRECTORY BUILD_DIRECTORY

The program comes from npm.
"""
import base64
import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import npm
from server import Server

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'product'))
from daemon import Daemon  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ECHO, HEALTH, STORIES = 'prism.test.v1.EchoService', 'grpc.health.v1.Health', 'prism.v1.StoryService'
REFLECTION = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']
PROTOCOLS = {'connect': (), 'grpc': ('--protocol', 'grpc'), 'grpcweb': ('--protocol', 'grpcweb')}  # buf's own choice first


def b64(data):
    return base64.b64encode(data).decode()


def documents(text):
    """JSON values, one behind the other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def over_each_protocol(test):
    @functools.wraps(test)
    def run(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                test(self, protocol)
    return run


class Told:
    """Answers as they were printed; and the failure, if it was one of the call: its number and what Connect says of it."""

    def __init__(self, done):
        self.answers, self.log = documents(done.stdout), done.stderr
        self.status = done.returncode >> 3
        if done.returncode & 7:
            raise AssertionError(f'buf curl ended with {done.returncode}: {done.stderr}')
        self.failure = documents(self.log[self.log.index('{\n'):])[0] if self.status else None


class Curl(unittest.TestCase):
    """What both servers are asked with."""

    def buf(self, *arguments, **more):
        return subprocess.run([BUF, 'curl', *arguments], capture_output=True, text=True, timeout=60, check=False, **more)

    def listed(self, protocol, what):
        done = self.buf(f'--list-{what}', *PROTOCOLS[protocol], f'http://{self.address}')
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def call(self, protocol, method, *requests, options=()):
        data = ''.join(json.dumps(request) for request in requests)
        return Told(self.buf(*PROTOCOLS[protocol], '--data', '@-', *options, f'http://{self.address}/{method}', input=data))

    def answers(self, *arguments, **more):
        told = self.call(*arguments, **more)
        self.assertEqual(told.status, 0, told.log)
        return told.answers


class TestServer(Curl):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        cls.addClassCleanup(cls.server.stop)
        cls.address = cls.server.address

    @over_each_protocol
    def test_what_is_there(self, protocol):
        with open(os.path.join(SOURCE, 'tests', 'talk', 'echo.proto'), encoding='utf-8') as file:
            methods = [f'{ECHO}/{name}' for name in re.findall(r'^  rpc (\w+)', file.read(), re.M)]
        self.assertEqual(self.listed(protocol, 'services'), [*REFLECTION, 'grpc.testing.TestService', ECHO])
        listed = self.listed(protocol, 'methods')
        self.assertEqual([one for one in listed if one.startswith(ECHO)], sorted(methods))

    @over_each_protocol
    def test_both_reflections(self, protocol):
        for version in 'grpc-v1', 'grpc-v1alpha':
            options = ('--reflect-protocol', version)
            self.assertEqual(self.answers(protocol, f'{ECHO}/Echo', {'data': b64(version.encode())}, options=options),
                             [{'data': b64(version.encode())}])

    @over_each_protocol
    def test_every_kind_of_call(self, protocol):
        hello, large = {'data': b64(b'hello')}, {'data': b64(os.urandom(1000000))}
        self.assertEqual(self.answers(protocol, f'{ECHO}/Echo', hello), [hello])
        self.assertEqual(self.answers(protocol, f'{ECHO}/Echo', large), [large])
        self.assertEqual(self.answers(protocol, f'{ECHO}/Echo', {}), [{}])
        expanded = self.answers(protocol, f'{ECHO}/Expand', {'count': 5, 'size': 100000})
        self.assertEqual([len(base64.b64decode(one['data'])) for one in expanded], [100000] * 5)
        self.assertEqual(self.answers(protocol, f'{ECHO}/Collect', hello, large, hello), [{'messages': '3', 'bytes': '1000010'}])
        self.assertEqual(self.answers(protocol, f'{ECHO}/Collect'), [{}])
        self.assertEqual(self.answers(protocol, f'{ECHO}/Chat', hello, large, hello), [hello, large, hello])
        self.assertEqual(self.answers(protocol, f'{ECHO}/Chat'), [])

    @over_each_protocol
    def test_metadata(self, protocol):
        options = ('-H', 'x-grpc-test-echo-initial: hello', '-H', 'x-grpc-test-echo-trailing-bin: q6ur', '-v')
        for method in 'UnaryCall', 'FullDuplexCall':
            log = self.call(protocol, f'grpc.testing.TestService/{method}', {}, options=options).log.lower()
            self.assertRegex(log, r'< \(#2\) x-grpc-test-echo-initial: hello')
            self.assertRegex(log, r'x-grpc-test-echo-trailing-bin\W+q6ur')

    @over_each_protocol
    def test_failures(self, protocol):
        told = self.call(protocol, f'{ECHO}/Fail', {'code': 9, 'message': 'nö "quoted"', 'details': 2})
        self.assertEqual((told.status, told.answers), (9, []))
        self.assertEqual((told.failure['code'], told.failure['message']), ('failed_precondition', 'nö "quoted"'))
        self.assertEqual([one['type'] for one in told.failure['details']], ['prism.test.v1.EchoMessage'] * 2)
        told = self.call(protocol, f'{ECHO}/Expand', {'count': 2, 'size': 1, 'code': 10})
        self.assertEqual((told.status, len(told.answers), told.failure['message']), (10, 2, 'as you asked'))
        self.assertEqual(self.call(protocol, f'{ECHO}/Missing', {}).status, 12)


class Product(Curl):
    """The services, with a key and an actor."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(BUILD, SOURCE)
        cls.addClassCleanup(cls.daemon.stop)
        cls.address = cls.daemon.address
        with open(cls.daemon.key_file, encoding='ascii') as file:
            cls.caller = ('-H', f'authorization: Bearer {file.read().strip()}', '-H', f'x-prism-actor: {cls.daemon.actor}')

    def stories(self, protocol, method, **request):
        return self.call(protocol, f'{STORIES}/{method}', {'organizationId': self.daemon.organization, **request}, options=self.caller)

    @over_each_protocol
    def test_what_is_there(self, protocol):
        services = self.listed(protocol, 'services')
        self.assertLessEqual({STORIES, HEALTH, *REFLECTION}, set(services))
        self.assertIn(f'{STORIES}/CreateStory', self.listed(protocol, 'methods'))

    @over_each_protocol
    def test_health(self, protocol):
        for service in '', STORIES:
            self.assertEqual(self.answers(protocol, f'{HEALTH}/Check', {'service': service}), [{'status': 'SERVING'}])
        self.assertEqual(self.call(protocol, f'{HEALTH}/Check', {'service': 'no.such.Service'}).status, 5)
        listed, = self.answers(protocol, f'{HEALTH}/List', {})
        self.assertIn({'key': STORIES, 'value': {'status': 'SERVING'}}, listed['statuses'])

    @over_each_protocol
    def test_stories(self, protocol):
        told = self.stories(protocol, 'CreateStory', projectId=self.daemon.project, story={'title': f'Зал by {protocol}', 'storyPoints': 3})
        made, = told.answers
        self.assertEqual((made['title'], made['storyPoints']), (f'Зал by {protocol}', 3))
        self.assertEqual(self.stories(protocol, 'GetStory', key=made['key']).answers, [made])
        told = self.stories(protocol, 'GetStory', key='DEMO-99999')
        self.assertEqual((told.status, told.failure['code']), (5, 'not_found'))
        self.assertIn('google.rpc.ErrorInfo', [one['type'] for one in told.failure['details']])
        told = self.stories(protocol, 'CreateStory', projectId=self.daemon.project, story={'title': 'x' * 256})
        self.assertIn('story.title: ', told.failure['message'])
        self.assertEqual([one['type'] for one in told.failure['details']], ['google.rpc.ErrorInfo', 'google.rpc.BadRequest'])
        self.assertEqual(self.call(protocol, f'{STORIES}/GetStory', {'organizationId': '1', 'key': 'DEMO-1'}).status, 16)


if __name__ == '__main__':
    PROGRAM, SOURCE, BUILD = (os.path.abspath(argument) for argument in sys.argv[1:4])
    if not shutil.which('npm'):
        print('there is no npm')
        sys.exit(77)
    FOLDER = npm.install(os.path.join(HERE, 'npm', 'buf', 'package.json'), os.path.join(BUILD, 'node-buf'))
    programs = glob.glob(os.path.join(FOLDER, 'node_modules', '@bufbuild', 'buf-*', 'bin', 'buf'))
    if not programs:
        print('there is no buf for this machine')
        sys.exit(77)
    BUF, = programs
    unittest.main(argv=sys.argv[:1])
