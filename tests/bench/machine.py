"""The machine that is measured on: which core is whose, and the processes that a benchmark starts."""
import os
import re
import signal
import subprocess
import tempfile
import time


class BenchError(Exception):
    """Something did not work; its text says what."""


class Machine:
    """Servers are pinned to the first core, load generators to the second; PostgreSQL goes where it likes."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        self.all = set(cores)
        self.server = {cores[0]}
        self.load = {cores[1]} if len(cores) > 1 else {cores[0]}

    def note(self):
        if len(self.all) == 1:
            return 'one core only: server and load share it, so rates mean little; look at CPU per call'
        return f'{len(self.all)} cores: servers on core {min(self.server)}, load on core {min(self.load)}'

    @staticmethod
    def pin(pid, cores):
        """Every thread of a process; what it starts later, or has started, is left as it is."""
        for thread in os.listdir(f'/proc/{pid}/task'):
            os.sched_setaffinity(int(thread), cores)


class Process:
    """A server of ours: started, waited for until it says `ready` and its address, and stopped by SIGTERM."""

    READY = re.compile(r'ready\b.*?(127\.0\.0\.1:\d+)')

    def __init__(self, command, machine, environment=None, patience_s=120):
        self.command = command
        self.output = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
                                        env=environment)
        self.pid = self.process.pid
        try:
            self.address = self._wait_until_ready(patience_s)
            machine.pin(self.pid, machine.server)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, patience_s):
        give_up = time.monotonic() + patience_s
        while time.monotonic() < give_up:
            ended = self.process.poll() is not None
            found = self.READY.search(self._said())
            if found:
                return found.group(1)
            if ended:
                break
            time.sleep(0.02)
        raise BenchError(f'{self.command[0]} did not get ready; it said:\n{self._said().strip()}')

    def _said(self):
        """All that it has printed; its own position in the file stays where it is."""
        return os.pread(self.output.fileno(), 1 << 20, 0).decode('utf-8', 'replace')

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def run(command, cores=None, patience_s=300):
    """Runs a program to its end on the given cores; its output. Anything but success is a BenchError."""
    command = [str(word) for word in command]

    def pin():
        if cores:
            os.sched_setaffinity(0, cores)

    ran = subprocess.run(command, capture_output=True, text=True, timeout=patience_s, preexec_fn=pin, check=False)
    if ran.returncode != 0:
        raise BenchError(f'{" ".join(command)}\n{ran.stdout}{ran.stderr}'.strip())
    return ran.stdout
