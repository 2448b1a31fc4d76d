#!/usr/bin/env python3
"""Measures where closed-loop clients get their answers: taskdns's orders beside HAProxy as an L4 proxy. See README.md.

Four endpoints, one ten times slower. Needs what `cmake --preset bench && cmake --build --preset bench` makes, and
haproxy; packaging/bench.sh does it all. Exit status 1 if something could not be measured: a goal that is missed is
reported, no failure.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import balancing_table
import peers_machine
from peers_process import START_LIMIT, Child, Failure, Program, die_with_parent_on, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "api.bench.local"
ENDPOINTS = [f"127.0.0.{host}" for host in (11, 12, 13, 14)]  # the last one is slow
SLOWER = 10
PROXY = "127.0.0.21"


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured: taskdns names the endpoints in this order, or the proxy that has this algorithm."""
    title: str
    order: str = "round_robin"
    algorithm: str = ""


SUBJECTS = [Subject("taskdns, least_connections", order="least_connections"),
            Subject("taskdns, round_robin", order="round_robin"),
            Subject("HAProxy, leastconn", algorithm="leastconn"),
            Subject("HAProxy, roundrobin", algorithm="roundrobin")]


@dataclasses.dataclass(frozen=True)
class Case:
    key: str
    milliseconds: int  # that a request takes; at the slow endpoint SLOWER times that
    workers: int = 0   # requests that an endpoint serves at once; 0: as many as come


CASES = [Case("short", 5),  # thousands of requests a second: what they cost counts too
         Case("long", 20),  # where they go is all that counts
         Case("queues", 20, workers=16)]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="each visits every subject (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each visit, after its warm-up (%(default)s)")
    parser.add_argument("--warm-up", type=float, default=15.0, help="seconds; every visit begins anew (%(default)s)")
    parser.add_argument("--clients", type=int, default=64, help="requests under way (%(default)s)")
    parser.add_argument("--only", action="append", choices=[case.key for case in CASES], metavar="CASE",
                        help="only this one, may be repeated: %(choices)s")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks too")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench",
                        help="folder of the preset bench")
    parser.add_argument("--taskdns", type=pathlib.Path, help="another binary than the build's")
    arguments = parser.parse_args()
    arguments.taskdns = arguments.taskdns or arguments.build / "daemon" / "taskdns"
    arguments.programs = arguments.build / "tests" / "bench"
    ours = [arguments.programs / name for name in ("bench_balancing_clients", "bench_balancing_backends")]
    for program in (arguments.taskdns, *ours):
        if not program.exists():
            parser.error(f"{program} does not exist: cmake --preset bench && cmake --build --preset bench")
    return arguments


def wait_until_it_listens(child, address, port):
    limit = time.monotonic() + START_LIMIT
    while True:
        with socket.socket() as connection:
            if connection.connect_ex((address, port)) == 0:
                return
        if child.process.poll() is not None or time.monotonic() > limit:
            raise Failure(f"{child.server.key} does not listen on {address}:{port}; its log:\n{child.text()}")
        time.sleep(0.02)


