#!/usr/bin/env python3
"""What a running daemon says on /metrics, against everything that speaks of it.

Usage: metrics_test.py TASKDNS SOURCE_DIR

Starts the daemon on free ports, asks it a little, scrapes it, and checks that promtool has nothing to say of the text,
that docs/metrics.md names every metric with its type and no other, and that the alert rules and the dashboard name only
metrics, labels' words aside, that exist. Then promtool checks and tests the rules.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

NAME = re.compile(r"\b(?:taskdns|process)_[a-z0-9_]+\b")
CONFIG = """
listen: {{dns: ["127.0.0.1:{dns}"], http: ["127.0.0.1:{http}"]}}
upstream: {{servers: ["127.0.0.1:{upstream}"], timeout: 100ms}}
snapshot: {directory}/snapshot.json
metrics: {{emf: true, emf_namespace: Check, emf_interval: 1s}}
services:
  - {{name: static.test, source: static, addresses: [127.0.0.1], port: {http}}}
  - {{name: polled.test, port: 80, required: false}}
"""


def free_port():
    """Of TCP and UDP; one that another process takes meanwhile makes the daemon fail, and then it is started again."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class Upstream:
    """Answers nothing, but has a port of its own; NXDOMAIN for every query that is read."""

    def __init__(self):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def answer_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                query, client = self.socket.recvfrom(4096)
            except TimeoutError:
                return
            if len(query) >= 12:
                self.socket.sendto(query[:2] + b"\x81\x83" + query[4:], client)


def ask(port, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"\x12\x34\x01\x00\x00\x01" + bytes(6) + labels + b"\x00\x00\x01\x00\x01", ("127.0.0.1", port))


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
        content_type = reply.headers["Content-Type"]
        assert content_type.startswith("text/plain; version=0.0.4"), content_type
        return reply.read().decode()


def run_daemon(binary, directory):
    """The metrics' text, and the lines that it wrote to standard output."""
    upstream = Upstream()
    for _ in range(3):
        dns, http = free_port(), free_port()
        config = os.path.join(directory, "taskdns.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(dns=dns, http=http, upstream=upstream.port, directory=directory))
        with open(os.path.join(directory, "out"), "w+", encoding="utf-8") as out:
            daemon = subprocess.Popen([binary, "--config", config], stdout=out, stderr=subprocess.STDOUT)
            try:
                upstream.answer_for(0.7)
                if daemon.poll() is not None:
                    continue
                for name in ("static.test", "polled.test", "example.org", "localhost"):
                    ask(dns, name)
                upstream.answer_for(1.0)
                text = scrape(http)
            finally:
                if daemon.poll() is None:
                    daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
            out.seek(0)
            return text, out.read().splitlines()
    raise SystemExit("metrics_test: the daemon does not start:\n" + open(os.path.join(directory, "out")).read())


def types_of(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def documented(source):
    with open(os.path.join(source, "docs/metrics.md"), encoding="utf-8") as file:
        return dict(re.findall(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|", file.read(), re.M))


def family(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) == "histogram":
            return base
    return name


def expressions(source):
    """Where it stands, and each PromQL expression of dashboard and rules."""
    with open(os.path.join(source, "packaging/grafana/taskdns.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"the panel '{panel['title']}'", target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield f"the variable {variable['name']}", variable["definition"]
    with open(os.path.join(source, "packaging/prometheus/alerts.yaml"), encoding="utf-8") as file:
        for alert, body in re.findall(r"- alert: (\w+)\n(.*?)(?=\n      - alert|\Z)", file.read(), re.S):
            yield f"the alert {alert}", re.search(r"expr:(.*?)\n\s+(?:for|labels):", body, re.S)[1]


def label_values(text):
    """What each label of each family has been seen to hold."""
    seen = {}
    for name, labels in re.findall(r"^([a-z0-9_]+)\{(.*)\} ", text, re.M):
        for label, value in re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels):
            seen.setdefault((name, label), set()).add(value)
    return seen


def check_expressions(source, text, mistakes):
    types, seen, found = types_of(text), label_values(text), 0
    for where, expression in expressions(source):
        for name in NAME.findall(expression):
            found += 1
            if family(name, types) not in types:
                mistakes.append(f"{where} names {name}, which is no metric")
        # Fixed words that are compared with must exist, or the expression is silent for ever.
        for name, selector in re.findall(r"([a-z0-9_]+)\{([^}]*)\}", expression):
            for label, operator, value in re.findall(r'([a-z_]+)(=~|=)"([^"$]*)"', selector):
                for word in value.split("|") if operator == "=~" else [value]:
                    if word not in seen.get((name, label), set()):
                        mistakes.append(f"{where} asks for {name}{{{label}=\"{word}\"}}, which nobody has seen")
    if found < 50:
        mistakes.append(f"only {found} metrics are named by dashboard and rules: are they still read?")


def check_documents(source, text, mistakes):
    types, described = types_of(text), documented(source)
    for name, kind in types.items():
        if described.get(name) != kind:
            mistakes.append(f"docs/metrics.md does not have {name} as a {kind}")
    for name in described.keys() - types.keys():
        mistakes.append(f"docs/metrics.md has {name}, which the daemon does not tell")


def check_emf(lines, mistakes):
    emf = [json.loads(line) for line in lines if line.startswith('{"_aws"')]
    services = {line["service"] for line in emf if "service" in line}
    if services != {"static.test.", "polled.test."} and services != {"static.test", "polled.test"}:
        mistakes.append(f"standard output has EMF lines of {sorted(services)}")
    if not any(line.get("queries", 0) > 0 for line in emf):
        mistakes.append("no EMF line has counted the queries")
    if all(line.startswith("{") for line in lines):
        mistakes.append("the log's own lines are not text any more")


# Where install_dependencies.sh puts it is not in everybody's PATH.
PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path="/usr/local/bin")


def promtool(arguments, mistakes, **options):
    result = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False, **options)
    if result.returncode != 0 or (arguments[1] == "metrics" and (result.stdout or result.stderr)):
        mistakes.append(f"promtool {' '.join(arguments)}:\n{result.stdout}{result.stderr}")


def main():
    binary, source = os.path.abspath(os.environ.get("TASKDNS_BINARY") or sys.argv[1]), sys.argv[2]
    if PROMTOOL is None:
        print("metrics_test: promtool is missing (packaging/install_dependencies.sh test)")
        return 1
    with tempfile.TemporaryDirectory() as directory:
        text, lines = run_daemon(binary, directory)
    mistakes = []
    promtool(["check", "metrics"], mistakes, input=text)
    rules = os.path.join(source, "packaging/prometheus")
    promtool(["check", "rules", "alerts.yaml"], mistakes, cwd=rules)
    promtool(["test", "rules", "alerts_test.yaml"], mistakes, cwd=rules)
    check_documents(source, text, mistakes)
    check_expressions(source, text, mistakes)
    check_emf(lines, mistakes)
    for mistake in mistakes:
        print("metrics_test: " + mistake)
    if not mistakes:
        print(f"metrics_test: {len(types_of(text))} metrics, all well")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
