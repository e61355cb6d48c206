"""Form: C is as clang-format makes it, shell scripts pass sh -n and shellcheck, Python compiles."""
import os
import re
import shutil
import subprocess

from tree import finding

CLANG_FORMAT_VERSION = '14'
BATCH = 50
COMPLAINT = re.compile(r'^(.*?):(\d+):\d+: error: (.*)$')


def clang_format():
    return shutil.which('clang-format-' + CLANG_FORMAT_VERSION) or shutil.which('clang-format')


def check_c(tree):
    program = clang_format()
    if program is None:
        return ['clang-format is not installed: script/setup']
    paths, found = tree.with_suffix('.c', '.h'), []
    for at in range(0, len(paths), BATCH):
        run = subprocess.run([program, '--dry-run', '-Werror', *paths[at:at + BATCH]],
                             cwd=tree.root, capture_output=True, text=True, check=False)
        wrong = {}
        for line in run.stderr.splitlines():
            complaint = COMPLAINT.match(line)
            if complaint:
                wrong.setdefault(complaint.group(1), complaint.group(2))
        found.extend(finding(path, line, 'not as clang-format makes it: script/format') for path, line in wrong.items())
        if run.returncode != 0 and not wrong:
            found.append(run.stderr.strip() or f'{program} failed')
    return found


def check_shell(tree):
    found = []
    for path, shell in tree.scripts().items():
        parsed = subprocess.run([shell, '-n', path], cwd=tree.root, capture_output=True, text=True, check=False)
        if parsed.returncode != 0:
            found.append(finding(path, 1, parsed.stderr.strip()))
    if shutil.which('shellcheck') and tree.scripts():
        run = subprocess.run(['shellcheck', '--format=gcc', *tree.scripts()],
                             cwd=tree.root, capture_output=True, text=True, check=False)
        found.extend(run.stdout.splitlines())
    return found


def check_python(tree):
    found = []
    for path in tree.python():
        try:
            compile(tree.read(path), os.path.join(tree.root, path), 'exec')
        except SyntaxError as problem:
            found.append(finding(path, problem.lineno or 1, problem.msg))
    return found


def check(tree):
    return check_c(tree) + check_shell(tree) + check_python(tree)
