"""The lints see what they are there to see: each is shown a small tree with a violation, and one without."""
import os
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import csource  # noqa: E402
import form  # noqa: E402
import layers  # noqa: E402
import sizes  # noqa: E402
import suspends  # noqa: E402
import text  # noqa: E402
from tree import Tree  # noqa: E402


class LintCase(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='prism-lint-')
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, content, mode=0o644):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8') as file:
            file.write(content)
        os.chmod(full, mode)

    def check(self, lint):
        return lint.check(Tree(self.root))

    def assert_one(self, lint, *words):
        found = self.check(lint)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def assert_none(self, lint):
        self.assertEqual(self.check(lint), [])


class Layers(LintCase):
    def test_right_is_allowed(self):
        self.write('proto/frame.c', '#include "proto/frame.h"\n#include <protobuf-c/protobuf-c.h>\n')
        self.write('proto/json.c', '#include <jansson.h>\n')
        self.write('daemon/services/story.c', '#include "daemon/auth/access.h"\n#include "db/queries.h"\n')
        self.write('daemon/services/health.c', '#include "prism/v1/story.pb-c.h"\n#include <string.h>\n')
        self.write('daemon/server.c', '#include "daemon/transport/listener.h"\n#include <uv.h>\n')
        self.write('tests/unit/proto/test_frame.c', '#include "daemon/rpc/call.h"\n')
        self.assert_none(layers)

    def test_left_is_not(self):
        self.write('db/pool.c', '#include <uv.h>\n\n#include "daemon/rpc/call.h"\n')
        self.assert_one(layers, 'db/pool.c:3:', 'db must not include daemon/rpc')

    def test_top_of_daemon_is_for_nobody_below(self):
        self.write('daemon/rpc/rpc.c', '#include "daemon/worker.h"\n')
        self.assert_one(layers, 'must not include daemon')

    def test_transport_knows_no_services(self):
        self.write('daemon/transport/native.c', '#include "daemon/services/story.h"\n')
        self.assert_one(layers, 'daemon/transport must not include daemon/services')

    def test_includes_are_rooted(self):
        self.write('proto/frame.c', '#include "frame.h"\n')
        self.assert_one(layers, 'not rooted')

    def test_tests_are_no_layer(self):
        self.write('db/pool.c', '#include "tests/support/postgres.h"\n')
        self.assert_one(layers, 'in no layer')

    def test_third_party_by_layer(self):
        self.write('daemon/services/story.c', '#include <libpq-fe.h>\n')
        self.assert_one(layers, 'libpq-fe.h')

    def test_jansson_is_for_json_alone(self):
        self.write('proto/frame.c', '#include <jansson.h>\n')
        self.assert_one(layers, 'jansson.h')


QUERY = 'MUST_CHECK\nSUSPENDS\nenum status query(struct call *call, int n);\n'


class Suspends(LintCase):
    def test_marked_callers_are_fine(self):
        self.write('daemon/rpc/query.h', QUERY)
        self.write('daemon/services/story.c',
                   'static SUSPENDS enum status get(struct call *call)\n{\n\treturn query(call, 1);\n}\n')
        self.assert_none(suspends)

    def test_unmarked_caller(self):
        self.write('daemon/rpc/query.h', QUERY)
        self.write('daemon/services/story.c',
                   '/* query(call) in a comment */\nstatic enum status get(struct call *call)\n{\n'
                   '\tputs("query(call)");\n\treturn query(call, 1);\n}\n')
        self.assert_one(suspends, 'daemon/services/story.c:5:', 'mark get() SUSPENDS')

    def test_a_private_name_stays_private(self):
        self.write('daemon/services/a.c', 'static SUSPENDS int step(struct call *call)\n{\n\treturn 1;\n}\n')
        self.write('daemon/services/b.c', 'static int step(int n)\n{\n\treturn n;\n}\n'
                                          'int use(void)\n{\n\treturn step(1);\n}\n')
        self.assert_none(suspends)

    def test_call_comes_first(self):
        self.write('daemon/rpc/query.h', 'SUSPENDS\nint query(int n, struct call *call);\n')
        self.assert_one(suspends, 'struct call * first')

    def test_a_fibers_entry_is_a_root(self):
        self.write('daemon/rpc/query.h', QUERY)
        self.write('daemon/rpc/dispatch.c',
                   'static void run(void *arg)\n{\n\tquery(arg, 1);\n}\n'
                   'void start(void)\n{\n\tfiber_start(run, NULL);\n}\n')
        self.assert_none(suspends)

    def test_fibers_belong_to_rpc(self):
        self.write('daemon/services/story.c',
                   'static SUSPENDS void get(struct call *call)\n{\n\tfiber_suspend();\n}\n')
        self.assert_one(suspends, 'daemon/rpc/ alone')

    def test_broken_braces_are_said(self):
        self.write('daemon/services/story.c', 'int f(void)\n{\n')
        self.assert_one(suspends, 'balance')


