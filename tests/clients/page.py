"""What clients_test.py reads in docs/clients.md: the recipes, which are what it runs, and the table of figures, which is
what it holds the clients to."""
import re

RECIPE = re.compile(r"^[ \t]*(?://|/\*|#) recipe(?: (?P<of>\w+))?(?: \*/)?\n(?P<text>.*?)^[ \t]*(?://|/\*|#) end of recipe",
                    re.MULTILINE | re.DOTALL)
LINK = re.compile(r"^\[(.+)\]\(.+\)$")


def sections(text):
    """Heading -> text below it."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def block(text, heading, language):
    """The first fenced block of this language below this heading."""
    found = re.search(rf"^```{language}\n(.*?)^```", sections(text)[heading], re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit(f"docs/clients.md: no block ```{language} below '## {heading}'")
    return found[1]


def recipes(source):
    """What stands between the marks of a program, as little indented as it can be."""
    for match in RECIPE.finditer(source):
        lines = match["text"].strip("\n").splitlines()
        indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        yield "\n".join(line[indent:] for line in lines).rstrip() + "\n"


def figures(text):
    """Client -> column -> cell, of both tables: the rows that begin with the same client are one."""
    found = {}
    titles = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else None
        if cells and titles and not set(cells[0]) <= set("-"):
            client = LINK.sub(r"\1", cells[0])
            found.setdefault(client, {}).update(zip(titles[1:], cells[1:]))
        elif not cells or not titles:
            titles = cells
    return found


def number(cell):
    """'0.5 s' -> 0.5; '2' -> 2.0"""
    return float(cell.split()[0])
