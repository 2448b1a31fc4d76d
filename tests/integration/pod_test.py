#!/usr/bin/env python3
"""taskdns in an ECS task: an application that was not changed, a sidecar, one resolv.conf; a VPC beside it.

Usage, as root: pod_test.py BINARY SOURCE [--world podman|namespaces] [--only SCENARIO]
BINARY is the static taskdns; the variable TASKDNS_BINARY wins. Where containers can run they are podman's, and the image
is built and looked at; where they cannot, this says so, and the same is asserted in network and mount namespaces.
Everything is removed afterwards.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pod_image_checks
import pod_images
import pod_namespaces
import pod_podman
from pod_image_checks import Wrong, check
from pod_images import BACKENDS, ORIGINAL_RESOLV_CONF, SERVICE

HTTP = {"TASKDNS_SERVICES": f"{SERVICE}:{pod_images.BACKEND_PORT}"}
ROUNDS = 24


def wait_until(limit, what, condition):
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"not within {limit} s: {what}")
        time.sleep(0.05)


def in_network(pid, *command):
    done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *command], capture_output=True, text=True,
                          check=False)
    check(done.returncode == 0, f"ip {' '.join(command)}: {done.stderr}")


def join_networks(task, vpc):
    """One subnet, as a task has it with the services of its VPC."""
    in_network(task, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(vpc))
    in_network(task, "address", "add", f"{pod_images.TASK}/24", "dev", "eth0")
    for address in (pod_images.RESOLVER, pod_images.ZONE_SERVER, *BACKENDS.values()):
        in_network(vpc, "address", "add", f"{address}/24", "dev", "eth0")
    for pid in (task, vpc):
        in_network(pid, "link", "set", "lo", "up")
        in_network(pid, "link", "set", "eth0", "up")


def name_servers(text):
    return re.findall(r"^nameserver (\S+)$", text, re.MULTILINE)


class Task:
    """The application in its task, and what it sees."""

    def __init__(self, world):
        self.world = world
        self.resolv_conf = world.folder / "resolv.conf"
        self.resolv_conf.write_text(ORIGINAL_RESOLV_CONF)
        join_networks(*world.make_networks(self.resolv_conf))
        vpc = world.folder / "vpc"
        self.zone_server = world.start("zone", "vpc", ["knotd", "-c", f"{vpc}/knot.conf"], image="vpc")
        self.resolver = world.start("resolver", "vpc", ["unbound", "-d", "-c", f"{vpc}/unbound.conf"], image="vpc")
        self.backends = {name: world.start(name, "vpc", ["busybox", "httpd", "-f", "-p",
                                                         f"{address}:{pod_images.BACKEND_PORT}", "-h", f"{vpc}/{name}"])
                         for name, address in BACKENDS.items()}
        self.application = world.start("application", "task", ["sleep", "600"])
        wait_until(10, "the VPC resolver answers the application",
                   lambda: self.look_up("getent hosts database.local").startswith("10.0.1.99"))

    def look_up(self, command):
        return self.application.execute("sh", "-c", command).stdout

    def first_addresses(self, application=None):
        """Of many look-ups, what the application would connect to: getaddrinfo's first."""
        done = (application or self.application).execute(
            "sh", "-c", f"i=0; while [ $i -lt {ROUNDS} ]; do getent ahostsv4 {SERVICE} | {{ read -r first rest; "
            "echo $first; }; i=$((i+1)); done")
        return collections.Counter(done.stdout.split())

    def seen_resolv_conf(self):
        return self.application.execute("cat", "/etc/resolv.conf").stdout

    def sidecar(self, name, user, environment=None, **options):
        container = self.world.start_taskdns(name, [], user=user, environment={**HTTP, **(environment or {})}, **options)
        inside = self.world.taskdns_inside
        try:
            wait_until(10, f"{name} is ready", lambda: container.execute(inside, "healthcheck").returncode == 0)
        except Wrong as problem:
            raise Wrong(f"{problem}; it wrote:\n{container.logs()}") from None
        return container

    def run_taskdns(self, name, *arguments):
        """A container that ends, such as ECS's init containers; as root."""
        container = self.world.start_taskdns(name, list(arguments))
        status = container.wait()
        check(status == 0, f"taskdns {' '.join(arguments)}: exit status {status}; it wrote:\n{container.logs()}")
        container.remove()

    def expect_rotation(self, application=None):
        alive = {BACKENDS[name] for name in self.backends}
        counts = self.first_addresses(application)
        check(set(counts) == alive, f"first addresses {dict(counts)}, not each of {sorted(alive)}")
        fewest, most = min(counts.values()), max(counts.values())
        check(most - fewest <= 2, f"first addresses are not even: {dict(counts)}")
        hosts = self.look_up(f"getent hosts {SERVICE}").split()[0]
        check(hosts in alive, f"getent hosts {SERVICE}: {hosts}")
        page = (application or self.application).execute(
            "sh", "-c", f"busybox wget -qO- http://$(getent ahostsv4 {SERVICE} | {{ read -r first rest; echo $first; }})"
            f":{pod_images.BACKEND_PORT}/").stdout.strip()
        check(page in self.backends, f"the application got {page!r} from a backend")
        return dict(counts)

    def expect_gone_when_killed(self, name, application=None):
        killed = time.monotonic()
        self.backends.pop(name).kill()
        wait_until(8, f"{name} leaves the answers",
                   lambda: BACKENDS[name] not in (seen := self.first_addresses(application)) and seen)
        return f"{time.monotonic() - killed:.1f} s after it was killed, {name} is in none of {ROUNDS} answers"

    def expect_managed(self, servers):
        text = self.seen_resolv_conf()
        check(name_servers(text) == servers, f"name servers {name_servers(text)}, not {servers}, in:\n{text}")
        for line in (f"search {pod_images.SEARCH}", "options timeout:2"):
            check(line in text.splitlines(), f"no line {line!r} in:\n{text}")

    def expect_original(self):
        check(self.resolv_conf.read_text() == ORIGINAL_RESOLV_CONF == self.seen_resolv_conf(),
              f"resolv.conf is not the original again:\n{self.seen_resolv_conf()}")


