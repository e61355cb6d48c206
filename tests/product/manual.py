"""The installed manual pages are well-formed, and say what the programs say: manual.py BUILD SOURCE

Without mandoc the form is not looked at, and the test is skipped when the rest is right."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD, SOURCE = sys.argv[1:]
SKIPPED = 77
prefix = tempfile.TemporaryDirectory(prefix='prism-manual-')
MAN = os.path.join(prefix.name, 'share/man')
faults = []


def fault(page, what):
    faults.append(f'{page}: {what}')


def page(name):
    with open(os.path.join(MAN, 'man' + name[-1], name), encoding='utf-8') as file:
        return file.read()


def source(path):
    with open(os.path.join(SOURCE, path), encoding='utf-8') as file:
        return file.read()


def help_of(program, *words):
    run = subprocess.run([os.path.join(BUILD, 'bin', program), *words, '--help'], capture_output=True, text=True, check=True)
    return run.stdout


def compare(name, what, said, wanted):
    for one in sorted(wanted - said):
        fault(name, f'{what} {one} is missing')
    for one in sorted(said - wanted):
        fault(name, f'{what} {one} is none')


def long_options(text):
    return set(re.findall(r'(?<![\w-])--([a-z][a-z-]*[a-z])', text))


def page_options(text):
    return set(re.findall(r'\bFl -([a-z][a-z_-]*[a-z])', text))


def verbs_of(text):
    return set(re.findall(r'^  ([a-z][a-z-]*) .*', text, re.M))


def page_verbs(text):
    """The first word of an item in the lists of verbs: .It Cm upgrade Op ..."""
    return set(re.findall(r'^\.It Cm ([a-z][a-z-]*)', text, re.M))


def check_program(name, helps, verbs=frozenset()):
    text = page(name)
    compare(name, 'the option --', page_options(text), set().union(*map(long_options, helps)))
    for verb in sorted(verbs - page_verbs(text)):
        fault(name, f'the verb {verb} is missing')


def check_programs():
    check_program('prismd.8', [help_of('prismd')])
    usage = help_of('prismctl')
    verbs = verbs_of(usage.split('Options:')[0])
    check_program('prismctl.1', [usage], verbs)
    usage = help_of('prism-db')
    verbs = verbs_of(usage.split('Which database')[0])
    check_program('prism-db.8', [usage] + [help_of('prism-db', verb) for verb in verbs], verbs)
    modes = verbs_of(help_of('protoc-gen-prism-c')) - {'protoc'}
    compare('protoc-gen-prism-c.1', 'the mode', page_verbs(page('protoc-gen-prism-c.1')), modes)


def check_library():
    declared = set(re.findall(r'^PRISM_API [^;(]*?(\w+)\(', source('client/include/prism/client.h'), re.M))
    synopsis = page('libprism.3').split('.Sh SYNOPSIS')[1].split('.Sh DESCRIPTION')[0]
    compare('libprism.3', 'the function', set(re.findall(r'^\.F[no] (\w+)', synopsis, re.M)), declared)


def check_settings():
    settings = set(re.findall(r'^SETTING\(\w+, "\w+", "(\w+)"', source('daemon/settings.def'), re.M))
    compare('prismd.conf.5', 'the setting', set(re.findall(r'^\.It Ic (\w+)', page('prismd.conf.5'), re.M)), settings)


def check_import():
    said = {}
    body = page('prismctl.1').split('.Sh THE FILE OF AN IMPORT')[1].split('.Sh ')[0]
    for item in body.split('.It Li ')[1:]:
        kind, rest = item.split('\n', 1)
        words = {word for line in re.findall(r'\bLi ([^\n(]*)', rest) for word in re.findall(r'(?<![\w])[a-z_]{2,}', line)}
        said[kind] = words
    wanted = {}
    for kind, name in re.findall(r'^FIELD\((\w+), "(\w+)"', source('client/ctl/backlog_fields.def'), re.M):
        wanted.setdefault(kind.lower(), set()).add(name)
    compare('prismctl.1', 'the kind', set(said), set(wanted))
    for kind, names in wanted.items():
        compare('prismctl.1', f'of a {kind} the field', said.get(kind, set()), names)


def check_form():
    pages = [os.path.join(folder, name) for folder, _, names in os.walk(MAN) for name in names]
    if len(pages) < 6:
        fault(MAN, f'only {len(pages)} pages are installed')
    lint = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning', *pages], capture_output=True, text=True, check=False)
    if lint.returncode != 0:
        faults.append(lint.stdout + lint.stderr)


def main():
    subprocess.run(['cmake', '--install', BUILD, '--prefix', prefix.name, '--component', 'docs'], check=True, stdout=subprocess.DEVNULL)
    check_programs()
    check_library()
    check_settings()
    check_import()
    if shutil.which('mandoc'):
        check_form()
    print('\n'.join(faults))
    if faults:
        sys.exit(1)
    if not shutil.which('mandoc'):
        print('no mandoc: the form of the pages was not looked at')
        sys.exit(SKIPPED)


main()
