"""Whether an answer keeps what the design promises, by what is true and by what the daemon can know (sections 1 and 11)."""
import time

from soak_world import TTL

INTERVAL, TIMEOUT, FAST, FALL = 2.0, 1.0, 0.5, 3       # the defaults, which the soak's configuration has
REFUSED = INTERVAL + 0.1                               # design.md, section 11: refused, to the last answer that names it
VANISHED = INTERVAL + FALL * TIMEOUT + 2 * FAST + 0.1  # the same for a black hole
SLACK = 1.5            # what a loaded machine may add: the world, the daemon and the judge share it
SETTLED = 12.0         # after so long one that lives is known to: named, checked, back after `rise`
OUTAGE_NOTED = TTL * 1.1 + 6.0  # the next poll and its tries have failed by then
PANIC_SHARE = 0.4      # above it a panic may last, above 0.5 it begins
PANIC_MEMBERS = 6


class Oracle:
    def __init__(self, registry):
        self.registry = registry
        self.panic_until = {}
        self.excused = 0

    def lives(self, fleet, now):
        """One that the daemon must know to live: an answer named it, and no complete one has left it out since."""
        sampled = fleet.service.tasks > 8
        tasks = [task for task in fleet.known.values() if now - task.named < 300] if sampled else fleet.last_answer
        return any(task.state == "alive" and now - task.since > SETTLED and now - task.first_named > SETTLED
                   for task in tasks)

    def may_panic(self, fleet, now):
        """So many of those that the registry names are black holes that they take their turn (design, section 6)."""
        named = fleet.last_answer
        silent = self.registry.mode != "answers" and now - self.registry.mode_since > OUTAGE_NOTED
        until = fleet.last_fresh if silent else now
        holes = [task for task in named if task.state == "vanished" and task.since < until]
        if len(named) >= PANIC_MEMBERS and len(holes) > PANIC_SHARE * len(named) and not fleet.empty_told:
            self.panic_until[fleet] = now + 3
        return now < self.panic_until.get(fleet, 0)

    def wrong(self, fleet, rcode, addresses, asked):
        """What is wrong with an answer to a question that was sent at `asked`; None: nothing."""
        now = time.monotonic()
        panic = self.may_panic(fleet, now)
        if not self.lives(fleet, asked):
            return None
        if rcode or not addresses:
            return f"nothing (rcode {rcode}), though some live"
        for address in addresses:
            task = fleet.known.get(address)
            if task is None:
                return f"{address}, which nobody has named"
            if task.state == "alive":
                continue
            bound = (REFUSED if task.state == "refusing" else VANISHED) + SLACK
            dead_for = asked - max(task.since, task.first_named)
            if dead_for <= bound:
                continue
            if panic and task.state == "vanished":
                self.excused += 1
                continue
            return f"{address}, {task.state} for {dead_for:.1f} s, though others live"
        return None
