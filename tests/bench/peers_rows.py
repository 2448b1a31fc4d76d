"""What is measured, of whom, and what design.md, section 11, asks for."""
import dataclasses

from peers_stats import Summary, paired_ratios

PEERS = ("gdnsd", "knot", "unbound", "dnsmasq")
BARE = "bare responder"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One way of asking. The first server is ours: the others are compared with it, round by round."""
    key: str
    servers: tuple
    mode: str = ""
    arguments: tuple = ()


CELLS = (
    Cell("udp-saturated", ("taskdns", *PEERS, BARE), "udp-saturated", ("--sockets", 4, "--window", 32)),
    Cell("udp-paced", ("taskdns", *PEERS, BARE), "udp-paced", ("--rate", 10000)),
    Cell("tcp-pipelined", ("taskdns", *PEERS), "tcp-pipelined", ("--connections", 8, "--window", 16)),
    # No more at once than dnsmasq's backlog of 5 takes: beyond it the kernel drops connections for a second.
    Cell("tcp-oneshot", ("taskdns", *PEERS), "tcp-oneshot", ("--connections", 4)),
    Cell("forwarded", ("taskdns-forwarding", "unbound-forwarding", "dnsmasq-forwarding"), "udp-saturated",
         ("--sockets", 4, "--window", 32)),
    Cell("many-services", ("taskdns-many", "taskdns"), "udp-saturated", ("--sockets", 4, "--window", 32, "--random")),
    Cell("start", ("taskdns", *PEERS, BARE)),
    Cell("memory", ("taskdns", *PEERS, BARE), "udp-saturated"),
)


@dataclasses.dataclass(frozen=True)
class Figure:
    key: str
    title: str
    cell: str
    field: str  # of what bench_load prints
    unit: str = ""
    less_is_better: bool = False
    digits: int = 0


FIGURES = (
    Figure("udp", "UDP, saturated", "udp-saturated", "answers_per_second", "answers/s"),
    Figure("udp-cpu", "UDP, saturated: the server's CPU per answer", "udp-saturated", "cpu_us_per_answer", "µs",
           True, 2),
    Figure("p50", "UDP at 10,000/s: latency, p50", "udp-paced", "p50_us", "µs", True, 1),
    Figure("p99", "UDP at 10,000/s: latency, p99", "udp-paced", "p99_us", "µs", True, 1),
    Figure("paced-cpu", "UDP at 10,000/s: the server's CPU per answer", "udp-paced", "cpu_us_per_answer", "µs",
           True, 2),
    Figure("tcp-pipelined", "TCP, pipelined: 8 connections, 16 queries in flight on each", "tcp-pipelined",
           "answers_per_second", "answers/s"),
    Figure("tcp-oneshot", "TCP, one query per connection, 4 at once", "tcp-oneshot", "answers_per_second",
           "answers/s"),
    Figure("forwarded", "Forwarded names from the cache: UDP, saturated", "forwarded", "answers_per_second",
           "answers/s"),
    Figure("many", "1,000 services of 100 endpoints beside 20 of 4, random names: UDP, saturated", "many-services",
           "answers_per_second", "answers/s"),
    Figure("start", "Start: exec to the first right answer", "start", "start_ms", "ms", True, 1),
    Figure("rss-anon", "Memory after the load: RssAnon", "memory", "rss_anon_mib", "MiB", True, 1),
    Figure("rss", "Memory after the load: RSS", "memory", "rss_mib", "MiB", True, 1),
)


class Samples:
    """Per cell and server one result per round; None where it failed."""

    def __init__(self):
        self.results = {}

    def add(self, cell, server, result):
        self.results.setdefault((cell, server), []).append(result)

    def values(self, figure, server):
        return [result and result[figure.field] for result in self.results.get((figure.cell, server), [])]

    def summary(self, figure, server):
        values = [value for value in self.values(figure, server) if value is not None]
        return Summary(values) if values else None

    def ratio(self, figure, ours, peer):
        ratios = paired_ratios(self.values(figure, ours), self.values(figure, peer))
        return Summary(ratios) if ratios else None


def with_interval(summary, digits):
    """`1.03 [1.01, 1.04]`; of a single value, the value."""
    if summary.low == summary.high:
        return f"{summary.median:,.{digits}f}"
    return f"{summary.median:,.{digits}f} [{summary.low:,.{digits}f}, {summary.high:,.{digits}f}]"


def cell_of(figure):
    return next(cell for cell in CELLS if cell.key == figure.cell)


def figure_of(key):
    return next(figure for figure in FIGURES if figure.key == key)


@dataclasses.dataclass(frozen=True)
class Verdict:
    what: str
    measured: str
    goal: str
    met: bool


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Goal: the median of the paired ratios of ours to `peer`."""
    what: str
    figure: str
    peer: str
    limit: float

    def judge(self, samples):
        figure = figure_of(self.figure)
        ratio = samples.ratio(figure, cell_of(figure).servers[0], self.peer)
        if ratio is None:
            return None
        met = ratio.median <= self.limit if figure.less_is_better else ratio.median >= self.limit
        sign = "<=" if figure.less_is_better else ">="
        return Verdict(self.what, with_interval(ratio, 3), f"{sign} {self.limit:.2f}", met)


