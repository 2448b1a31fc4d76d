#!/usr/bin/env python3
"""Holds README.md and docs/ against the tree: paths and links exist, folders, keys and variables are documented, and
each row of a table whose last column is "test" names tests that exist, and so does a table whose first is "fault".

Usage: check_docs.py [ROOT]. Exit status 1 and one line FILE:LINE: ... per mistake.
"""
import fnmatch
import json
import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# Only what begins with one of these is taken for a path of this repository.
PATH = re.compile(r"(?<![\w./-])((?:\./)?(?:daemon|tests|docs|packaging|config|docker|\.ci)/[\w./*{},<>-]*)")
# A test as GoogleTest names it: Suite.Name, or Prefix/Suite.Name/Row, perhaps with * for several.
TEST = re.compile(r"`((?:\w+/)?\w+\.\w+(?:/[\w*]+)?)`")
DEFINITION = re.compile(r"^TEST(?P<kind>|_F|_P)\(\s*(?P<suite>\w+),\s*(?P<name>\w+)\)|"
                        r"^INSTANTIATE_TEST_SUITE_P\(\s*(?P<prefix>\w+),\s*(?P<of>\w+),", re.MULTILINE)
ROW = re.compile(r"\w+Case\{\s*\"(\w+)\"")
WORD = re.compile(r"\"(\w+)\"")
VARIABLE = re.compile(r'"(TASKDNS_[A-Z_]+)"')


def documents(root):
    return [p for p in [root / "README.md", *sorted((root / "docs").rglob("*.md"))] if p.exists()]


def anchors(path):
    """Anchors of a document's headings, as GitHub makes them."""
    found = set()
    fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        fenced ^= line.lstrip().startswith("```")
        if line.startswith("#") and not fenced:
            title = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
            found.add(re.sub(r"[^\w\- ]", "", title).replace(" ", "-"))
    return found


def expand(pattern):
    """a/{b,c}.x -> a/b.x, a/c.x"""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    return [e for word in match[1].split(",") for e in expand(pattern[: match.start()] + word + pattern[match.end():])]


def path_exists(root, text):
    text = text.removeprefix("./").rstrip(".,")
    if "<" in text or ">" in text or text.count("{") != text.count("}"):  # a pattern for the reader, not a path
        return True
    return all(any(root.glob(one.rstrip("/"))) for one in expand(text))


def link_mistake(document, target):
    if re.match(r"[a-z]+:", target):
        return None
    file_part, _, anchor = target.partition("#")
    linked = (document.parent / file_part).resolve() if file_part else document
    if not linked.exists():
        return f"link to {target}, which does not exist"
    if anchor and linked.suffix == ".md" and anchor not in anchors(linked):
        return f"link to {target}: {linked.name} has no such heading"
    return None


def mistakes_of_document(root, document):
    name = document.relative_to(root)
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        for target in LINK.findall(line):
            mistake = link_mistake(document, target)
            if mistake:
                yield f"{name}:{number}: {mistake}"
        for path in PATH.findall(LINK.sub("", line)):
            if not path_exists(root, path):
                yield f"{name}:{number}: names {path}, which does not exist"


def tests_of_file(text):
    """The full names of the tests that a file defines: those of a table by its rows."""
    names, bodies = set(), {}
    found = list(DEFINITION.finditer(text))
    for match in found:
        if match["kind"] == "_P":
            bodies.setdefault(match["suite"], []).append(match["name"])
        elif match["suite"]:
            names.add(f"{match['suite']}.{match['name']}")
    for match, after in zip(found, [*found[1:], None]):
        if match["prefix"]:
            values = text[match.end(): after.start() if after else len(text)]
            rows = ROW.findall(values) or WORD.findall(values) or ["0"]  # without names they have numbers
            names |= {f"{match['prefix']}/{match['of']}.{body}/{row}"
                      for body in bodies.get(match["of"], []) for row in rows}
    return names


def tests_of_python(text):
    """Class.test_name, for each class of a file that unittest runs."""
    names, suite = set(), None
    for line in text.splitlines():
        if match := re.match(r"class (\w+)\(", line):
            suite = match[1]
        elif match := re.match(r"    def (test_\w+)\(", line):
            names.add(f"{suite}.{match[1]}")
    return names


def all_tests(root):
    readers = {"*_test.cpp": tests_of_file, "*_test.py": tests_of_python}
    return {name for pattern, read in readers.items() for p in (root / "tests").rglob(pattern)
            for name in read(p.read_text(encoding="utf-8"))}


def tested_cells(document):
    """The cells that must name tests, each with its line: the last column where that is "test", else those beside a "fault"."""
    head = None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells or head is None:
            head = cells or None
        elif set("".join(cells)) <= set("-: "):
            continue
        elif head[-1] == "test":
            yield number, cells[-1]
        elif head[0] == "fault":
            yield from ((number, cell) for cell in cells[1:] if cell != "-")


def missing_tests(root):
    known = all_tests(root)
    for document in documents(root):
        name = document.relative_to(root)
        for number, cell in tested_cells(document):
            tests = TEST.findall(cell)
            if not tests:
                yield f"{name}:{number}: names no test"
            for test in tests:
                if not fnmatch.filter(known, test):
                    yield f"{name}:{number}: names the test {test}, which does not exist"


def missing_folders(root):
    folders = sorted(p.name for p in (root / "daemon").iterdir() if p.is_dir())
    for document in (root / "README.md", root / "docs" / "architecture.md"):
        if document.exists():
            text = document.read_text(encoding="utf-8")
            for folder in folders:
                if not re.search(rf"\b{folder}\b", text):
                    yield f"{document.relative_to(root)}: does not name daemon/{folder}/ in its map"


def schema_keys(schema):
    """Every property name of a JSON Schema, wherever it stands."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for value in schema.values():
            yield from schema_keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from schema_keys(value)


def missing_settings(root):
    document = root / "docs" / "configuration.md"
    if not document.exists():
        return
    text = document.read_text(encoding="utf-8")
    schema = root / "config" / "taskdns.schema.json"
    keys = set(schema_keys(json.loads(schema.read_text(encoding="utf-8")))) if schema.exists() else set()
    for key in sorted(keys):
        if not re.search(rf"(?<!\w){re.escape(key)}(?!\w)", text):
            yield f"docs/configuration.md: does not document the key {key}"
    variables = {v for p in (root / "daemon").rglob("*.cpp") for v in VARIABLE.findall(p.read_text(encoding="utf-8"))}
    for variable in sorted(variables):
        if variable not in text:
            yield f"docs/configuration.md: does not document the variable {variable}"


def check(root):
    mistakes = [m for document in documents(root) for m in mistakes_of_document(root, document)]
    return mistakes + list(missing_folders(root)) + list(missing_settings(root)) + list(missing_tests(root))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    mistakes = check(root)
    print("\n".join(mistakes) if mistakes else "check_docs: every path, link, folder, key, variable and test is there")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
