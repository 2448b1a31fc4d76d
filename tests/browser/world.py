"""The real daemon on free ports of 127.0.0.1, a small registry to poll, and endpoints that live and die.

All of it is Python's standard library, on loopback, and ends with its `with` block.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request


def free_port(addresses=("127.0.0.1",)):
    """Below the range that the kernel gives to clients, so that nobody takes it before its server does."""
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        try:
            for address in addresses:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind((address, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no free port")


class Endpoint:
    """Accepts connections, answers what is sent with a line, and can be killed and started again."""

    def __init__(self, address, port):
        self.where = (address, port)
        self.start()

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self.where)
        self.listener.listen(64)
        self.open = []
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    @staticmethod
    def answer(connection):
        try:
            while connection.recv(4096):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        except OSError:
            pass
        connection.close()

    def kill(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            connection.close()


class Registry:
    """A name server that answers A with `records` ({name: [addresses]}) and NXDOMAIN for other names."""

    def __init__(self, records, ttl=5):
        self.records = records
        self.ttl = ttl
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()
        self.socket.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if query:
                self.socket.sendto(self.answer(query), peer)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
            at += 1 + query[at]
        question = query[12:at + 5]
        (kind,) = struct.unpack("!H", query[at + 1:at + 3])
        known = self.records.get(".".join(labels).lower())
        addresses = known if known and kind == 1 else []
        answers = b"".join(struct.pack("!HHHIH", 0xC00C, 1, 1, self.ttl, 4) + socket.inet_aton(a) for a in addresses)
        return query[:2] + struct.pack("!HHHHH", 0x8180 | (3 if known is None else 0), 1, len(addresses), 0, 0) + \
            question + answers

    def close(self):
        self.socket.close()


class Daemon:
    def __init__(self, binary, yaml, registry=None):
        self.binary = binary
        self.dns = free_port()
        self.http = free_port()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("TASKDNS_")}
        self.environment |= {"TASKDNS_CONFIG_CONTENT": yaml, "TASKDNS_DNS_LISTEN": f"127.0.0.1:{self.dns}",
                             "TASKDNS_HTTP_LISTEN": f"127.0.0.1:{self.http}"}
        if registry:
            self.environment["TASKDNS_UPSTREAM"] = f"127.0.0.1:{registry.port}"
        self.log = tempfile.TemporaryFile()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()

    def start(self):
        self.process = subprocess.Popen([self.binary], env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)
        deadline = time.monotonic() + 10
        while self.get("/readyz")[0] != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("taskdns is not ready; its log:\n" + self.log_text())
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log_text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def get(self, path):
        """(status, headers, text); status 0: no answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()
        except OSError:
            return 0, {}, ""

    def ask(self, name):
        """One A query over UDP: moves the rotation."""
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(2)
            asking.sendto(query, ("127.0.0.1", self.dns))
            return asking.recv(4096)
