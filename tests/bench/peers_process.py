"""Servers as children of peers.py: free ports, bounded waits, each killed by its own pid."""
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

PR_SET_PDEATHSIG = 1
START_LIMIT = 10.0  # seconds
STOP_LIMIT = 5.0


class Failure(Exception):
    """What a person is told instead of a traceback."""


def die_with_parent_on(cpu):
    """For the child, before exec: the kernel kills it when we go; it runs on this CPU only (None: on any)."""

    def prepare():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    return prepare


def free_port():
    """A port of 127.0.0.1 that is free for UDP and TCP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            with contextlib.suppress(OSError):
                tcp.bind(("127.0.0.1", port))
                return port
    raise Failure("no port of 127.0.0.1 is free for both UDP and TCP")


def ask(port, name, timeout=0.2):
    """The number of answer records of an A query; None: no answer, or not a good one."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 0x4242, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout)
        try:
            udp.connect(("127.0.0.1", port))
            udp.send(query)
            answer = udp.recv(4096)
        except OSError:
            return None
    if len(answer) < 12 or answer[:2] != query[:2] or answer[3] & 0xF:
        return None
    return struct.unpack(">H", answer[6:8])[0]


@dataclasses.dataclass
class Program:
    """What a Child is made of."""
    key: str
    folder: pathlib.Path
    argv: list
    port: int
    records: int = 0


class Child:
    """A server that runs until stop(), or until the with statement ends."""

    def __init__(self, server, cpu):
        self.server = server
        self.log = server.folder / "log"
        with open(self.log, "wb") as log:
            try:
                self.process = subprocess.Popen(server.argv, stdin=subprocess.DEVNULL, stdout=log,
                                                stderr=subprocess.STDOUT, preexec_fn=die_with_parent_on(cpu))
            except OSError as error:
                raise Failure(f"{server.key}: cannot run {server.argv[0]}: {error.strerror} "
                              "(packaging/install_dependencies.sh bench)") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    def wait_until_it_answers(self, names):
        """Each of `names` once, so that caches are warm too."""
        for name in names:
            limit = time.monotonic() + START_LIMIT
            while ask(self.server.port, name) != self.server.records:
                if self.process.poll() is not None:
                    status = self.process.returncode
                    raise Failure(f"{self.server.key} ended with status {status}; its log:\n{self.text()}")
                if time.monotonic() > limit:
                    raise Failure(f"{self.server.key} does not answer for {name}; its log:\n{self.text()}")
                time.sleep(0.01)

    def text(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self):
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_LIMIT)


class Load:
    """Runs bench_load on the client's CPU."""

    def __init__(self, program, client_cpu, server_cpu):
        self.program = program
        self.client_cpu = client_cpu
        self.server_cpu = server_cpu

    def run(self, mode, server, arguments=(), pid=0, seconds=1.0, warm_up=0.0):
        """What bench_load measured, as a dictionary."""
        command = [*self._question(mode, server), "--server-pid", pid, "--seconds", seconds, "--warm-up", warm_up]
        return self._run([*command, *arguments], seconds + warm_up + 20)

    def start(self, server):
        command = [*self._question("start", server), "--server-cpu", self.server_cpu, "--", *server.argv]
        return self._run(command, START_LIMIT + STOP_LIMIT + 10)

    def _question(self, mode, server):
        return [self.program, mode, "--port", server.port, "--names", server.names_file, "--records", server.records,
                "--cpu", self.client_cpu]

    @staticmethod
    def _run(command, limit):
        words = [str(word) for word in command]
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit,
                                  check=False, preexec_fn=die_with_parent_on(None))
        except subprocess.TimeoutExpired as expired:
            raise Failure(f"{pathlib.Path(words[0]).name} {words[1]} did not end in {limit:.0f} s") from expired
        if done.returncode != 0:
            raise Failure(f"{pathlib.Path(words[0]).name} {words[1]}: {done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1])
