"""prismd with a private state directory and PostgreSQL, for the benchmarks that need rows."""
import os
import re
import shutil
import signal
import sys
import time

from machine import BenchError, Process, run

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'support'))
import guardian  # noqa: E402


class Database:
    """The private PostgreSQL that prismd has started under its state directory."""

    def __init__(self, state_dir, conninfo):
        self.conninfo = conninfo
        self.pid_file = os.path.join(state_dir, 'postgresql', 'data', 'postmaster.pid')
        with open(self.pid_file, encoding='utf-8') as file:
            self.postmaster = int(file.readline())

    def sql(self, *arguments):
        """psql with these arguments; what it prints, without decoration."""
        return run(['psql', '-qAt', '-v', 'ON_ERROR_STOP=1', '-d', self.conninfo, *arguments])

    def cpu_seconds(self):
        """What PostgreSQL has used up so far: the postmaster, its processes, and those that have ended."""
        with open(f'/proc/{self.postmaster}/task/{self.postmaster}/children', encoding='ascii') as file:
            running = file.read().split()
        return self._ticks(self.postmaster, 4) + sum(self._ticks(pid, 2) for pid in running)

    @staticmethod
    def _ticks(pid, fields):
        try:
            with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
                numbers = file.read().rpartition(') ')[2].split()[11:11 + fields]
        except FileNotFoundError:
            return 0
        return sum(map(int, numbers)) / os.sysconf('SC_CLK_TCK')

    def stop(self):
        """prismd stops its PostgreSQL itself; this is for a prismd that was killed."""
        if not os.path.exists(self.pid_file):
            return
        os.kill(self.postmaster, signal.SIGINT)
        give_up = time.monotonic() + 30
        while os.path.exists(self.pid_file) and time.monotonic() < give_up:
            time.sleep(0.05)


class Prismd:
    """The daemon, its database with what load() puts into it, and a key that may only act as a user.

    With `connections` to the database for each worker: a third of them read, the others write.
    """

    def __init__(self, options, load, connections):
        self.options, self.load, self.connections = options, load, connections
        self.programs, self.machine = options.programs, options.machine
        self.state_dir = guardian.directory('prism-bench-')
        self.server = self.database = None

    def __enter__(self):
        try:
            os.chmod(self.state_dir, 0o711)   # as root, PostgreSQL runs as another user and has to get to its part
            self.socket = 'unix:' + os.path.join(self.state_dir, 'rpc.sock')
            self.server = self._start(1)
            self.database = Database(self.state_dir, self.prism_db('conninfo').strip())
            self.load(self.database)
            self.key = self.create_key()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, workers):
        environment = dict(os.environ, DATABASE_POOL_SIZE=str(self.connections * workers + 2))
        environment.pop('DATABASE_URL', None)
        return Process([self.programs.product('prismd'), '--state-dir', self.state_dir, '--workers', str(workers),
                        '--listen', '127.0.0.1:0', '--listen', self.socket], self.machine, environment)

    def serve(self, workers):
        """Ends the daemon and its PostgreSQL, and starts them again; more than one worker may use all cores."""
        self.server.stop()
        self.server = self._start(workers)
        self.database = Database(self.state_dir, self.database.conninfo)
        if workers > 1:
            self.machine.pin(self.server.pid, self.machine.all)

    def prism_db(self, *arguments):
        return run([self.programs.product('prism-db'), '--state-dir', self.state_dir, *arguments])

    def create_key(self):
        made = self.prism_db('create-key', '--name', 'bench', '--scope', 'act-as-user')
        key = re.search(r'\bprk_\w+', made)
        if not key:
            raise BenchError(f'prism-db create-key printed no key:\n{made}')
        return key.group(0)

    def __exit__(self, *_):
        if self.server:
            self.server.stop()
        if self.database:
            self.database.stop()
        shutil.rmtree(self.state_dir, ignore_errors=True)
