#!/usr/bin/env python3
"""Runs the daemon for long under churn at 50 times its real pace: memory, descriptors, latency and wrong answers over time.

The resolver, the tasks and all clients are in this one process, on loopback. Exit status 1 for a wrong answer, or where memory
or descriptors grow (soak_judge.py says from when on). packaging/soak.sh builds what it needs; docs/soak.md explains it.
"""
import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import signal
import sys
import tempfile
import time

import peers_machine
import soak_svg
from peers_process import Child, Failure, Program, free_port
from soak_churn import Churn
from soak_clients import Clients
from soak_judge import NOISE, WARM_UP, Outcome, percentile, slope
from soak_oracle import Oracle
from soak_world import SERVICES, TTL, Fleet, Registry

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLED_EVERY = 5.0
READY = 20.0
# What the daemon keeps up to a bound is full before anything is measured: the cache of forwarded answers (1 MiB by default,
# about 190 octets each) and the log of events (1,024, or 1 MiB).
FILLED_NAMES = 6000
FILLED_EVENTS = 1100
FILLER = "filler.soak.local"
REST = 17.0  # seconds without watchers and TCP clients: the daemon closes idle connections after 10


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="(%(default)s)")
    parser.add_argument("--write", action="store_true", help="docs/benchmarks/soak.txt and soak.svg too")
    parser.add_argument("--seed", type=int, default=1, help="of the churn; not of the machine's moods (%(default)s)")
    parser.add_argument("--rate", type=float, default=200.0, help="questions per second (%(default)s)")
    parser.add_argument("--note", default="", help="for the table: what else the machine did")
    parser.add_argument("--taskdns", type=pathlib.Path, default=ROOT / "build" / "bench" / "daemon" / "taskdns")
    parser.add_argument("--raw", type=pathlib.Path, help="all samples and wrong answers, as JSON")
    arguments = parser.parse_args()
    if not arguments.taskdns.exists():
        parser.error(f"{arguments.taskdns} does not exist: packaging/soak.sh builds it")
    return arguments


def unanswered_connects():
    """Inodes of sockets in SYN-SENT: probes of black holes, which come and go."""
    lines = pathlib.Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    return {f"socket:[{fields[9]}]" for fields in (line.split() for line in lines) if fields[3] == "02"}


def descriptors_at_rest(pid):
    probing = unanswered_connects()
    count = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            count += str(entry.readlink()) not in probing
    return count


def figures_of(pid):
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    return {"rss": int(status["VmRSS"].split()[0]), "anon": int(status["RssAnon"].split()[0]),
            "threads": int(status["Threads"]), "fds": len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))}


