"""The table that a person reads."""
import dataclasses
import statistics

from peers_rows import CELLS, FIGURES, GOALS, cell_of

WIDTH = 42
HOW_TO_READ = [
    "One server core, one client core, loopback; every server has the same data and one worker. Each figure: the",
    "median over rounds and its interval. Ratio: taskdns (the first line) to that server, per round; their median.",
]


def number(value, digits):
    return f"{value:,.{digits}f}"


def interval_name(rounds):
    return "95 % interval" if rounds >= 6 else "least and greatest"


def servers_of(figure, samples):
    """Those that were measured, ours first, then as the cell names them; memory has further ones of ours."""
    listed = list(cell_of(figure).servers)
    listed += [server for cell, server in samples.results if cell == figure.cell and server not in listed]
    return [server for server in listed if samples.summary(figure, server)]


def figure_lines(figure, samples):
    servers = servers_of(figure, samples)
    if not servers:
        return []
    rounds = max(len(samples.values(figure, server)) for server in servers)
    better = "less is better" if figure.less_is_better else "more is better"
    head = f"median, {figure.unit}"
    lines = ["", f"{figure.title} ({better}; {rounds} round{'s' if rounds != 1 else ''})",
             f"  {'':{WIDTH}}{head:>17}  {interval_name(rounds):>26}  {'ratio':>7}  {interval_name(rounds):>18}"]
    ours = cell_of(figure).servers[0]
    for server in servers:
        one = samples.summary(figure, server)
        spread = f"[{number(one.low, figure.digits)}, {number(one.high, figure.digits)}]" if rounds > 1 else ""
        line = f"  {server:{WIDTH}}{number(one.median, figure.digits):>17}  {spread:>26}"
        ratio = samples.ratio(figure, ours, server) if server != ours and "," not in server else None
        if ratio:
            line += f"  {ratio.median:>7.3f}  {f'[{ratio.low:.3f}, {ratio.high:.3f}]' if rounds > 1 else '':>18}"
        lines.append(line.rstrip())
    return lines


@dataclasses.dataclass(frozen=True)
class Use:
    """Shares of the time, medians over the rounds; and the queries lost in all of them."""
    server_busy: float
    server_delayed: float  # it could have run, but others had its core
    client_idle: float
    lost: int


def use_of(samples, cell, server):
    """None: not measured."""
    results = [result for result in samples.results.get((cell.key, server), []) if result]
    if not results or "server_busy" not in results[0]:
        return None
    shares = (statistics.median(result[field] for result in results)
              for field in ("server_busy", "server_delayed", "client_idle"))
    return Use(*shares, lost=sum(result["lost"] for result in results))


def is_measured_whole(cell, server):
    """dnsmasq answers each TCP connection from a process of its own, whose time is not counted."""
    return not (server == "dnsmasq" and cell.key.startswith("tcp"))


def notes(samples):
    """What makes a figure doubtful: others on the server's core, a client that was the limit, lost queries."""
    for cell in CELLS:
        found = {server: use_of(samples, cell, server) for server in cell.servers if is_measured_whole(cell, server)}
        measured = {server: use for server, use in found.items() if use}
        if not measured or cell.key == "memory":
            continue
        disturbed = max(use.server_delayed for use in measured.values())
        if disturbed > 0.02:
            yield (f"{cell.key}: other processes had the server's core up to {disturbed:.0%} of the time: "
                   "not to be trusted")
        limited = [f"{server} {use.server_busy:.0%}" for server, use in measured.items()
                   if use.server_busy + use.server_delayed < 0.95 and use.client_idle < 0.05]
        if limited and cell.key != "udp-paced":
            yield f"{cell.key}: the client was the limit, the server busy only: {', '.join(limited)}"
        lost = [f"{server} {use.lost}" for server, use in measured.items() if use.lost]
        if lost:
            yield f"{cell.key}: queries lost: {', '.join(lost)}"


def goal_lines(samples):
    verdicts = [verdict for verdict in (goal.judge(samples) for goal in GOALS) if verdict]
    if not verdicts:
        return []
    lines = ["", "What the design asks for (section 11)", f"  {'':56}{'measured':>28}  {'goal':>22}  met"]
    for verdict in verdicts:
        met = "yes" if verdict.met else "NO"
        lines.append(f"  {verdict.what:56}{verdict.measured:>28}  {verdict.goal:>22}  {met}")
    return lines


def table(machine, samples, failures):
    lines = ["taskdns beside its peers", "", *machine, "", *HOW_TO_READ]
    for figure in FIGURES:
        lines += figure_lines(figure, samples)
    for title, found in (("Notes", list(notes(samples))), ("Could not be measured", failures)):
        if found:
            lines += ["", title, *(f"  {line}" for line in found)]
    lines += goal_lines(samples)
    return "\n".join(lines) + "\n"