def root_sidecar(task):
    """`resolv_conf: manage` as root."""
    sidecar = task.sidecar("sidecar-root", "0", {"TASKDNS_CONFIG_CONTENT": "resolv_conf: {manage: true}"})
    task.expect_managed(["127.0.0.1"])
    yield f"rotates: {task.expect_rotation()}"
    yield task.expect_gone_when_killed("backend-1")
    status = sidecar.stop()
    check(status == 0, f"the sidecar ended with {status}:\n{sidecar.logs()}")
    task.expect_original()
    sidecar.remove()


def init_container(task):
    """`resolv-conf apply` by a root init container; the sidecar is user 65532, read-only, without capabilities."""
    task.run_taskdns("init", "resolv-conf", "apply")
    task.expect_managed(["127.0.0.1"])
    sidecar = task.sidecar("sidecar-65532", "65532", confined=True, capabilities=["NET_BIND_SERVICE"])
    yield f"rotates: {task.expect_rotation()}"
    check(task.look_up("getent hosts database.local").startswith("10.0.1.99"), "other names are not forwarded")
    yield task.expect_gone_when_killed("backend-2")
    check(sidecar.stop() == 0, f"the sidecar did not end well:\n{sidecar.logs()}")
    task.run_taskdns("restore", "resolv-conf", "restore")
    task.expect_original()
    sidecar.remove()


def shim(task):
    """`taskdns exec` in front of the application's command, in its own image; the sidecar is user 65532."""
    sidecar = task.world.start_taskdns("sidecar-of-shim", [], user="65532", environment=HTTP, confined=True,
                                       capabilities=["NET_BIND_SERVICE"])
    application = task.world.start(
        "application-with-shim", "task", [task.world.shim_inside, "exec", "--", "sh", "-c",
                                          f"getent hosts {SERVICE}; exec sleep 600"], image="shim")
    wait_until(15, "the application behind the shim has looked the service up",
               lambda: re.search(rf"^10\.0\.1\.1\d\s+{SERVICE}", application.logs(), re.MULTILINE))
    task.expect_managed(["127.0.0.1"])
    yield f"rotates: {task.expect_rotation(application)}"
    application.kill()
    application.remove()
    check(sidecar.stop() == 0, f"the sidecar did not end well:\n{sidecar.logs()}")
    task.run_taskdns("restore", "resolv-conf", "restore")
    task.expect_original()
    sidecar.remove()


