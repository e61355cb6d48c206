"""The shared library's symbols are exactly the PRISM_API functions: symbols.py NM LIBRARY HEADER"""
import re
import subprocess
import sys

nm, library, header = sys.argv[1:]
listed = subprocess.run([nm, '-D', '--defined-only', library], capture_output=True, text=True, check=True).stdout
seen = {line.split()[-1].split('@')[0] for line in listed.splitlines()}
with open(header, encoding='utf-8') as file:
    declared = set(re.findall(r'^PRISM_API [^;(]*?(\w+)\(', file.read(), re.M))
for name in sorted(seen - declared):
    print(f'{name} is seen and not declared')
for name in sorted(declared - seen):
    print(f'{name} is declared and not seen')
sys.exit(1 if seen != declared else 0)
