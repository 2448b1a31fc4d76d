#!/usr/bin/env python3
"""Holds a running daemon's answers against docs/openapi.yaml: every path and method, and every status it can provoke.

Usage: openapi_test.py TASKDNS OPENAPI_YAML
"""
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"openapi_test: {missing} (packaging/install_dependencies.sh test)")
    sys.exit(1)

CONFIG = """
listen:
  dns: []
  http: [127.0.0.1:{port}]
upstream:
  servers: ["127.0.0.1:1"]
services:
  - name: a.local
    source: static
    addresses: ["127.0.0.11:8080", "127.0.0.12:8080", "127.0.0.13:8080", "127.0.0.14:8080"]
    health: {{check: none}}
  - name: ports.local
    source: static
    addresses: ["127.0.0.11:1001", "127.0.0.11:1002"]
    health: {{check: none}}
  - name: empty.local
    required: false
    port: 8080
"""
SERVICE = "/v1/services/a.local"
ENDPOINT = SERVICE + "/endpoints/127.0.0.11:8080"
JSON = {"Content-Type": "application/json"}


class Checker:
    def __init__(self, port, document):
        self.port = port
        self.document = document
        self.mistakes = []
        self.seen = set()  # (path, method, status)

    def ask(self, method, target, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, target, body=body, headers=headers or {})
        reply = connection.getresponse()
        kind = (reply.getheader("Content-Type") or "").split(";")[0]
        text = b""
        if kind == "text/event-stream":  # it has no end: up to that of the present state
            while b"\nid: " not in text:
                text += reply.read1(65536)
        else:
            text = reply.read()
        connection.close()
        return reply, kind, text.decode()

    def wrong(self, *words):
        self.mistakes.append(" ".join(str(word) for word in words))

    def resolve(self, node):
        while "$ref" in node:
            found = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            node = found
        return node

    def check(self, status, path, method, target, headers=None, body=None):
        """Asks, expects `status`, and compares the answer with what the document says of `path`."""
        reply, kind, text = self.ask(method, target, headers, body)
        where = f"{method} {target}:"
        if reply.status != status:
            self.wrong(where, "status", reply.status, "instead of", status, text[:200])
            return text
        self.seen.add((path, method, status))
        operation = self.document["paths"][path].get(method.lower())
        if operation is None:  # a method that is not there
            operation = next(iter(self.document["paths"][path].values()))
        if str(status) not in operation["responses"]:
            self.wrong(where, status, "is not in the document")
            return text
        response = self.resolve(operation["responses"][str(status)])
        for name, header in response.get("headers", {}).items():
            if self.resolve(header).get("required") and reply.getheader(name) is None:
                self.wrong(where, "no header", name)
        content = response.get("content", {})
        if not content:
            if text:
                self.wrong(where, "has a body")
            return text
        if kind not in content:
            self.wrong(where, "Content-Type", kind, "is not in the document")
            return text
        if kind.endswith("json"):
            schema = {**content[kind]["schema"], "components": self.document["components"]}
            for mistake in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(text)):
                self.wrong(where, "/".join(map(str, mistake.absolute_path)), mistake.message)
        return text


def filled(path):
    return path.replace("{NAME}", "a.local").replace("{ADDR}", "127.0.0.11:8080")


def check_routes(checker):
    """The document has the paths and methods that the daemon has, and no others."""
    detail = json.loads(checker.ask("GET", "/nothing")[2])["detail"]
    there = detail.split("there are ")[1].split(", ")
    documented = [path.replace("{NAME}", "NAME").replace("{ADDR}", "ADDR") for path in checker.document["paths"]]
    if sorted(there) != sorted(documented):
        checker.wrong("paths:", sorted(set(there) ^ set(documented)))
    for path, operations in checker.document["paths"].items():
        allow = set(checker.ask("OPTIONS", filled(path))[0].getheader("Allow").split(", ")) - {"HEAD", "OPTIONS"}
        if allow != {method.upper() for method in operations}:
            checker.wrong(path, "methods:", allow)


def check_every_path(checker):
    for path, operations in checker.document["paths"].items():
        target = filled(path)
        method = next(iter(operations)).upper()
        headers = JSON if method in ("POST", "PUT") else {}
        checker.check(405, path, "PATCH", target)
        checker.check(421, path, method, target, {"Host": "evil.example", **headers})
        for wanted, operation in operations.items():
            if "404" in operation["responses"]:
                missing = target.replace("a.local", "none.local")
                body = '{"outcome": "failure"}' if path.endswith("report") else '{"state": "active"}'
                checker.check(404, path, wanted.upper(), missing, JSON, body if wanted in ("post", "put") else None)
            if "409" in operation["responses"]:
                several = target.replace("a.local", "ports.local").replace(":8080", "")
                body = '{"outcome": "failure"}' if path.endswith("report") else '{"state": "active"}'
                checker.check(409, path, wanted.upper(), several, JSON, body if wanted in ("post", "put") else None)
        if method == "GET":
            for accept in ("application/json", "text/plain", "*/*"):
                checker.check(200, path, "GET", target, {"Accept": accept})


