"""The ECS task as a podman pod, and its VPC as another, joined by a veth pair.

Everything is in a storage of its own, below the test's folder: no image, network or container of the user's podman is
seen or touched. Needs root, podman and runc.
"""
import json
import os
import pathlib
import re
import resource
import subprocess
import uuid

import pod_images


class Failed(Exception):
    """A command of podman's did not do what it should."""


class NoContainers(Exception):
    """No container can run here, as trying one has shown."""


class Container:
    def __init__(self, podman, name):
        self._podman, self.name = podman, name

    def execute(self, *argv):
        return self._podman.podman("exec", self.name, *argv, check=False)

    def stop(self):
        """As ECS does it: SIGTERM, and SIGKILL later. Returns the exit status."""
        self._podman.podman("stop", "--time", "10", self.name)
        return self.exit_status()

    def kill(self):
        self._podman.podman("kill", "--signal", "KILL", self.name)
        self._podman.podman("wait", self.name)

    def wait(self):
        self._podman.podman("wait", self.name)
        return self.exit_status()

    def exit_status(self):
        return json.loads(self._podman.podman("inspect", self.name).stdout)[0]["State"]["ExitCode"]

    def logs(self):
        done = self._podman.podman("logs", self.name, check=False)
        return done.stdout + done.stderr

    def remove(self):
        self._podman.podman("rm", "--force", "--time", "0", self.name, check=False)


class Podman:
    """podman with a storage and settings of its own."""

    kind = "podman pod"

    def __init__(self, folder, binary):
        self.folder, self.binary = folder, binary
        self.prefix = f"taskdns-{uuid.uuid4().hex[:8]}"
        # No more than we have ourselves: raising a limit needs a capability that a build machine may lack.
        descriptors = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
        (folder / "containers.conf").write_text(
            f'[containers]\ndefault_ulimits = ["nofile={descriptors}:{descriptors}", "nproc=1024:1024"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}\n')
        self.environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf"),
                            "TMPDIR": str(folder), "DISABLE_HC_SYSTEMD": "true"}
        self.options = ["--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--tmpdir",
                        str(folder / "tmp"), "--runtime", str(pod_images.find_program("runc"))]

    def podman(self, *arguments, check=True, timeout=60, stdin=None):
        done = subprocess.run([pod_images.find_program("podman"), *self.options, *map(str, arguments)],
                              capture_output=True, text=True, check=False, timeout=timeout, env=self.environment,
                              stdin=stdin)
        if check and done.returncode != 0:
            raise Failed(f"podman {' '.join(map(str, arguments))}: exit status {done.returncode}\n{done.stderr}")
        return done

    # --- images

    def import_root(self, root, name):
        archive = self.folder / f"{name}.tar"
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        self.podman("import", archive, self.image(name))
        archive.unlink()

    def image(self, name):
        return f"localhost/{self.prefix}-{name}"

    def build_image(self, tag, source, *options):
        """By the project's own Dockerfile, from the binary that exists."""
        environment = {**self.environment, "TASKDNS_PODMAN_OPTIONS": " ".join(self.options),
                       "SOURCE_DATE_EPOCH": "1700000000"}
        done = subprocess.run([source / "docker/build.sh", "--tool", "podman", "--tag", self.image(tag), "--binary",
                               self.binary, "--", "--ulimit", "nofile=1024:1024", *options],
                              capture_output=True, text=True, check=False, env=environment, timeout=120)
        if done.returncode != 0:
            raise Failed(f"docker/build.sh: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return self.inspect_image(tag)

    def inspect_image(self, tag):
        return json.loads(self.podman("image", "inspect", self.image(tag)).stdout)[0]

    def probe(self):
        """Runs a container; raises NoContainers."""
        root = pod_images.make_application_root(self.folder / "roots/application")
        try:
            self.import_root(root, "application")
            self.podman("run", "--rm", "--network", "none", self.image("application"), "/bin/true")
        except (Failed, subprocess.TimeoutExpired) as problem:
            raise NoContainers(str(problem)) from None

    def prepare(self, source):
        """The images."""
        self.probe()
        roots = self.folder / "roots"
        self.import_root(pod_images.make_root(roots / "vpc", ["knotd", "unbound"]), "vpc")
        self.build_image("taskdns", source)
        # What a user writes who has the shim in the application's own image.
        shim = self.folder / "shim"
        shim.mkdir()
        (shim / "Dockerfile").write_text(f"FROM {self.image('application')}\n"
                                         f"COPY --from={self.image('taskdns')} /taskdns /usr/local/bin/taskdns\n")
        self.podman("build", "--ulimit", "nofile=1024:1024", "--tag", self.image("shim"), shim)

    # --- the world

    def _pod(self, side, *options):
        name = f"{self.prefix}-{side}"
        self.podman("pod", "create", "--name", name, "--network", "none", "--infra-image", self.image("application"),
                 "--infra-command", "/bin/sleep 600", *options)
        self.podman("pod", "start", name)
        infra = json.loads(self.podman("pod", "inspect", name).stdout)["InfraContainerID"]
        return json.loads(self.podman("inspect", infra).stdout)[0]["State"]["Pid"]

    def make_networks(self, resolv_conf):
        """Returns a process ID in the task's network namespace, and one in the VPC's."""
        return (self._pod("task", "--volume", f"{resolv_conf}:/etc/resolv.conf"),
                self._pod("vpc", "--volume", f"{self.folder}/vpc:{self.folder}/vpc:ro"))

    def start(self, name, side, argv, *, image="application", user="0", environment=None, confined=False, capabilities=()):
        """`confined`: a read-only root, and no capability but `capabilities`."""
        full = f"{self.prefix}-{name}"
        self.podman("rm", "--force", "--time", "0", full, check=False)
        options = ["--user", user, *(word for item in (environment or {}).items()
                                     for word in ("--env", "=".join(item)))]
        if confined:
            options += ["--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
                        *(f"--cap-add={capability}" for capability in capabilities)]
        self.podman("run", "--detach", "--name", full, "--pod", f"{self.prefix}-{side}", *options, self.image(image), *argv)
        return Container(self, full)

    def start_taskdns(self, name, arguments, **options):
        """From its own image, whose entry point is /taskdns."""
        return self.start(name, "task", arguments, image="taskdns", **options)

    taskdns_inside = "/taskdns"      # in its own image
    shim_inside = "/usr/local/bin/taskdns"  # in the application's

    def close(self):
        """Removes whatever there is, whatever happened before."""
        for arguments in (("pod", "rm", "--all", "--force", "--time", "0"), ("rm", "--all", "--force", "--time", "0"),
                          ("rmi", "--all", "--force")):
            self.podman(*arguments, check=False)
        self._unmount()

    def _unmount(self):
        """podman keeps its storage mounted; the folder is removed afterwards, and nothing that is mounted with it."""
        mounts = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((m for m in mounts if re.match(re.escape(str(self.folder)) + "/", m)), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
