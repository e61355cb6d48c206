"""SUSPENDS: whoever may suspend its fiber says so, and takes `struct call *` first (ARCHITECTURE.md, "Callbacks at the edges").

A function that calls a SUSPENDS function is SUSPENDS itself, unless it is the entry of a fiber: a function that is
handed to fiber_start(). fiber_suspend() counts as SUSPENDS; it, fiber_start() and fiber_resume() are for daemon/rpc
alone.
"""
import re

import csource
from tree import finding

SUSPEND = 'fiber_suspend'
FIBER_ONLY_IN = 'daemon/rpc/'
FIBER_FUNCTIONS = {'fiber_start', 'fiber_suspend', 'fiber_resume'}
FIBER_IMPLEMENTATION = 'daemon/rpc/fiber.c'
WHERE = ('daemon', 'tests/talk', 'tests/services', 'examples')
STARTED = re.compile(r'\bfiber_start\s*\(\s*&?\s*([A-Za-z_]\w*)')
CALL_FIRST = re.compile(r'\s*struct\s+call\s*\*')


class Program:
    """Every function of the tree, and which of them suspend."""

    def __init__(self, tree):
        self.definitions, self.shared, self.private, self.entries = [], {SUSPEND}, set(), set()
        self.found = []
        for path in tree.under(*WHERE):
            if path.endswith(('.c', '.h')):
                self._read(path, tree.read(path))

    def _read(self, path, text):
        try:
            functions = csource.functions(path, text)
        except csource.Unbalanced as problem:
            self.found.append(str(problem))
            return
        for function in functions:
            if function.body is not None:
                self.definitions.append(function)
                self.entries.update((path, name) for name in STARTED.findall(function.body))
            if function.suspends:
                self._note(function)

    def _note(self, function):
        if function.static:
            self.private.add((function.path, function.name))
        else:
            self.shared.add(function.name)
        if not CALL_FIRST.match(function.parameters):
            self.found.append(finding(
                function.path, function.line, f'{function.name}() is SUSPENDS and must take struct call * first'))

    def suspends(self, path, name):
        return name in self.shared or (path, name) in self.private

    def check(self, function):
        if function.path == FIBER_IMPLEMENTATION:
            return
        for name, line in function.calls():
            if name in FIBER_FUNCTIONS and function.path.startswith('daemon/') \
                    and not function.path.startswith(FIBER_ONLY_IN):
                self.found.append(finding(function.path, line, f'{name}() is for {FIBER_ONLY_IN} alone'))
            if self.suspends(function.path, name) and not self._may_suspend(function):
                self.found.append(finding(
                    function.path, line,
                    f'{function.name}() calls {name}(), which may suspend: mark {function.name}() SUSPENDS'))

    def _may_suspend(self, function):
        return self.suspends(function.path, function.name) or (function.path, function.name) in self.entries


def check(tree):
    program = Program(tree)
    for function in program.definitions:
        program.check(function)
    return program.found
