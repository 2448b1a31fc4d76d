#!/usr/bin/env python3
"""Writes taskdns.yaml(5) from the JSON Schema, which a unit test keeps equal to what the parser accepts.

Usage: make_taskdns_yaml_5.py SCHEMA > taskdns.yaml.5
The page is committed, so that a build needs no Python; tests/debian/documents_test.py fails while it differs.
"""
import json
import re
import sys
import textwrap

HEAD = r""".\" Written by packaging/man/make_taskdns_yaml_5.py from config/taskdns.schema.json: change those.
.Dd November 23, 2026
.Dt TASKDNS.YAML 5
.Os
.Sh NAME
.Nm taskdns.yaml
.Nd configuration of the local resolver taskdns
.Sh DESCRIPTION
.Xr taskdns 8
reads
.Pa /etc/taskdns/taskdns.yaml ,
or the file that
.Fl -config
names.
.Ic taskdns check-config
reports every mistake with its line, column and mend, and changes nothing.
What the daemon should do without any service has to be said:
.Ql services: [] .
.Pp
A duration is a number with a unit:
.Li 500ms , 1.8s , 10m , 24h .
A size is a number of octets with a unit:
.Li 512KiB , 1MiB ;
or 0.
A list is
.Li [a, b] ,
or one text with commas.
.Ql ${VAR}
and
.Ql ${VAR:-default}
stand for a variable's value wherever a value stands.
"""

SERVICES = r"""Each service takes every key that it does not write from
.Ic defaults ,
which may have all of these but
.Ic name , aliases
and
.Ic addresses .
"""

TAIL = r""".Sh FILES
.Bl -tag -width Ds -compact
.It Pa /etc/taskdns/taskdns.yaml
The configuration.
.It Pa /usr/share/taskdns/taskdns.schema.json
Its JSON Schema, for editors.
.It Pa /usr/share/doc/taskdns/examples/
Configurations for common cases, and one of every setting with its default.
.El
.Sh EXAMPLES
.Bd -literal
services:
  - name: resource-server.local
    aliases: [resource-server]
    port: 8080
  - name: orders.local
    port: 9090
    health: {check: http, path: /healthz}
.Ed
.Sh SEE ALSO
.Xr taskdns 8
"""


def escape(text):
    """As mdoc text: each sentence begins a line, and nothing is what roff would take for its own."""
    sentences = re.sub(r"(?<=[\w)%\]][.]) (?=[A-Z])", "\n", text.replace("\\", "\\e")).split("\n")
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, 79, break_long_words=False)]
    return "\n".join("\\&" + line if line[0] in ".'" else line for line in lines)


def value(default):
    text = json.dumps(default, ensure_ascii=False) if not isinstance(default, str) else default or '""'
    return text.replace("\\", "\\e").replace('"', "\\(dq")


class Page:
    def __init__(self, schema):
        self.schema = schema
        self.lines = []

    def resolve(self, node):
        """What `node` says, and what it refers to says for it; its own words come first."""
        target = self.schema["$defs"][node["$ref"].rsplit("/", 1)[-1]] if "$ref" in node else {}
        return {**self.resolve(target), **node} if target else node

    def limits(self, node):
        for choice in [node, *node.get("anyOf", [])]:
            if "enum" in choice:
                return "One of " + ", ".join(map(str, choice["enum"])) + ".\n"
            if choice.get("maximum", 0):
                return f"{choice['minimum']} to {choice['maximum']}.\n"
        return ""

    def keys(self, node, prefix=""):
        for name, raw in node.get("properties", {}).items():
            key = self.resolve(raw)
            self.lines.append(f".It Ic {prefix}{name}\n{escape(key['description'])}\n{self.limits(key)}")
            if "default" in raw:
                self.lines.append(f"The default is\n.Li {value(raw['default'])} .\n")
            self.keys(key, f"{prefix}{name}.")

    def section(self, title, intro, node):
        self.lines.append(f".Sh {title}\n{intro}.Bl -tag -width Ds\n")
        self.keys(node)
        self.lines.append(".El\n")

    def text(self):
        alone = {}
        for name, node in self.schema["properties"].items():
            if name not in ("services", "defaults"):
                alone[name] = node
        self.section("SETTINGS", "", {"properties": alone})
        self.section("SERVICES", "Below\n.Ic services ,\na list.\n" + SERVICES,
                     self.schema["properties"]["services"]["items"])
        return HEAD + "".join(self.lines) + TAIL


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(Page(json.load(file)).text())


if __name__ == "__main__":
    main()
