"""The world of the soak: tasks on loopback addresses of their own, and the registry's resolver, which caches and fails.

What is true is known here to the moment, and so is what the daemon has been told: soak_oracle.py judges by both.
"""
import asyncio
import dataclasses
import itertools
import random
import socket
import time

import soak_dns as dns

TTL = 10
SHOWN = 8          # records of one answer, as Route 53 has it
DEAD_FOR = 240.0   # seconds that an ended task's address stays a black hole; then it is given up


@dataclasses.dataclass(frozen=True)
class Service:
    name: str
    tasks: int
    check: str = "tcp"
    srv: bool = False


SERVICES = [Service("orders.soak.local", 6), Service("pay.soak.local", 3, check="http"),
            Service("search.soak.local", 40), Service("_web._tcp.soak.local", 5, srv=True),
            Service("mail.soak.local", 7, check="http")]


class Task:
    """An address where something listens, refuses, or lets packets vanish (its accept queue is full)."""
    numbers = itertools.count(1)

    def __init__(self, port):
        number = next(Task.numbers)
        self.address = f"127.{64 + number // 62500 % 64}.{number // 250 % 250}.{1 + number % 250}"
        self.port = port
        self.state = "none"
        self.since = time.monotonic()
        self.was_down = False
        self.named = None        # when an answer named it last
        self.first_named = None
        self.listener = None
        self.fillers = []
        self.server = None

    async def live(self):
        await self._close()
        self.listener = self._listen(64)
        self.server = await asyncio.start_server(self._serve, sock=self.listener)
        self._become("alive")

    async def refuse(self):
        await self._close()
        self._become("refusing")

    async def vanish(self):
        """Connections are neither accepted nor refused from now on, as when an awsvpc interface is gone."""
        await self._close()
        self.listener = self._listen(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.address, self.port))
            self.fillers.append(filler)
        self._become("vanished")

    async def end(self):
        await self._close()
        self._become("refusing")

    def _become(self, state):
        self.was_down = self.was_down or self.state not in ("none", "alive")
        self.state = state
        self.since = time.monotonic()

    def _listen(self, backlog):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(backlog)
        listener.setblocking(False)
        return listener

    async def _close(self):
        for filler in self.fillers:
            filler.close()
        self.fillers = []
        if self.server is not None:
            self.server.close()
            self.server = None
        elif self.listener is not None:
            self.listener.close()
        self.listener = None

    @staticmethod
    async def _serve(reader, writer):
        try:
            if await asyncio.wait_for(reader.readline(), 2):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                await writer.drain()
        except (OSError, asyncio.TimeoutError, ValueError):
            pass
        finally:
            writer.close()


class Fleet:
    """The tasks of one service, and what the resolver says of them."""

    def __init__(self, service, port):
        self.service = service
        self.port = port
        self.registered = []
        self.ended = []
        self.known = {}          # address -> Task: of everything that was ever named and is not given up
        self.last_answer = []    # tasks that the last answer named
        self.last_fresh = 0.0    # when the registry itself made it
        self.cache = (0.0, [])   # until when, and what
        self.says_empty = False
        self.empty_told = False  # the last answer said so

    def shown(self, now):
        """The resolver's cached answer, with the seconds that it is good for."""
        expires, tasks = self.cache
        if now >= expires:
            tasks = [] if self.says_empty else random.sample(self.registered, min(SHOWN, len(self.registered)))
            expires = now + TTL
            self.cache = (expires, tasks)
            self.last_fresh = now
        return tasks, max(1, round(expires - now))

    def name(self, tasks, now):
        self.empty_told = not tasks
        self.last_answer = tasks or self.last_answer
        for task in tasks:
            task.named = now
            task.first_named = task.first_named or now
            self.known[task.address] = task


class Registry(asyncio.DatagramProtocol):
    """The VPC resolver: the services, and every other name, each with an address made of itself."""

    def __init__(self, fleets):
        self.fleets = {fleet.service.name: fleet for fleet in fleets}
        self.mode = "answers"    # | silent | servfail
        self.mode_since = 0.0
        self.calm = False        # no outage begins now
        self.foreign = 0
        self.transport = None

    def set_mode(self, mode):
        self.mode, self.mode_since = mode, time.monotonic()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, message, address):
        answer = self.answer(message)
        if answer is not None:
            self.transport.sendto(answer, address)

    def answer(self, message):
        asked = dns.read_question(message)
        if asked is None or self.mode == "silent":
            return None
        name, qtype, section = asked
        if self.mode == "servfail":
            return dns.reply(message, section, dns.SERVFAIL)
        fleet = self.fleets.get(name)
        if fleet is None:
            return self._foreign(message, name, qtype, section)
        tasks, ttl = fleet.shown(time.monotonic())
        if qtype != (dns.SRV if fleet.service.srv else dns.A):
            return dns.reply(message, section, dns.NOERROR)
        fleet.name(tasks, time.monotonic())
        if not tasks:
            return dns.reply(message, section, dns.NXDOMAIN)
        pointer = b"\xc0\x0c"
        if not fleet.service.srv:
            return dns.reply(message, section, dns.NOERROR,
                             [dns.address_record(pointer, task.address, ttl) for task in tasks])
        targets = {task: f"t{task.address.replace('.', '-')}.soak.local" for task in tasks}
        return dns.reply(message, section, dns.NOERROR,
                         [dns.service_record(pointer, targets[task], task.port, ttl) for task in tasks],
                         [dns.address_record(dns.pack_name(targets[task]), task.address, ttl) for task in tasks])

    def _foreign(self, message, name, qtype, section):
        self.foreign += 1
        if qtype != dns.A or name.endswith(".soak.local"):
            return dns.reply(message, section, dns.NOERROR)
        return dns.reply(message, section, dns.NOERROR, [dns.address_record(b"\xc0\x0c", "192.0.2.1", 5)])
