#!/usr/bin/env python3
"""Man pages and completions say what the program says, both ways, so that none of them can go stale.

Usage: documents_test.py TASKDNS SOURCE_DIR

taskdns(8) names exactly the commands, options and variables of --help; taskdns.yaml(5) is what its generator writes;
each completion offers, in its own shell, exactly what --help has, and the services of a running daemon.
"""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile

from support import all_helps, can_connect, expect, expect_equal, finish, free_port, need, output, run, wait_until

HERE = pathlib.Path(__file__).parent
# For every command that reads the configuration, and for all: the manual says so once.
COMMON = {"-h", "--help", "-c", "--config"}


def manual_sections(text):
    """What .Ss sections of COMMANDS there are, and the options of each; under "" those of OPTIONS."""
    found = {"": set()}
    inside, command = "", ""
    for line in text.splitlines():
        if line.startswith(".Sh "):
            inside, command = line[4:], ""
        elif line.startswith(".Ss ") and inside == "COMMANDS":
            command = line[4:]
            found[command] = set()
        elif line.startswith(".It Fl ") and inside in ("OPTIONS", "COMMANDS"):
            found[command] |= {"-" + name for name in re.findall(r"Fl (\S+)", line)}
    return found


def check_manual(binary, source):
    pages = source / "packaging/man"
    manual = (pages / "taskdns.8").read_text(encoding="utf-8")
    sections = manual_sections(manual)
    helps = {" ".join(one.route): one for one in all_helps(binary)}
    leaves = {name for name, one in helps.items() if not one.commands}
    expect(leaves <= set(sections), f"taskdns.8: no .Ss for {sorted(leaves - set(sections))}")
    expect(set(sections) <= set(helps), f"taskdns.8: there is no command {sorted(set(sections) - set(helps))}")
    for name in sections.keys() & helps.keys():
        wanted = helps[name].options - (COMMON if name else set())
        expect_equal(f"taskdns.8: options of taskdns {name}", sections[name], wanted)
    variables = re.compile(r"TASKDNS_[A-Z_]+")
    expect_equal("taskdns.8: variables", set(re.findall(r"^\.It Ev (\S+)$", manual, re.MULTILINE)),
                 set(variables.findall(helps[""].text)))

    written = output(sys.executable, "-B", pages / "make_taskdns_yaml_5.py", source / "config/taskdns.schema.json")
    expect(written == (pages / "taskdns.yaml.5").read_text(encoding="utf-8"),
           "taskdns.yaml.5 is not what its generator writes now: packaging/man/make_taskdns_yaml_5.py "
           "config/taskdns.schema.json > packaging/man/taskdns.yaml.5")
    for page in ("taskdns.8", "taskdns.yaml.5"):
        lint = run("mandoc", "-T", "lint", "-W", "warning", pages / page)
        expect(lint.returncode == 0, f"mandoc: {lint.stdout}")
        warnings = output("man", "--warnings", "-E", "UTF-8", "-l", "-T", "utf8", "-Z", pages / page,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) or ""
        expect(not warnings, f"man --warnings: {warnings}")


def bash(folder, line):
    script = (f"source {folder}/taskdns.bash; COMP_WORDS=({line[:line.rindex(' ')]} {shlex.quote(line.split(' ')[-1])}); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _taskdns taskdns \"${COMP_WORDS[COMP_CWORD]}\"; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return set(output("bash", "--norc", "-c", script).split())


def zsh(folder, line):
    return set(output("zsh", "-f", HERE / "complete.zsh", folder, line).split())


def fish(folder, line):
    script = f"source {folder}/taskdns.fish; complete -C {shlex.quote(line)}"
    return {offer.split("\t")[0] for offer in output("fish", "--no-config", "-c", script).splitlines()}


def check_completions(binary, source, scratch):
    """`binary` is the first taskdns of PATH, and TASKDNS_HTTP_LISTEN says where a daemon with two services is."""
    folder = source / "packaging/completions"
    for shell, syntax, file in ((bash, ["bash", "-n"], "taskdns.bash"), (zsh, ["zsh", "-n"], "_taskdns"),
                                (fish, ["fish", "--no-execute"], "taskdns.fish")):
        name = shell.__name__
        expect(run(*syntax, folder / file).returncode == 0, f"{name}: {file} does not parse")
        for one in all_helps(binary):
            line = " ".join(["taskdns", *one.route])
            expect_equal(f"{name}: options of {line}", {o for o in shell(folder, line + " -") if o[0] == "-"}, one.options)
            if one.commands:
                expect_equal(f"{name}: commands of {line}", shell(folder, line + " "), one.commands)
        expect_equal(f"{name}: services", shell(folder, "taskdns status "), {"orders.test", "stock.test"})
        expect_equal(f"{name}: services of that beginning", shell(folder, "taskdns status --json st"), {"stock.test"})
        expect_equal(f"{name}: no services elsewhere", shell(folder, f"taskdns status --http 127.0.0.1:{free_port()} "), set())
        file = {"a-file" if shell is zsh else f"{scratch}/a-file"}  # zsh offers what the last folder holds
        expect_equal(f"{name}: an option's file", shell(folder, f"taskdns --config {scratch}/a-"), file)
        expect_equal(f"{name}: files", shell(folder, f"taskdns check-config {scratch}/a-"), file)
        expect_equal(f"{name}: a command of another program", shell(folder, "taskdns exec --wait 1s -- mktem"), {"mktemp"})
        expect_equal(f"{name}: an option's value is no command", shell(folder, "taskdns --config status --js"), set())


def main():
    binary, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    binary = pathlib.Path(os.environ.get("TASKDNS_BINARY", binary)).resolve()
    need("bash", "zsh", "fish", "mandoc", "man")
    check_manual(binary, source)
    with tempfile.TemporaryDirectory(prefix="taskdns-documents.") as scratch:
        pathlib.Path(scratch, "a-file").touch()
        os.symlink(binary, pathlib.Path(scratch, "taskdns"))
        port = free_port()
        os.environ.update(PATH=f"{scratch}:{os.environ['PATH']}", HOME=scratch, LC_ALL="C.UTF-8", TERM="xterm",
                          TASKDNS_HTTP_LISTEN=f"127.0.0.1:{port}")
        services = "services: [{name: orders.test, source: static, addresses: [127.0.0.1]}," \
                   " {name: stock.test, source: static, addresses: [127.0.0.1]}]"
        with subprocess.Popen([binary], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "TASKDNS_CONFIG_CONTENT": services,
                                   "TASKDNS_DNS_LISTEN": "127.0.0.1:0"}) as daemon:
            try:
                expect(wait_until(lambda: can_connect(port)), "the daemon does not listen")
                check_completions(binary, source, scratch)
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(10)
    finish("documents_test")


if __name__ == "__main__":
    main()
