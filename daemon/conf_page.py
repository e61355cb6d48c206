"""Writes prismd.conf(5): conf_page.py TEMPLATE < DEFAULTS

DEFAULTS is what `prismd --print-defaults` prints; it takes the place of the template's line @SETTINGS@."""
import re
import sys


def escaped(text):
    text = text.replace('\\', '\\e')
    return '\\&' + text if text[:1] in ('.', "'") else text


def sentences(words):
    return re.sub(r'(?<=[.?!]) (?=[A-Z$])', '\n', words).split('\n')


def entry(lines):
    comment = ' '.join(line[2:] for line in lines if line.startswith('# '))
    key, value = lines[-1][1:].split(' = ', 1) if ' = ' in lines[-1] else (lines[-1][1:].rstrip(' ='), '')
    yield f'.It Ic {key} Li = {escaped(value)}' if value else f'.It Ic {key} Li ='
    yield from (escaped(one) for one in sentences(comment))


def settings(text):
    is_open = False
    for block in text.split('\n\n'):
        lines = block.strip('\n').split('\n')
        if lines[0].startswith('['):
            if is_open:
                yield '.El'
            yield f'.Ss {lines[0]}'
            yield '.Bl -tag -width Ds'
            is_open = True
        elif re.match(r'#\w+ =', lines[-1]):
            yield from entry(lines)
    yield '.El'


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        template = file.read()
    before, after = template.split('@SETTINGS@\n')
    print(before + '\n'.join(settings(sys.stdin.read())) + '\n' + after, end='')


main()
