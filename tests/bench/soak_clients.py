"""Who asks the daemon in the soak: applications over UDP and TCP, users of forwarded names, watchers over HTTP."""
import asyncio
import contextlib
import itertools
import json
import random
import time

import soak_dns as dns

PATIENCE = 3.0  # seconds, for an answer


class Asker(asyncio.DatagramProtocol):
    """One socket with its questions under way."""

    def __init__(self):
        self.waiting = {}
        self.numbers = itertools.count(random.randrange(65536))
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, message, _):
        waiting = self.waiting.pop(int.from_bytes(message[:2], "big"), None)
        if waiting is not None and not waiting.done():
            waiting.set_result((message, time.monotonic()))

    def error_received(self, _):
        pass

    async def ask(self, name, qtype=dns.A):
        """(answer, seconds); None where none came."""
        number = next(self.numbers) % 65536
        waiting = self.waiting[number] = asyncio.get_running_loop().create_future()
        began = time.monotonic()
        self.transport.sendto(dns.question(number, name, qtype))
        try:
            message, ended = await asyncio.wait_for(waiting, PATIENCE)
        except asyncio.TimeoutError:
            self.waiting.pop(number, None)
            return None
        return message, ended - began


class Clients:
    def __init__(self, dns_port, http_port, fleets, oracle):
        self.dns_port = dns_port
        self.http_port = http_port
        self.fleets = fleets
        self.oracle = oracle
        self.latencies = []  # of configured names, since the last sample
        self.counts = {}
        self.wrong = []
        self.resting = False
        self.running = set()

    def count(self, what, number=1):
        self.counts[what] = self.counts.get(what, 0) + number

    def judge(self, fleet, message, asked):
        rcode, addresses = dns.read_addresses(message)
        fault = self.oracle.wrong(fleet, rcode, addresses, asked)
        if fault:
            self.wrong.append(f"{fleet.service.name}: {fault}")
        return addresses

    async def asker(self):
        _, asker = await asyncio.get_running_loop().create_datagram_endpoint(
            Asker, remote_addr=("127.0.0.1", self.dns_port))
        return asker

    async def look_up(self, asker, fleet):
        asked = time.monotonic()
        self.count("configured")
        answer = await asker.ask(fleet.service.name)
        if answer is None:
            self.count("unanswered")
            return
        self.latencies.append(answer[1])
        addresses = self.judge(fleet, answer[0], asked)
        if addresses and random.random() < 0.1:  # the application connects, which the daemon observes
            await self.connect(addresses[0], fleet.port)

    @staticmethod
    async def connect(address, port):
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 1)
            writer.close()

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def applications(self, rate):
        asker = await self.asker()
        due = time.monotonic()
        while True:
            due = max(due + 1 / rate, time.monotonic() - 0.1)
            self.spawn(self.look_up(asker, random.choice(self.fleets)))
            await asyncio.sleep(max(due - time.monotonic(), 0))

    async def foreigners(self, rate):
        """A few names again and again, and as many that nobody has ever asked for."""
        asker = await self.asker()
        for number in itertools.count():
            while self.resting:  # in an outage each holds a socket until it is given up
                await asyncio.sleep(0.1)
            name = f"u{number}.unique.example" if number % 2 else f"p{random.randrange(20)}.popular.example"
            self.count("forwarded")
            self.spawn(asker.ask(name, random.choice([dns.A, dns.AAAA])))
            await asyncio.sleep(1 / rate)

    async def tcp_client(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.dns_port)
        try:
            for number in range(random.randint(1, 5)):
                fleet = random.choice(self.fleets)
                query = dns.question(number, fleet.service.name)
                asked = time.monotonic()
                writer.write(len(query).to_bytes(2, "big") + query)
                length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), PATIENCE), "big")
                self.judge(fleet, await asyncio.wait_for(reader.readexactly(length), PATIENCE), asked)
                self.count("over TCP")
                await asyncio.sleep(random.uniform(0, 1))
            if random.random() < 0.2:
                await asyncio.sleep(15)  # the daemon closes it
        finally:
            writer.close()

    async def watcher(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        try:
            fleet = random.choice(self.fleets)
            paths = [f"/v1/services/{fleet.service.name}?index=9999999999999999&wait=20s", "/v1/events", "/metrics", "/",
                     "/v1/services", f"/v1/services/{fleet.service.name}/endpoints"]
            writer.write(f"GET {random.choice(paths)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            until = time.monotonic() + random.uniform(0.1, 25)
            while time.monotonic() < until and not self.resting:
                with contextlib.suppress(asyncio.TimeoutError):
                    if not await asyncio.wait_for(reader.read(65536), 1):
                        break
            self.count("HTTP requests")
        finally:
            writer.close()

    async def listener(self):
        """A dashboard that stays open: the daemon keeps the last events as long as somebody reads them."""
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
                writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                while await reader.read(65536):
                    pass
                writer.close()
            await asyncio.sleep(0.2)

    async def fill_cache(self, names):
        """Names that nobody asks for again, until the cache of forwarded answers is full."""
        asker = await self.asker()
        for number in range(names):
            self.spawn(asker.ask(f"f{number}.unique.example"))
            await asyncio.sleep(0.002)
        await asyncio.sleep(1)
        asker.transport.close()

    async def fill_events(self, service, address, events):
        """Drains and their ends, until the log of events is full."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        for number in range(events):
            body = b'{"state": "drained"}' if number % 2 == 0 else b'{"state": "active"}'
            writer.write(f"PUT /v1/services/{service}/endpoints/{address}/admin HTTP/1.1\r\nHost: localhost\r\n"
                         f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise ConnectionError(f"a drain of {address} is refused: {head.decode()}")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        writer.close()

    async def guarded(self, coroutine):
        try:
            await coroutine
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            self.count("connections that failed")

    async def come_and_go(self, make, every):
        while True:
            await asyncio.sleep(random.uniform(0, 2 * every))
            if not self.resting:
                self.spawn(self.guarded(make()))

    async def ready(self):
        """Whether /readyz says 200, and an answer of /v1/services."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
            writer.write(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            line = await asyncio.wait_for(reader.readline(), PATIENCE)
            writer.close()
        except (OSError, asyncio.TimeoutError):
            return False
        return b" 200 " in line

    async def status(self, name):
        """What the daemon says of a service: for the report of a wrong answer."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
            writer.write(f"GET /v1/services/{name} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            body = (await asyncio.wait_for(reader.read(), PATIENCE)).partition(b"\r\n\r\n")[2]
            writer.close()
            return json.loads(body)
        except (OSError, asyncio.TimeoutError, ValueError):
            return None
