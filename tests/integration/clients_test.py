#!/usr/bin/env python3
"""The clients of docs/clients.md, all at the same time, beside one taskdns: what they do is what the page states.

Usage: clients_test.py TASKDNS SOURCE_DIR CLIENTS_DIR

The recipes on the page are what runs here, and the page's table of figures is what they are held to. Each client is a
process that makes ten requests a second and prints who answered. Each is also sent to names with an address that refuses
or is silent, to see whether it tries the next, and those with a pool run once more without a limit to it. Then, of the
seven endpoints of each service, three are taken out of the registry, one is killed, and one falls silent; taskdns is
killed and started again half a second later; and it is silent for a second.
"""
import os
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))
# pylint: disable=wrong-import-position
import page
import world

HTTP_PORT, GRPC_PORT, MAX_AGE, LIFE, FOREVER = 8080, 50051, 5, 5, 1000000
# Removed: the first three. Killed: the last. Silent: the one before it. Of those that C libraries are given, each has
# another prefix in common with the task's address, so that a fair answer may be of one address: the one that is killed.
SERVICES = {name: [f"10.0.1.{n}" for n in numbers] for name, numbers in {
    "resource-server.local": [4, 6, 12, 16, 36, 70, 130],
    "orders.local": [20, 21, 22, 23, 24, 25, 26],
    "greeter.local": [30, 31, 32, 33, 34, 35, 37]}.items()}
NEXT = {"refuses": "tries the next address when one refuses", "silent": "when one is silent"}
TROUBLES = {"refuses": ["10.0.1.41", "10.0.1.42", "10.0.1.43"],  # the first one does
            "silent": ["10.0.1.49", "10.0.1.50", "10.0.1.51"]}


def alias(name, client):
    """A client has names of its own, and so rotations of its own: nobody else takes every second turn."""
    return f"{name}-{''.join(c for c in client.lower() if c.isalnum())}.test"


def configuration(text, clients):
    """The page's, with further names, and services of which one endpoint is no good and stays in the answers."""
    yaml = page.block(text, "The configuration behind this page", "yaml")
    first = "  - name: resource-server.local\n"
    assert first in yaml, yaml
    yaml = yaml.replace(first, first + f"    aliases: [{', '.join(alias('resource', c) for c in clients)}]\n")
    for trouble, addresses in TROUBLES.items():
        yaml += f"""
  - name: {trouble}.test
    aliases: [{', '.join(alias(trouble, c) for c in clients)}]
    source: static
    addresses: [{', '.join(addresses)}]
    port: {HTTP_PORT}
    answer: {{fair: false}}
    health: {{check: none, observe: "off"}}
"""
    return yaml


class Place:
    """Where the programs are, and the page's recipes as files."""

    def __init__(self, source, built, text, directory):
        self.programs, self.built, self.text, self.directory = source / "tests/clients/follow", built, text, directory
        found = sorted(source.glob("build/python/lib/python3*/site-packages/envoy/_bin/envoy"))
        if not found:
            sys.exit("clients_test: no Envoy below build/python; run packaging/python_environment.sh")
        self.envoy = str(found[0])

    def recipe(self, heading, language, name, before="", after=""):
        path = pathlib.Path(self.directory, name)
        path.write_text(before + page.block(self.text, heading, language) + after, encoding="utf-8")
        return str(path)


def languages(place):
    """Name -> (command before NAME PORT TRIES LIFE, command after, environment)."""
    def script(name):
        return [world.PYTHON, "-B", str(place.programs / name)]

    def built(name):
        return [str(place.built / name)]

    jars = ":".join([str(place.built), *(f"/usr/share/java/{n}.jar" for n in ("httpclient", "httpcore", "commons-logging"))])
    java = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars]
    own_cache = [f"-Djava.security.properties={place.recipe('Java', 'properties', 'java.security')}"]
    curl = page.block(place.text, "curl", "sh").replace("resource-server.local:8080", "$NAME:$PORT")
    curl = curl.replace("in 1 2 3", "in $TRIES")
    return {
        "glibc": (built("follow_glibc"), [], {}),
        "musl": (built("follow_musl"), [], {}),
        "Java, HttpURLConnection": ([*java, *own_cache, "-Dhttp.keepAlive=false", "Follow"], ["jdk"], {}),
        "Java, Apache HttpClient": ([*java, *own_cache, "Follow"], ["apache"], {}),
        "Node.js": (["node", str(place.programs / "follow.js")], [], {}),
        "Python, requests": (script("follow_requests.py"), [], {}),
        "Python, aiohttp": (script("follow_aiohttp.py"), [], {}),
        "Go": (built("follow_go"), [], {"GODEBUG": "netdns=go"}),
        "Go with cgo": (built("follow_go"), [], {"GODEBUG": "netdns=cgo"}),
        "Rust": (built("follow_rust"), [], {}),
        "curl": (script("follow_command.py"), [curl], {}),
        "libcurl": (script("follow_libcurl.py"), [], {}),
    }


