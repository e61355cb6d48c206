"""Sizes: no file over 600 lines, no function over 60 (CONTRIBUTING.md, "House style"). Generated code is not in the tree."""
import ast

import csource
from tree import finding

FILE_LINES = 600
FUNCTION_LINES = 60


def _too_long(path, name, first, last):
    lines = last - first + 1
    if lines > FUNCTION_LINES:
        yield finding(path, first, f'{name}() has {lines} lines, more than {FUNCTION_LINES}: split it')


def _c_functions(path, text):
    try:
        for function in csource.functions(path, text):
            if function.body is not None:
                yield from _too_long(path, function.name, function.line, function.end_line)
    except csource.Unbalanced as problem:
        yield str(problem)


def _python_functions(path, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _too_long(path, node.name, node.lineno, node.end_lineno)


def check(tree):
    found = []
    python = tree.python()
    for path in sorted({*tree.with_suffix('.c', '.h', '.sql', '.def'), *python, *tree.scripts()}):
        text = tree.read(path)
        lines = text.count('\n')
        if lines > FILE_LINES:
            found.append(finding(path, lines, f'the file has {lines} lines, more than {FILE_LINES}: split it by noun'))
        if path.endswith(('.c', '.h')):
            found.extend(_c_functions(path, text))
        elif path in python:
            found.extend(_python_functions(path, text))
    return found
