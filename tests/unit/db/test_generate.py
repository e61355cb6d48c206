#!/usr/bin/env python3
"""The statement generator: what it makes of good files, and what it says about bad ones."""
import os
import subprocess
import sys
import tempfile
import unittest

GENERATE = os.path.join(os.path.dirname(__file__), "..", "..", "..", "db", "queries", "generate.py")

GOOD = """-- A topic.

-- statement: thing_get
-- What it is for.
-- lane: read
-- params: organization_id int8, id int8,
--   name text?
-- columns: id int8, name text?
-- found: id
SELECT id, name -- with a ';' in a comment
FROM things WHERE organization_id = $1 AND id = $2 AND name <> coalesce($3, ';') AND note <> $q$;$4$q$;
"""


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


class Generate(unittest.TestCase):
    def run_on(self, *texts):
        """(exit code, messages, header, source)"""
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, text in enumerate(texts):
                files.append(os.path.join(folder, f"topic{number}.sql"))
                with open(files[-1], "w", encoding="utf-8") as file:
                    file.write(text)
            header, source = os.path.join(folder, "out.h"), os.path.join(folder, "out.c")
            result = subprocess.run(
                [sys.executable, GENERATE, "--header", header, "--source", source, "--include", "out.h", "--root", folder, *files],
                capture_output=True, text=True, check=False)
            return result.returncode, result.stderr, read(header), read(source)

    def assert_says(self, expected, text, *more):
        code, messages, header, _ = self.run_on(text, *more)
        self.assertEqual(code, 1)
        self.assertIn(expected, messages)
        self.assertRegex(messages, r"^topic\d\.sql:\d+: ")
        self.assertEqual(header, "")

    def change(self, old, new, text=GOOD):
        self.assertIn(old, text)
        return text.replace(old, new, 1)

    def test_good(self):
        code, messages, header, source = self.run_on(GOOD)
        self.assertEqual((code, messages), (0, ""))
        self.assertIn("extern const struct statement THING_GET;", header)
        self.assertIn("\tint64_t id;", header)
        self.assertIn("\tconst char *name; /* NULL: SQL NULL */", header)
        self.assertIn("static inline bool thing_get_found(const struct rows *rows, size_t row)", header)
        self.assertIn('{"name", DB_TEXT, true},', source)
        self.assertNotIn("comment", source)
        self.assertIn("note <> $q$;$4$q$\"", source)

    def test_same_twice(self):
        self.assertEqual(self.run_on(GOOD), self.run_on(GOOD))

    def test_fragment(self):
        fragment = "-- fragment: gate\n-- params: organization_id int8\ngate AS (SELECT $1 AS one);\n"
        statement = self.change("SELECT id", "WITH {{gate}} SELECT id")
        code, messages, _, source = self.run_on(fragment, statement)
        self.assertEqual((code, messages), (0, ""))
        self.assertIn("WITH gate AS (SELECT $1 AS one) SELECT id", source)
        other = self.change("organization_id int8", "id int8", fragment)
        self.assert_says("{{gate}} needs its first parameters to be: id int8", other, statement)
        self.assert_says("no fragment 'gate'", statement)

    def test_tenant(self):
        other = self.change("organization_id int8, id int8", "id int8, organization_id int8")
        self.assert_says("the first parameter must be 'organization_id int8'", other)
        self.assert_says("write '-- tenant: no (reason)'", self.change("-- lane", "-- tenant: no\n-- lane", other))
        self.assertEqual(self.run_on(self.change("-- lane", "-- tenant: no (why)\n-- lane", other))[0], 0)

    def test_lane(self):
        self.assert_says("'-- lane: read' or '-- lane: write' is missing", self.change("-- lane: read\n", ""))
        self.assert_says("'-- lane: read' or '-- lane: write' is missing", self.change("read", "reads"))
        for writing in ("FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "UNION SELECT nextval('s'), ''"):
            self.assert_says("in the read lane", self.change("$q$;$4$q$;", f"'' {writing};"))
        self.assert_says("INSERT in the read lane", self.change("SELECT id", "WITH w AS (INSERT INTO t VALUES (1)) SELECT id"))
        self.assertEqual(self.run_on(self.change("note", "update_note"))[0], 0)

    def test_prepare_and_group(self):
        self.assert_says("write '-- prepare: no (reason)'", self.change("-- lane: read", "-- prepare: no\n-- lane: read"))
        self.assert_says("reads share a Sync anyway", self.change("-- lane: read", "-- group: things_get\n-- lane: read"))
        self.assert_says("in the write lane all are prepared",
                         self.change("-- lane: read", "-- prepare: no (why)\n-- lane: write"))
        one = self.change("-- lane: read", "-- group: things_get\n-- lane: write")
        many = ("-- statement: things_get\n-- lane: write\n-- tenant: no (each its own)\n"
                "-- params: organization_ids int8[], ids int8[], names text[]\n-- columns: id int8, name text?, n int8\n"
                "SELECT id, name, n FROM unnest($1, $2, $3) WITH ORDINALITY AS t(organization_id, id, name, n);\n")
        self.assertEqual(self.run_on(one, many)[:2], (0, ""))
        self.assertIn(".many = &THINGS_GET,", self.run_on(one, many)[3])
        self.assert_says("there is no statement 'things_get' in the write lane", one)
        self.assert_says("there is no statement 'things_get' in the write lane", one, self.change("write", "read", many))
        self.assert_says("things_get must take arrays of the same: int8[], int8[], text[]",
                         one, self.change("names text[]", "names int8[]", many))
        self.assert_says("things_get must have the same columns, and 'n int8'", one, self.change("name text?", "name text", many))
        self.assert_says("things_get must have the same columns, and 'n int8'", one, self.change(", n int8", "", many))

    def test_stars(self):
        self.assert_says("name the columns", self.change("SELECT id, name", "SELECT *"))
        self.assert_says("name the columns", self.change("SELECT id, name", "SELECT things.*"))
        self.assert_says("name the columns", self.change("SELECT id, name", "SELECT id, *"))
        self.assertEqual(self.run_on(self.change("id, name", "count(*), 2 * 3"))[0], 0)
        self.assertEqual(self.run_on(self.change("FROM things", "FROM (SELECT * FROM things) x"))[0], 0)

    def test_placeholders(self):
        self.assert_says("$4 is used, but there are 3 parameters", self.change("$2", "$4"))
        self.assert_says("parameter id ($2) is not used", self.change("$2", "$1"))
        self.assert_says("$0 is used", self.change("$2", "$0"))

    def test_fields(self):
        self.assert_says("unknown type 'int9'", self.change("id int8,\n", "id int9,\n"))
        self.assert_says("is not 'name type'", self.change("id int8,\n", "id,\n"))
        self.assert_says("is there twice", self.change("columns: id int8, name", "columns: id int8, id"))
        self.assert_says("a word of C", self.change("columns: id", "columns: int"))
        self.assert_says("'-- columns:' is missing", self.change("-- columns: id int8, name text?\n", ""))
        self.assert_says("there is no column 'nothing'", self.change("found: id", "found: nothing"))
        self.assert_says("there is no column 'id bool'", self.change("found: id", "found: id\n-- wrote: id"))
        self.assert_says("an array cannot be NULL", self.change("name text?\n-- columns", "name text[]?\n-- columns"))
        self.assert_says("taken by a generated function", self.change("name text?\n-- found", "found text?\n-- found"))

    def test_shape(self):
        self.assert_says("does not end with ';'", self.change("$q$;$4$q$;", "''"))
        self.assert_says("one statement only", self.change("$q$;$4$q$;", "''; SELECT 1;"))
        self.assert_says("there is no SQL", GOOD.split("SELECT id")[0])
        self.assert_says("unknown directive 'colums:'", self.change("columns:", "colums:"))
        self.assert_says("a second 'lane:'", self.change("-- lane: read", "-- lane: read\n-- lane: read"))
        self.assert_says("is no name", self.change("thing_get", "Thing"))
        self.assert_says("the name is taken by topic0.sql:3", GOOD, GOOD)
        self.assert_says("SQL before the first", "SELECT 1;\n" + GOOD)
        self.assert_says("no statement at all", "-- nothing\n")

    def test_line_numbers(self):
        self.assertIn("topic0.sql:6: ", self.run_on(self.change("id int8,\n", "id int9,\n"))[1])
        self.assertIn("topic0.sql:11: ", self.run_on(self.change("$q$;$4$q$;", "''; SELECT 1;"))[1])


if __name__ == "__main__":
    unittest.main()
