"""The table of balancing.py."""
import statistics
import textwrap

from peers_stats import median_interval, paired_ratios

OURS = "taskdns, least_connections"
PEER = "HAProxy, leastconn"
COLUMNS = [("requests_per_second", "requests/s", 0), ("mean_ms", "mean, ms", 2), ("p50_ms", "p50, ms", 2),
           ("p99_ms", "p99, ms", 1), ("cpu_us", "CPU, µs", 0)]
GOALS = [("p99", "p99_ms", 1.2, "at most 1.2 times HAProxy's"), ("mean", "mean_ms", 1.0, "below HAProxy's")]


def how_to_read(arguments):
    words = (
        "Four endpoints; the fourth takes ten times as long for a request (20 % more or less, by a timer, no CPU). "
        f"{arguments.clients} clients, each: look the name up, connect to the first address, send a line, read until "
        "the end, begin again. A latency holds all of that. With HAProxy (mode tcp, one thread) taskdns names the "
        "proxy, and the clients look it up just the same. Shares: who answered, in per cent. CPU: of taskdns, and of "
        "HAProxy where there is one, per request. Every visit begins with new processes and "
        f"{arguments.warm_up:g} s that do not count, for all of them; a round visits all, each round begins with the "
        "next one. Figures: medians over the rounds. Ratios: of the same round. Servers close first, so that closed "
        "connections take no ports from the clients.")
    return textwrap.wrap(words, 112)


def line_of(title, results):
    columns = "".join(f"{statistics.median(result[key] for result in results):>{12}.{digits}f}"
                      for key, _, digits in COLUMNS)
    servers = sorted({server for result in results for server in result["shares"]})
    shares = [100 * statistics.median(result["shares"].get(server, 0) for result in results) for server in servers]
    return f"  {title:28}{columns}    {' '.join(f'{share:5.1f}' for share in shares)}"


def goal_lines(ours, theirs):
    """A goal is met by the medians; the interval says how sure that is."""
    lines = []
    for name, key, limit, words in GOALS:
        ratios = paired_ratios(*([result and result[key] for result in results] for results in (ours, theirs)))
        if not ratios:
            lines.append(f"  {name}: not measured")
            continue
        ratio = statistics.median(ratios)
        low, high = median_interval(ratios)
        met = ratio <= limit if limit > 1 else ratio < limit
        interval = "95 % interval" if len(ratios) >= 6 else "least and greatest"
        lines.append(f"  {name} {words}: {'met' if met else 'MISSED'}, {ratio:.3f} times "
                     f"({interval} [{low:.3f}, {high:.3f}])")
    return lines


def section(case, results):
    titles = [title for of, title in results if of == case]
    rounds = max(len(results[case, title]) for title in titles)
    limit = f"{case.workers} at once at each endpoint, the rest waits" if case.workers else "as many at once as come"
    head = "".join(f"{title:>12}" for _, title, _ in COLUMNS)
    lines = ["", f"{case.key.capitalize()}: {case.milliseconds} ms and {case.milliseconds * 10} ms, {limit} "
                 f"({rounds} round{'s' if rounds != 1 else ''})",
             f"  {'':28}{head}    {'shares, the slow one last':>23}"]
    for title in titles:
        if found := [result for result in results[case, title] if result]:
            lines.append(line_of(title, found))
    return lines + goal_lines(results.get((case, OURS), []), results.get((case, PEER), []))


def table(machine, arguments, results, failures):
    lines = ["Order least_connections beside an L4 proxy", "", *machine, "", *how_to_read(arguments)]
    for case in dict.fromkeys(case for case, _ in results):
        lines += section(case, results)
    if failures:
        lines += ["", "Not measured:", *(f"  {failure.splitlines()[0]}" for failure in failures)]
    return "\n".join(lines) + "\n"
