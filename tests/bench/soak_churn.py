"""What happens to the services in the soak, about 50 times as often as in a busy cluster.

A cluster deploys a service every two hours, scales it as often, loses a task in an hour, and its resolver for half a minute in two
hours. Each of these comes every one to three minutes here, to each service.
"""
import asyncio
import contextlib
import random
import signal
import time

from soak_world import DEAD_FOR, Task


class Churn:
    def __init__(self, fleets, registry, daemon):
        self.fleets = fleets
        self.registry = registry
        self.daemon = daemon
        self.outages = []
        self.counts = {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    async def start_tasks(self, fleet, number):
        tasks = [Task(fleet.port) for _ in range(number)]
        for task in tasks:
            await task.live()
        fleet.registered += tasks
        return tasks

    async def end_tasks(self, fleet, tasks):
        """As ECS does it: out of the registry, a moment later stopped; then its address is gone."""
        fleet.registered = [task for task in fleet.registered if task not in tasks]
        await asyncio.sleep(random.uniform(1, 3))
        for task in tasks:
            if random.random() < 0.3:
                await task.refuse()
            else:
                await task.vanish()
            fleet.ended.append((time.monotonic(), task))

    async def deploy(self, fleet):
        """In batches, as minimumHealthyPercent 100 and maximumPercent 200 have it."""
        self.count("deployments")
        old = list(fleet.registered)
        await self.start_tasks(fleet, len(old))
        await asyncio.sleep(random.uniform(15, 30))  # until they are healthy
        half = len(old) // 2
        for batch in (old[:half], old[half:]):
            await self.end_tasks(fleet, batch)
            await asyncio.sleep(random.uniform(2, 12))

    async def scale(self, fleet):
        self.count("scalings")
        more = max(1, fleet.service.tasks // 3)
        if len(fleet.registered) > fleet.service.tasks:
            await self.end_tasks(fleet, random.sample(fleet.registered, more))
        elif fleet.service.tasks + more <= 7 or fleet.service.tasks > 8:  # eight are a sample to the daemon
            await self.start_tasks(fleet, more)

    async def kill(self, fleet):
        """One that crashes, or hangs for a while, without the registry's knowing."""
        victims = [task for task in fleet.registered if task.state == "alive"]
        if len(victims) < 2:
            return
        self.count("kills")
        victim = random.choice(victims)
        await (victim.refuse() if random.random() < 0.5 else victim.vanish())
        await asyncio.sleep(random.uniform(5, 40))
        if random.random() < 0.5 and victim in fleet.registered:
            await victim.live()
        elif victim in fleet.registered:
            await self.start_tasks(fleet, 1)
            await self.end_tasks(fleet, [victim])

    async def lie(self, fleet):
        """The registry says for a while that there are none."""
        self.count("empty answers")
        fleet.says_empty = True
        await asyncio.sleep(random.uniform(10, 30))
        fleet.says_empty = False

    async def live_through(self, fleet):
        """Everything that happens to one service, one after the other."""
        while True:
            await asyncio.sleep(random.uniform(5, 30))
            what = random.choices([self.deploy, self.scale, self.kill, self.lie], weights=[4, 4, 6, 1])[0]
            await what(fleet)
            await self.forget(fleet)

    @staticmethod
    async def forget(fleet):
        """Ended tasks whose addresses nobody should ask any more."""
        limit = time.monotonic() - DEAD_FOR
        while fleet.ended and fleet.ended[0][0] < limit:
            _, task = fleet.ended.pop(0)
            await task.end()
            if task not in fleet.last_answer:
                fleet.known.pop(task.address, None)

    async def fail_now_and_then(self, started):
        while True:
            await asyncio.sleep(random.uniform(60, 150))
            while self.registry.calm:
                await asyncio.sleep(1)
            self.count("outages")
            begin = time.monotonic()
            self.registry.set_mode(random.choice(["silent", "servfail"]))
            self.outages.append([begin - started, float("inf")])
            await asyncio.sleep(random.uniform(20, 90))
            self.outages[-1][1] = time.monotonic() - started
            self.registry.set_mode("answers")

    async def reload_now_and_then(self, write_config):
        """The file changes each time: an alias comes or goes, and a service that nobody asks for."""
        number = 0
        while True:
            await asyncio.sleep(random.uniform(20, 40))
            number += 1
            self.count("reloads")
            write_config(number)
            with contextlib.suppress(ProcessLookupError):
                self.daemon.process.send_signal(signal.SIGHUP)
