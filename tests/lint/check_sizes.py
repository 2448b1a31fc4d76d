#!/usr/bin/env python3
"""No file grows beyond 400 lines (tests may): reports those above 300, fails on those above 400.

Usage: check_sizes.py [ROOT].
"""
import pathlib
import sys

FOLDERS = ["daemon", "packaging", "docker", ".ci", "tests/lint"]
SUFFIXES = {".cpp", ".hpp", ".in", ".py", ".sh", ".cmake", ".txt", ""}
ASK = 300
CEILING = 400


def sizes(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in SUFFIXES:
                yield path.relative_to(root), len(path.read_bytes().splitlines())


def check(root):
    """(lines to report, lines that fail)"""
    found = list(sizes(root))
    reports = [f"{path}: {lines} lines: is it still one thing?" for path, lines in found if ASK < lines <= CEILING]
    mistakes = [f"{path}: {lines} lines: split it, {CEILING} is the ceiling" for path, lines in found if lines > CEILING]
    return reports, mistakes


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    reports, mistakes = check(root)
    for line in reports + mistakes:
        print(line)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
