"""The task and the VPC of clients_test.py: two network namespaces, backends, taskdns on 127.0.0.1:53, its clients.

enter() first: it starts the calling script again in a network namespace and a mount namespace of its own, where
cover_resolver_settings() makes /etc/resolv.conf name taskdns alone. Nothing is left behind: the namespaces end with their processes, and those with us.

  task: 10.0.1.5/24 ──── vpc: 10.0.1.1, the registry; 10.0.1.x, the backends
"""
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing
import urllib.request

PYTHON = "/usr/bin/python3"  # the one that apt's modules belong to
INSIDE = "TASKDNS_CLIENTS_INSIDE"
PDEATHSIG = 1
HERE = pathlib.Path(__file__).resolve().parent
RESOLV_CONF = "nameserver 127.0.0.1\nsearch ec2.internal\n"


def _works(*command):
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def enter():
    """Returns inside only; until then the script has done nothing, since it begins anew there."""
    if INSIDE not in os.environ:
        user = [] if _works("unshare", "--net") else ["--user", "--map-root-user"]
        # In a chroot / is no mount of its own, and cannot be made private.
        propagation = "private" if _works("unshare", *user, "--mount") else "unchanged"
        command = ["unshare", *user, "--net", "--mount", "--propagation", propagation]
        if not _works(*command):
            sys.exit("clients_test: network namespaces need root with CAP_SYS_ADMIN and CAP_NET_ADMIN, or user namespaces "
                     "for everybody (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
                     "kernel.apparmor_restrict_unprivileged_userns=0)")
        os.environ[INSIDE] = "1"
        os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])


def cover_resolver_settings(directory):
    cover("/etc/resolv.conf", RESOLV_CONF, directory)
    cover("/etc/nsswitch.conf", "hosts: files dns\n", directory)  # a desktop's keeps .local for multicast DNS


def cover(path, text, directory):
    """The file has this text, for us alone."""
    if not os.path.exists(path):
        return
    if _is_shared(path):
        sys.exit("clients_test: a chroot below a shared mount: bind it to itself first, mount --bind DIR DIR")
    copy = pathlib.Path(directory, os.path.basename(path))
    copy.write_text(text, encoding="utf-8")
    subprocess.run(["mount", "--bind", str(copy), path], check=True)


def _is_shared(path):
    with open(path, "rb") as file:
        info = pathlib.Path(f"/proc/self/fdinfo/{file.fileno()}").read_text(encoding="utf-8")
    mount = next(line.split()[1] for line in info.splitlines() if line.startswith("mnt_id:"))
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        if line.split()[0] == mount:
            return " shared:" in line.partition(" - ")[0]
    return False


def die_with_parent():
    ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)


def ip(*commands, space=()):
    done = subprocess.run([*space, "ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=False,
                          capture_output=True)
    if done.returncode:
        sys.exit(f"clients_test: ip: {done.stderr}of\n" + "\n".join(commands))


class Vpc:
    """vpc.py in a namespace of its own, joined to ours by a veth pair."""

    def __init__(self, directory, ports, max_age, http, grpc, nobody):
        """`http` and `grpc`: the addresses that listen there. `nobody`: one that refuses."""
        self.log = open(pathlib.Path(directory, "vpc.log"), "wb")
        script = [PYTHON, "-B", str(HERE / "vpc.py"), *map(str, ports), str(max_age * 1000), *http, "--", *grpc]
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", 'echo here; read _; exec "$@"', "sh", *script],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        preexec_fn=die_with_parent)
        self.expect("here")
        pid = self.process.pid
        space = ["nsenter", "-t", str(pid), "-n"]
        ip("link set lo up", f"link add task type veth peer name vpc netns {pid}")
        ip("link set lo up", "link set vpc up", "addr add 10.0.1.1/24 dev vpc",
           *(f"addr add {a}/32 dev vpc" for a in [*http, *grpc, nobody]), space=space)
        ip("link set task up", "addr add 10.0.1.5/24 dev task", "route add default via 10.0.1.1")
        self.tell("go")

    def expect(self, word):
        lines = []
        while (line := self.process.stdout.readline().strip()) != word:
            if not line and self.process.poll() is not None:
                sys.exit("clients_test: vpc.py ended: " + pathlib.Path(self.log.name).read_text(encoding="utf-8"))
            lines.append(line)
        return lines

    def tell(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.expect("done")

    def silence(self, address):
        """What is sent there arrives nowhere: the task is told a link-layer address that nobody has."""
        ip(f"neigh replace {address} lladdr 02:00:00:00:00:01 dev task nud permanent")


class Taskdns:
    def __init__(self, binary, yaml, directory):
        self.binary, self.log = binary, open(pathlib.Path(directory, "taskdns.log"), "ab")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TASKDNS_")}
        self.environment |= {"TASKDNS_CONFIG_CONTENT": yaml, "TASKDNS_UPSTREAM": "10.0.1.1"}

    def start(self):
        """Returns the time of its start, once it is ready."""
        began = time.time()
        self.process = subprocess.Popen([self.binary], env=self.environment, stdout=self.log, stderr=self.log,
                                        preexec_fn=die_with_parent)
        deadline = time.time() + 10
        while not self._ready():
            if time.time() > deadline or self.process.poll() is not None:
                sys.exit("clients_test: taskdns is not ready: " + pathlib.Path(self.log.name).read_text(encoding="utf-8"))
            time.sleep(0.01)
        return began

    def _ready(self):
        try:
            with urllib.request.urlopen("http://127.0.0.1:8053/readyz", timeout=1) as reply:
                return reply.status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)

    def served(self, name):
        url = f"http://127.0.0.1:8053/v1/services/{name}"
        with urllib.request.urlopen(url, timeout=2) as reply:
            return {e["address"] for e in json.load(reply)["endpoints"] if e["served"]}

    def wait_without(self, wanted, limit):
        """`wanted`: name -> addresses. When each address was first not served any more, asked every 20 ms."""
        left, deadline = {}, time.time() + limit
        while time.time() < deadline:
            for name, addresses in wanted.items():
                served = self.served(name)
                for address in addresses - served - left.keys():
                    left[address] = time.time()
            if len(left) == sum(map(len, wanted.values())):
                return left
            time.sleep(0.02)
        sys.exit(f"clients_test: after {limit} s still served: "
                 + str({name: addresses - left.keys() for name, addresses in wanted.items()}))


class Request(typing.NamedTuple):
    ended: float  # since the epoch
    seconds: float
    address: str  # who answered; None: nobody
    error: str


class Client:
    """A program that makes ten requests a second and prints a line for each."""

    def __init__(self, name, argv, directory, environment=None):
        self.name = name
        file = str(pathlib.Path(directory, name.replace("/", "-")))
        self.out, self.err = pathlib.Path(file + ".out"), pathlib.Path(file + ".err")
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(argv, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, preexec_fn=die_with_parent)

    def requests(self):
        made = []
        for line in self.out.read_text(encoding="utf-8", errors="replace").splitlines():
            words = line.split(maxsplit=3)
            if len(words) == 4 and words[2] in ("ok", "error"):
                ok, seconds = words[2] == "ok", float(words[1])
                made.append(Request(float(words[0]) + seconds, seconds, words[3] if ok else None, None if ok else words[3]))
        return made

    def errors(self):
        return self.err.read_text(encoding="utf-8", errors="replace")

    def stop(self):
        self.process.kill()
        self.process.wait()
