"""The examples for other languages, and the README's curl, at a real prismd with the sample backlog: all read the same story.

    examples.py BUILD_DIRECTORY SOURCE_DIRECTORY

Node's libraries come from npm, into the build directory; Go's from Debian.
"""
import json
import os
import shutil
import sys
import unittest

from daemon import Daemon, run

BUILD, SOURCE = (os.path.abspath(directory) for directory in sys.argv[1:3])
EXAMPLES = os.path.join(SOURCE, 'examples')
GO_PACKAGES = '/usr/share/gocode'
GO_GRPC = os.path.join(GO_PACKAGES, 'src', 'google.golang.org', 'grpc')


class ExamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(BUILD, SOURCE)
        cls.addClassCleanup(cls.daemon.stop)
        cls.folder, cls.organization = cls.daemon.folder, cls.daemon.organization
        request = json.dumps({'organizationId': cls.organization, 'key': 'DEMO-3'})
        story = json.loads(run(cls.daemon.program('prismctl'), 'call', 'StoryService/GetStory', request, '-o', 'json'))
        cls.expected = f"{story['key']} {story['title']}\n"

    def test_c(self):
        self.assertEqual(run(self.daemon.program('get_story'), self.organization, 'DEMO-3'), self.expected)

    def test_curl(self):
        with open(self.daemon.key_file, encoding='ascii') as file:
            key = file.read().strip()
        story = json.loads(run(
            'curl', '-sS', '--http2-prior-knowledge', f'http://{self.daemon.address}/prism.v1.StoryService/GetStory',
            '-H', 'content-type: application/json', '-H', f'authorization: Bearer {key}', '-H', f'x-prism-actor: {self.daemon.actor}',
            '-d', json.dumps({'organizationId': self.organization, 'key': 'DEMO-3'})))
        self.assertEqual(f"{story['key']} {story['title']}\n", self.expected)
        self.assertIsInstance(story['organizationId'], str)
        self.assertRegex(story['createdAt'], r'^\d{4}-\d\d-\d\dT.*Z$')

    def test_python(self):
        messages = os.path.join(self.folder, 'python')
        os.mkdir(messages)
        run('protoc', '-I', os.path.join(SOURCE, 'proto'), f'--python_out={messages}', 'prism/options.proto',
            'prism/v1/story.proto', 'prism/v1/upsert.proto')
        self.assertEqual(self.python(messages, self.organization, 'DEMO-3'), self.expected)
        with self.assertRaisesRegex(AssertionError, 'NOT_FOUND'):
            self.python(messages, self.organization, 'DEMO-999')

    def python(self, messages, *arguments):
        # Debian's interpreter has Debian's grpcio
        return run('/usr/bin/python3', os.path.join(EXAMPLES, 'python', 'get_story.py'), *arguments,
                   env={**os.environ, 'PYTHONPATH': messages, 'PYTHONDONTWRITEBYTECODE': '1'})

    @unittest.skipUnless(shutil.which('npm'), 'there is no npm')
    def test_node(self):
        folder = os.path.join(BUILD, 'node')
        os.makedirs(folder, exist_ok=True)
        for name in ('get_story.js', 'package.json'):
            shutil.copy(os.path.join(EXAMPLES, 'node', name), folder)
        if not os.path.isdir(os.path.join(folder, 'node_modules', '@grpc', 'grpc-js')):
            run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', cwd=folder)
        node = ['node', os.path.join(folder, 'get_story.js')]
        env = {**os.environ, 'PRISM_PROTO': os.path.join(SOURCE, 'proto')}
        self.assertEqual(run(*node, self.organization, 'DEMO-3', env=env), self.expected)
        with self.assertRaisesRegex(AssertionError, 'NOT_FOUND'):
            run(*node, self.organization, 'DEMO-999', env=env)

    @unittest.skipUnless(shutil.which('go') and shutil.which('protoc-gen-go') and os.path.isdir(GO_GRPC),
                         'Debian\'s golang-google-grpc-dev and protoc-gen-go are not here')
    def test_go(self):
        module, path = 'example.com/prism/get_story', os.path.join(self.folder, 'go')
        folder = os.path.join(path, 'src', module)
        shutil.copytree(os.path.join(EXAMPLES, 'go'), folder)
        run('protoc', '-I', os.path.join(SOURCE, 'proto'), f'--go_out={folder}', f'--go_opt=module={module}',
            f'--go_opt=Mprism/options.proto={module}/options', f'--go_opt=Mprism/v1/story.proto={module}/prismv1',
            f'--go_opt=Mprism/v1/upsert.proto={module}/prismv1', 'prism/options.proto', 'prism/v1/story.proto', 'prism/v1/upsert.proto')
        env = {**os.environ, 'GO111MODULE': 'off', 'GOPATH': f'{path}:{GO_PACKAGES}', 'GOCACHE': os.path.join(BUILD, 'go-cache'), 'GOTMPDIR': path}
        run('go', 'build', '-o', 'get_story', '.', cwd=folder, env=env)
        get_story = os.path.join(folder, 'get_story')
        self.assertEqual(run(get_story, self.organization, 'DEMO-3'), self.expected)
        with self.assertRaisesRegex(AssertionError, 'NotFound'):
            run(get_story, self.organization, 'DEMO-999')


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
