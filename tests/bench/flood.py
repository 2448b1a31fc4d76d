#!/usr/bin/env python3
"""Measures what configured names feel of a flood: unique forwarded names, whose upstream is dead, on the same listener.

Needs what `cmake --preset bench && cmake --build --preset bench` makes; packaging/bench.sh flood does it all. docs/benchmarks.md
says how to read the table. Exit status 1 if something could not be measured, or if the goal is missed.
"""
import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import peers_machine
from peers_process import PR_SET_PDEATHSIG, Child, Failure, Program, free_port
from peers_stats import Summary, paired_ratios

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = [f"s{number}.bench.local" for number in range(20)]
RECORDS = 4
GOAL = 2.0                   # times the quiet p99
CACHE = 1024                 # KiB: forward.cache_bytes
IN_FLIGHT = 256              # forward.max_in_flight
EACH = 12                    # KiB: a query in flight, with socket, timers, coroutines, and what the allocator loses
BOUND = CACHE + IN_FLIGHT * EACH
UPSTREAMS = ("silent", "refusing")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="each: quiet, then flooded (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement (%(default)s)")
    parser.add_argument("--rate", type=float, default=1000.0, help="configured names per second (%(default)s)")
    parser.add_argument("--flood", type=float, default=50_000.0, help="forwarded names per second (%(default)s)")
    parser.add_argument("--only", choices=UPSTREAMS, help="only this upstream")
    parser.add_argument("--real-time", action="store_true",
                        help="the server and the flood too, where other programs have the machine")
    parser.add_argument("--write", action="store_true", help="docs/benchmarks/flood.txt too")
    parser.add_argument("--note", default="", help="for the table: what else the machine did")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the preset bench")
    parser.add_argument("--taskdns", type=pathlib.Path, help="another binary than the build's")
    arguments = parser.parse_args()
    arguments.taskdns = arguments.taskdns or arguments.build / "daemon" / "taskdns"
    arguments.load = arguments.build / "tests" / "bench" / "bench_load"
    for program in (arguments.taskdns, arguments.load):
        if not program.exists():
            parser.error(f"{program} does not exist: cmake --preset bench && cmake --build --preset bench")
    return arguments


def prepare(cpu, priority):
    """For the child, before exec. `priority`: of SCHED_FIFO; 0: an ordinary process."""

    def run():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {cpu})
        if priority:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))

    return run


