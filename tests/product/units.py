"""systemd takes the installed units as they are, and finds them well shut in: units.py BUILD

Skipped where there is no systemd-analyze."""
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

BUILD = sys.argv.pop()
SKIPPED = 77
EXPOSURE_MOST = {'prismd.service': '11', 'prism-backup.service': '20'}  # tenths; a backup runs PostgreSQL's programs


def run(*command, **environment):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={**os.environ, **environment})


class Units(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix='prism-units-')
        cls.prefix = os.path.join(cls.place.name, 'usr')
        subprocess.run(['cmake', '--install', BUILD, '--prefix', cls.prefix], check=True, stdout=subprocess.DEVNULL)
        cls.units = os.path.join(cls.prefix, 'lib/systemd/system')
        cls.unit = os.path.join(cls.units, 'prismd.service')

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def test_verify(self):
        units = [os.path.join(self.units, name) for name in os.listdir(self.units)]
        self.assertEqual(len(units), 4)
        verified = run('systemd-analyze', 'verify', *units, MANPATH=os.path.join(self.prefix, 'share/man'))
        self.assertEqual((verified.returncode, verified.stdout), (0, ''))

    def test_exposure(self):
        for name, most in EXPOSURE_MOST.items():
            looked_at = run('systemd-analyze', 'security', '--offline=true', '--threshold=' + most,
                            os.path.join(self.units, name))
            self.assertEqual(looked_at.returncode, 0, looked_at.stdout)
            self.assertIn('Overall exposure level for ' + name, looked_at.stdout)

    def test_programs_and_pages_are_where_the_unit_looks(self):
        with open(self.unit, encoding='utf-8') as file:
            text = file.read()
        programs = set(re.findall(r'^Exec\w+=(\S+)', text, re.M))
        self.assertEqual(programs, {self.prefix + '/sbin/prismd', '/usr/bin/kill'})
        self.assertNotIn('@', text.replace('@system-service', '').replace('@privileged @resources @obsolete', ''))

    @unittest.skipUnless(os.geteuid() == 0, 'only root makes users and files of others')
    def test_user_and_first_configuration(self):
        root = os.path.join(self.place.name, 'root')
        os.makedirs(root + '/etc')
        copy = root + self.prefix + '/share/prism'
        shutil.copytree(self.prefix + '/share/prism', copy)
        for tool, name in (('systemd-sysusers', 'sysusers.d'), ('systemd-tmpfiles', 'tmpfiles.d')):
            source = os.path.join(self.prefix, 'lib', name, 'prism.conf')
            made = run(tool, '--root=' + root, *(['--create'] if tool == 'systemd-tmpfiles' else []), source)
            self.assertEqual(made.returncode, 0, made.stdout)
        with open(root + '/etc/passwd', encoding='utf-8') as file:
            user = next(line for line in file if line.startswith('prism:')).split(':')
        found = os.stat(root + '/etc/prism/prismd.conf')
        self.assertEqual((stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid), (0o640, 0, int(user[3])))
        checked = run(os.path.join(BUILD, 'bin/prismd'), '--check-config', '--config', root + '/etc/prism/prismd.conf')
        self.assertEqual(checked.returncode, 0, checked.stdout)


if not shutil.which('systemd-analyze'):
    print('no systemd-analyze: skipped')
    sys.exit(SKIPPED)
unittest.main()