def without_limits(place):
    """The same for those that have something to limit: a pool, or the JVM's own cache."""
    all_of_them = languages(place)
    left_alone = {name: all_of_them[name] for name in
                  ("Java, Apache HttpClient", "Node.js", "Python, requests", "Python, aiohttp", "Go", "Go with cgo", "libcurl")}
    before, after, environment = all_of_them["Java, HttpURLConnection"]
    before = [argument for argument in before if "java.security.properties" not in argument]
    return left_alone | {"Java, HttpURLConnection": (before, after, environment)}


def of_their_own(place):
    """Name -> (command, environment): those that ask for another service, and what asks the proxies."""
    def through(port):
        return [str(place.built / "follow_glibc"), "127.0.0.1", str(port), "1", "0"], {}

    greeter = ["greeter.local", str(GRPC_PORT), "1", "0"]
    return {
        "gRPC C-core": ([world.PYTHON, "-B", str(place.programs / "follow_grpc.py"), *greeter], {}),
        "grpc-go": ([str(place.built / "follow_grpc_go"), *greeter], {"GRPC_GO_RETRY": "on"}),
        "nginx": through(8081),
        "HAProxy, A": through(8082),
        "HAProxy, SRV": through(8083),
        "Envoy": through(8084),
    }


def proxies(place):
    directory = place.directory
    temporary = "".join(f"{kind}_temp_path {directory}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    nginx = place.recipe("nginx", "nginx", "nginx.conf",
                         f"user root root;\ndaemon off;\nmaster_process off;\npid {directory}/nginx.pid;\n"
                         f"error_log stderr crit;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\n", "}\n")
    haproxy = place.recipe("HAProxy", "haproxy", "haproxy.cfg")
    envoy = place.recipe("Envoy", "yml", "envoy.yaml")
    return {
        "nginx itself": ["nginx", "-p", directory, "-c", nginx],
        "HAProxy itself": ["haproxy", "-db", "-f", haproxy],
        "Envoy itself": [place.envoy, "-c", envoy, "--concurrency", "1", "--disable-hot-restart", "-l", "error"],
    }


