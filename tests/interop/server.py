"""The test server as a client in another language finds it: started on a free port, stopped with SIGTERM, and asked
whether it found nothing left behind."""
import os
import signal
import subprocess
import tempfile


class Server:
    def __init__(self, program, *arguments):
        self.log = tempfile.TemporaryFile(mode='w+')
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready = self.process.stdout.readline()
        if 'ready' not in ready:
            self.process.wait()
            raise AssertionError(f'{os.path.basename(program)} did not start: {self.text()}')
        self.address = ready.split()[-1]

    def text(self):
        """What it wrote to standard error so far."""
        self.log.seek(0)
        return self.log.read()

    def drain(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.drain()
        code = self.process.wait(60)
        self.process.stdout.close()
        text = self.text()
        self.log.close()
        if code != 0:
            raise AssertionError(f'the server ended with {code}: {text}')
