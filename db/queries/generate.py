#!/usr/bin/env python3
"""Turns db/queries/*.sql into the statement registry: queries.h and queries.c.

A file holds statements and fragments. A statement:

    -- statement: story_get_by_id
    -- lane: read
    -- params: organization_id int8, actor uuid?, id int8
    -- columns: rank int4?, id int8, title text
    -- found: id
    What it is for, in a comment that does not start with a word and a colon.
    WITH {{caller}} SELECT ... WHERE organization_id = $1 ... ;

`?` on a parameter: it may be NULL. On a column: its base column may be NULL; without it, PostgreSQL must know the base
column as NOT NULL (an outer join may still make the value NULL: `found: COLUMN` generates NAME_found()). `wrote: COLUMN`
names the bool that tells what was written from what was only found. A value that
ends with a comma goes on in the next comment line; `none` is an empty list. A statement whose first parameter is not
organization_id says why: `-- tenant: no (reason)`. `-- fragment: NAME` starts a text that statements include as
{{NAME}}; its params must be the first ones of those statements. A fragment may list columns, which statements
include in theirs as {{NAME}} too. `-- prepare: no (reason)` has a statement planned for the values of each execution.
`-- group: NAME` names the statement that does this one for several callers at once: its parameters are arrays of this
one's, of which an element is NULL where this one's may be; its columns are the same and `n int8`, whose row it is (from 1,
in order).
"""
import argparse
import os
import re
import sys

DIRECTIVES = ("statement", "fragment", "lane", "params", "columns", "tenant", "found", "wrote", "prepare", "group")
PARAMS_MAX = 48
COLUMNS_MAX = 255