def check_changes(checker):
    report, reload = "/v1/services/{NAME}/endpoints/{ADDR}/report", "/v1/reload"
    admin = report.replace("report", "admin")
    rows = [
        (200, report, "POST", ENDPOINT + "/report", JSON, '{"outcome": "failure"}'),
        (200, report, "POST", ENDPOINT + "/report", JSON, '{"outcome": "success"}'),
        (200, admin, "PUT", ENDPOINT + "/admin", JSON, '{"state": "drained", "for": "1m"}'),
        (200, admin, "GET", ENDPOINT + "/admin", {}, None),
        (200, admin, "DELETE", ENDPOINT + "/admin", {}, None),
        (200, admin, "GET", ENDPOINT + "/admin", {}, None),
        (403, admin, "DELETE", ENDPOINT + "/admin", {"Origin": "http://evil.example"}, None),
        (200, reload, "POST", reload, JSON, None),
    ]
    for path, method, target in ((report, "POST", ENDPOINT + "/report"), (admin, "PUT", ENDPOINT + "/admin"),
                                 (reload, "POST", reload)):
        rows += [
            (400, path, method, target, JSON, "no JSON"),
            (403, path, method, target, {**JSON, "Origin": "http://evil.example"}, "{}"),
            (403, path, method, target, {**JSON, "Sec-Fetch-Site": "cross-site"}, "{}"),
            (413, path, method, target, JSON, " " * 65537),
            (415, path, method, target, {"Content-Type": "text/plain"}, "{}"),
            (422, path, method, target, JSON, '{"unknown": 1}'),
        ]
    for row in rows:
        checker.check(*row)
    text = checker.check(200, "/v1/services/{NAME}", "GET", SERVICE)
    if "drained" in text:
        checker.wrong("the drain has not ended")


def check_reading(checker):
    services, endpoints = "/v1/services", "/v1/services/{NAME}/endpoints"
    checker.check(400, services, "GET", services + "?index=x")
    checker.check(400, "/v1/events", "GET", "/v1/events?index=x")
    checker.check(400, "/v1/services/{NAME}", "GET", SERVICE + "?wait=1y")
    checker.check(400, "/v1/services/{NAME}/pick", "GET", SERVICE + "/pick%")
    checker.check(503, "/v1/services/{NAME}/pick", "GET", "/v1/services/empty.local/pick")
    checker.check(200, "/", "GET", "/?fragment")
    reply = checker.ask("GET", SERVICE + "/endpoints")[0]
    checker.check(304, endpoints, "GET", SERVICE + "/endpoints", {"If-None-Match": reply.getheader("ETag")})
    index = reply.getheader("X-Taskdns-Index")
    begin = time.monotonic()
    checker.check(200, endpoints, "GET", f"{SERVICE}/endpoints?index={index}&wait=300ms")
    if time.monotonic() - begin < 0.3:
        checker.wrong("a watch ended before its time")
    text = checker.check(200, "/v1/events", "GET", "/v1/events")
    for line in text.split("event: service\ndata: ")[1:]:
        schema = {"$ref": "#/components/schemas/ServiceSummary", "components": checker.document["components"]}
        for mistake in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(line.split("\n")[0])):
            checker.wrong("an event:", mistake.message)


def check_bad_reload(checker, config_file):
    config = open(config_file, encoding="utf-8").read()
    with open(config_file, "w", encoding="utf-8") as file:
        file.write(config + "nonsense: 1\n")
    text = checker.check(422, "/v1/reload", "POST", "/v1/reload", JSON)
    if "nonsense" not in text:
        checker.wrong("a failed reload does not name the mistake:", text)
    with open(config_file, "w", encoding="utf-8") as file:
        file.write(config)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(checker):
    for _ in range(100):
        try:
            status = checker.ask("GET", "/readyz")[0].status
            if status == 200:
                return
            checker.check(503, "/readyz", "GET", "/readyz")
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("the daemon did not become ready")


def main():
    binary, document_file = os.environ.get("TASKDNS_BINARY") or sys.argv[1], sys.argv[2]
    with open(document_file, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config_file = os.path.join(folder, "taskdns.yaml")
        with open(config_file, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(port=port))
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            daemon = subprocess.Popen([binary, "run", "--config", config_file], stdout=log, stderr=log)
        checker = Checker(port, document)
        try:
            wait_until_ready(checker)
            for check in (check_routes, check_every_path, check_changes, check_reading):
                check(checker)
            check_bad_reload(checker, config_file)
        finally:
            daemon.terminate()
            daemon.wait(10)
            if checker.mistakes:
                print(open(os.path.join(folder, "log"), encoding="utf-8").read())
    print(f"{len(checker.seen)} kinds of answers compared")
    for mistake in checker.mistakes:
        print("WRONG", mistake)
    return 1 if checker.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
