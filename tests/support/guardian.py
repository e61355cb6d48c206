"""guardian.h for tests in Python: directory() makes one that does not outlive the program, however it ends."""
import os
import subprocess
import tempfile

# sh ends at once, and leaves the guardian behind without a parent among the test's processes.
_START = 'exec 3<&0; setsid "$0" <&3 3<&- &'
_guardian = None


def directory(prefix):
    global _guardian
    path = tempfile.mkdtemp(prefix=prefix, dir='/tmp')
    if _guardian is None:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'guardian.sh')
        _guardian = subprocess.Popen(['/bin/sh', '-c', _START, script], stdin=subprocess.PIPE, text=True)
        _guardian.wait()
    _guardian.stdin.write(path + '\n')
    _guardian.stdin.flush()
    return path
