"""A light parser of C as this project writes it: which functions a file declares and defines, and their bodies.

It knows comments, literals, preprocessor lines and braces, and nothing of types; that is enough to find functions
at file scope and the calls within them.
"""
import re
from dataclasses import dataclass

BLANKED = re.compile(
    r'/\*.*?\*/'
    r'|//[^\n]*'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'",
    re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.M)
CPLUSPLUS = re.compile(r'^#ifdef __cplusplus\n.*?^#endif', re.M | re.S)
ATTRIBUTE = re.compile(r'__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)')
CALL = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
HEAD = re.compile(r'\b([A-Za-z_]\w*)\s*\(')
KEYWORDS = {'if', 'while', 'for', 'switch', 'return', 'sizeof', 'do', 'else', '_Alignof', '_Static_assert', 'defined'}


@dataclass
class Function:
    path: str
    name: str
    head: str        # from the first specifier to the end of the parameters
    line: int        # of the head
    end_line: int    # of the closing brace, or of the prototype's semicolon
    body: str        # between the braces; None for a prototype
    body_line: int

    @property
    def suspends(self):
        return re.search(r'\bSUSPENDS\b', self.head) is not None

    @property
    def static(self):
        return re.search(r'\bstatic\b', self.head) is not None

    @property
    def parameters(self):
        return self.head[self.head.index('(', self.head.index(self.name)) + 1:self.head.rindex(')')]

    def calls(self):
        """(name, line) of each call in the body."""
        for match in CALL.finditer(self.body or ''):
            if match.group(1) not in KEYWORDS:
                yield match.group(1), self.body_line + self.body.count('\n', 0, match.start())


class Unbalanced(Exception):
    pass


def _blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def _blank_literal(match):
    text = match.group(0)
    if text[0] in '"\'':
        return text[0] + re.sub(r'[^\n]', ' ', text[1:-1]) + text[-1]
    return _blank(match)


def code_only(text):
    """The text with comments, the insides of literals, and C++ guards blanked; lines and offsets stay."""
    return CPLUSPLUS.sub(_blank, BLANKED.sub(_blank_literal, text))


def functions(path, text):
    """The functions that a C file declares or defines at file scope, in order."""
    code = ATTRIBUTE.sub(_blank, DIRECTIVE.sub(_blank, code_only(text)))
    found = []
    for start, end, body_start, body_end in _pieces(path, code):
        head = code[start:end]
        name = _function_name(head)
        if name is None:
            continue
        lead = len(head) - len(head.lstrip())
        line = code.count('\n', 0, start + lead) + 1
        last = body_end if body_end is not None else end
        found.append(Function(
            path=path, name=name, head=head.strip(), line=line, end_line=code.count('\n', 0, last) + 1,
            body=code[body_start:body_end] if body_end is not None else None,
            body_line=code.count('\n', 0, body_start) + 1 if body_end is not None else 0))
    return found


def _pieces(path, code):
    """File scope cut at its semicolons and blocks: (start, end of head, body start, body end)."""
    depth, parens, start, opened = 0, 0, 0, 0
    for at, char in enumerate(code):
        if char == '{':
            if depth == 0:
                opened = at
            depth += 1
        elif char == '}':
            depth -= 1
            if depth < 0:
                raise Unbalanced(f'{path}:{code.count(chr(10), 0, at) + 1}: a closing brace too many')
            if depth == 0 and code[start:opened].rstrip().endswith(')'):
                yield start, opened, opened + 1, at
                start = at + 1
        elif depth == 0 and char in '()':
            parens += 1 if char == '(' else -1
        elif depth == 0 and parens == 0 and char == ';':
            yield start, at, None, None
            start = at + 1
    if depth != 0:
        raise Unbalanced(f'{path}: the braces do not balance')


def _function_name(head):
    if '{' in head or '=' in head.split('(')[0] or re.match(r'\s*typedef\b', head):
        return None
    match = HEAD.search(head)
    if match is None or match.group(1) in KEYWORDS:
        return None
    return match.group(1)
