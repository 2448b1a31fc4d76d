"""What the packaging tests share: running programs, what --help says, a daemon for completions."""

import re
import shutil
import socket
import subprocess
import time

FAILURES = []


def expect(right, message):
    """Notes a failure and goes on: one run shows all of them."""
    if not right:
        FAILURES.append(message)
        print(f"FAILED: {message}", flush=True)


def expect_equal(what, found, wanted):
    if isinstance(found, (set, frozenset)):
        missing, extra = sorted(wanted - found), sorted(found - wanted)
        expect(not missing and not extra, f"{what}: missing {missing}, too many {extra}")
    else:
        expect(found == wanted, f"{what}: is {found!r}, not {wanted!r}")


def finish(name):
    if FAILURES:
        raise SystemExit(f"{name}: {len(FAILURES)} of its expectations failed, see above")
    print(f"{name}: well")


def need(*programs):
    """A test fails where something that it needs is missing."""
    lacking = [program for program in programs if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if lacking:
        raise SystemExit(f"these programs are missing: {', '.join(lacking)} "
                         "(packaging/install_dependencies.sh packages)")


def run(*command, **options):
    """The outcome, with both outputs in .stdout."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True,
               "timeout": 60, **options}
    return subprocess.run([str(word) for word in command], check=False, **options)


def output(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


class Help:
    """What `taskdns ROUTE... --help` says."""

    def __init__(self, binary, *route):
        self.route = route
        self.text = output(binary, *route, "--help")
        self.commands = {line.split()[0] for line in self._items("subcommands")}
        self.options = {name for line in self._items("options") for name in line.split()[0].split(",")}

    def _items(self, section):
        """The lines of a section; what is further in continues an item."""
        match = re.search(rf"^{section}:\n((?:  .*\n)+)", self.text, re.MULTILINE | re.IGNORECASE)
        return re.findall(r"^  (\S.*)$", match[1], re.MULTILINE) if match else []


def all_helps(binary, *route):
    """Of the program, its commands, and theirs."""
    top = Help(binary, *route)
    yield top
    for command in sorted(top.commands):
        yield from all_helps(binary, *route, command)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def can_connect(port, host="127.0.0.1"):
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0
