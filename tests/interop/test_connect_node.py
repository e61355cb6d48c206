"""Connect's own client for Node, which npm brings into the build directory, at the test server.

    test_connect_node.py PRISMD_ECHO SOURCE_DIRECTORY BUILD_DIRECTORY
"""
import os
import shutil
import subprocess
import sys
import unittest

import npm
from server import Server

HERE = os.path.dirname(os.path.abspath(__file__))


def modules(build):
    """The folder that has Connect's node_modules."""
    return npm.install(os.path.join(HERE, 'npm', 'connect', 'package.json'), os.path.join(build, 'node-connect'))


class ConnectNode(unittest.TestCase):
    def test_cases(self):
        folder = modules(BUILD)
        script = shutil.copy(os.path.join(HERE, 'connect_node.js'), folder)
        descriptors = os.path.join(folder, 'test.binpb')
        subprocess.run(['protoc', '-I', os.path.join(SOURCE, 'proto'), '-I', os.path.join(SOURCE, 'tests', 'talk'), '--include_imports',
                        f'--descriptor_set_out={descriptors}', 'echo.proto', 'interop.proto'], check=True)
        server = Server(PROGRAM)
        try:
            ran = subprocess.run(['node', script, descriptors, server.address], capture_output=True, text=True, timeout=200, check=False)
        finally:
            server.stop()
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn('# pass 72\n', ran.stdout)


if __name__ == '__main__':
    PROGRAM, SOURCE, BUILD = sys.argv[1:4]
    if not shutil.which('npm'):
        print('there is no npm')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
