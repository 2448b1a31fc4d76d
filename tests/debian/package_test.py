#!/usr/bin/env python3
"""The Debian package: what is in it, what dpkg makes of it, and the service as its unit starts it.

Usage: package_test.py TASKDNS SOURCE_DIR

Packs the program that is there already (TASKDNS_BINARY, else TASKDNS), twice, for the same octets. Everything happens
in a mount and a network namespace of its own, so that port 53 is free and nothing of this system is changed; needs root,
or user namespaces for everybody.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import service
from support import expect, expect_equal, finish, need, output, run

FILES = """
    drwxr-xr-x etc/taskdns/
    -rw-r--r-- etc/taskdns/taskdns.yaml
    -rwxr-xr-x usr/bin/taskdns
    -rw-r--r-- usr/lib/systemd/system/taskdns.service
    -rw-r--r-- usr/share/bash-completion/completions/taskdns
    -rw-r--r-- usr/share/doc/taskdns/changelog.Debian.gz
    -rw-r--r-- usr/share/doc/taskdns/changelog.gz
    -rw-r--r-- usr/share/doc/taskdns/copyright
    -rw-r--r-- usr/share/doc/taskdns/examples/alerts.yaml
    -rw-r--r-- usr/share/doc/taskdns/examples/full.yaml
    -rw-r--r-- usr/share/doc/taskdns/examples/grafana.json
    -rw-r--r-- usr/share/doc/taskdns/examples/local-development.yaml
    -rw-r--r-- usr/share/doc/taskdns/examples/smallest.yaml
    -rw-r--r-- usr/share/doc/taskdns/examples/srv.yaml
    -rw-r--r-- usr/share/doc/taskdns/examples/taskdns.yaml
    -rw-r--r-- usr/share/fish/vendor_completions.d/taskdns.fish
    -rw-r--r-- usr/share/lintian/overrides/taskdns
    -rw-r--r-- usr/share/man/man5/taskdns.yaml.5.gz
    -rw-r--r-- usr/share/man/man8/taskdns.8.gz
    -rw-r--r-- usr/share/taskdns/taskdns.schema.json
    -rw-r--r-- usr/share/zsh/vendor-completions/_taskdns
"""


def make_package(source, binary, directory):
    made = output(source / "packaging/package.sh", "--binary", binary, "--output", directory, stderr=subprocess.STDOUT)
    return pathlib.Path(made.split()[-1])


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def check_contents(package, source):
    found = set()
    for line in output("dpkg-deb", "-c", package, env={**os.environ, "TZ": "UTC"}).splitlines():
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        expect(owner == "root/root", f"{path} belongs to {owner}")
        expect(mode in ("drwxr-xr-x", "-rw-r--r--") or path == "./usr/bin/taskdns", f"{path} has mode {mode}")
        if mode[0] != "d" or path == "./etc/taskdns/":
            found.add(f"{mode} {path.removeprefix('./')}")
    expect_equal("files", found, {line.strip() for line in FILES.strip().splitlines()})

    expect_equal("conffiles", output("dpkg-deb", "-I", package, "conffiles"), "/etc/taskdns/taskdns.yaml\n")
    for name, wanted in {"Package": "taskdns", "Architecture": output("dpkg", "--print-architecture").strip(),
                         "Depends": "", "Pre-Depends": "", "Recommends": "", "Section": "net"}.items():
        expect_equal(name, field(package, name), wanted)
    changelog = (source / "packaging/debian/changelog").read_text(encoding="utf-8")
    expect_equal("the changelog's version", re.search(r"\((.*?)\)", changelog)[1], field(package, "Version"))
    stated = re.search(r"project\(taskdns VERSION (\S+)", (source / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
    expect_equal("the package's version", field(package, "Version"), stated + "-1")
    for script in ("postinst", "prerm", "postrm"):
        expect(run("shellcheck", source / "packaging/debian" / script).returncode == 0, f"shellcheck: {script}")


def is_static(binary):
    return "INTERP" not in output("readelf", "-lW", binary)


def repack(package, directory, version, configuration):
    """The same package with another version and another default configuration."""
    tree = directory / f"tree-{version}"
    output("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN/control"
    text = re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(encoding="utf-8"), flags=re.MULTILINE)
    control.write_text(text, encoding="utf-8")
    (tree / "etc/taskdns/taskdns.yaml").write_text(configuration, encoding="utf-8")
    made = directory / f"taskdns_{version}.deb"
    output("dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, made)
    return made


class Root:
    """A root with dpkg's database and nothing else; scripts run outside, and are told of it by DPKG_ROOT."""

    def __init__(self, path):
        self.path = path
        for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "usr/lib/systemd", "etc"):
            (path / folder).mkdir(parents=True)
        (path / "var/lib/dpkg/status").touch()
        (path / "usr/lib/systemd/another").touch()  # or dpkg would remove what it has not made
        (path / "lib").symlink_to("usr/lib")  # as every Debian 12 and Ubuntu 24.04 has it

    def dpkg(self, *arguments):
        done = run("dpkg", f"--root={self.path}", "--force-script-chrootless", "--force-confold", "--no-triggers",
                   f"--log={self.path}/dpkg.log", *arguments)
        expect(done.returncode == 0, f"dpkg {arguments}: {done.stdout}")

    def files(self):
        return {str(path.relative_to(self.path)) for path in self.path.rglob("*")
                if not path.is_dir() and not path.is_relative_to(self.path / "var/lib/dpkg")}


