"""The soak's plot: memory, descriptors and latency over time, with the outages of the resolver as bands."""
from peers_svg import DARK, LIGHT, MARGIN, text

WIDTH = 940
PANEL = 150   # height of one
GAP = 46
HEAD = 62
LEFT = 64

PANELS = [("Memory, KiB", (("rss", "peer", "RSS"), ("anon", "ours", "RssAnon"))),
          ("Open descriptors (watchers and TCP clients come and go)", (("fds", "ours", "descriptors"),)),
          ("Latency of configured names over UDP, µs, as the busy Python client sees it",
           (("p99", "peer", "p99"), ("p50", "ours", "p50")))]


def colours(of):
    return (f".paper {{ fill: {of['paper']}; }} text {{ fill: {of['ink']}; }} text.faint {{ fill: {of['faint']}; }} "
            f".ours {{ stroke: {of['ours']}; }} .peer {{ stroke: {of['peer']}; }} .outage {{ fill: {of['floor']}; }} "
            f".axis {{ stroke: {of['faint']}; }} text.ours {{ fill: {of['ours']}; stroke: none; }} "
            "text.peer { stroke: none; }")


STYLE = f"""
  text {{ font: 12px system-ui, sans-serif; }}
  text.title {{ font-weight: 600; }}
  text.head {{ font-size: 16px; font-weight: 600; }}
  path {{ fill: none; stroke-width: 1.4; }}
  .outage {{ opacity: 0.45; }}
  {colours(LIGHT)}
  @media (prefers-color-scheme: dark) {{ {colours(DARK)} }}
"""


def curve(points, kind):
    return f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}" class="{kind}"/>'


def panel(top, title, lines, samples, outages):
    end = max(samples[-1]["at"], 1)
    most = max(max(sample[key] for sample in samples) for key, _, _ in lines) * 1.08 or 1

    def x_of(at):
        return LEFT + at / end * (WIDTH - LEFT - MARGIN)

    def y_of(value):
        return top + PANEL - value / most * PANEL

    out = [text(MARGIN, top - 10, title, "title")]
    for begin, stop in outages:
        out.append(f'<rect x="{x_of(begin):.1f}" y="{top}" width="{max(x_of(min(stop, end)) - x_of(begin), 1):.1f}" '
                   f'height="{PANEL}" class="outage"/>')
    out.append(f'<path d="M{LEFT} {top}V{top + PANEL}H{WIDTH - MARGIN}" class="axis"/>')
    for share in (0, 0.5, 1):
        value = most / 1.08 * share
        out.append(text(LEFT - 6, y_of(value) + 4, f"{value:,.0f}", "faint", anchor="end"))
    for number, (key, kind, name) in enumerate(lines):
        out.append(curve([(x_of(sample["at"]), y_of(sample[key])) for sample in samples], kind))
        out.append(text(WIDTH - MARGIN - 90 * number, top - 10, name, kind, anchor="end"))
    return out


def plot(under, samples, outages):
    """The SVG's text. `samples`: dictionaries with `at` in seconds and the panels' keys; `outages`: (begin, end)."""
    height = HEAD + len(PANELS) * (PANEL + GAP) + 10
    body = []
    for number, (title, lines) in enumerate(PANELS):
        body += panel(HEAD + 26 + number * (PANEL + GAP), title, lines, samples, outages)
    minutes = samples[-1]["at"] / 60
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="memory, descriptors and latency of the soak">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" class="paper"/>',
        text(MARGIN, 24, f"{minutes:.0f} minutes of churn; grey: the resolver fails", "head"),
        text(MARGIN, 43, under, "faint"),
        *body,
        "</svg>",
    ]) + "\n"
