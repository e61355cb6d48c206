"""A real prismd with the sample backlog, for tests in Python."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import guardian  # noqa: E402


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=200, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f'{command}: {done.stderr}')
    return done.stdout


class Daemon:
    """Its address, keys and people; the environment tells clients that are started from here the same."""

    def __init__(self, build, source):
        self.build = build
        self.folder = guardian.directory('prism-product-')
        os.chmod(self.folder, 0o755)
        self.state = os.path.join(self.folder, 'state')
        self.process = subprocess.Popen([self.program('prismd'), '--state-dir', self.state, '--listen', '127.0.0.1:0'],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self._begin(source)
        except BaseException:
            self.process.kill()
            raise

    def _begin(self, source):
        ready = self.process.stdout.readline()
        self.address = ready.split('ready:')[1].split()[0]
        self.key_file = os.path.join(self.state, 'bootstrap.key')
        os.environ.update(PRISM_ADDRESS=self.address, PRISM_KEY_FILE=self.key_file)
        backlog = os.path.join(source, 'examples', 'ferry-backlog.ndjson')
        ids = json.loads(run(self.program('prismctl'), 'import', backlog, '--quiet', '-o', 'json'))
        self.organization, self.users, self.project = str(ids['organizationId']), ids['users'], str(ids['projects']['DEMO'])
        self.actor = self.users['tomas']
        os.environ['PRISM_ACTOR'] = self.actor

    def program(self, name):
        return os.path.join(self.build, 'bin', name)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if code != 0:
            raise AssertionError(f'prismd ended with {code}')