def check_lifecycle(package, scratch):
    root = Root(scratch / "lifecycle")
    before = root.files() | {"dpkg.log"}
    configuration = root.path / "etc/taskdns/taskdns.yaml"
    enabled = root.path / "etc/systemd/system/multi-user.target.wants/taskdns.service"

    root.dpkg("-i", package)
    expect(enabled.is_symlink(), "an installation does not enable the service")
    shipped = configuration.read_text(encoding="utf-8")
    second = repack(package, scratch, "0.1.1-1", shipped + "# new\n")
    root.dpkg("-i", second)
    expect_equal("what nobody changed, after an upgrade", configuration.read_text(encoding="utf-8"), shipped + "# new\n")

    configuration.write_text("services: [{name: mine.local}]\n", encoding="utf-8")
    output("systemctl", f"--root={root.path}", "disable", "taskdns.service")
    root.dpkg("-i", repack(package, scratch, "0.1.2-1", shipped + "# newer\n"))
    expect_equal("what the administrator changed, after an upgrade", configuration.read_text(encoding="utf-8"),
                 "services: [{name: mine.local}]\n")
    expect(not enabled.is_symlink(), "an upgrade enables what the administrator had disabled")

    root.dpkg("-r", "taskdns")
    expect(not (root.path / "usr/bin/taskdns").exists(), "removed, the program is still there")
    expect(configuration.exists(), "removed, the configuration is gone")
    snapshot = root.path / "var/lib/private/taskdns"
    snapshot.mkdir(parents=True)
    (snapshot / "snapshot.json").write_text("{}", encoding="utf-8")
    (root.path / "var/lib/taskdns").symlink_to("private/taskdns")
    root.dpkg("-P", "taskdns")
    expect_equal("files after a purge", root.files() - before, set())
    expect(not (root.path / "etc/taskdns").exists() and not snapshot.exists(), "a purge leaves folders")


def check_scripts(source, scratch):
    """What the scripts ask of systemd, where there is one: stubs write down what they are asked."""
    tools = scratch / "tools"
    tools.mkdir()
    for tool in ("systemctl", "deb-systemd-helper", "deb-systemd-invoke"):
        # Failing is what a taken port 53 looks like to postinst.
        status = 1 if tool == "deb-systemd-invoke" else 0
        (tools / tool).write_text(f'#!/bin/sh\necho "{tool} $*" >>{scratch}/asked\nexit {status}\n', encoding="utf-8")
        (tools / tool).chmod(0o755)
    asked = scratch / "asked"
    start, restart, stop = (f"deb-systemd-invoke {verb} taskdns.service" for verb in ("start", "restart", "stop"))
    for script, arguments, wanted, unwanted in (
            ("postinst", ["configure", ""], [start, "systemctl --system daemon-reload"], [restart]),
            ("postinst", ["configure", "0.0.9-1"], [restart], [start]),
            ("postinst", ["triggered", "x"], [], [start, restart]),
            ("prerm", ["upgrade", "0.1.1-1"], [], [stop]),
            ("prerm", ["remove"], [stop], []),
            ("postrm", ["remove"], ["systemctl --system daemon-reload"], ["deb-systemd-helper purge taskdns.service"]),
            ("postrm", ["upgrade", "0.1.1-1"], [], ["systemctl --system daemon-reload"])):
        asked.write_text("", encoding="utf-8")
        # A systemd that runs shows by a folder, which is this one here.
        text = (source / "packaging/debian" / script).read_text(encoding="utf-8")
        expect("/run/systemd/system" in text, f"{script} does not look whether systemd runs")
        done = run("sh", "-c", text.replace("/run/systemd/system", str(tools)), script, *arguments,
                   env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
        lines = asked.read_text(encoding="utf-8").splitlines()
        what = f"{script} {' '.join(arguments)}"
        expect(done.returncode == 0, f"{what}: exit status {done.returncode}: {done.stdout}")
        expect(set(wanted) <= set(lines) and not set(unwanted) & set(lines), f"{what} asked {lines}")


def main():
    arguments = [pathlib.Path(argument).resolve() for argument in sys.argv[1:3]]
    if "--inside" not in sys.argv:
        need("unshare", "ip", "lintian", "systemctl", "systemd-analyze", "deb-systemd-helper", "dpkg-deb", "readelf", "shellcheck")
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        # Unchanged, as in a chroot no other is possible; what is mounted is made private where it is.
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "unchanged", "--net", *user, sys.executable, "-B", __file__, *map(str, arguments),
                              "--inside"])
    output("ip", "link", "set", "lo", "up")
    binary = pathlib.Path(os.environ.get("TASKDNS_BINARY", arguments[0])).resolve()
    source = arguments[1]
    with tempfile.TemporaryDirectory(prefix="taskdns-package.") as name:
        scratch = pathlib.Path(name)
        package = make_package(source, binary, scratch / "one")
        again = make_package(source, binary, scratch / "two")
        expect(package.read_bytes() == again.read_bytes(), "packed twice, the package is not the same")
        check_contents(package, source)
        tree = scratch / "tree"
        output("dpkg-deb", "-x", package, tree)
        if is_static(binary):
            lint = run("lintian", "--allow-root", "--fail-on", "error,warning", package, timeout=120)
            expect(lint.returncode == 0, f"lintian:\n{lint.stdout}")
        else:
            print("package_test: a program that is not static: lintian is not asked")
        check_lifecycle(package, scratch)
        service.check_unit(tree, source)
        service.check_start(tree, is_static(binary))
        check_scripts(source, scratch)
    finish("package_test")


if __name__ == "__main__":
    main()
