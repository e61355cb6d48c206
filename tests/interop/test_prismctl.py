"""prismctl --grpc at a server that nobody here wrote, and at ours: what they have is asked of them.

    test_prismctl.py PRISMCTL PRISMD_ECHO
"""
import json
import os
import subprocess
import sys
import unittest

from server import Server

ITEM = {'name': 'a lamp', 'madeAt': '2025-01-31T12:00:00Z', 'parts': [{'weightG': 1.5, 'color': 'RED'}, {'color': 'BLUE'}],
        'stock': {'here': '7'}, 'street': 'Main'}


class Case(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def run_ctl(self, *words):
        env = {name: value for name, value in os.environ.items() if not name.startswith('PRISM_')}
        return subprocess.run([PRISMCTL, '--grpc', '--address', self.server.address, *words], capture_output=True, text=True,
                              timeout=60, check=False, env=env)

    def good(self, *words):
        run = self.run_ctl(*words)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, '')
        return run.stdout

    def bad(self, code, says, *words):
        run = self.run_ctl(*words)
        self.assertEqual(run.returncode, code, run.stdout + run.stderr)
        self.assertIn(says, run.stderr)

    def call(self, method, *requests):
        text, answers = self.good('call', method, ' '.join(json.dumps(one) for one in requests)).strip(), []
        while text:
            answer, end = json.JSONDecoder().raw_decode(text)
            answers.append(answer)
            text = text[end:].lstrip()
        return answers


class Foreign(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.executable, os.path.join(os.path.dirname(__file__), 'foreign_server.py'))

    def test_list(self):
        """A service that is only listed is told of, and left out."""
        run = self.run_ctl('list')
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn('grpc.reflection.v1alpha.ServerReflection: the server does not tell its descriptors', run.stderr)
        (service,) = json.loads(run.stdout)
        self.assertEqual(service['name'], 'foreign.v1.Shop')
        self.assertEqual([(one['name'], one['kind'], one['role']) for one in service['methods']], [
            ('Echo', 'unary', ''), ('Each', 'bidirectional', ''), ('Split', 'server-streaming', ''), ('Last', 'client-streaming', ''),
            ('Wide', 'unary', ''), ('Tell', 'unary', ''), ('Old', 'unary', '')])

    def test_describe(self):
        method = json.loads(self.good('describe', 'foreign.v1.Shop/Echo'))
        fields = {one['name']: one['type'] for one in method['request']['fields']}
        self.assertEqual(fields, {
            'name': 'string', 'made_at': 'google.protobuf.Timestamp', 'parts': 'repeated foreign.parts.Part',
            'stock': 'map<string, int64>', 'shelf': 'sint32', 'street': 'string'})
        self.assertIn('foreign.v1.Shop (service)', self.good('describe', 'shop', '-o', 'table'))
        self.assertIn('RED', self.run_ctl('describe', 'Part', '-o', 'table').stdout)

    def test_call(self):
        self.assertEqual(self.call('foreign.v1.Shop/Echo', ITEM), [ITEM])
        self.assertEqual(json.loads(self.good('call', 'shop/echo')), {})

    def test_wide(self):
        """More fields than a PRISM message may have, and maps: as Python's protobuf has them in JSON."""
        wide = {f'number{n}': n for n in range(1, 288)}
        wide.update(texts={'': 'nothing', 'a "b"': '\u00fc'}, counts={'-5': '18446744073709551615'}, flavor='SWEET', maybe=0,
                    known={'true': '2025-01-31T12:00:00Z', 'false': '1970-01-01T00:00:00Z'}, ratio=0.5, **{'@other': 'x'},
                    wides={'7': {'number1': 1, 'wides': {'8': {}}}}, flavors={'1': 'SOUR', '2': 'PLAIN'}, wide={'wide': {}})
        wide.update(object={'a': None, 'b': {'c': [1.5, 'x', True, None, {}, []]}, '': -1}, anything=None, list=[[], None, {'n': 1e300}])
        self.assertEqual(self.call('Shop/Wide', wide), [wide])
        (told,) = self.call('Shop/Tell', wide)
        self.assertEqual(json.loads(told['name']), wide)
        self.assertEqual(self.call('Shop/Wide', {'flavor': 'SUGARY', 'named': 'x'}), [{'flavor': 'SWEET', '@other': 'x'}])
        self.assertEqual(self.call('Shop/Wide', {'anything': [{'x': 'y'}]}), [{'anything': [{'x': 'y'}]}])
        self.bad(2, 'object: an object', 'call', 'Shop/Wide', '{"object": []}')
        self.bad(2, 'texts.a', 'call', 'Shop/Wide', '{"texts": {"a": 1}}')
        described = json.loads(self.run_ctl('describe', 'foreign.wide.Wide').stdout)
        fields = {one['name']: one for one in described['fields']}
        self.assertEqual(len(fields), 300)
        self.assertEqual(fields['wides']['type'], 'map<int32, foreign.wide.Wide>')
        self.assertEqual(fields['named']['jsonName'], '@other')

    def test_proto2(self):
        self.assertEqual(self.call('Shop/Old', {'needed': '', 'count': 0}), [{'needed': '', 'count': 0}])
        self.bad(2, 'needed: a value is required', 'call', 'Shop/Old', '{}')

    def test_streams(self):
        self.assertEqual(self.call('Shop/Split', ITEM), [{'parts': [part]} for part in ITEM['parts']])
        self.assertEqual(self.call('Shop/Each', ITEM, {'name': 'x'}, {}), [ITEM, {'name': 'x'}, {}])
        self.assertEqual(self.call('Shop/Last', {'name': 'x'}, {'name': 'y'}), [{'name': 'y'}])

    def test_faults(self):
        self.bad(2, 'did you mean Shop/Echo?', 'call', 'Shop/Ecco')
        self.bad(2, 'prismctl --grpc list shows all', 'call', 'Nothing/AtAll')
        self.bad(2, 'parts[1].color', 'call', 'Shop/Echo', '{"parts": [{}, {"color": "PINK"}]}')
        self.bad(2, 'nothing', 'call', 'Shop/Echo', '{"nothing": 1}')
        self.bad(1, 'UNIMPLEMENTED', 'health')

    def test_ping(self):
        self.assertGreater(json.loads(self.good('ping'))['roundTripUs'], 0)


