"""The same conversations with the services of a real prismd over native framing (prismctl), gRPC (grpcio, grpc-js, prismctl),
gRPC-Web, Connect (connect-node) and JSON (curl, connect-node).

    conversations.py BUILD_DIRECTORY SOURCE_DIRECTORY

Each way takes and gives JSON; what is told is the same whatever it came by.
"""
import base64
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
import uuid
from types import SimpleNamespace

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from daemon import Daemon, run

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop'))
import test_connect_node  # noqa: E402
import test_grpc_js  # noqa: E402
import test_reflection  # noqa: E402
from wire import fields, text  # noqa: E402

BUILD, SOURCE = (os.path.abspath(directory) for directory in sys.argv[1:3])
PACKAGE = 'prism.v1.'


class Refused(Exception):
    """A call that failed: its status, text, reason and the field at fault."""

    def __init__(self, status, message, reason='', field=''):
        super().__init__(f'{status}: {message} ({reason})')
        self.status, self.message, self.reason, self.field = status, message, reason, field


def cause(details):
    """Reason and field of google.rpc's ErrorInfo and BadRequest, given as (type name, bytes)."""
    reason = field = ''
    for name, value in details:
        if name.endswith('ErrorInfo'):
            reason = dict(fields(value)).get(1, b'').decode()
        elif name.endswith('BadRequest'):
            field = dict(fields(dict(fields(value))[1])).get(1, b'').decode()
    return reason, field


def causes_in(status):
    """The same from a google.rpc.Status."""
    details = [dict(fields(value)) for number, value in fields(status) if number == 3]
    return cause((one[1].decode(), one.get(2, b'')) for one in details)


