"""On what a table was measured: machine, versions, date."""
import datetime
import os
import pathlib
import platform
import re
import subprocess


def first_match(path, pattern, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else otherwise


def version_of(command):
    """The first thing that looks like a version in what `command` prints."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                              check=False)
    except OSError:
        return "not installed"
    found = re.search(r"\d+\.\d+(?:\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def versions(taskdns):
    commands = {"taskdns": [str(taskdns), "version"], "gdnsd": ["gdnsd", "-h"], "knot": ["knotd", "-V"],
                "unbound": ["unbound", "-V"], "dnsmasq": ["dnsmasq", "--version"]}
    return ", ".join(f"{name} {version_of(command)}" for name, command in commands.items())


def describe(taskdns, command):
    """Lines for the head of the table."""
    processor = first_match("/proc/cpuinfo", r"^model name.*: (.*)$")
    system = first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')
    kernel = re.match(r"[\d.]*\d", platform.release())
    return [
        f"Machine:  {processor}, {os.cpu_count()} cores, {platform.machine()}",
        f"System:   {system}, Linux {kernel[0] if kernel else platform.release()}",
        f"Versions: {versions(taskdns)}",
        f"Date:     {datetime.date.today().isoformat()}",
        f"Command:  {command}",
    ]
