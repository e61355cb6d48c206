"""The files that the lints look at, and what they say about them."""
import os
import subprocess

OUTSIDE = {'.git', 'build', '__pycache__'}


class Tree:
    """A source tree: what git knows of it and does not ignore, or, without git, every file in it."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(path for path in self._listed() if os.path.isfile(os.path.join(root, path)))

    def _listed(self):
        command = ['git', '-C', self.root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
        listed = subprocess.run(command, capture_output=True, text=True, check=False)
        if listed.returncode == 0 and listed.stdout:
            return set(listed.stdout.split('\0')) - {''}
        return self._walked()

    def _walked(self):
        found = set()
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in OUTSIDE]
            found.update(os.path.relpath(os.path.join(folder, name), self.root) for name in names)
        return found

    def with_suffix(self, *suffixes):
        return [path for path in self.paths if path.endswith(suffixes)]

    def under(self, *folders):
        return [path for path in self.paths if path.startswith(tuple(folder + '/' for folder in folders))]

    def read(self, path):
        return self._bytes(path).decode('utf-8', 'replace')

    def _bytes(self, path, most=-1):
        """A file that went away since it was listed (tests run beside us) is an empty one."""
        try:
            with open(os.path.join(self.root, path), 'rb') as file:
                return file.read(most)
        except FileNotFoundError:
            return b''

    def scripts(self):
        """Shell scripts, by their name or their first line, and the shell of each."""
        found = {path: 'sh' for path in self.paths if path.endswith('.sh')}
        for path in self.paths:
            first = self._first_line(path)
            if first in ('#!/bin/sh', '#!/bin/bash') or path.endswith('.bash'):
                found[path] = 'sh' if first == '#!/bin/sh' else 'bash'
        return found

    def python(self):
        return [path for path in self.paths if path.endswith('.py') or 'python3' in self._first_line(path)]

    def _first_line(self, path):
        if '.' in os.path.basename(path):
            return ''
        start = self._bytes(path, 80)
        return start.decode('utf-8', 'replace').partition('\n')[0].strip() if start.startswith(b'#!') else ''


def finding(path, line, message):
    return f'{path}:{line}: {message}'


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1