def cpu_seconds(pid):
    """Of all threads, user and system."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError as error:
        raise Failure("a server has ended during the visit") from error
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.port = free_port()  # of all endpoints and of the proxy
        self.results = {}  # (case, title) -> results, one per round; None: not measured
        self.failures = []
        (folder / "names").write_text(NAME + "\n", encoding="ascii")

    def start(self, stack, key, argv, port):
        folder = self.folder / key
        folder.mkdir(exist_ok=True)
        return stack.enter_context(Child(Program(key, folder, [str(word) for word in argv], port), None))

    def start_backends(self, stack, case):
        slow = f"{ENDPOINTS[-1]}={case.milliseconds * SLOWER}"
        times = [f"{address}={case.milliseconds}" for address in ENDPOINTS[:-1]] + [slow]
        limit = ["--workers", case.workers] if case.workers else []
        program = self.arguments.programs / "bench_balancing_backends"
        child = self.start(stack, "backends", [program, "--port", self.port, *limit, *times], self.port)
        for address in ENDPOINTS:
            wait_until_it_listens(child, address, self.port)

    def start_proxy(self, stack, algorithm):
        config = self.folder / "haproxy.cfg"
        servers = [f"  server s{number} {address}:{self.port} check" for number, address in enumerate(ENDPOINTS)]
        config.write_text("\n".join([
            "global", "  nbthread 1", "  maxconn 4096", "defaults", "  mode tcp", "  timeout connect 5s",
            "  timeout client 30s", "  timeout server 30s", "listen proxy", f"  bind {PROXY}:{self.port}",
            f"  balance {algorithm}", *servers]) + "\n", encoding="ascii")
        child = self.start(stack, "haproxy", ["haproxy", "-db", "-f", config], self.port)
        wait_until_it_listens(child, PROXY, self.port)
        return child

    def start_taskdns(self, stack, subject):
        """The same for a proxy, which is the only address then: the clients look it up as often."""
        addresses = [PROXY] if subject.algorithm else ENDPOINTS
        port = free_port()
        config = self.folder / "taskdns.yaml"
        config.write_text("\n".join([
            "log: {level: info}", f"listen: {{dns: ['127.0.0.1:{port}'], http: []}}",
            "upstream: {servers: ['127.0.0.1:9']}", "services:",
            f"  - {{name: {NAME}, source: static, port: {self.port}, addresses: [{', '.join(addresses)}],",
            f"     health: {{check: tcp}}, answer: {{order: {subject.order}}}}}"]) + "\n", encoding="ascii")
        child = self.start(stack, "taskdns", [self.arguments.taskdns, "--config", config], port)
        child.server.records = len(addresses)
        child.wait_until_it_answers([NAME])
        return child

    def run_clients(self, dns_port, children):
        """What the clients measured, and the CPU time that `children` had meanwhile."""
        arguments = self.arguments
        command = [arguments.programs / "bench_balancing_clients", "--dns-port", dns_port, "--port", self.port,
                   "--names", self.folder / "names", "--clients", arguments.clients, "--seconds", arguments.seconds,
                   "--warm-up", arguments.warm_up]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent_on(None)) as clients:
            try:
                time.sleep(arguments.warm_up)
                before = sum(cpu_seconds(child.pid) for child in children)
                out, errors = clients.communicate(timeout=arguments.seconds + 20)
                used = sum(cpu_seconds(child.pid) for child in children) - before
            except subprocess.TimeoutExpired as expired:
                raise Failure("bench_balancing_clients did not end") from expired
            finally:
                clients.kill()  # nothing to one that has ended; else leaving `with` would wait for it
            if clients.returncode != 0:
                raise Failure(f"bench_balancing_clients: {errors.strip()[-2000:]}")
        result = json.loads(out.splitlines()[-1])
        result["cpu_us"] = used * 1e6 / max(result["requests"], 1)
        return result

    def visit(self, subject):
        """Everything begins anew: nothing learnt before helps, and no connection of before is in the way."""
        with contextlib.ExitStack() as stack:
            proxy = [self.start_proxy(stack, subject.algorithm)] if subject.algorithm else []
            resolver = self.start_taskdns(stack, subject)
            result = self.run_clients(resolver.server.port, [resolver, *proxy])
        if result["requests"] == 0 or result["failures"] > 0.001 * result["requests"]:
            raise Failure(f"{result['requests']} requests, {result['failures']} failures")
        return result

    def measure(self, case):
        with contextlib.ExitStack() as stack:
            self.start_backends(stack, case)
            for number in range(self.arguments.rounds):
                turn = number % len(SUBJECTS)
                results = {}
                for subject in SUBJECTS[turn:] + SUBJECTS[:turn]:
                    name = f"{case.key}: round {number + 1} of {self.arguments.rounds}, {subject.title}"
                    print(name, file=sys.stderr, flush=True)
                    try:
                        results[subject] = self.visit(subject)
                    except Failure as failure:
                        self.failures.append(f"{name}: {failure}")
                        print(self.failures[-1], file=sys.stderr)
                for subject in SUBJECTS:
                    self.results.setdefault((case, subject.title), []).append(results.get(subject))


def describe(arguments):
    """Lines for the head of the table."""
    only = "".join(f" --only {key}" for key in arguments.only or [])
    command = (f"tests/bench/balancing.py --rounds {arguments.rounds} --seconds {arguments.seconds:g} "
               f"--warm-up {arguments.warm_up:g} --clients {arguments.clients}{only}")
    lines = peers_machine.describe(arguments.taskdns, command)
    taskdns = peers_machine.version_of([str(arguments.taskdns), "version"])
    versions = f"Versions: taskdns {taskdns}, HAProxy {peers_machine.version_of(['haproxy', '-v'])}"
    return [versions if line.startswith("Versions:") else line for line in lines]


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the with statements end the servers
    with tempfile.TemporaryDirectory(prefix="taskdns-balancing-") as folder:
        run = Run(arguments, pathlib.Path(folder))
        for case in CASES:
            if case.key in (arguments.only or [case.key]):
                run.measure(case)
    text = balancing_table.table(describe(arguments), arguments, run.results, run.failures)
    print(text, end="")
    if arguments.write:
        (ROOT / "docs" / "benchmarks" / "least_connections.txt").write_text(text, encoding="utf-8")
        print("written: docs/benchmarks/least_connections.txt")
    return 1 if run.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as stop:
        sys.exit(f"balancing: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)
