#!/usr/bin/env python3
"""Holds every #include of daemon/ against the dependency table in daemon/CMakeLists.txt.

Usage: check_layers.py [ROOT]. Exit status 1 and one line FILE:LINE: ... per mistake.
"""
import pathlib
import re
import sys

# What an include of a library's header begins with, and what the table calls that library. Every layer may use the
# rest: the standard library, fmt (std::format is not in GCC 12) and the small parts of Boost.
LIBRARIES = [
    ("boost/asio", "asio"),
    ("boost/beast", "beast"),
    ("boost/json", "json"),
    ("boost/url", "url"),
    ("ldns/", "ldns"),
    ("yaml-cpp/", "yaml"),
    ("spdlog/", "spdlog_headers"),
    ("openssl/", "openssl"),
    ("CLI/", "cli11"),
]
# Headers of ours that are another name for a library.
WRAPPERS = {"base/asio.hpp": "asio", "dns/ldns.hpp": "ldns"}
# Their time is an argument (design.md, section 2), so that they can be simulated.
CLOCKLESS = {"config", "dns", "membership", "view"}

# What may read the wall clock, which may be set at any time: only what people read, and the ages of a snapshot's
# members, is said by it. All that is decided, and all that waits, goes by the steady clock.
WALL_CLOCK = {
    "daemon/app/control_plane.cpp",  # where an index begins, so that it is none of an earlier run's
    "daemon/app/control_plane_loops.cpp",  # the snapshot's times
    "daemon/app/control_plane_model.cpp",  # times for people
    "daemon/app/daemon_parts.hpp",  # the start, for /v1/status
    "daemon/app/daemon_status.cpp",
    "daemon/app/service_state_admin.cpp",  # when a drain ends, for people
    "daemon/app/reloader.cpp",  # when it was reloaded, for /v1/status
    "daemon/app/snapshot_store.cpp",  # when the file was written, for metrics
    "daemon/base/log.cpp",
    "daemon/base/time.hpp",
    "daemon/http_server/message.cpp",  # the Date header
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
CLOCK = re.compile(r"_clock::now\(")
WALL = re.compile(r"system_clock::now\(|WallAnchor::take\(|\bgettimeofday\(|\btime\((?:nullptr|NULL|0|&)|CLOCK_REALTIME")


def read_table(cmake_text):
    """{layer: (set of layers, set of libraries)} from the taskdns_layer(...) lines."""
    table = {}
    for call in re.findall(r"^taskdns_layer\(([^)]*)\)", cmake_text, re.MULTILINE):
        words = call.split()
        lists = {"DEPENDS": set(), "KNOWS": set()}
        current = None
        for word in words[1:]:
            if word in lists:
                current = word
            else:
                lists[current].add(word)
        table[words[0]] = (lists["DEPENDS"], lists["KNOWS"])
    return table


def library_of(header):
    return next((name for prefix, name in LIBRARIES if header.startswith(prefix)), None)


def mistake_of_include(layer, table, ours, theirs):
    depends, knows = table[layer]
    library = WRAPPERS.get(ours) if ours else library_of(theirs)
    if library and library not in knows:
        return f"{layer} does not KNOW {library}"
    if ours:
        other = ours.split("/")[0]
        if other not in table:
            return f'no layer "{other}" (write the path from daemon/)'
        if other != layer and other not in depends:
            return f"{layer} does not DEPEND on {other}"
    return None


def mistakes_of_file(path, name, layer, table):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        include = INCLUDE.match(line)
        if include:
            mistake = mistake_of_include(layer, table, *include.groups())
            if mistake:
                yield f"{name}:{number}: {mistake}: {line.strip()}"
        if layer in CLOCKLESS and CLOCK.search(line):
            yield f"{name}:{number}: {layer} is pure: take the time as an argument: {line.strip()}"
        if str(name) not in WALL_CLOCK and WALL.search(line):
            yield f"{name}:{number}: the wall clock decides nothing: take the steady one: {line.strip()}"


def check(root):
    daemon = root / "daemon"
    table = read_table((daemon / "CMakeLists.txt").read_text(encoding="utf-8"))
    mistakes = []
    for folder in sorted(p for p in daemon.iterdir() if p.is_dir()):
        if folder.name not in table:
            mistakes.append(f"daemon/{folder.name}: has no taskdns_layer(...) line in daemon/CMakeLists.txt")
            continue
        for path in sorted(folder.rglob("*")):
            # *_impl.cpp compile a library once for all; they are part of no layer.
            if path.suffix in {".hpp", ".cpp", ".in"} and not path.name.endswith("_impl.cpp"):
                mistakes += mistakes_of_file(path, path.relative_to(root), folder.name, table)
    main = daemon / "main.cpp"
    if main.exists():
        mistakes += mistakes_of_file(main, main.relative_to(root), "main", {**table, "main": ({"app"}, set())})
    return mistakes


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
    mistakes = check(root)
    print("\n".join(mistakes) if mistakes else "check_layers: every include is in the table")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
