#!/usr/bin/env python3
"""Measures what it costs to observe the application's connections (health.observe), beside `observe: off`. See README.md.

Needs what `cmake --preset bench && cmake --build --preset bench` makes, and root: it measures in a network namespace of
its own, where no connection is that is not its own, and few stay in TIME_WAIT. Exit status 1 if something could not be
measured.
"""
import argparse
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import peers_machine
from peers_process import Child, Failure, Program, ask, die_with_parent_on, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "api.bench.local"
MEMBERS = [f"127.0.0.{host}" for host in range(11, 19)]
OTHERS = [f"127.0.0.{host}" for host in range(31, 35)]


@dataclasses.dataclass(frozen=True)
class Case:
    title: str
    members: int = 0  # thousands of connections a second
    others: int = 0


CASES = [Case("no connections"), Case("members", members=20), Case("others", others=20),
         Case("members and others", members=20, others=20)]


CLONE_NEWNET = 0x40000000


def enter_own_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise Failure(f"no network namespace of its own: {os.strerror(ctypes.get_errno())} (run it as root)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/tcp_max_tw_buckets").write_text("1000", encoding="ascii")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="each measures every row (%(default)s)")
    parser.add_argument("--scale", type=float, default=1.0, help="of all rates (%(default)s)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the preset bench")
    parser.add_argument("--taskdns", type=pathlib.Path, help="another binary than the build's")
    arguments = parser.parse_args()
    arguments.taskdns = arguments.taskdns or arguments.build / "daemon" / "taskdns"
    arguments.program = arguments.build / "tests" / "bench" / "bench_observed_connections"
    for program in (arguments.taskdns, arguments.program):
        if not program.exists():
            parser.error(f"{program} does not exist: cmake --preset bench && cmake --build --preset bench")
    return arguments


def cpu_seconds(pid):
    """Of all threads, user and system."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    return int(peers_machine.first_match(f"/proc/{pid}/status", r"^VmRSS:\s+(\d+)", "0"))


@dataclasses.dataclass
class Result:
    seconds: float
    made_members: int
    made_others: int
    failed: int
    counted: int  # of made_members, by the daemon; those of which no event came are missing
    daemon_cpu: float  # seconds
    load_cpu: float
    resident: int


class Measurement:
    """One daemon, from its start to its end."""

    def __init__(self, arguments, folder, observe):
        self.arguments = arguments
        self.folder = folder
        self.observe = observe
        self.ports = {"member": free_port(), "other": free_port(), "dns": free_port(), "http": free_port()}
        self.asking = threading.Event()

    def config(self):
        return "\n".join([
            "log: {level: info}",
            f"listen: {{dns: ['127.0.0.1:{self.ports['dns']}'], http: ['127.0.0.1:{self.ports['http']}']}}",
            "upstream: {servers: ['127.0.0.1:9']}", "services:",
            f"  - {{name: {NAME}, source: static, port: {self.ports['member']}, addresses: [{', '.join(MEMBERS)}],",
            f"     health: {{check: none, observe: {self.observe}}}}}"]) + "\n"

    def start(self, stack):
        config = self.folder / "taskdns.yaml"
        config.write_text(self.config(), encoding="ascii")
        argv = [str(self.arguments.taskdns), "--config", str(config)]
        program = Program("taskdns", self.folder, argv, self.ports["dns"], len(MEMBERS))
        child = stack.enter_context(Child(program, None))
        child.wait_until_it_answers([NAME])
        asker = threading.Thread(target=self.ask_on, daemon=True)  # the name is in use
        asker.start()
        stack.callback(asker.join)
        stack.callback(self.asking.set)
        return child

    def ask_on(self):
        while not self.asking.wait(0.5):
            ask(self.ports["dns"], NAME)

    def counted(self):
        url = f"http://127.0.0.1:{self.ports['http']}/v1/services/{NAME}"
        with urllib.request.urlopen(url, timeout=5) as reply:
            service = json.load(reply)
        return sum(endpoint["connections"]["answered"] for endpoint in service["endpoints"] if endpoint["connections"])

    def load(self, case):
        """What bench_observed_connections says."""
        members = [f"{address}:{self.ports['member']}" for address in MEMBERS]
        others = [f"{address}:{self.ports['other']}" for address in OTHERS]
        scale = 1000 * self.arguments.scale
        command = [self.arguments.program, "--members", *members, "--others", *others, "--seconds",
                   self.arguments.seconds, "--member-rate", scale * case.members, "--other-rate", scale * case.others]
        try:
            done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=self.arguments.seconds + 30, check=False,
                                  preexec_fn=die_with_parent_on(None))
        except subprocess.TimeoutExpired as expired:
            raise Failure("bench_observed_connections did not end") from expired
        if done.returncode != 0:
            raise Failure(f"bench_observed_connections: {done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout)

    def run(self, case):
        with contextlib.ExitStack() as stack:
            child = self.start(stack)
            time.sleep(1.5)  # one dump has been made
            before = cpu_seconds(child.pid)
            made = self.load(case)
            used = cpu_seconds(child.pid) - before
            time.sleep(0.5)  # what is still queued
            return Result(made["seconds"], made["members"], made["others"], made["failed"], self.counted(), used,
                          made["cpu_seconds"], resident_kib(child.pid))


def median(values):
    return sorted(values)[len(values) // 2]


def row(case, observe, results):
    """Medians of the rounds."""
    made = [result.made_members + result.made_others for result in results]
    rate = median([total / result.seconds for total, result in zip(made, results)])
    cpu = median([100 * result.daemon_cpu / result.seconds for result in results])
    events = [result.made_members for result in results]
    each = median([1e6 * result.load_cpu / total if total else 0 for total, result in zip(made, results)])
    per_event = median([1e3 * 1e3 * result.daemon_cpu / count if count else 0
                        for count, result in zip(events, results)])
    lost = median([100 * (1 - result.counted / count) if count else 0 for count, result in zip(events, results)])
    failed = sum(result.failed for result in results)
    measured = observe == "auto" and case.members > 0
    return (f"{case.title:<20}{observe:<9}{rate:>9.0f}{cpu:>8.1f}"
            + (f"{per_event:>12.2f}{lost:>8.2f}" if measured else f"{'':>12}{'':>8}")
            + (f"{each:>12.2f}" if sum(made) else f"{'':>12}")
            + f"{median([result.resident for result in results]) / 1024:>8.1f}{failed:>8}")


HEAD = ("connections         observe    made/s   CPU %  ms per 1000  lost %     each us  RSS MB  failed\n"
        "CPU: of one core, the daemon's. ms per 1000: of it, for 1,000 connections to members. lost: of these, without\n"
        "an event. each: CPU of client and server for one connection, which pays for making the event.")


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the with statements end the servers
    enter_own_network()
    results = {}
    for number in range(arguments.rounds):
        for case in CASES:
            for observe in ("auto", "off"):
                print(f"round {number + 1} of {arguments.rounds}: {case.title}, {observe}", file=sys.stderr, flush=True)
                with tempfile.TemporaryDirectory(prefix="taskdns-observed-") as folder:
                    result = Measurement(arguments, pathlib.Path(folder), observe).run(case)
                results.setdefault((case, observe), []).append(result)
    command = (f"tests/bench/observed_cost.py --rounds {arguments.rounds} --seconds {arguments.seconds:g} "
               f"--scale {arguments.scale:g}")
    print("\n".join([*peers_machine.describe(arguments.taskdns, command), "", HEAD]))
    for (case, observe), measured in results.items():
        print(row(case, observe, measured))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as stop:
        sys.exit(f"observed_cost: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)