class Compressing(Case):
    """Answers, also those of reflection, are gzip."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(sys.executable, os.path.join(os.path.dirname(__file__), 'foreign_server.py'), '--compress')

    def test_call(self):
        long = {'name': 'lamp ' * 5000}
        run = self.run_ctl('-v', 'call', 'Shop/Each', json.dumps(long) * 3)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual([json.loads(line) for line in run.stdout.splitlines()], [long] * 3)
        self.assertEqual(self.call('Shop/Echo', long), [long])


class Ours(Case):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(ECHO)

    def test_list(self):
        names = [service['name'] for service in json.loads(self.good('list'))]
        self.assertIn('prism.test.v1.EchoService', names)
        self.assertIn('grpc.testing.TestService', names)

    def test_call(self):
        self.assertEqual(self.call('EchoService/Echo', {'data': 'aGk='}), [{'data': 'aGk='}])
        self.assertEqual(len(self.call('EchoService/Expand', {'count': 50, 'size': 100000})), 50)

    def test_metadata(self):
        run = self.run_ctl('-v', '-H', 'X-Grpc-Test-Echo-Initial: a value', '-H', 'x-grpc-test-echo-trailing-bin:q6s',
                           'call', 'grpc.testing.TestService/EmptyCall')
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr, 'initial metadata: x-grpc-test-echo-initial: a value\n'
                         'trailing metadata: x-grpc-test-echo-trailing-bin: q6s=\n')

    def test_failed_call(self):
        self.bad(1, 'NOT_FOUND: \u00fcber', 'call', 'EchoService/Fail', json.dumps({'code': 5, 'message': '\u00fcber'}))
        self.bad(1, 'DEADLINE_EXCEEDED', '--timeout', '0.05', 'call', 'EchoService/Wait', '{"ms": 60000}')


class Nobody(unittest.TestCase):
    def test_no_server(self):
        run = subprocess.run([PRISMCTL, '--grpc', '--address', '127.0.0.1:1', 'list'], capture_output=True, text=True, timeout=60,
                             check=False)
        self.assertEqual(run.returncode, 3)
        self.assertIn('cannot connect', run.stderr)


if __name__ == '__main__':
    PRISMCTL, ECHO = sys.argv[1:3]
    del sys.argv[1:3]
    unittest.main()
