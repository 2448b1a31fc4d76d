"""What the image is, and how it starts: the part of the pod test that is about docker/Dockerfile."""
import subprocess
import sys
import tarfile
import time

import pod_images
import pod_podman

LIMIT = 10_000_000
SERVICES = "services: [{name: one.local, source: static, addresses: [127.0.0.2], health: {check: none}}]"
LOW_PORTS = "net.ipv4.ip_unprivileged_port_start"


class Wrong(Exception):
    """What was asserted is not so."""


def check(condition, message):
    if not condition:
        raise Wrong(message)


def of_archive(world, source):
    """The files that the image is made of."""
    archive = world.folder / "root.tar"
    subprocess.run([sys.executable, "-B", source / "docker/root_tar.py", "--binary", world.binary, "--epoch", "1234567",
                    "--output", archive], check=True)
    with tarfile.open(archive) as entries:
        check({entry.mtime for entry in entries} == {1234567}, "the files of the image have other times than they were given")
    check(archive.stat().st_size <= LIMIT, f"the image's files have {archive.stat().st_size} bytes, over {LIMIT}")
    root = world.folder / "root"
    root.mkdir()
    subprocess.run(["tar", "-C", root, "--xattrs", "--xattrs-include=security.capability", "-xf", archive], check=True)
    said = subprocess.run([pod_images.find_program("getcap"), root / "taskdns"], capture_output=True, text=True,
                          check=True).stdout
    check(said.endswith("cap_net_bind_service=p\n"), f"the file capability is {said!r}")
    yield f"the image's files: {archive.stat().st_size:,} bytes; the file capability is cap_net_bind_service=p"


def of_metadata(world, source):
    first = world.inspect_image("taskdns")
    again = world.build_image("again", source, "--no-cache")
    check(first["RootFS"]["Layers"] == again["RootFS"]["Layers"],
          f"two builds, two layers: {first['RootFS']['Layers']} and {again['RootFS']['Layers']}")
    check(first["Size"] <= LIMIT, f"the image has {first['Size']} bytes, over {LIMIT}")
    settings = first["Config"]
    check(settings["User"] == "65532:65532", f"the user is {settings['User']}")
    check(settings["Entrypoint"] == ["/taskdns"], f"the entry point is {settings['Entrypoint']}")
    health = first.get("Healthcheck", {})
    check(health.get("Test") == ["CMD", "/taskdns", "healthcheck"] and health.get("Interval") == 5_000_000_000,
          f"the health check is {health}")
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in settings["Labels"].items()}
    check(labels["title"] == "taskdns" and labels["created"] == "2023-11-14T22:13:20Z" and
          labels["version"].count(".") == 2, f"the labels are {labels}")
    yield f"the image: {first['Size']:,} bytes, user {settings['User']}; two builds give the same layer"
    shell = world.podman("run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", world.image("taskdns"), "-c",
                         "true", check=False)
    check(shell.returncode == 127 and "/bin/sh" in shell.stderr,
          f"a shell in it: exit status {shell.returncode}, {shell.stderr}")
    yield "no shell"


class Case:
    """One way to start it, in a network of its own where ports below 1024 need a right."""

    def __init__(self, name, options, port=53, refused=None):
        self.name, self.options, self.port, self.refused = name, options, port, refused


CONFINED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL", "--user", "65532"]
CASES = [
    Case("port 5353, without any capability", CONFINED, 5353),
    Case("port 53, by the file capability", ["--read-only"]),
    Case("port 53, by the file capability, all others dropped", [*CONFINED, "--cap-add", "NET_BIND_SERVICE"]),
    Case("port 53, by the sysctl, without any capability",
         [*CONFINED, "--security-opt", "no-new-privileges", "--sysctl", f"{LOW_PORTS}=53"]),
    Case("port 53, without any right", CONFINED, refused="not in the bounding set"),
    Case("port 53, file capabilities void", ["--security-opt", "no-new-privileges"], refused="no_new_privs is set"),
]


def of_case(world, case):
    name = f"{world.prefix}-start"
    world.podman("run", "--detach", "--name", name, "--network", "none", *case.options, "--env",
                 f"TASKDNS_CONFIG_CONTENT={SERVICES}", "--env", f"TASKDNS_DNS_LISTEN=127.0.0.1:{case.port}",
                 world.image("taskdns"))
    container = pod_podman.Container(world, name)
    if case.refused:
        status = container.wait()
        check(status == 1 and case.refused in container.logs() and LOW_PORTS in container.logs(),
              f"{case.name}: exit status {status}\n{container.logs()}")
        container.remove()
        return f"{case.name}: exit status 1, and the mends"
    deadline = time.monotonic() + 5
    # The image's own HEALTHCHECK.
    while world.podman("healthcheck", "run", name, check=False).returncode != 0:
        check(time.monotonic() < deadline, f"{case.name}: not healthy\n{container.logs()}")
    check(f"dns=127.0.0.1:{case.port}" in container.logs(), f"{case.name}: listens elsewhere\n{container.logs()}")
    check(container.stop() == 0, f"{case.name}: did not stop well\n{container.logs()}")
    container.remove()
    return f"{case.name}: healthy"


def run(world, source):
    """One line per fact that holds; raises Wrong at the first that does not."""
    yield from of_archive(world, source)
    if world.kind != pod_podman.Podman.kind:
        return
    yield from of_metadata(world, source)
    for case in CASES:
        yield of_case(world, case)
