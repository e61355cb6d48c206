"""@grpc/grpc-js, which npm brings into the build directory, at the test server.

    test_grpc_js.py PRISMD_ECHO SOURCE_DIRECTORY BUILD_DIRECTORY
"""
import os
import shutil
import subprocess
import sys
import unittest

import npm
from server import Server


def modules(source, build):
    """The folder that has the example's node_modules."""
    return npm.install(os.path.join(source, 'examples', 'node', 'package.json'), os.path.join(build, 'node'))


class GrpcJs(unittest.TestCase):
    def test_cases(self):
        here = os.path.dirname(os.path.abspath(__file__))
        folder = modules(SOURCE, BUILD)
        script = shutil.copy(os.path.join(here, 'grpc_js.js'), folder)
        server = Server(PROGRAM)
        ageing = Server(PROGRAM, '--age-ms', '100')
        try:
            ran = subprocess.run(['node', script, os.path.join(SOURCE, 'proto'), os.path.join(SOURCE, 'tests', 'talk'),
                                  server.address, ageing.address], capture_output=True, text=True, timeout=200, check=False)
        finally:
            server.stop()
            ageing.stop()
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertRegex(ran.stdout, r'pass 1[0-9]')


if __name__ == '__main__':
    PROGRAM, SOURCE, BUILD = sys.argv[1:4]
    if not shutil.which('npm'):
        print('there is no npm')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