def killed_sidecar(task):
    """kill -9 of a sidecar where resolv.conf has the fallback: the application goes on by the VPC resolver."""
    task.run_taskdns("init-fallback", "resolv-conf", "apply", "--fallback")
    sidecar = task.sidecar("sidecar-killed", "65532", confined=True, capabilities=["NET_BIND_SERVICE"])
    task.expect_managed(["127.0.0.1", pod_images.RESOLVER])
    sidecar.kill()
    task.expect_managed(["127.0.0.1", pod_images.RESOLVER])
    before = time.monotonic()
    baseline = task.application.execute("true")
    overhead = time.monotonic() - before
    check(baseline.returncode == 0, "the application is gone")
    before = time.monotonic()
    found = task.look_up(f"getent ahostsv4 {SERVICE}").split()
    took = time.monotonic() - before
    check(found and found[0] in BACKENDS.values(), f"without the sidecar, getent says {found}")
    check(took < overhead + 1, f"the first look-up took {took:.3f} s")
    yield (f"first look-up after kill -9: {took * 1000:.0f} ms, of which entering the container, by one that does "
           f"nothing, takes {overhead * 1000:.0f} ms")
    task.run_taskdns("restore", "resolv-conf", "restore")
    task.expect_original()
    sidecar.remove()


SCENARIOS = (root_sidecar, init_container, shim, killed_sidecar)


def run(world, source, only):
    (world.folder / "vpc").mkdir()
    (world.folder / "vpc").chmod(0o755)
    pod_images.write_vpc_files(world.folder / "vpc")
    task = Task(world)
    for scenario in SCENARIOS if only is None else [one for one in SCENARIOS if one.__name__ == only]:
        began = time.monotonic()
        print(f"--- {scenario.__doc__.splitlines()[0]}")
        for line in scenario(task):
            print(f"    {line}")
        print(f"    ({time.monotonic() - began:.1f} s)", flush=True)
    for line in pod_image_checks.run(world, source):
        print(f"    {line}", flush=True)


def choose_world(wanted, folder, arguments):
    """podman where it really runs a container; the reason is said where it does not."""
    static = not pod_images.libraries_of(arguments.binary)
    if not static and wanted is None:
        print("NO IMAGE: it needs the static binary (TASKDNS_BINARY=build/release/daemon/taskdns). Without it:")
    if wanted == "podman" or (wanted is None and static):
        world = pod_podman.Podman(folder / "podman", arguments.binary)
        try:
            world.prepare(arguments.source)
            return world
        except BaseException as problem:
            world.close()
            if wanted == "podman" or not isinstance(problem, pod_podman.NoContainers):
                raise
            print(f"CONTAINERS CANNOT RUN HERE: {problem}\nThe same in network namespaces, without the image:")
    world = pod_namespaces.Namespaces(folder / "namespaces", arguments.binary)
    world.prepare(arguments.source)
    return world


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("--world", choices=["podman", "namespaces"])
    parser.add_argument("--only", choices=[one.__name__ for one in SCENARIOS])
    arguments = parser.parse_args()
    arguments.binary = pathlib.Path(os.environ.get("TASKDNS_BINARY", arguments.binary)).resolve()
    arguments.source = arguments.source.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is removed then, too
    folder = pathlib.Path(tempfile.mkdtemp(prefix="taskdns-pod."))
    for name in ("podman", "namespaces"):
        (folder / name).mkdir()
    world = None
    try:
        world = choose_world(arguments.world, folder, arguments)
        print(f"the task and its VPC: two {world.kind}s")
        run(world, arguments.source, arguments.only)
        print("all as documented")
        return 0
    except (Wrong, pod_images.Missing, pod_podman.Failed, pod_podman.NoContainers, pod_namespaces.Failed,
            subprocess.TimeoutExpired) as problem:
        print(f"FAILED: {problem}")
        return 1
    finally:
        if world:
            world.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