@dataclasses.dataclass(frozen=True)
class BestPeer:
    """Goal: ours is no slower than the best peer and a margin."""
    what: str
    figure: str

    def judge(self, samples):
        figure = figure_of(self.figure)
        ours = samples.summary(figure, "taskdns")
        peers = {peer: samples.summary(figure, peer) for peer in PEERS}
        measured = {peer: summary for peer, summary in peers.items() if summary}
        if ours is None or not measured:
            return None
        best = min(measured, key=lambda peer: measured[peer].median)
        limit = measured[best].median + max(0.1 * measured[best].median, measured[best].quartile_range)
        goal = f"<= {limit:.1f} {figure.unit} ({best})"
        return Verdict(self.what, with_interval(ours, 1), goal, ours.median <= limit)


@dataclasses.dataclass(frozen=True)
class AtMost:
    """Goal: a figure of ours, by itself."""
    what: str
    figure: str
    server: str
    limit: float

    def judge(self, samples):
        figure = figure_of(self.figure)
        ours = samples.summary(figure, self.server)
        if ours is None:
            return None
        goal = f"<= {self.limit:.0f} {figure.unit}"
        return Verdict(self.what, with_interval(ours, 1), goal, ours.median <= self.limit)


GOALS = (
    Ratio("UDP, saturated: answers/s, to gdnsd", "udp", "gdnsd", 1.0),
    Ratio("UDP, saturated: answers/s, to unbound", "udp", "unbound", 1.15),
    Ratio("UDP, saturated: answers/s, to dnsmasq", "udp", "dnsmasq", 1.5),
    Ratio("UDP, saturated: CPU per answer, to the bare responder", "udp-cpu", BARE, 1.10),
    Ratio("UDP at 10,000/s: CPU per answer, to the bare responder", "paced-cpu", BARE, 1.3),
    Ratio("1,000 x 100 endpoints: answers/s, to the small set", "many", "taskdns", 0.9),
    BestPeer("UDP at 10,000/s: p50", "p50"),
    BestPeer("UDP at 10,000/s: p99", "p99"),
    Ratio("TCP, pipelined: answers/s, to gdnsd", "tcp-pipelined", "gdnsd", 1.0),
    Ratio("TCP, one-shot: answers/s, to gdnsd", "tcp-oneshot", "gdnsd", 1.0),
    Ratio("Forwarded cache hits: answers/s, to unbound", "forwarded", "unbound-forwarding", 1.0),
    AtMost("RssAnon, 5 services", "rss-anon", "taskdns, 5 services", 2),
    AtMost("RssAnon, 100 services of 50 endpoints", "rss-anon", "taskdns, 100 services of 50 endpoints", 6),
    AtMost("RssAnon, 1,000 services of 100 endpoints", "rss-anon", "taskdns, 1,000 services of 100 endpoints", 40),
    AtMost("Start to the first answer", "start", "taskdns", 20),
)
