"""What the daemon makes of a container's configuration: asked of the daemon itself, and the few values that the rules need."""
import dataclasses
import functools
import os
import re
import shutil
import subprocess

import yaml

VARIABLES = ["TASKDNS_CONFIG_CONTENT", "TASKDNS_SERVICES", "TASKDNS_DNS_LISTEN", "TASKDNS_HTTP_LISTEN", "TASKDNS_UPSTREAM",
             "TASKDNS_LOG_LEVEL", "TASKDNS_LOG_FORMAT"]
REFERENCE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
NOT_OF_TASKDNS = r"note: variable \S+ is not one of taskdns"  # which our own rules say of every container
AUTO_LINGER_SECONDS = 25  # `shutdown.linger: auto` at most


@dataclasses.dataclass
class Settings:
    """Those that a task definition must agree with."""
    dns_ports: list
    http_ports: list
    manages_resolv_conf: bool
    keeps_fallback: bool
    linger_seconds: float
    snapshot: str
    services: list  # of TASKDNS_CONFIG_CONTENT, as they are written
    is_yaml: bool  # else these are the defaults

    @property
    def serves_port_53(self):
        return 53 in self.dns_ports


class Binary:
    """The program itself, where there is one; it decides what is a good configuration and a good command line."""

    def __init__(self, path):
        self.path = path

    def complaints(self, environment):
        """(mistakes, notes), a line each, of `taskdns check-config` with a container's variables."""
        try:
            done = run([self.path, "check-config"], environment)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            return [f"check-config cannot be run with these variables: {error}"], []
        lines = (done.stderr + done.stdout).splitlines()
        noted = [line for line in lines if ": note: " in line]
        notes = [line.replace(": note: ", ": ", 1) for line in noted if not re.search(NOT_OF_TASKDNS, line)]
        if done.returncode == 0:
            return [], notes
        return [line for line in lines if line not in noted] or [f"check-config ended with {done.returncode}"], notes

    def unknown_word(self, words):
        """The first word of a command line that the program does not know, with what it knows there; else None."""
        subcommand, known, rest = (), known_words(self.path), list(words)
        while rest:
            word = rest.pop(0)
            if word == "--":
                return None  # what follows is another program's
            option = word.split("=")[0]
            if word.startswith("-"):
                if option not in known.options:
                    return word, sorted(known.options)
                if known.options[option] and option == word:
                    rest[:1] = []  # its value
            elif word in known.subcommands:
                subcommand += (word,)
                known = known_words(self.path, subcommand)
            elif known.subcommands or not known.takes_words:
                return word, sorted(known.subcommands or known.options)
        return None


@dataclasses.dataclass
class KnownWords:
    options: dict  # name: whether a value follows
    subcommands: list
    takes_words: bool


@functools.cache
def known_words(path, subcommand=()):
    """What a subcommand takes, by its own --help."""
    text = run([path, *subcommand, "--help"], {}).stdout
    known, section = KnownWords({}, [], "Positionals:" in text), ""
    for line in text.splitlines():
        if not line or re.match(r"[A-Z][\w ]*:$", line):
            section = line
        elif section == "Subcommands:" and (match := re.match(r"  ([a-z][\w-]*)", line)):
            known.subcommands.append(match[1])
        elif match := re.match(r"  ((?:-\w,)?--?[\w-]+(?:,--[\w-]+)*)(?: ([A-Z]\S*))?", line):
            known.options.update({name: bool(match[2]) for name in match[1].split(",")})
    return known


def run(words, environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TASKDNS_")}
    return subprocess.run(words, env={**clean, **environment}, capture_output=True, encoding="utf-8", errors="replace",
                          timeout=20, stdin=subprocess.DEVNULL)


def program_at(path):
    """Where the program is; ValueError says why it is none."""
    found = shutil.which(path)
    if found is None:
        if not os.path.exists(path):
            raise ValueError(f"no such program: {path} (packaging/demo.sh builds it)")
        raise ValueError(f"{path} is {'a directory' if os.path.isdir(path) else 'not executable'} (packaging/demo.sh builds the program)")
    try:
        said = run([found, "--version"], {}).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{path} cannot be run here: {getattr(error, 'strerror', None) or error}") from error
    if not said.startswith("taskdns "):
        raise ValueError(f"{path} is another program (packaging/demo.sh builds build/release/daemon/taskdns)")
    return found


def ports_of(listeners, default):
    if isinstance(listeners, str):
        listeners = [one for one in listeners.split(",") if one.strip()]
    found = []
    for one in listeners:
        match = re.search(r"(?:\]|^[^:\[]+):([0-9]{1,9})$", str(one).strip())
        found.append(int(match[1]) if match else default)
    return sorted(set(found))


def seconds_of(text, default):
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)", str(text).strip())
    return float(match[1]) * UNITS[match[2]] if match else default


def expanded(value, environment):
    """As the daemon puts variables into values after the YAML was read."""
    if isinstance(value, dict):
        return {key: expanded(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [expanded(inner, environment) for inner in value]
    if isinstance(value, str):
        text = REFERENCE.sub(lambda match: environment.get(match[1]) or match[2] or "", value.replace("$${", "\0"))
        return text.replace("\0", "${")
    return value


def is_true(value):
    return str(value).lower() == "true"


def settings_of(environment):
    """Of a configuration that the daemon takes; defaults where it is silent, or no YAML."""
    try:
        tree = yaml.load(environment.get("TASKDNS_CONFIG_CONTENT", ""), Loader=yaml.BaseLoader) or {}  # makes texts of all
        tree, is_yaml = expanded(tree, environment), isinstance(tree, dict)
    except (yaml.YAMLError, RecursionError):
        is_yaml = False
    if not is_yaml:
        tree = {}

    def section(name):
        return tree.get(name) if isinstance(tree.get(name), dict) else {}

    listen, resolv_conf = section("listen"), section("resolv_conf")
    services = tree.get("services") if isinstance(tree.get("services"), list) else []
    return Settings(
        dns_ports=ports_of(environment.get("TASKDNS_DNS_LISTEN") or listen.get("dns", ["127.0.0.1:53"]), 53),
        http_ports=ports_of(environment.get("TASKDNS_HTTP_LISTEN") or listen.get("http", ["127.0.0.1:8053"]), 8053),
        manages_resolv_conf=is_true(resolv_conf.get("manage")),
        keeps_fallback=is_true(resolv_conf.get("fallback")),
        linger_seconds=seconds_of(section("shutdown").get("linger", "auto"), AUTO_LINGER_SECONDS),
        snapshot=str(tree.get("snapshot") or ""),
        services=[one for one in services if isinstance(one, dict)],
        is_yaml=is_yaml,
    )


def services_of_list(text):
    """TASKDNS_SERVICES as the YAML that it stands for."""
    services = []
    for item in filter(None, (one.strip() for one in text.split(","))):
        match = re.fullmatch(r"([^:/]*)(?::([^/]*))?(/.*)?", item, re.DOTALL)
        if match:
            service = {"name": match[1], "port": match[2], "health": {"check": "http", "path": match[3]} if match[3] else None}
            services.append({key: value for key, value in service.items() if value is not None})
    return services
