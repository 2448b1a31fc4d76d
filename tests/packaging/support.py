"""What the tests of packaging/ share: where things are, and the Python that has what they need."""
import copy
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build" / "python" / "bin" / "python"
ECS = ROOT / "packaging" / "ecs"
WAYS = ["managed", "init", "exec", "http"]
DIGEST = "sha256:" + "0" * 64
GONE = object()  # as a value of `changed`: takes the key away


def use_environment():
    """Goes on in build/python, or ends with what makes it."""
    if pathlib.Path(sys.prefix) != PYTHON.parents[1]:
        if not PYTHON.exists():
            sys.exit(f"{sys.argv[0]}: {PYTHON} is not there: run packaging/python_environment.sh")
        os.execv(PYTHON, [str(PYTHON), "-B", *sys.argv])
    sys.path.insert(0, str(ROOT / "packaging"))


def taskdns_of_arguments():
    """The path of the program, which ctest gives as the first argument; unittest gets the rest."""
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(f"usage: {sys.argv[0]} TASKDNS [TEST...]: the program is needed")
    return sys.argv.pop(1)


def template(name):
    return json.loads((ECS / f"{name}.json").read_text(encoding="utf-8"))


def changed(raw, changes):
    """A copy with some values changed. {"taskdns/healthCheck/interval": 30}: a first word that is the name of a container is that."""
    copied = copy.deepcopy(raw)
    for path, value in changes.items():
        *way, last = path.split("/")
        place = copied
        for word in way:
            containers = [c for c in place.get("containerDefinitions", []) if c.get("name") == word] if place is copied else []
            place = containers[0] if containers else place.setdefault(word, {})
        if value is GONE:
            del place[last]
        else:
            place[last] = value
    return copied
