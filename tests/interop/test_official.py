"""gRPC's interoperability cases, run by gRPC's own client (https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md).

    test_official.py PRISMD_ECHO
"""
import os
import subprocess
import sys
import unittest

from server import Server

CASES = ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream',
         'client_compressed_unary', 'client_compressed_streaming', 'cancel_after_begin', 'cancel_after_first_response',
         'timeout_on_sleeping_server', 'status_code_and_message', 'unimplemented_method', 'unimplemented_service',
         'custom_metadata']


class Official(unittest.TestCase):
    def test_cases(self):
        server = Server(PROGRAM)
        try:
            run = subprocess.run(
                ['/usr/bin/ruby', os.path.join(os.path.dirname(__file__), 'official.rb'), server.address.split(':')[1],
                 *CASES], capture_output=True, text=True, timeout=100, check=False)
        finally:
            server.stop()
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        for case in CASES:
            self.assertIn(f'ok {case}\n', run.stdout)


if __name__ == '__main__':
    PROGRAM = sys.argv.pop(1)
    unittest.main()
