"""The unit of an unpacked package: what systemd says of it, and what its command line does in its sandbox."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import urllib.request

import sandbox
from support import FAILURES, expect, expect_equal, output, run

UNIT = "usr/lib/systemd/system/taskdns.service"
USER = 61184  # the first that systemd gives to a service with DynamicUser
# version.bind CH TXT
QUESTION = bytes.fromhex("123401000001000000000000") + b"\x07version\x04bind\x00" + bytes.fromhex("00100003")


def documented(source, version):
    """docs/debian.md's score, and its rows of what is left open."""
    text = (source / "docs/debian.md").read_text(encoding="utf-8")
    scores = dict(re.findall(r"^\| [^|]*\(systemd (\d+)\) \| (\d+\.\d) \|$", text, re.MULTILINE))
    expect(version in scores, f"docs/debian.md has no score for systemd {version}")
    return scores.get(version, "0.0"), {
        name.replace("\\|", "|") for name in re.findall(r"^\| `([^`]+)` \| \d\.\d \|", text, re.MULTILINE)}


def check_unit(tree, source):
    """systemd has nothing to say of it, and finds it as tight as the documents say."""
    here = tree / "taskdns.service"  # the same, with the program where it has been unpacked
    here.write_text((tree / UNIT).read_text(encoding="utf-8").replace("/usr/bin/taskdns", f"{tree}/usr/bin/taskdns"),
                    encoding="utf-8")
    verified = run("systemd-analyze", "verify", "--man=no", here)
    expect(verified.returncode == 0 and not verified.stdout, f"systemd-analyze verify: {verified.stdout}")

    version = re.search(r"systemd (\d+)", output("systemd-analyze", "--version"))[1]
    score, left_open = documented(source, version)
    threshold = round(float(score) * 10)
    said = run("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={threshold}", tree / UNIT)
    expect(said.returncode == 0, f"systemd-analyze security: above {score}\n{said.stdout[-300:]}")
    expect_equal("exposure level", re.search(r"exposure level .*: (\d+\.\d)", said.stdout)[1], score)
    rows = json.loads(output("systemd-analyze", "security", "--offline=true", "--json=short", tree / UNIT))
    expect_equal("docs/debian.md: what is left open", left_open,
                 {row["name"] for row in rows if row["set"] is False and float(row["exposure"] or 0) > 0})


def ask(port=53):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.sendto(QUESTION, ("127.0.0.1", port))
        return client.recv(512)


class Notified:
    """systemd's end of sd_notify, at an abstract name, which a chroot does not hide."""

    def __init__(self):
        self.name = f"taskdns-package-{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name)
        self.socket.settimeout(10)

    def next(self):
        try:
            return self.socket.recv(4096).decode().split("\n")[0]
        except TimeoutError:
            return "nothing within 10 s"


@contextlib.contextmanager
def read_only(tree):
    """With the state's directory in it, which alone can be written."""
    state = tree / "var/lib/taskdns"
    state.mkdir(parents=True)
    output("mount", "--bind", tree, tree)
    try:
        output("mount", "--make-private", tree)
        output("mount", "-t", "tmpfs", "-o", "mode=0777", "tmpfs", state)
        output("mount", "-o", "remount,bind,ro", tree)
        yield tree
    finally:
        output("umount", "--recursive", tree)


def maps_all_users():
    """Not so in a user namespace of one user, where nobody can become another."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() == ["0", "0", "4294967295"]


def check_start(tree, static):
    """With the packaged configuration, as another user, in a read-only root that holds nothing but the package. A
    program that needs libraries stays where they are, and who it is."""
    unit = sandbox.Unit((tree / UNIT).read_text(encoding="utf-8"))
    if static:
        with read_only(tree) as root:
            check_service(unit, unit["ExecStart"].split(), root, USER if maps_all_users() else 0)
    else:
        command = [f"{tree}/usr/bin/taskdns", "run", "--config", f"{tree}/etc/taskdns/taskdns.yaml"]
        check_service(unit, command, "/", 0)


def check_service(unit, command, root, user):
    notified = Notified()
    with subprocess.Popen(command, preexec_fn=sandbox.become(unit, root, user), env={"NOTIFY_SOCKET": "@" + notified.name},
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as daemon:
        try:
            check_answers(daemon, notified, user)
        except OSError as error:
            expect(False, f"the service: {error}")
        finally:
            daemon.send_signal(signal.SIGTERM)
        expect_equal("told to stop", notified.next(), "STOPPING=1")
        log = daemon.communicate(timeout=10)[0]
    expect_equal("its exit status", daemon.returncode, 0)
    expect("error" not in log and not FAILURES, f"its log:\n{log}")


def check_answers(daemon, notified, user):
    expect_equal("the first notification", notified.next(), "READY=1")
    answer = ask()
    expect(answer[:2] == QUESTION[:2] and b"taskdns" in answer, f"version.bind: {answer!r}")
    with urllib.request.urlopen("http://127.0.0.1:8053/readyz", timeout=5) as reply:
        expect_equal("/readyz", reply.status, 200)
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as file:
        status = file.read()
    capabilities = dict(re.findall(r"^Cap(\w+):\t0*(\w+)$", status, re.MULTILINE))
    # The unit gives it the right to bind low ports. No child would have it: it clears the ambient set itself. The other sets stay as
    # they are, since the unit's filter does not have capset().
    expect_equal("its capabilities", set(capabilities.items()),
                 {("Inh", "400"), ("Prm", "400"), ("Eff", "400"), ("Bnd", "400"), ("Amb", "0")})
    expect_equal("its user", re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)[1], str(user))
    expect_equal("its system call filter", re.search(r"^Seccomp:\t(\d)", status, re.MULTILINE)[1], "2")
    daemon.send_signal(signal.SIGHUP)
    expect_equal("told to reload", notified.next(), "RELOADING=1")
    expect_equal("having reloaded", notified.next(), "READY=1")