class Sizes(LintCase):
    def test_limits_themselves_are_fine(self):
        self.write('db/a.c', 'int f(void)\n{\n' + '\tf();\n' * 57 + '}\n')
        self.write('db/b.h', '\n' * 600)
        self.assert_none(sizes)

    def test_long_function(self):
        self.write('db/a.c', 'int f(void)\n{\n' + '\tf();\n' * 58 + '}\n')
        self.assert_one(sizes, 'db/a.c:1:', 'f() has 61 lines')

    def test_long_file(self):
        self.write('db/queries/story.sql', '\n' * 601)
        self.assert_one(sizes, '601 lines')

    def test_long_python_function(self):
        self.write('tests/a.py', 'def f():\n' + '    f()\n' * 60)
        self.assert_one(sizes, 'f() has 61 lines')


class Text(LintCase):
    def test_machine_paths(self):
        self.write('README.md', 'see /' + 'work/main/x\n')
        self.assert_one(text, 'README.md:1:', 'path of one machine')

    def test_relative_paths_are_fine(self):
        self.write('README.md', 'see build/work/x and https://example.org/work/y\n')
        self.assert_none(text)

    def test_unfinished_marks(self):
        self.write('db/a.c', '/* TO' + 'DO: more */\n')
        self.assert_one(text, 'unfinished')

    def test_sql_outside_of_db(self):
        self.write('daemon/auth/key.c', 'void f(void)\n{\n\tPQexec(c, "x");\n}\n')
        self.assert_one(text, 'db/ alone')

    def test_sql_by_printf(self):
        self.write('db/a.c', 'void f(void)\n{\n\tsnprintf(s, n, "select id\\n"\n\t\t"from users where id = %d", id);\n}\n')
        self.assert_one(text, 'use parameters')

    def test_ordinary_printf(self):
        self.write('db/a.c', 'void f(void)\n{\n\tsnprintf(s, n, "cannot select %s from the list", x);\n}\n')
        self.assert_none(text)


class Form(LintCase):
    @unittest.skipIf(form.clang_format() is None, 'clang-format is not installed')
    def test_unformatted_c(self):
        self.write('.clang-format', 'BasedOnStyle: LLVM\n')
        self.write('db/a.c', 'int   f( void ) ;\n')
        self.write('db/b.c', 'int f(void);\n')
        self.assert_one(form, 'db/a.c:1:', 'script/format')

    def test_broken_shell(self):
        self.write('script/x', '#!/bin/sh\nif true; then\n', 0o755)
        self.assertTrue(any('script/x' in line for line in self.check(form)))

    def test_shells_of_scripts(self):
        self.write('script/x', '#!/bin/bash\nwords=(a b)\necho "${words[@]}"\n', 0o755)
        self.assertEqual(self.check(form), [])
        self.write('script/x', '#!/bin/sh\nwords=(a b)\n', 0o755)
        self.assertTrue(any('script/x' in line for line in self.check(form)))

    def test_broken_python(self):
        self.write('tests/a.py', 'def f(:\n')
        self.assert_one(form, 'tests/a.py:1:')


class CSource(unittest.TestCase):
    def test_functions_and_their_lines(self):
        code = ('struct x {\n\tint (*get)(void);\n};\n'
                'static const struct x table[] = {{f}};\n'
                '__attribute__((format(printf, 1, 2))) void say(const char *s, ...);\n'
                'static int\nbig(int a)\n{\n\tif (a) {\n\t\treturn say("}");\n\t}\n\treturn 0;\n}\n')
        seen = [(f.name, f.line, f.end_line, f.body is not None) for f in csource.functions('x.c', code)]
        self.assertEqual(seen, [('say', 5, 5, False), ('big', 6, 13, True)])

    def test_cplusplus_guards(self):
        code = '#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n'
        self.assertEqual([f.name for f in csource.functions('x.h', code)], ['f'])


if __name__ == '__main__':
    unittest.main()