class Soak:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.seconds = arguments.minutes * 60
        self.dns_port, self.http_port, self.upstream = free_port(), free_port(), free_port()
        self.fleets = [Fleet(service, free_port()) for service in SERVICES]
        self.registry = Registry(self.fleets)
        self.oracle = Oracle(self.registry)
        self.clients = Clients(self.dns_port, self.http_port, self.fleets, self.oracle)
        self.samples = []
        self.all_latencies = []
        self.at_rest = []  # (descriptors, threads)
        self.explained = []
        self.started = time.monotonic()

    def write_config(self, number=0):
        """What `number` changes is an alias, and a service that nobody asks for."""
        lines = [f"listen: {{dns: ['127.0.0.1:{self.dns_port}'], http: ['127.0.0.1:{self.http_port}']}}",
                 f"upstream: {{servers: ['127.0.0.1:{self.upstream}']}}", f"snapshot: {self.folder / 'snapshot'}",
                 "log: {level: warning}", "services:"]
        for fleet in self.fleets:
            srv = ", record: SRV" if fleet.service.srv else ""
            alias = ", aliases: [orders]" if fleet is self.fleets[0] and number % 2 else ""
            # Of a sample the absent stay for 10 to 60 min: at 50 times the churn that is 50 times the members.
            brief = ", membership: {absent_max: 60s}" if fleet.service.tasks > 8 else ""
            lines.append(f"  - {{name: {fleet.service.name}, port: {fleet.port}{srv}{alias}{brief}, "
                         f"health: {{check: {fleet.service.check}}}}}")
        addresses = ", ".join(f"127.0.1.{host}" for host in range(1, 9))
        lines.append(f"  - {{name: {FILLER}, source: static, port: 9, addresses: [{addresses}], health: {{check: none}}}}")
        if number % 3 == 1:
            lines.append("  - {name: static.soak.local, source: static, port: 9, addresses: [127.0.0.9]}")
        (self.folder / "taskdns.yaml").write_text("\n".join(lines) + "\n", encoding="ascii")

    async def run(self):
        for fleet in self.fleets:
            await Churn(self.fleets, self.registry, None).start_tasks(fleet, fleet.service.tasks)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self.registry,
                                                                  local_addr=("127.0.0.1", self.upstream))
        self.write_config()
        argv = [str(self.arguments.taskdns), "--config", str(self.folder / "taskdns.yaml")]
        with Child(Program("taskdns", self.folder, argv, self.dns_port), None) as daemon:
            limit = time.monotonic() + READY
            while not await self.clients.ready():
                if daemon.process.poll() is not None or time.monotonic() > limit:
                    raise Failure(f"taskdns does not become ready; its log:\n{daemon.text()}")
                await asyncio.sleep(0.1)
            await self.churn(daemon)
            if daemon.process.poll() is not None:
                raise Failure(f"taskdns ended with status {daemon.process.returncode}; its log:\n{daemon.text()}")

    async def churn(self, daemon):
        churn = self.churned = Churn(self.fleets, self.registry, daemon)
        listener = asyncio.ensure_future(self.clients.listener())
        await asyncio.gather(self.clients.fill_cache(FILLED_NAMES),
                             self.clients.fill_events(FILLER, "127.0.1.1:9", FILLED_EVENTS))
        self.started = time.monotonic()
        loops = [*(churn.live_through(fleet) for fleet in self.fleets), churn.fail_now_and_then(self.started),
                 churn.reload_now_and_then(self.write_config), self.clients.applications(self.arguments.rate),
                 self.clients.foreigners(30), self.clients.come_and_go(self.clients.tcp_client, 0.5),
                 self.clients.come_and_go(self.clients.watcher, 0.7)]
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        tasks.append(listener)
        watch = asyncio.ensure_future(self.watch(daemon.pid))
        try:
            await asyncio.wait([watch, *tasks], return_when=asyncio.FIRST_COMPLETED)  # only watch ends by itself
            if not watch.done():
                for task in tasks:
                    if task.done():
                        task.result()
            await watch
        finally:
            for task in [*tasks, *self.clients.running]:
                task.cancel()
            await asyncio.gather(*tasks, *self.clients.running, return_exceptions=True)

    async def watch(self, pid):
        rests = [WARM_UP * self.seconds, self.seconds - REST - SAMPLED_EVERY]
        while time.monotonic() - self.started < self.seconds:
            await asyncio.sleep(SAMPLED_EVERY)
            self.sample(pid)
            await self.count_members()
            await self.explain()
            if rests and time.monotonic() - self.started >= rests[0]:
                rests.pop(0)
                await self.rest(pid)

    def sample(self, pid):
        latencies, self.clients.latencies = self.clients.latencies, []
        self.all_latencies += latencies
        self.samples.append({"at": time.monotonic() - self.started, **figures_of(pid),
                             "p50": percentile(latencies, 0.5) * 1e6, "p99": percentile(latencies, 0.99) * 1e6,
                             "wrong": len(self.clients.wrong)})

    async def count_members(self):
        """Of the service that is sampled: what memory may grow with."""
        status = await self.clients.status(max(SERVICES, key=lambda service: service.tasks).name)
        self.samples[-1]["members"] = len(status["endpoints"]) if status else self.samples[-2]["members"] if len(self.samples) > 1 else 0

    async def rest(self, pid):
        """Without clients that hold connections, or an outage, in which each poll holds a socket: what the daemon itself has open.
        Polls and probes come and go, so the least."""
        self.clients.resting = self.registry.calm = True
        self.registry.set_mode("answers")
        await asyncio.sleep(REST)
        seen = []
        for _ in range(100):
            seen.append(descriptors_at_rest(pid))
            await asyncio.sleep(0.02)
        self.at_rest.append((min(seen), figures_of(pid)["threads"]))
        self.clients.resting = self.registry.calm = False

    async def explain(self):
        """The first wrong answers with what the daemon thinks of the service."""
        fresh = self.clients.wrong[len(self.explained):]
        self.explained += [None] * len(fresh)
        if fresh and sum(one is not None for one in self.explained) < 20:
            name = fresh[0].partition(":")[0]
            at = time.monotonic() - self.started
            print(f"{at:.0f} s: {len(fresh)} wrong answers, the first: {fresh[0]} (the registry {self.registry.mode})",
                  file=sys.stderr, flush=True)
            self.explained[-1] = {"at": at, "what": fresh[0], "status": await self.clients.status(name)}

    def outcome(self):
        counts = self.clients.counts
        trend = slope([(sample["at"], sample["anon"]) for sample in self.samples], self.seconds)
        fds, threads = zip(*self.at_rest)
        return Outcome(slope=trend, descriptors=(fds[0], fds[-1]), threads=(threads[0], threads[-1]),
                       asked=counts.get("configured", 0), unanswered=counts.get("unanswered", 0),
                       wrong=len(self.clients.wrong))