class Story:
    """What happens to the services while the clients ask, and when."""

    def __init__(self, vpc, taskdns):
        self.vpc, self.taskdns = vpc, taskdns

    def tell(self):
        self.began = time.time()
        time.sleep(3)
        self.remove()
        time.sleep(LIFE + 3)
        self.kill()
        time.sleep(4)
        self.silence()
        time.sleep(14)
        self.restart()
        time.sleep(4)
        self.stall()
        time.sleep(4)
        self.ended = time.time()

    def remove(self):
        for name, addresses in SERVICES.items():
            self.vpc.tell("register", name, *addresses[3:])
        self.removed = self.taskdns.wait_without({name: set(a[:3]) for name, a in SERVICES.items()}, 10)

    def kill(self):
        self.killed = time.time()
        for addresses in SERVICES.values():
            self.vpc.tell("kill", addresses[-1])
        self.taskdns.wait_without({name: {a[-1]} for name, a in SERVICES.items()}, 10)

    def silence(self):
        self.silenced = time.time()
        for addresses in SERVICES.values():
            self.vpc.silence(addresses[-2])
        self.taskdns.wait_without({name: {a[-2]} for name, a in SERVICES.items()}, 15)

    def restart(self):
        self.gone = time.time()
        self.taskdns.kill()
        time.sleep(0.5)
        self.back = self.taskdns.start()

    def stall(self):
        self.stalled = time.time()
        os.kill(self.taskdns.process.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(self.taskdns.process.pid, signal.SIGCONT)


def ended_within(requests, begin, end):
    return [r for r in requests if begin <= r.ended < end]


def failures(requests):
    return sum(r.error is not None for r in requests)


def measure(requests, story):
    """Column of the page -> what was seen."""
    uses = [r.ended - story.removed[r.address] for r in requests if r.address in story.removed]
    killed = ended_within(requests, story.killed, story.silenced)
    silent = ended_within(requests, story.silenced, story.gone)
    restart = [r.ended - story.back for r in ended_within(requests, story.gone, story.stalled) if r.error]
    return {
        "follows a removal within": max(0.0, max(uses, default=0.0)),
        "killed": failures(killed),
        "silent": failures(silent),
        "slowest": max((r.seconds for r in [*killed, *silent]), default=0.0),
        "restart": max(0.0, max(restart, default=0.0)),
        "stall": failures(ended_within(requests, story.stalled, story.ended)),
    }


class Judge:
    """Compares with the page, prints what was seen beside what is stated, and keeps what is wrong."""

    def __init__(self, figures):
        self.figures, self.wrong = figures, []

    def expect(self, holds, client, what):
        if not holds:
            self.wrong.append(f"{client}: {what}")

    def tries_next(self, client, column, requests):
        failed, stated = failures(requests), self.figures[client][column]
        self.expect(stated in ("no" if failed else "yes", "sometimes"), client,
                    f"'{column}' says {stated}, and {failed} of {len(requests)} requests failed, after "
                    + ", ".join(f"{r.seconds:.2f} s {r.error or 'well'}" for r in requests))

    def stays(self, client, requests, stated):
        addresses = sorted({r.address for r in requests if r.address})
        self.expect((len(addresses) == 1) == (stated == "stays"), client,
                    f"'left alone' says {stated}, and {len(requests)} requests went to {addresses}")

    def follows(self, client, requests, story):
        seen = measure(requests, story)
        cells = []
        for column, value in seen.items():
            stated = self.figures[client][column]
            bound = page.number(stated)
            shown = f"{value:.1f} s" if isinstance(value, float) else str(value)
            cells.append(f"{column} {shown} ({stated})")
            self.expect(value <= bound, client, f"'{column}' says {stated}, and it was {shown}: "
                        + "; ".join(sorted({r.error for r in requests if r.error})[:3]))
        print(f"{client:24} {len(requests):4} requests; seen (stated): {', '.join(cells)}")
        self.expect(len(requests) >= 100, client, f"made only {len(requests)} requests")


def wait_for_answers(clients, count, limit):
    deadline = time.time() + limit
    for client in clients:
        while len(client.requests()) < count:
            if time.time() > deadline or client.process.poll() is not None:
                sys.exit(f"clients_test: {client.name} has not made {count} requests within {limit} s; it says: "
                         f"{client.errors() or client.requests()[-3:]}\n"
                         "if it is not there: packaging/install_dependencies.sh clients, and configure the build again")
            time.sleep(0.05)


def start_all(place, directory):
    """-> the proxies, and three times name -> Client: tells troubles, has no limits, follows the recipe"""
    def client(name, kind, asked, tries, life, how):
        before, after, environment = how
        return world.Client(f"{name}, {kind}", [*before, asked, str(HTTP_PORT), str(tries), str(life), *after], directory,
                            environment)

    servers = [world.Client(name, argv, directory) for name, argv in proxies(place).items()]
    all_of_them = languages(place)
    followers = {name: client(name, "recipe", alias("resource", name), 3, LIFE, how) for name, how in all_of_them.items()}
    followers |= {name: world.Client(name, argv, directory, environment)
                  for name, (argv, environment) in of_their_own(place).items()}
    left_alone = {name: client(name, "left alone", "resource-server.local", 1, FOREVER, how)
                  for name, how in without_limits(place).items()}
    probes = {(name, trouble): client(name, trouble, alias(trouble, name), 1, 0, how)
              for name, how in all_of_them.items() for trouble in TROUBLES}
    return servers, probes, left_alone, followers


def run(binary, place, directory, judge):
    http = [*SERVICES["resource-server.local"], *SERVICES["orders.local"], *(one for a in TROUBLES.values() for one in a[1:])]
    vpc = world.Vpc(directory, (HTTP_PORT, GRPC_PORT), MAX_AGE, http, SERVICES["greeter.local"], TROUBLES["refuses"][0])
    vpc.silence(TROUBLES["silent"][0])
    for name, addresses in SERVICES.items():
        vpc.tell("register", name, *addresses)
    taskdns = world.Taskdns(str(binary), configuration(place.text, languages(place)), directory)
    taskdns.start()
    servers, probes, left_alone, followers = start_all(place, directory)

    wait_for_answers(probes.values(), 9, 40)
    for (name, trouble), probe in probes.items():
        probe.stop()
        judge.tries_next(name, NEXT[trouble], probe.requests())
    wait_for_answers([*followers.values(), *left_alone.values()], 5, 30)
    story = Story(vpc, taskdns)
    story.tell()
    for one in [*servers, *left_alone.values(), *followers.values()]:
        judge.expect(one.process.poll() is None, one.name, "ended: " + one.errors())
        one.stop()
    for name, one in (followers | left_alone).items():
        if name in left_alone or judge.figures[name]["left alone"] != "stays":
            judge.stays(name, ended_within(one.requests(), story.began, story.killed), judge.figures[name]["left alone"])
    for name, one in followers.items():
        judge.follows(name, ended_within(one.requests(), story.began, story.ended), story)
    judge.expect(taskdns.stop() == 0, "taskdns", "did not stop with exit status 0")


def main():
    binary, source, built = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    binary = pathlib.Path(os.environ.get("TASKDNS_BINARY", binary))
    text = (source / "docs" / "clients.md").read_text(encoding="utf-8")
    world.enter()
    with tempfile.TemporaryDirectory(prefix="taskdns-clients.") as directory:
        world.cover_resolver_settings(directory)
        judge = Judge(page.figures(text))
        for program in sorted((source / "tests/clients/follow").iterdir()):
            for recipe in page.recipes(program.read_text(encoding="utf-8")):
                judge.expect(recipe in text, program.name, "docs/clients.md does not have its recipe word for word:\n" + recipe)
        place = Place(source, built, text, directory)
        clients = {*languages(place), *of_their_own(place)}
        judge.expect(set(judge.figures) == clients, "docs/clients.md",
                     f"the table of figures is about {sorted(judge.figures)}, the test about {sorted(clients)}")
        if not judge.wrong:
            run(binary, place, directory, judge)
    for wrong in judge.wrong:
        print("FAILED:", wrong)
    sys.exit(1 if judge.wrong else 0)


main()
