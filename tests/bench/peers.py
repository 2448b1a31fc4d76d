#!/usr/bin/env python3
"""Measures taskdns beside gdnsd, knot, unbound, dnsmasq and a bare responder, and prints a table. See README.md here.

Needs what `cmake --preset bench && cmake --build --preset bench` makes; packaging/bench.sh does it all. Exit status 1
if something could not be measured: a figure that misses its goal is reported, no failure.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import sys
import tempfile

import peers_machine
import peers_servers
from peers_process import Child, Failure, Load
from peers_rows import BARE, CELLS, Samples
from peers_svg import plot
from peers_table import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRONG_AT_MOST = 0.01  # of the answers: what is above is no measurement


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="each visits every server (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0,
                        help="of each measurement, warm-up included (%(default)s)")
    parser.add_argument("--starts", type=int, default=20, help="of each server (%(default)s)")
    parser.add_argument("--only", action="append", choices=[cell.key for cell in CELLS], metavar="ROW",
                        help="only this row, may be repeated: %(choices)s")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks too")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench",
                        help="folder of the preset bench")
    parser.add_argument("--taskdns", type=pathlib.Path, help="another binary than the build's")
    parser.add_argument("--server-cpu", type=int, default=0)
    parser.add_argument("--client-cpu", type=int, default=1)
    arguments = parser.parse_args()
    if not {arguments.server_cpu, arguments.client_cpu} <= os.sched_getaffinity(0):
        parser.error("server and client need a CPU each: --server-cpu, --client-cpu")
    if arguments.rounds < 1 or arguments.starts < 1 or arguments.seconds <= 0:
        parser.error("--rounds, --starts and --seconds are above 0")
    arguments.taskdns = arguments.taskdns or arguments.build / "daemon" / "taskdns"
    arguments.programs = arguments.build / "tests" / "bench"
    ours = [arguments.programs / name for name in ("bench_load", "bench_bare_responder")]
    for program in (arguments.taskdns, *ours):
        if not program.exists():
            parser.error(f"{program} does not exist: cmake --preset bench && cmake --build --preset bench")
    return arguments


class Run:
    def __init__(self, arguments, folder, stack):
        self.arguments = arguments
        self.folder = folder
        self.stack = stack
        self.load = Load(arguments.programs / "bench_load", arguments.client_cpu, arguments.server_cpu)
        self.children = {}  # by server's key; None: it did not start
        self.samples = Samples()
        self.failures = []

    def fail(self, words):
        """All of it, with a server's log, is for who runs this; its first line is for the table."""
        print(words, file=sys.stderr)
        first = words.splitlines()[0]
        if first not in self.failures:
            self.failures.append(first)

    def make_server(self, key, data=None, folder=None):
        """A configured server, not started."""
        forwarding = key.endswith("-forwarding")
        data = data or (peers_servers.FORWARDED if forwarding else peers_servers.SMALL)
        server = peers_servers.Server(key, self.folder / (folder or key).replace(" ", "-"), data)
        upstream = {"upstream": self.children["authority"].server.port} if forwarding else {}
        if server.program == "taskdns":
            peers_servers.taskdns(server, self.arguments.taskdns, **upstream)
        elif key == BARE:
            peers_servers.bare(server, self.arguments.programs / "bench_bare_responder")
        else:
            getattr(peers_servers, server.program)(server, **upstream)
        return server

    def start(self, server):
        child = self.stack.enter_context(Child(server, self.arguments.server_cpu))
        child.wait_until_it_answers(server.data.names()[:100])
        return child

    def start_authority(self):
        server = peers_servers.Server("knot-authority", self.folder / "authority", peers_servers.FORWARDED)
        peers_servers.knot(server, ttl=peers_servers.FORWARDED_TTL)
        self.children["authority"] = self.start(server)

    def start_servers(self, cells):
        if any(cell.key == "forwarded" for cell in cells):
            self.start_authority()
        for key in dict.fromkeys(key for cell in cells if cell.key != "start" for key in cell.servers):
            data = peers_servers.MANY if key == "taskdns-many" else None
            try:
                self.children[key] = self.start(self.make_server(key, data))
            except Failure as failure:
                self.children[key] = None
                self.fail(str(failure))

    def measure(self, cell, key, child, arguments, seconds):
        """One result, None if it is none."""
        warm_up = 0.2 * seconds
        try:
            result = self.load.run(cell.mode, child.server, arguments, child.pid, seconds - warm_up, warm_up)
        except Failure as failure:
            self.fail(f"{cell.key}, {key}: {failure}; the server's log:\n{child.text()}")
            return None
        if result["answers"] == 0 or result["wrong"] > WRONG_AT_MOST * result["answers"]:
            counts = f"{result['answers']} right answers, {result['wrong']} wrong, {result['lost']} lost"
            self.fail(f"{cell.key}, {key}: {counts}")
            return None
        for name in ("rss", "rss_anon"):
            result[f"{name}_mib"] = result[f"{name}_kib"] / 1024
        return result

    def rounds(self, cell):
        """Each round visits every server, each time another one first."""
        servers = [key for key in cell.servers if self.children[key]]
        for number in range(self.arguments.rounds):
            self.progress(f"{cell.key}: round {number + 1} of {self.arguments.rounds}")
            results = {key: self.measure(cell, key, self.children[key], cell.arguments, self.arguments.seconds)
                       for key in rotated(servers, number)}
            for key in servers:
                self.samples.add(cell.key, key, results[key])

    def memory(self, cell):
        """After a load of all names; ours also with more data, alone."""
        self.progress("memory")
        for key in cell.servers:
            if self.children[key]:
                self.samples.add(cell.key, key, self.measure(cell, key, self.children[key], (), 0.5))
        for name, data in peers_servers.MEMORY.items():
            key = f"taskdns, {name}"
            try:
                child = self.start(self.make_server("taskdns", data, f"memory-{data.services}"))
            except Failure as failure:
                self.fail(str(failure))
                continue
            self.samples.add(cell.key, key, self.measure(cell, key, child, (), 0.5))
            child.stop()

    def starts(self, cell):
        servers = {key: self.make_server(key, folder=f"start-{key}") for key in cell.servers}
        for number in range(self.arguments.starts):
            self.progress(f"start: round {number + 1} of {self.arguments.starts}")
            results = {}
            for key in rotated(list(servers), number):
                try:
                    results[key] = self.load.start(servers[key])
                except Failure as failure:
                    results[key] = None
                    self.fail(f"{cell.key}, {key}: {failure}")
            for key in servers:
                self.samples.add(cell.key, key, results[key])

    @staticmethod
    def progress(words):
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{words:60}", end=end, file=sys.stderr, flush=True)

    def everything(self):
        wanted = self.arguments.only or [cell.key for cell in CELLS]
        cells = [cell for cell in CELLS if cell.key in wanted]
        self.start_servers(cells)
        special = {"memory": self.memory, "start": self.starts}
        for cell in cells:
            special.get(cell.key, self.rounds)(cell)


def rotated(items, by):
    by %= max(len(items), 1)
    return items[by:] + items[:by]


def describe_command(arguments):
    words = ["packaging/bench.sh", f"--rounds {arguments.rounds}", f"--seconds {arguments.seconds:g}",
             f"--starts {arguments.starts}", *(f"--only {row}" for row in arguments.only or [])]
    return " ".join(words)


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the with statements end the servers
    with tempfile.TemporaryDirectory(prefix="taskdns-bench-") as folder, contextlib.ExitStack() as stack:
        run = Run(arguments, pathlib.Path(folder), stack)
        run.everything()
    machine = peers_machine.describe(arguments.taskdns, describe_command(arguments))
    text = table(machine, run.samples, run.failures)
    print(text, end="")
    if arguments.write:
        documents = ROOT / "docs" / "benchmarks"
        documents.mkdir(exist_ok=True)
        (documents / "peers.txt").write_text(text, encoding="utf-8")
        (documents / "peers.svg").write_text(plot(machine, run.samples), encoding="utf-8")
        print("written: docs/benchmarks/peers.txt, docs/benchmarks/peers.svg")
    return 1 if run.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as stop:
        sys.exit(f"peers: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)
