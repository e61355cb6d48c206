#!/usr/bin/env python3
"""Runs the project's lints: python3 tests/lint/lint.py [--root DIR] [layers suspends sizes text form]...

Prints a line per violation (path:line: what) and exits 1 if there is one.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True

import form  # noqa: E402
import layers  # noqa: E402
import sizes  # noqa: E402
import suspends  # noqa: E402
import text  # noqa: E402
from tree import Tree  # noqa: E402

LINTS = {'layers': layers, 'suspends': suspends, 'sizes': sizes, 'text': text, 'form': form}
ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--root', default=ROOT, help='the tree to look at (default: the one that this file is in)')
    parser.add_argument('lints', nargs='*', metavar='LINT', help='which (default: all)')
    options = parser.parse_args()
    unknown = set(options.lints) - set(LINTS)
    if unknown:
        parser.error(f'no such lint: {", ".join(sorted(unknown))} (there are {", ".join(LINTS)})')
    tree, bad = Tree(options.root), 0
    for name in options.lints or LINTS:
        for violation in LINTS[name].check(tree):
            print(f'{violation} [{name}]')
            bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