def table(lines, soak, outcome):
    latencies = soak.all_latencies
    first = [sample for sample in soak.samples if sample["at"] >= WARM_UP * soak.seconds]
    half = len(first) // 2
    counts = [f"{number:,} {what}" for what, number in sorted({**soak.churned.counts, **soak.clients.counts}.items())]

    def mean(samples, key):
        return sum(sample[key] for sample in samples) / max(len(samples), 1)

    rows = [("RssAnon, KiB", f"{mean(first[:half], 'anon'):.0f}", f"{mean(first[half:], 'anon'):.0f}",
             f"slope {outcome.slope} (95 %; a leak is certainly more than {NOISE:.0f})"),
            ("RSS, KiB", f"{mean(first[:half], 'rss'):.0f}", f"{mean(first[half:], 'rss'):.0f}", ""),
            ("members of the sample", f"{mean(first[:half], 'members'):.0f}", f"{mean(first[half:], 'members'):.0f}", ""),
            ("descriptors at rest", *map(str, outcome.descriptors), "after the warm-up, and at the end"),
            ("threads", *map(str, outcome.threads), ""),
            ("p50, µs", f"{percentile(sorted(s['p50'] for s in first[:half]), .5):.0f}",
             f"{percentile(sorted(s['p50'] for s in first[half:]), .5):.0f}",
             f"of all {len(latencies):,}: p50 {percentile(latencies, .5) * 1e6:.0f}, p99 {percentile(latencies, .99) * 1e6:.0f}"),
            ("wrong answers", "", str(outcome.wrong), f"{soak.oracle.excused} addresses were named in a panic, as they may be"),
            ("not answered", "", str(outcome.unanswered), f"of {outcome.asked:,}")]
    out = [*lines, "", f"{'':22}{'first half':>12}{'second half':>13}", *(
        f"{name:22}{one:>12}{two:>13}  {note}".rstrip() for name, one, two, note in rows)]
    out += ["", "What happened: " + ", ".join(counts[:len(counts) // 2]) + ",", "  " + ", ".join(counts[len(counts) // 2:])]
    out += ["", *(f"FAILED: {failure}" for failure in outcome.failures())] if outcome.failures() else ["", "Kept."]
    return "\n".join(out) + "\n"


def describe(arguments):
    command = f"packaging/soak.sh --minutes {arguments.minutes:g} --rate {arguments.rate:g} --seed {arguments.seed}"
    lines = peers_machine.describe(arguments.taskdns, command)
    version = peers_machine.version_of([str(arguments.taskdns), "version"])
    lines = [f"Versions: taskdns {version}" if line.startswith("Versions:") else line for line in lines]
    return lines + ([f"Note:     {arguments.note}"] if arguments.note else [])


def main():
    arguments = parse_arguments()
    random.seed(arguments.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the with statement ends the daemon
    with tempfile.TemporaryDirectory(prefix="taskdns-soak-") as folder:
        soak = Soak(arguments, pathlib.Path(folder))
        asyncio.run(soak.run())
    outcome = soak.outcome()
    text = table(describe(arguments), soak, outcome)
    print(text, end="")
    if arguments.raw:
        explained = [one for one in soak.explained if one]
        arguments.raw.write_text(json.dumps({"samples": soak.samples, "outages": soak.churned.outages,
                                             "wrong": soak.clients.wrong, "explained": explained}), encoding="utf-8")
    if arguments.write:
        under = f"RssAnon {outcome.slope}; descriptors {outcome.descriptors[0]} → {outcome.descriptors[1]}; " \
                f"{outcome.wrong} wrong of {outcome.asked:,} answers; TTL {TTL} s"
        documents = ROOT / "docs" / "benchmarks"
        documents.mkdir(exist_ok=True)
        (documents / "soak.txt").write_text(text, encoding="utf-8")
        (documents / "soak.svg").write_text(soak_svg.plot(under, soak.samples, soak.churned.outages), encoding="utf-8")
        print("written: docs/benchmarks/soak.txt and soak.svg")
    return 1 if outcome.failures() else 0


if __name__ == "__main__":
    try:
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(main())
        sys.exit(130)
    except Failure as stop:
        sys.exit(f"soak: {stop}")
