"""The ECS task where no container can run: processes of this system in network and mount namespaces without a name.

They exist only while a process holds them, and every process here dies with the test. A "container" is a process with
the task's resolv.conf mounted over /etc/resolv.conf; a confined one has a read-only root, another user, no capability.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pod_images


class Failed(Exception):
    """A process did not do what it should."""


class Process:
    def __init__(self, world, name, process, log):
        self._world, self.name, self._process, self._log = world, name, process, log

    def execute(self, *argv):
        # As `podman exec` does: in the namespaces of the process, and with its environment.
        environment = {**os.environ, **self._world.environments[self.name]}
        return subprocess.run(["nsenter", f"--target={self._process.pid}", "--net", "--mount", "--root", "--", *argv],
                              capture_output=True, text=True, check=False, timeout=60, env=environment)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self._process.kill()
        self._process.wait(10)

    def wait(self):
        try:
            return self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return 137

    def logs(self):
        return self._log.read_text(errors="replace")

    def remove(self):
        if self._process.poll() is None:
            self.kill()


class Namespaces:
    """The same words as Podman's."""

    kind = "network namespace"

    def __init__(self, folder, binary):
        self.folder = folder
        self.binary = binary
        self.environments = {}
        self._processes = []
        self._holders = {}
        self._resolv_conf = None
        self._in_chroot = False

    def prepare(self, source):
        del source
        for program in ("ip", "nsenter", "unshare", "setpriv", "setcap", "busybox", "knotd", "unbound", "getent"):
            pod_images.find_program(program)
        folder = self.folder / "image"
        folder.mkdir()
        self.folder.chmod(0o755)
        shutil.copy2(self.binary, folder / "taskdns")
        subprocess.run(["setcap", "cap_net_bind_service+p", folder / "taskdns"], check=True)
        self.taskdns_inside = self.shim_inside = str(folder / "taskdns")
        (self.folder / "once-more").mkdir()
        self._in_chroot = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0

    def _with_own_mounts(self, script, argv):
        inside = ["sh", "-c", script, "sh", *argv]
        if not self._in_chroot:
            return ["unshare", "--mount", "--propagation", "private", *inside]
        # There / is no mount of its own, which could be made private or read-only, so it is mounted once more.
        begin = 'mount --rbind / "$0" && mount --make-rprivate "$0" && exec chroot "$0" "$@"'
        return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", begin, str(self.folder / "once-more"), *inside]

    def _hold(self, side):
        holder = subprocess.Popen(["unshare", "--net", "--kill-child", "sleep", "600"], stdin=subprocess.DEVNULL)
        self._processes.append(holder)
        self._holders[side] = holder.pid
        deadline = time.monotonic() + 5
        while os.readlink(f"/proc/{holder.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            if time.monotonic() > deadline:
                raise Failed("unshare --net made no namespace")
            time.sleep(0.01)
        return holder.pid

    def make_networks(self, resolv_conf):
        self._resolv_conf = resolv_conf
        return self._hold("task"), self._hold("vpc")

    def start(self, name, side, argv, *, image="application", user="0", environment=None, confined=False, capabilities=()):
        del image, capabilities  # the file capability decides, as in the image
        inside = []
        if side == "task":
            inside.append(f"mount --bind {self._resolv_conf} /etc/resolv.conf")
        if confined:
            inside.append("mount -o remount,bind,ro /")
        become = ["setpriv", "--pdeathsig", "KILL"]
        if user != "0":
            become += [f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        if confined:  # what a container that drops all but NET_BIND_SERVICE has
            become += ["--bounding-set=-all,+net_bind_service"]
        script = " && ".join([*inside, 'exec "$@"'])
        self.environments[name] = environment or {}
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                ["nsenter", f"--net=/proc/{self._holders[side]}/ns/net",
                 *self._with_own_mounts(script, [*become, *argv])],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **(environment or {})})
        self._processes.append(process)
        return Process(self, name, process, log)

    def start_taskdns(self, name, arguments, **options):
        return self.start(name, "task", [self.taskdns_inside, *arguments], **options)

    def close(self):
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait(10)