def may_have_real_time():
    """Whether a process of ours may be of SCHED_FIFO."""
    policy = os.sched_getscheduler(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        os.sched_setscheduler(0, policy, os.sched_param(0))
    except OSError:
        return False
    return True


def rss_anon(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        permitted = may_have_real_time()
        self.asking = 20 if permitted else 0  # priorities
        self.others = 10 if permitted and arguments.real_time else 0
        self.names = folder / "names"
        self.names.write_text("\n".join(NAMES) + "\n", encoding="ascii")
        self.most = 0  # KiB, of the present daemon

    def load(self, cpu, priority, *words):
        command = [self.arguments.load, *words, "--names", self.names]
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, preexec_fn=prepare(cpu, priority))

    def wait_for(self, process, limit, pid):
        """Its line of JSON; what the daemon uses meanwhile is noted."""
        end = time.monotonic() + limit
        while process.poll() is None:
            self.most = max(self.most, rss_anon(pid))
            if time.monotonic() > end:
                process.kill()
                raise Failure("bench_load does not end")
            time.sleep(0.05)
        out, errors = process.communicate()
        if process.returncode:
            raise Failure(f"bench_load: {errors.strip()[-1000:]}")
        return json.loads(out.splitlines()[-1])

    def measure(self, server, flooded):
        """(latencies of configured names, the flood's figures or None)"""
        seconds, port = self.arguments.seconds, server.server.port
        flood = None
        if flooded:
            flood = self.load(1, self.others, "udp-flood", "--port", port, "--rate", self.arguments.flood, "--seconds",
                              seconds + 0.5, "--warm-up", 1.0)
            time.sleep(1.0)
        try:
            asker = self.load(1, self.asking, "udp-paced", "--port", port, "--rate", self.arguments.rate, "--seconds",
                              seconds, "--warm-up", 0.3, "--records", RECORDS, "--sleep")
            figures = self.wait_for(asker, seconds + 20, server.pid)
            return figures, self.wait_for(flood, seconds + 20, server.pid) if flooded else None
        finally:
            if flood is not None and flood.poll() is None:
                flood.kill()
                flood.wait()

    @contextlib.contextmanager
    def upstream(self, kind):
        """The port of one that takes queries and says nothing, or where nothing listens."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            if kind == "silent":
                yield silent.getsockname()[1]
                return
        yield free_port()

    def run(self, kind):
        port = free_port()
        services = [f"  - {{name: {name}, source: static, health: {{check: none}}, "
                    f"addresses: [{', '.join(f'10.0.{number}.{host}' for host in range(RECORDS))}]}}"
                    for number, name in enumerate(NAMES)]
        config = self.folder / f"{kind}.yaml"
        with self.upstream(kind) as upstream:
            config.write_text("\n".join([
                f"listen: {{dns: ['127.0.0.1:{port}'], http: []}}", f"upstream: {{servers: ['127.0.0.1:{upstream}']}}",
                f"forward: {{cache_bytes: {CACHE}KiB, max_in_flight: {IN_FLIGHT}}}", "log: {level: error}", "services:",
                *services]) + "\n", encoding="ascii")
            program = Program(kind, self.folder, [str(self.arguments.taskdns), "--config", str(config)], port, RECORDS)
            with Child(program, 0) as server:
                if self.others:
                    for thread in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
                        os.sched_setscheduler(int(thread.name), os.SCHED_FIFO, os.sched_param(self.others))
                server.wait_until_it_answers(NAMES)
                return self.rounds(kind, server)

    def rounds(self, kind, server):
        self.measure(server, False)
        result = {"quiet": [], "flooded": [], "floods": [], "before": rss_anon(server.pid)}
        self.most = 0
        for number in range(self.arguments.rounds):
            print(f"{kind}: round {number + 1} of {self.arguments.rounds}", file=sys.stderr, flush=True)
            for flooded in ((False, True) if number % 2 == 0 else (True, False)):
                figures, flood = self.measure(server, flooded)
                result["flooded" if flooded else "quiet"].append(figures)
                if flood:
                    result["floods"].append(flood)
                time.sleep(0.2)
        time.sleep(2)
        result.update(most=self.most, after=rss_anon(server.pid))
        return result


def row(kind, result, key):
    quiet = [figures[key] for figures in result["quiet"]]
    flooded = [figures[key] for figures in result["flooded"]]
    ratio = Summary(paired_ratios(flooded, quiet))
    line = (f"  {kind:9} {key[:3]}  {Summary(quiet).median:9.1f} {Summary(flooded).median:9.1f}   "
            f"{ratio.median:5.2f}  ({ratio.low:.2f} to {ratio.high:.2f})")
    return line, ratio.median


def table(lines, arguments, results, bench):
    out = [*lines, "", f"Configured names at {arguments.rate:,.0f} q/s beside {arguments.flood:,.0f} q/s of unique forwarded "
           f"names, dead upstream; {arguments.rounds} pairs of {arguments.seconds:g} s.",
           f"The measuring client is of {'real-time' if bench.asking else 'ORDINARY'} priority and shares CPU 1 with the flood; "
           f"the server has CPU 0 for itself{', both of real-time priority too' if bench.others else ''}.", "", "  upstream         quiet, µs  flooded   ratio  (95 % interval)"]
    missed = []
    for kind, result in results.items():
        for key in ("p50_us", "p99_us"):
            line, ratio = row(kind, result, key)
            out.append(line)
            if key == "p99_us" and ratio > GOAL:
                missed.append(f"{kind}: p99 is {ratio:.2f} times the quiet one, goal {GOAL:g}")
    out += ["", "  upstream    names/s   answered/s   lost    RssAnon KiB: before   at most   after   bound"]
    for kind, result in results.items():
        rate = Summary([flood["sent_per_second"] for flood in result["floods"]]).median
        answered = Summary([flood["wrong"] / flood["seconds"] for flood in result["floods"]]).median
        lost = sum(figures["lost"] + figures["wrong"] for figures in result["flooded"])
        out.append(f"  {kind:9} {rate:9,.0f}  {answered:11,.0f}  {lost:5}   {result['before']:20} {result['most']:9} "
                   f"{result['after']:7}   {result['before'] + BOUND:5}")
        if result["most"] > result["before"] + BOUND:
            missed.append(f"{kind}: RssAnon reached {result['most']} KiB")
        if rate < 0.9 * arguments.flood:
            missed.append(f"{kind}: the flood reached {rate:,.0f} names/s only")
        if lost:
            missed.append(f"{kind}: {lost} configured answers were lost or wrong")
    out += ["", f"  bound: before + {CACHE} KiB of cache + {IN_FLIGHT} queries in flight of {EACH} KiB at most", ""]
    return "\n".join(out + ([f"MISSED: {one}" for one in missed] or [f"Met: p99 at most {GOAL:g} times, memory below its bound."])) + "\n", missed


def describe(arguments):
    command = f"packaging/bench.sh flood --rounds {arguments.rounds} --seconds {arguments.seconds:g} --rate {arguments.rate:g}"
    command += " --real-time" if arguments.real_time else ""
    lines = peers_machine.describe(arguments.taskdns, command)
    version = peers_machine.version_of([str(arguments.taskdns), "version"])
    lines = [f"Versions: taskdns {version}" if line.startswith("Versions:") else line for line in lines]
    return lines + ([f"Note:     {arguments.note}"] if arguments.note else [])


def main():
    arguments = parse_arguments()
    os.sched_setaffinity(0, {1})  # this program looks at the server 20 times a second, and is not to take its CPU for that
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the with statements end the servers
    with tempfile.TemporaryDirectory(prefix="taskdns-flood-") as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        results = {kind: bench.run(kind) for kind in UPSTREAMS if arguments.only in (None, kind)}
    text, missed = table(describe(arguments), arguments, results, bench)
    print(text, end="")
    if arguments.write:
        (ROOT / "docs" / "benchmarks" / "flood.txt").write_text(text, encoding="utf-8")
        print("written: docs/benchmarks/flood.txt")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as stop:
        sys.exit(f"flood: {stop}")
    except KeyboardInterrupt:
        sys.exit(130)
