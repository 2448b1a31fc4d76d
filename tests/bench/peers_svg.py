"""The plot: one panel per figure, one bar per server with its interval. Plain SVG, readable in light and dark."""
import html
import math

from peers_rows import FIGURES
from peers_table import number, servers_of

PANEL_WIDTH = 470
LABEL_WIDTH = 150
BAR_WIDTH = 220
BAR_STEP = 20
BAR_HEIGHT = 13
TITLE_HEIGHT = 34
MARGIN = 16
HEAD = 58

LIGHT = {"paper": "#ffffff", "ink": "#1f2328", "faint": "#59636e",
         "ours": "#0969da", "peer": "#9aa4b0", "floor": "#d0d7de"}
DARK = {"paper": "#0d1117", "ink": "#e6edf3", "faint": "#9198a1",
        "ours": "#4493f8", "peer": "#656c76", "floor": "#3d444d"}


def colours(of):
    """Without CSS variables, which not every renderer knows."""
    return (".paper {{ fill: {paper}; }} text {{ fill: {ink}; }} text.faint {{ fill: {faint}; }} "
            ".ours {{ fill: {ours}; }} .peer {{ fill: {peer}; }} .floor {{ fill: {floor}; }} "
            ".interval {{ stroke: {ink}; }}").format(**of)


STYLE = f"""
  text {{ font: 12px system-ui, sans-serif; }}
  text.title {{ font-weight: 600; }}
  text.head {{ font-size: 16px; font-weight: 600; }}
  .interval {{ stroke-width: 1.2; fill: none; }}
  {colours(LIGHT)}
  @media (prefers-color-scheme: dark) {{ {colours(DARK)} }}
"""


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'


def bar_class(server):
    if server.startswith("taskdns"):
        return "ours"
    return "floor" if server.startswith("bare") else "peer"


def shorter(server):
    return server.replace(" services of ", " x ").replace(" endpoints", "").replace("taskdns, ", "taskdns ")


def bar(x, y, server, summary, scale, digits):
    left = x + LABEL_WIDTH
    middle = y + BAR_HEIGHT / 2
    low, high = left + summary.low * scale, left + summary.high * scale
    label = max(left + summary.median * scale, high) + 6
    lines = [
        text(left - 6, y + BAR_HEIGHT - 2, shorter(server), anchor="end"),
        f'<rect x="{left}" y="{y:.1f}" width="{max(summary.median * scale, 1):.1f}" height="{BAR_HEIGHT}" rx="2" '
        f'class="{bar_class(server)}"/>',
        text(label, y + BAR_HEIGHT - 2, number(summary.median, digits), "faint"),
    ]
    if low < high:
        lines.append(f'<path d="M{low:.1f} {middle - 3:.1f}v6M{low:.1f} {middle:.1f}H{high:.1f}M{high:.1f} '
                     f'{middle - 3:.1f}v6" class="interval"/>')
    return lines


def panel(x, y, figure, servers, samples):
    summaries = {server: samples.summary(figure, server) for server in servers}
    scale = BAR_WIDTH / max(max(one.high, one.median, 1e-9) for one in summaries.values())
    better = "less is better" if figure.less_is_better else "more is better"
    title = figure.title.split(":")[0] if len(figure.title) > 62 else figure.title
    lines = [text(x, y + 12, title, "title"), text(x, y + 27, f"{figure.unit}, {better}", "faint")]
    for row, server in enumerate(servers):
        lines += bar(x, y + TITLE_HEIGHT + row * BAR_STEP, server, summaries[server], scale, figure.digits)
    return lines


def plot(machine, samples):
    """The SVG's text. Panels fill two columns, each new one the shorter of them."""
    bottoms = [HEAD, HEAD]
    body = []
    for figure in FIGURES:
        servers = servers_of(figure, samples)
        if not servers:
            continue
        column = bottoms.index(min(bottoms))
        x = MARGIN + column * (PANEL_WIDTH + MARGIN)
        body += panel(x, bottoms[column], figure, servers, samples)
        bottoms[column] += TITLE_HEIGHT + len(servers) * BAR_STEP + 18
    width, height = 2 * PANEL_WIDTH + 3 * MARGIN, math.ceil(max(bottoms))
    under = "; ".join(line.partition(":")[2].strip() for line in machine[:2])
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-label="taskdns beside its peers">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" class="paper"/>',
        text(MARGIN, 24, "taskdns beside its peers: medians and their intervals", "head"),
        text(MARGIN, 42, under, "faint"),
        *body,
        "</svg>",
    ]) + "\n"