class Native:
    """prismctl, which speaks the native framing; it prints the reason, not the field."""
    options = ()

    def __init__(self, daemon):
        self.prismctl = daemon.program('prismctl')

    def call(self, method, request, caller):
        env = {**os.environ, 'PRISM_ACTOR': caller.actor, 'PRISM_KEY_FILE': caller.key_file}
        done = subprocess.run([self.prismctl, *self.options, 'call', PACKAGE + method, '-', '-o', 'json', '--no-retry'], capture_output=True, text=True,
                              input=json.dumps(request), env=env, timeout=60, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
        told = re.match(r'(\w+): (.*?)(?: \(([A-Z_]+)\))?$', done.stderr, re.M)
        if not told:
            raise AssertionError(done.stderr)
        raise Refused(told.group(1), told.group(2), told.group(3) or '', None)

    def close(self):
        pass


class GrpcByPrismctl(Native):
    """The same over gRPC."""
    options = ('--grpc',)


def descriptors(daemon):
    """The path of a FileDescriptorSet of the services'."""
    path = os.path.join(daemon.folder, 'prism.binpb')
    protos = os.path.join(SOURCE, 'proto')
    files = [f'prism/v1/{name}' for name in sorted(os.listdir(os.path.join(protos, 'prism', 'v1'))) if name.endswith('.proto')]
    run('protoc', '-I', protos, '--include_imports', f'--descriptor_set_out={path}', *files, 'grpc/health/v1/health.proto')
    return path


class Grpc:
    """grpcio, with messages made from the .proto files."""

    def __init__(self, daemon):
        self.pool = descriptor_pool.DescriptorPool()
        with open(descriptors(daemon), 'rb') as file:
            for one in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                self.pool.Add(one)
        self.factory = message_factory.MessageFactory(self.pool)
        self.channel = grpc.insecure_channel(daemon.address)

    def call(self, method, request, caller):
        service, name = method.split('/')
        descriptor = self.pool.FindServiceByName(PACKAGE + service).FindMethodByName(name)
        message = json_format.ParseDict(request, self.factory.GetPrototype(descriptor.input_type)())
        go = self.channel.unary_unary(f'/{PACKAGE}{method}', request_serializer=type(message).SerializeToString,
                                      response_deserializer=self.factory.GetPrototype(descriptor.output_type).FromString)
        try:
            return json_format.MessageToDict(go(message, timeout=60, metadata=caller.fields()))
        except grpc.RpcError as error:
            status = dict(error.trailing_metadata()).get('grpc-status-details-bin', b'')
            raise Refused(error.code().name, error.details(), *causes_in(status)) from error

    def close(self):
        self.channel.close()


class Node:
    """A script for Node, which takes a line for each call."""

    def __init__(self, folder, name, *arguments):
        script = shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), os.path.join(folder, 'product.js'))
        self.node = subprocess.Popen(['node', script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, method, request, caller_fields=()):
        self.node.stdin.write(json.dumps({'method': method, 'request': request, 'fields': caller_fields}) + '\n')
        self.node.stdin.flush()
        return json.loads(self.node.stdout.readline())

    def call(self, method, request, caller):
        told = self.ask(PACKAGE + method, request, caller.fields())
        if 'answer' in told:
            return told['answer']
        raise Refused(told['code'], told['message'], *self.causes(told))

    def close(self):
        self.node.stdin.close()
        self.node.wait(60)
        self.node.stdout.close()


class GrpcJs(Node):
    """@grpc/grpc-js, with messages made from the .proto files."""

    def __init__(self, daemon):
        super().__init__(test_grpc_js.modules(SOURCE, BUILD), 'grpc_js.js', os.path.join(SOURCE, 'proto'), daemon.address)

    def causes(self, told):
        return causes_in(base64.b64decode(told.get('status', '')))


class Connect(Node):
    """@connectrpc/connect-node, with messages made from the .proto files."""
    protocol = 'connect'

    def __init__(self, daemon):
        super().__init__(test_connect_node.modules(BUILD), 'connect_node.js', descriptors(daemon), daemon.address, self.protocol)

    def causes(self, told):
        return cause((one['type'], base64.b64decode(one['value'])) for one in told['details'])


class ConnectJson(Connect):
    protocol = 'json'


class GrpcByConnect(Connect):
    protocol = 'grpc'


class GrpcWebByConnect(Connect):
    protocol = 'grpcweb'


class Json:
    """curl."""

    def __init__(self, daemon):
        self.address = daemon.address

    def call(self, method, request, caller):
        headers = [word for name, value in (('content-type', 'application/json'), *caller.fields()) for word in ('-H', f'{name}: {value}')]
        done = subprocess.run(['curl', '-sS', '--http2-prior-knowledge', f'http://{self.address}/{PACKAGE}{method}', '-d', '@-', *headers],
                              capture_output=True, text=True, input=json.dumps(request), timeout=60, check=True)
        told = json.loads(done.stdout)
        if 'code' not in told:
            return told
        details = ((one['type'], base64.b64decode(one['value'] + '==')) for one in told.get('details', []))
        raise Refused(told['code'].upper(), told['message'], *cause(details))

    def close(self):
        pass


class Caller(SimpleNamespace):
    """Whose calls they are."""

    def fields(self):
        with open(self.key_file, encoding='ascii') as file:
            key = file.read().strip()
        return (('authorization', f'Bearer {key}'), ('x-prism-actor', self.actor))


class Conversations:
    """Everything below is said by each of the ways above."""

    @classmethod
    def setUpClass(cls):
        cls.way = cls.speaks(DAEMON)
        cls.organization, cls.project = DAEMON.organization, DAEMON.project
        cls.member, cls.viewer, cls.stranger = (Caller(actor=actor, key_file=KEY_FILE) for actor in (
            DAEMON.users['tomas'], DAEMON.users['auditor'], str(uuid.uuid4())))

    @classmethod
    def tearDownClass(cls):
        cls.way.close()

    def call(self, method, caller=None, **request):
        return self.way.call(method, {'organizationId': self.organization, **request}, caller or self.member)

    def refused(self, status, reason, field, method, caller=None, **request):
        with self.assertRaises(Refused) as caught:
            self.call(method, caller, **request)
        told = caught.exception
        self.assertEqual((told.status, told.reason), (status, reason), told.message)
        if told.field is not None:
            self.assertEqual(told.field, field, told.message)
        return told

    def create(self, **story):
        return self.call('StoryService/CreateStory', projectId=self.project, story=story)

    def test_a_story_from_its_creation_to_its_end(self):
        made = self.create(title='Зал ожидания ☺', storyPoints=5, priority='STORY_PRIORITY_HIGH')
        self.assertEqual((made['organizationId'], made['title'], made['storyPoints']), (self.organization, 'Зал ожидания ☺', 5))
        self.assertRegex(made['createdAt'], r'^\d{4}-\d\d-\d\dT[\d:.]+Z$')
        got = self.call('StoryService/GetStory', key=made['key'])
        self.assertEqual(got, made)
        changed = self.call('StoryService/UpdateStory', id=made['id'], story={'title': 'Pier 4', 'status': 'STORY_STATUS_DONE'},
                            updateMask='title,status', expectedVersion=made['version'])
        self.assertEqual((changed['title'], changed['status'], changed['version']), ('Pier 4', 'STORY_STATUS_DONE', made['version'] + 1))
        self.assertIn('completedAt', changed)
        self.refused('ABORTED', 'VERSION_STALE', 'expected_version', 'StoryService/UpdateStory', id=made['id'], story={'title': 'x'},
                     updateMask='title', expectedVersion=made['version'])
        self.assertIn('deletedAt', self.call('StoryService/DeleteStory', id=made['id']))
        self.refused('NOT_FOUND', 'STORY_NOT_FOUND', '', 'StoryService/UpdateStory', id=made['id'], story={'title': 'x'},
                     updateMask='title')

    def test_a_write_that_is_repeated(self):
        once = {'projectId': self.project, 'requestId': str(uuid.uuid4())}
        first = self.call('StoryService/CreateStory', story={'title': 'once'}, **once)
        self.assertEqual(self.call('StoryService/CreateStory', story={'title': 'once'}, **once), first)
        self.refused('INVALID_ARGUMENT', 'REQUEST_ID_REUSED', 'request_id', 'StoryService/CreateStory', story={'title': 'twice'}, **once)

    def test_pages(self):
        seen, token = [], ''
        while True:
            page = self.call('StoryService/ListStories', projectId=self.project, pageSize=5, pageToken=token)
            seen += [story['id'] for story in page['stories']]
            token = page.get('nextPageToken', '')
            if not token:
                break
            self.assertEqual(len(page['stories']), 5)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertGreaterEqual(len(seen), 12)
        self.refused('INVALID_ARGUMENT', 'PAGE_TOKEN_INVALID', 'page_token', 'StoryService/ListStories', projectId=self.project,
                     pageToken='bm9uZQ')

    def test_fields_that_break_a_rule(self):
        for field, story in (('story.title', {'title': 'x' * 256}), ('story.story_points', {'title': 'x', 'storyPoints': 1001}),
                             ('story.assignee_id', {'title': 'x', 'assigneeId': 'nobody'})):
            told = self.refused('INVALID_ARGUMENT', 'FIELD_INVALID', field, 'StoryService/CreateStory', projectId=self.project, story=story)
            self.assertIn(f'{field}: ', told.message)
        self.refused('INVALID_ARGUMENT', 'MASK_INVALID', 'update_mask', 'StoryService/UpdateStory', id='1', story={}, updateMask='number')

    def test_an_element_of_a_batch(self):
        before = self.call('StoryService/ListStories', projectId=self.project, pageSize=200)
        stories = [{'title': 'one'}, {'title': 'two', 'epicId': '999'}]
        with self.assertRaises(Refused) as caught:
            self.call('StoryService/BatchCreateStories', projectId=self.project, stories=stories)
        self.assertIn('stories[1].epic_id', caught.exception.message)
        if caught.exception.field is not None:
            self.assertEqual(caught.exception.field, 'stories[1].epic_id')
        self.assertEqual(self.call('StoryService/ListStories', projectId=self.project, pageSize=200), before)

    def test_who_may_what(self):
        self.assertEqual(self.call('StoryService/GetStory', self.viewer, key='DEMO-1')['key'], 'DEMO-1')
        with self.assertRaises(Refused) as caught:
            self.call('StoryService/CreateStory', self.viewer, projectId=self.project, story={'title': 'x'})
        self.assertEqual(caught.exception.status, 'PERMISSION_DENIED')
        with self.assertRaises(Refused) as caught:
            self.call('StoryService/GetStory', self.stranger, key='DEMO-1')
        self.assertEqual(caught.exception.status, 'NOT_FOUND')
        with self.assertRaises(Refused) as caught:
            self.call('StoryService/GetStory', Caller(actor=self.member.actor, key_file=WRONG_KEY_FILE), key='DEMO-1')
        self.assertEqual(caught.exception.status, 'UNAUTHENTICATED')


class NativeConversations(Conversations, unittest.TestCase):
    speaks = Native


class GrpcByPrismctlConversations(Conversations, unittest.TestCase):
    speaks = GrpcByPrismctl


class GrpcConversations(Conversations, unittest.TestCase):
    speaks = Grpc


class NodeConversations(Conversations):
    def test_health(self):
        for service, status in (('prism.v1.StoryService', 'SERVING'), ('no.such.Service', 'SERVICE_UNKNOWN')):
            self.assertEqual(self.way.ask('grpc.health.v1.Health/Watch', {'service': service}), {'answer': {'status': status}})


@unittest.skipUnless(shutil.which('npm'), 'there is no npm')
class GrpcJsConversations(NodeConversations, unittest.TestCase):
    speaks = GrpcJs


@unittest.skipUnless(shutil.which('npm'), 'there is no npm')
class ConnectConversations(NodeConversations, unittest.TestCase):
    speaks = Connect


@unittest.skipUnless(shutil.which('npm'), 'there is no npm')
class ConnectJsonConversations(NodeConversations, unittest.TestCase):
    speaks = ConnectJson


@unittest.skipUnless(shutil.which('npm'), 'there is no npm')
class GrpcByConnectConversations(NodeConversations, unittest.TestCase):
    speaks = GrpcByConnect


@unittest.skipUnless(shutil.which('npm'), 'there is no npm')
class GrpcWebByConnectConversations(NodeConversations, unittest.TestCase):
    speaks = GrpcWebByConnect


class JsonConversations(Conversations, unittest.TestCase):
    speaks = Json


SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


class Tools(unittest.TestCase):
    """What tools for gRPC ask of a server that they know nothing of."""

    def channel(self, daemon):
        channel = grpc.insecure_channel(daemon.address)
        self.addCleanup(channel.close)
        return channel

    @staticmethod
    def status(raw):
        return dict(fields(raw)).get(1, 0)

    def test_health(self):
        channel = self.channel(DAEMON)
        check, watch = channel.unary_unary('/grpc.health.v1.Health/Check'), channel.unary_stream('/grpc.health.v1.Health/Watch')
        for service in '', 'prism.v1.StoryService':
            self.assertEqual(self.status(check(text(1, service.encode()), timeout=60)), SERVING)
        with self.assertRaises(grpc.RpcError) as caught:
            check(text(1, b'no.such.Service'), timeout=60)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        for service, status in ('', SERVING), ('prism.v1.StoryService', SERVING), ('no.such.Service', SERVICE_UNKNOWN):
            stream = watch(text(1, service.encode()), timeout=60)
            self.assertEqual(self.status(next(stream)), status)
            stream.cancel()
        listed = channel.unary_unary('/grpc.health.v1.Health/List')(b'', timeout=60)
        names = [dict(fields(entry)).get(1, b'').decode() for _, entry in fields(listed)]
        self.assertIn('prism.v1.StoryService', names)
        done = subprocess.run(['curl', '-sS', '--http2-prior-knowledge', '--json', '{}', f'http://{DAEMON.address}/grpc.health.v1.Health/List'],
                              stdout=subprocess.PIPE, check=True)
        self.assertEqual(json.loads(done.stdout)['statuses']['prism.v1.StoryService'], {'status': 'SERVING'})

    def test_health_of_a_server_that_is_stopped(self):
        daemon = Daemon(BUILD, SOURCE)
        stream = self.channel(daemon).unary_stream('/grpc.health.v1.Health/Watch')(b'', timeout=60)
        told = [self.status(next(stream))]

        def listen():
            with self.assertRaises(grpc.RpcError):
                for raw in stream:
                    told.append(self.status(raw))

        with concurrent.futures.ThreadPoolExecutor() as pool:
            listening = pool.submit(listen)
            daemon.stop()
            listening.result()
        self.assertEqual((told, stream.code()), ([SERVING, NOT_SERVING], grpc.StatusCode.UNAVAILABLE))

    def test_keys_that_share_a_connection(self):
        """Each call is its own key's, whatever the one before it was; a key that was revoked is none."""
        way = Grpc(DAEMON)
        self.addCleanup(way.close)
        number, key_file = make_key('reads', 'read-only')
        reads, writes = (Caller(actor=DAEMON.users['tomas'], key_file=path) for path in (key_file, KEY_FILE))
        create = {'organizationId': DAEMON.organization, 'projectId': DAEMON.project, 'story': {'title': 'shared'}}
        get = {'organizationId': DAEMON.organization, 'key': 'DEMO-3'}
        for _ in range(10):
            self.assertEqual(way.call('StoryService/CreateStory', create, writes)['title'], 'shared')
            with self.assertRaises(Refused) as caught:
                way.call('StoryService/CreateStory', create, reads)
            self.assertEqual(caught.exception.status, 'PERMISSION_DENIED')
            self.assertEqual(way.call('StoryService/GetStory', get, reads)['key'], 'DEMO-3')
        run(DAEMON.program('prism-db'), '--state-dir', DAEMON.state, 'revoke-key', number)
        with self.assertRaises(Refused) as caught:
            for _ in range(100000):
                way.call('StoryService/GetStory', get, reads)
        self.assertEqual(caught.exception.status, 'UNAUTHENTICATED')
        self.assertEqual(way.call('StoryService/GetStory', get, writes)['key'], 'DEMO-3')

    def test_reflection(self):
        """A call with nothing known but the method's name, as grpcurl makes it."""
        channel = self.channel(DAEMON)
        for version in test_reflection.V1, test_reflection.ALPHA:
            client = test_reflection.Client(channel, version)
            names = [one.name for one in client.ask(list_services='').list_services_response.service]
            self.assertIn('prism.v1.StoryService', names)
            for name in names:
                client.learn(name)
            method = client.pool.FindServiceByName('prism.v1.StoryService').FindMethodByName('GetStory')
            request = client.message(method.input_type.full_name)(organization_id=int(DAEMON.organization), key='DEMO-3')
            caller = Caller(actor=DAEMON.users['tomas'], key_file=KEY_FILE)
            raw = channel.unary_unary('/prism.v1.StoryService/GetStory')(request.SerializeToString(), timeout=60, metadata=caller.fields())
            self.assertEqual(client.message(method.output_type.full_name).FromString(raw).key, 'DEMO-3')


class Hints(unittest.TestCase):
    """What prismctl adds for people when it is refused."""

    def refused(self, **environment):
        done = subprocess.run([DAEMON.program('prismctl'), 'call', 'StoryService/GetStory', '{"organizationId": 1, "id": 1}'], capture_output=True,
                              text=True, env={**os.environ, 'PRISM_KEY_FILE': KEY_FILE, 'PRISM_ACTOR': '', **environment}, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        return done.stderr

    def test_nobody_is_named(self):
        self.assertIn('hint: no user was named; --actor or PRISM_ACTOR', self.refused())

    def test_no_key(self):
        self.assertIn('hint: no service key was sent; name its file with --key-file', self.refused(PRISM_KEY_FILE=''))

    def test_a_key_that_is_none(self):
        self.assertNotIn('hint: ', self.refused(PRISM_KEY_FILE=WRONG_KEY_FILE))


def make_key(name, scope):
    """Its id, and the path of a file with it."""
    made = json.loads(run(DAEMON.program('prism-db'), '--state-dir', DAEMON.state, 'create-key', '--name', name, '--scope', scope, '--json'))
    return str(made['id']), write_key(made['key'], name)


def write_key(key, name):
    path = os.path.join(DAEMON.folder, name)
    with open(path, 'w', encoding='ascii') as file:
        file.write(key)
    return path


if __name__ == '__main__':
    DAEMON = Daemon(BUILD, SOURCE)
    try:
        _, KEY_FILE = make_key('talk', 'act-as-user')
        with open(KEY_FILE, encoding='ascii') as key:
            WRONG_KEY_FILE = write_key(key.read()[:-4] + 'AAAA', 'wrong.key')
        passed = unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful()
    finally:
        DAEMON.stop()
    sys.exit(0 if passed else 1)
