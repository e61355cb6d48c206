"""Text that has no place in the tree: paths of one machine, unfinished marks, SQL outside of db/, SQL made by printf."""
import re

import csource
from tree import finding, line_of

BINARY = ('.bin', '.png', '.gz', '.zst')
SELF = 'tests/lint/text.py'

EVERYWHERE = [
    (re.compile(r'(?<![\w./-])/(?:work|farm)/\w'), 'a path of one machine'),
    (re.compile(r'(?<![\w.])/(?:root|home/[a-z]\w*)/[\w.]'), 'a path of one machine'),
    (re.compile(r'\b(?:TODO|FIXME|XXX|HACK)\b'), 'an unfinished mark: do it, or file an issue'),
]
COMMENTS = [
    (re.compile(r'\b(?:for now|not (?:yet )?implemented yet|in a real (?:implementation|system))\b', re.I),
     'an unfinished mark: do it, or file an issue'),
]
PRODUCT = ('proto', 'db', 'client', 'daemon')
SQL_OUTSIDE = re.compile(r'\bPQexec(?:Params|Prepared)?\s*\(')
PRINTF = re.compile(r'\b(\w*printf\w*)\s*\(([^;]*?)\)\s*[;)]', re.S)
SQL_TEXT = re.compile(
    r'"\s*(?:select\b.*\bfrom\b|with\b.*\bas\s*\(|insert\s+into\b|update\s+\S+\s+set\b|delete\s+from\b|'
    r'(?:create|alter|drop)\s+(?:table|index|role|user|database|schema|type)\b|truncate\b|grant\b|revoke\b)', re.I | re.S)


def _everywhere(path, text):
    for pattern, message in EVERYWHERE:
        for match in pattern.finditer(text):
            yield finding(path, line_of(text, match.start()), f'{message}: {match.group(0)}')


def _comments(path, text):
    for comment in csource.BLANKED.finditer(text):
        if comment.group(0)[0] != '/':
            continue
        for pattern, message in COMMENTS:
            match = pattern.search(comment.group(0))
            if match:
                yield finding(path, line_of(text, comment.start() + match.start()), f'{message}: {match.group(0)}')


def _sql(path, text):
    code = csource.code_only(text)
    if not path.startswith('db/'):
        for match in SQL_OUTSIDE.finditer(code):
            yield finding(path, line_of(code, match.start()), 'SQL is run by db/ alone: put the statement into db/queries')
    for match in PRINTF.finditer(text):
        if '%' in match.group(2) and SQL_TEXT.search(match.group(2)):
            yield finding(path, line_of(text, match.start()), 'SQL made by printf: use parameters')


def check(tree):
    found = []
    for path in tree.paths:
        if path == SELF or path.endswith(BINARY) or '/corpus/' in path:
            continue
        text = tree.read(path)
        found.extend(_everywhere(path, text))
        if path.endswith(('.c', '.h')):
            found.extend(_comments(path, text))
            if path.startswith(tuple(folder + '/' for folder in PRODUCT)):
                found.extend(_sql(path, text))
    return found