# SQL type -> (enum db_type, C type of a value, member of struct param's union)
SCALARS = {
    "bool": ("DB_BOOL", "bool", "boolean"),
    "int2": ("DB_INT2", "int16_t", "integer"),
    "int4": ("DB_INT4", "int32_t", "integer"),
    "int8": ("DB_INT8", "int64_t", "integer"),
    "uuid": ("DB_UUID", "struct uuid", "uuid"),
    "text": ("DB_TEXT", "const char *", "text"),
    "bytea": ("DB_BYTEA", "struct bytes", "bytes"),
    "jsonb": ("DB_JSONB", "const char *", "text"),
    "timestamptz": ("DB_TIMESTAMPTZ", "int64_t", "integer"),
    "date": ("DB_DATE", "int32_t", "integer"),
    "numeric": ("DB_NUMERIC", "const char *", "text"),
}
# element type of an array -> (enum db_type, C type of an element)
ARRAYS = {
    "int8[]": ("DB_INT8_ARRAY", "int64_t"),
    "int4[]": ("DB_INT4_ARRAY", "int32_t"),
    "uuid[]": ("DB_UUID_ARRAY", "struct uuid"),
    "text[]": ("DB_TEXT_ARRAY", "const char *"),
    "bool[]": ("DB_BOOL_ARRAY", "bool"),
    "timestamptz[]": ("DB_TIMESTAMPTZ_ARRAY", "int64_t"),
    "bytea[]": ("DB_BYTEA_ARRAY", "struct bytes"),
}
ACCESSORS = {
    "bool": ("bool ", "rows_bool", ""),
    "int2": ("int16_t ", "rows_int", "(int16_t)"),
    "int4": ("int32_t ", "rows_int", "(int32_t)"),
    "int8": ("int64_t ", "rows_int", ""),
    "uuid": ("struct uuid ", "rows_uuid", ""),
    "text": ("const char *", "rows_text", ""),
    "bytea": ("struct bytes ", "rows_bytes", ""),
    "jsonb": ("const char *", "rows_text", ""),
    "timestamptz": ("int64_t ", "rows_timestamp", ""),
    "date": ("int32_t ", "rows_date", ""),
    "numeric": ("const char *", "rows_text", ""),
}
WRITING = {
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "SHARE", "NEXTVAL", "SETVAL", "NOTIFY", "PG_NOTIFY", "CALL",
    "COPY", "LOCK", "PG_ADVISORY_LOCK", "PG_ADVISORY_XACT_LOCK",
}
C_KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool true false".split()
)
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>--[^\n]*|/\*.*?\*/)
      | (?P<string>[eE]?'(?:[^'\\]|''|\\.)*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)
      | (?P<param>\$[0-9]+)
      | (?P<include>\{\{[a-z_0-9]+\}\})
      | (?P<word>[A-Za-z_][A-Za-z_0-9]*)
      | (?P<number>[0-9][0-9.]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


class Problem(Exception):
    def __init__(self, path, line, message):
        super().__init__(f"{path}:{line}: {message}")


class Item:
    """One statement or fragment as written."""

    def __init__(self, kind, name, path, line):
        self.kind, self.name, self.path, self.line = kind, name, path, line
        self.values, self.lines = {}, {}
        self.sql, self.sql_line = "", line

    def problem(self, message, directive=None):
        return Problem(self.path, self.lines.get(directive, self.line), f"{self.kind} {self.name}: {message}")


class Field:
    """A parameter or a column: name, type, whether it may be NULL."""

    def __init__(self, name, sql_type, nullable):
        self.name, self.type, self.nullable = name, sql_type, nullable

    def __eq__(self, other):
        return (self.name, self.type, self.nullable) == (other.name, other.type, other.nullable)

    def __str__(self):
        return f"{self.name} {self.type}{'?' if self.nullable else ''}"

    @property
    def enum(self):
        return (SCALARS.get(self.type) or ARRAYS[self.type])[0]


def read_items(path, display):
    """The statements and fragments of one file."""
    items, item, open_directive = [], None, None
    with open(path, encoding="utf-8") as file:
        for number, raw in enumerate(file, 1):
            line = raw.rstrip()
            comment = re.match(r"\s*--\s?(.*)$", line)
            in_header = item is None or not item.sql.strip()
            if comment and open_directive and in_header:
                item.values[open_directive] += " " + comment[1].strip()
                open_directive = open_directive if comment[1].rstrip().endswith(",") else None
                continue
            directive = re.match(r"([a-z_]+):\s*(.*)$", comment[1]) if comment else None
            if directive and directive[1] in ("statement", "fragment"):
                item = start_item(items, directive, display, number)
            elif directive and in_header:
                open_directive = add_directive(item, directive, display, number)
            elif not comment and line.strip():
                if item is None:
                    raise Problem(display, number, "SQL before the first '-- statement: NAME'")
                if not item.sql.strip():
                    item.sql_line = number
                item.sql += line + "\n"
            elif item is not None:
                item.sql += "\n" if item.sql else ""
    return items


def start_item(items, directive, path, number):
    name = directive[2].strip()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise Problem(path, number, f"'{name}' is no name: lower case letters, digits and _, at most 63")
    items.append(Item(directive[1], name, path, number))
    return items[-1]


def add_directive(item, directive, path, number):
    """Records it; the directive's name if its value goes on in the next line."""
    word, value = directive[1], directive[2].strip()
    if word not in DIRECTIVES:
        raise Problem(path, number, f"unknown directive '{word}:' (known: {', '.join(DIRECTIVES)})")
    if item is None:
        raise Problem(path, number, f"'{word}:' before '-- statement: NAME'")
    if word in item.values:
        raise Problem(path, number, f"{item.kind} {item.name}: a second '{word}:'")
    item.values[word], item.lines[word] = value, number
    return word if value.endswith(",") else None


def fields_of(item, directive, types, what, included={}):
    text = item.values.get(directive)
    if text is None:
        raise item.problem(f"'-- {directive}:' is missing (write 'none' if there are none)")
    if text == "none":
        return []
    fields = []
    for part in text.split(","):
        if part.strip() in included:
            fields += included[part.strip()]
            continue
        match = re.fullmatch(r"([a-z][a-z0-9_]*) +([a-z0-9]+(?:\[\])?)(\?)?", part.strip())
        if not match:
            raise item.problem(f"{what} '{part.strip()}' is not 'name type' or 'name type?'", directive)
        if match[2] not in types:
            raise item.problem(f"{what} {match[1]}: unknown type '{match[2]}' (known: {', '.join(types)})", directive)
        if match[1] in C_KEYWORDS:
            raise item.problem(f"{what} {match[1]}: a word of C cannot be a name", directive)
        if match[1] in (field.name for field in fields):
            raise item.problem(f"{what} {match[1]} is there twice", directive)
        fields.append(Field(match[1], match[2], bool(match[3])))
    return fields


def tokens(item, sql):
    depth, line = 0, item.sql_line
    for match in TOKEN.finditer(sql):
        kind, text = match.lastgroup, match[0]
        if kind == "tag":
            kind = "dollar"
        if kind == "sign" and text in ")]":
            depth -= 1
        if kind not in ("space", "comment"):
            yield kind, text, depth, line
        if kind == "sign" and text in "([":
            depth += 1
        line += text.count("\n")


def without_comments(sql):
    kept = "".join(" " if match.lastgroup == "comment" else match[0] for match in TOKEN.finditer(sql))
    return "\n".join(line.rstrip() for line in kept.strip().splitlines() if line.strip())


def ended(item):
    """The SQL without comments and its final semicolon."""
    text = without_comments(item.sql)
    if not text:
        raise item.problem("there is no SQL")
    semicolons = [line for kind, token, _, line in tokens(item, item.sql) if kind == "sign" and token == ";"]
    if not text.endswith(";") or not semicolons:
        raise item.problem("the SQL does not end with ';'")
    if len(semicolons) > 1:
        raise Problem(item.path, semicolons[0], f"{item.kind} {item.name}: one statement only, there is more after this ';'")
    return text[:-1].rstrip()


class Statement:
    def __init__(self, item, fragments):
        self.item, self.name = item, item.name
        self.params = fields_of(item, "params", {**SCALARS, **ARRAYS}, "parameter")
        included = {f"{{{{{name}}}}}": fields_of(one, "columns", {**SCALARS, **ARRAYS}, "column")
                    for name, one in fragments.items() if "columns" in one.values}
        self.columns = fields_of(item, "columns", {**SCALARS, **ARRAYS}, "column", included)
        self.lane = item.values.get("lane")
        self.found = item.values.get("found")
        self.wrote = item.values.get("wrote")
        self.many = item.values.get("group")
        self.sql = self.expand(ended(item), fragments)
        self.check()

    def expand(self, sql, fragments):
        def include(match):
            fragment = fragments.get(match[1])
            if not fragment:
                raise self.item.problem(f"no fragment '{match[1]}'")
            wanted = fields_of(fragment, "params", {**SCALARS, **ARRAYS}, "parameter")
            if self.params[: len(wanted)] != wanted:
                raise self.item.problem(
                    f"{{{{{match[1]}}}}} needs its first parameters to be: {', '.join(map(str, wanted))}", "params")
            return self.expand(ended(fragment), fragments)
        return re.sub(r"\{\{([a-z_0-9]+)\}\}", include, sql)

    def check(self):
        if self.lane not in ("read", "write"):
            raise self.item.problem("'-- lane: read' or '-- lane: write' is missing", "lane")
        if len(self.params) > PARAMS_MAX or len(self.columns) > COLUMNS_MAX:
            raise self.item.problem(f"more than {PARAMS_MAX} parameters or {COLUMNS_MAX} columns")
        for field in self.params:
            if field.nullable and field.type in ARRAYS:
                raise self.item.problem(f"parameter {field.name}: an array cannot be NULL, send an empty one", "params")
        self.check_tenant()
        self.check_found()
        self.check_prepare()
        self.check_group()
        self.check_placeholders()
        self.check_words()

    def check_tenant(self):
        tenant = self.item.values.get("tenant")
        if tenant is None:
            if not self.params or str(self.params[0]) != "organization_id int8":
                raise self.item.problem(
                    "the first parameter must be 'organization_id int8' (or say '-- tenant: no (reason)')", "params")
        elif not re.fullmatch(r"no \(.{3,}\)", tenant):
            raise self.item.problem("write '-- tenant: no (reason)'", "tenant")

    def check_prepare(self):
        prepare = self.item.values.get("prepare")
        if prepare is not None and not re.fullmatch(r"no \(.{3,}\)", prepare):
            raise self.item.problem("write '-- prepare: no (reason)'", "prepare")
        if prepare is not None and self.lane == "write":
            raise self.item.problem("in the write lane all are prepared: its plans are for any values", "prepare")

    def check_group(self):
        if self.many is not None and self.lane == "read":
            raise self.item.problem("reads share a Sync anyway: 'group:' is for the write lane", "group")

    def check_many(self, many):
        if many is None or many.lane != self.lane:
            raise self.item.problem(f"group: there is no statement '{self.many}' in the write lane", "group")
        wanted = [field.type + "[]" for field in self.params]
        if [field.type for field in many.params] != wanted:
            raise self.item.problem(f"group: {self.many} must take arrays of the same: {', '.join(wanted)}", "group")
        if many.columns != self.columns + [Field("n", "int8", False)]:
            raise self.item.problem(f"group: {self.many} must have the same columns, and 'n int8'", "group")

    def check_found(self):
        names = [column.name for column in self.columns]
        if self.found is not None and self.found not in names:
            raise self.item.problem(f"found: there is no column '{self.found}'", "found")
        if self.wrote is not None and f"{self.wrote} bool" not in map(str, self.columns):
            raise self.item.problem(f"wrote: there is no column '{self.wrote} bool'", "wrote")
        generated = {"found", "bind", "params"} | {f"{name}_is_null" for name in names}
        for name in names:
            if name in generated:
                raise self.item.problem(f"column {name}: the name is taken by a generated function", "columns")

    def check_placeholders(self):
        used = {int(text[1:]) for kind, text, _, _ in tokens(self.item, self.sql) if kind == "param"}
        for number in sorted(used):
            if not 1 <= number <= len(self.params):
                raise self.item.problem(f"${number} is used, but there are {len(self.params)} parameters", "params")
        for number, field in enumerate(self.params, 1):
            if number not in used:
                raise self.item.problem(f"parameter {field.name} (${number}) is not used in the SQL", "params")

    def check_words(self):
        before = ""
        for kind, text, depth, _ in tokens(self.item, self.sql):
            word = text.upper() if kind == "word" else ""
            if self.lane == "read" and word in WRITING:
                raise self.item.problem(f"{word} in the read lane: reads share a Sync and are sent again when lost", "lane")
            if text == "*" and depth == 0 and before in ("SELECT", "DISTINCT", "ALL", ".", ",", "RETURNING"):
                raise self.item.problem("name the columns: '*' changes with the schema")
            before = word or text


def field_type(c_type, name, pointer):
    if pointer and not c_type.endswith("*"):
        return f"const {c_type} *{name}"
    return f"{c_type}{'' if c_type.endswith('*') else ' '}{name}"


def header_params(statement):
    """struct NAME_params, NAME_bind() and NAME_PARAMS()."""
    name, upper = statement.name, statement.name.upper()
    if not statement.params:
        return [f"#define {upper}_PARAMS() ((struct params){{NULL, 0}})"]
    out = [f"struct {name}_params {{"]
    for field in statement.params:
        if field.type in ARRAYS:
            element = ARRAYS[field.type][1]
            pointer = f"{element}const *at" if element.endswith("*") else f"const {element} *at"
            out.append(f"\tstruct {{\n\t\t{pointer};\n\t\tsize_t count;\n\t}} {field.name};")
        else:
            note = " /* NULL: SQL NULL */" if field.nullable else ""
            out.append(f"\t{field_type(SCALARS[field.type][1], field.name, field.nullable)};{note}")
    out += ["};", "", f"static inline struct params {name}_bind(const struct {name}_params *in, struct param *out)", "{"]
    for index, field in enumerate(statement.params):
        out += bind(field, index)
    count = len(statement.params)
    out += [f"\treturn (struct params){{out, {count}}};", "}", "",
            f"#define {upper}_PARAMS(...) \\",
            f"\t{name}_bind(&(const struct {name}_params){{__VA_ARGS__}}, (struct param[{count}]){{{{0}}}})"]
    return out


def bind(field, index):
    target = f"\tout[{index}] = (struct param){{.type = {field.enum}"
    if field.type in ARRAYS:
        return [f"{target}, .array = {{in->{field.name}.at, in->{field.name}.count}}}};"]
    _, c_type, member = SCALARS[field.type]
    if c_type.endswith("*"):
        null = f", .null = !in->{field.name}" if field.nullable else ""
        return [f"{target}{null}, .text = in->{field.name}}};"]
    if not field.nullable:
        return [f"{target}, .{member} = in->{field.name}}};"]
    return [f"{target}, .null = !in->{field.name}}};", f"\tif (in->{field.name})",
            f"\t\tout[{index}].{member} = *in->{field.name};"]


def header_columns(statement):
    """Column numbers and typed accessors."""
    name, upper = statement.name, statement.name.upper()
    if not statement.columns:
        return []
    out = ["enum {"] + [f"\t{upper}_{column.name.upper()}," for column in statement.columns] + ["};", ""]
    where = "(const struct rows *rows, size_t row)"
    for column in statement.columns:
        at = f"rows, row, {upper}_{column.name.upper()}"
        if column.type in ARRAYS:
            result, function, cast = "struct rows_array ", "rows_array", ""
        else:
            result, function, cast = ACCESSORS[column.type]
        out += [f"static inline {result}{name}_{column.name}{where}", "{", f"\treturn {cast}{function}({at});", "}",
                f"static inline bool {name}_{column.name}_is_null{where}", "{", f"\treturn rows_null({at});", "}"]
    if statement.found:
        at = f"rows, row, {upper}_{statement.found.upper()}"
        out += ["/* Whether the row has what the statement looked for. */",
                f"static inline bool {name}_found{where}", "{", f"\treturn row < rows->count && !rows_null({at});", "}"]
    return out


def header(statements, include):
    out = ["/* Generated by db/queries/generate.py from the .sql files. Do not edit. */", "#pragma once",
           '#include "db/rows.h"', ""]
    for statement in statements:
        out += [f"/* {statement.item.path}:{statement.item.line} */", f"extern const struct statement {statement.name.upper()};"]
        out += header_params(statement) + header_columns(statement) + [""]
    return "\n".join(out)


def c_string(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("?", "\\?")


def specs(kind, statement, fields):
    if not fields:
        return []
    out = [f"static const struct {kind}_spec {statement.name}_{kind}s_spec[] = {{"]
    out += [f'\t{{"{field.name}", {field.enum}, {"true" if field.nullable else "false"}}},' for field in fields]
    return out + ["};"]


def source(statements, include):
    out = ["/* Generated by db/queries/generate.py from the .sql files. Do not edit. */", f'#include "{include}"', ""]
    for index, statement in enumerate(statements):
        out += specs("param", statement, statement.params) + specs("column", statement, statement.columns)
        lines = statement.sql.splitlines()
        out += [f"const struct statement {statement.name.upper()} = {{", f'\t.name = "{statement.name}",', "\t.sql ="]
        out += [f'\t\t"{c_string(line)}\\n"' for line in lines[:-1]] + [f'\t\t"{c_string(lines[-1])}",']
        out += [f"\t.lane = LANE_{statement.lane.upper()},", f"\t.index = {index},",
                f"\t.param_count = {len(statement.params)},", f"\t.column_count = {len(statement.columns)},"]
        for role, name in (("found", statement.found), ("wrote", statement.wrote)):
            at = next((i for i, column in enumerate(statement.columns) if column.name == name), "STATEMENT_NO_COLUMN")
            out += [f"\t.{role} = {at},"]
        out += ["\t.unprepared = true,"] if "prepare" in statement.item.values else []
        out += [f"\t.many = &{statement.many.upper()},"] if statement.many else []
        out += [f"\t.params = {statement.name}_params_spec,"] if statement.params else []
        out += [f"\t.columns = {statement.name}_columns_spec,"] if statement.columns else []
        out += ["};", ""]
    out += ["const struct statement *const statements[] = {"]
    out += [f"\t&{statement.name.upper()}," for statement in statements]
    out += ["};", "const size_t statement_count = sizeof(statements) / sizeof(statements[0]);", ""]
    return "\n".join(out)


def load(paths, root):
    items = []
    for path in sorted(paths):
        items += read_items(path, os.path.relpath(path, root))
    seen = {}
    for item in items:
        if item.name in seen:
            raise item.problem(f"the name is taken by {seen[item.name].path}:{seen[item.name].line}")
        seen[item.name] = item
    fragments = {item.name: item for item in items if item.kind == "fragment"}
    statements = [Statement(item, fragments) for item in items if item.kind == "statement"]
    by_name = {statement.name: statement for statement in statements}
    for statement in statements:
        if statement.many is not None:
            statement.check_many(by_name.get(statement.many))
    if not statements:
        raise Problem(os.path.relpath(paths[0], root), 1, "no statement at all")
    return sorted(statements, key=lambda statement: statement.name)


def write(path, text):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description="SQL files -> statement registry in C")
    parser.add_argument("--header", required=True, help="the header to write")
    parser.add_argument("--source", required=True, help="the C file to write")
    parser.add_argument("--include", required=True, help="how the C file includes the header")
    parser.add_argument("--root", default=".", help="messages name the files relative to it")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    try:
        statements = load(arguments.files, arguments.root)
    except Problem as problem:
        sys.exit(str(problem))
    write(arguments.header, header(statements, arguments.include))
    write(arguments.source, source(statements, arguments.include))


if __name__ == "__main__":
    main()
