#!/usr/bin/env python3
"""What the soak's verdict rests on: trends, leaks, what is a wrong answer. No daemon is started."""
import random
import time
import types
import unittest
import xml.etree.ElementTree

import soak_dns as dns
import soak_svg
from soak_judge import NOISE, Outcome, Slope, percentile, slope
from soak_oracle import OUTAGE_NOTED, SETTLED, SLACK, VANISHED, REFUSED, Oracle
from soak_world import Fleet, Service

HALF_AN_HOUR = 1800
FLAT = Slope(0, 100)


def series(per_hour, noise, duration=HALF_AN_HOUR, start=2000):
    made = random.Random(1)
    return [(at, start + per_hour * at / 3600 + made.gauss(0, noise)) for at in range(0, duration, 5)]


class Trend(unittest.TestCase):
    def test_a_leak_is_one(self):
        self.assertTrue(slope(series(2000, 60), HALF_AN_HOUR).leaks())

    def test_flat_and_noisy_is_none(self):
        found = slope(series(0, 60), HALF_AN_HOUR)
        self.assertFalse(found.leaks())
        self.assertLess(abs(found.per_hour), found.interval * 2)

    def test_a_rise_below_the_noise_bound_is_none(self):
        self.assertFalse(slope(series(NOISE * 0.8, 5), HALF_AN_HOUR).leaks())

    def test_the_warm_up_says_nothing(self):
        grows_at_first = [(at, min(at, 300) * 10) for at in range(0, HALF_AN_HOUR, 5)]
        self.assertEqual(slope(grows_at_first, HALF_AN_HOUR).per_hour, 0)

    def test_the_slope_is_what_it_was_made_with(self):
        found = slope(series(3600, 0.001), HALF_AN_HOUR)
        self.assertAlmostEqual(found.per_hour, 3600, delta=1)

    def test_too_few_samples_prove_nothing(self):
        self.assertFalse(slope([(0, 1), (5, 9999)], 10).leaks())

    def test_percentiles(self):
        self.assertEqual(percentile(range(100), 0.5), 50)
        self.assertEqual(percentile(range(100), 0.99), 99)
        self.assertEqual(percentile([], 0.5), 0)


class Failures(unittest.TestCase):
    def outcome(self, **changes):
        values = {"slope": FLAT, "descriptors": (15, 15), "threads": (3, 3), "asked": 20000, "unanswered": 1, "wrong": 0}
        return Outcome(**{**values, **changes}).failures()

    def test_a_good_run_has_none(self):
        self.assertEqual(self.outcome(), [])
        self.assertEqual(self.outcome(descriptors=(15, 14)), [])

    def test_each_fault_is_one(self):
        for changes in ({"wrong": 1}, {"slope": Slope(NOISE + 101, 100)}, {"descriptors": (15, 16)},
                        {"threads": (3, 4)}, {"unanswered": 3}, {"asked": 0, "unanswered": 0}):
            self.assertEqual(len(self.outcome(**changes)), 1, changes)


def task(state, since, named):
    return types.SimpleNamespace(state=state, since=since, first_named=named, named=named, address=None)


class Answers(unittest.TestCase):
    """Six tasks; each row says what an answer names and whether that is right."""

    def setUp(self):
        self.now = time.monotonic()
        self.registry = types.SimpleNamespace(mode="answers", mode_since=0.0)
        self.oracle = Oracle(self.registry)
        self.fleet = Fleet(Service("orders.soak.local", 6), 80)
        self.fleet.last_fresh = self.now - 5
        long_ago = self.now - 100
        for number in range(6):
            one = task("alive", long_ago, long_ago)
            one.address = str(number)
            self.fleet.known[one.address] = one
            self.fleet.last_answer.append(one)

    def change(self, number, state, ago):
        self.fleet.last_answer[number].state = state
        self.fleet.last_answer[number].since = self.now - ago

    def wrong(self, *addresses, rcode=0):
        return self.oracle.wrong(self.fleet, rcode, list(addresses), self.now)

    def test_the_living(self):
        self.assertIsNone(self.wrong("0", "5"))

    def test_nothing_while_some_live(self):
        self.assertIn("nothing", self.wrong())
        self.assertIn("nothing", self.wrong(rcode=2))

    def test_nothing_where_nothing_lives(self):
        for number in range(6):
            self.change(number, "vanished", 50)
        self.assertIsNone(self.wrong())

    def test_nobody_has_named_it(self):
        self.assertIn("nobody", self.wrong("7"))

    def test_the_dead_within_their_bounds_and_after(self):
        for state, bound in (("refusing", REFUSED), ("vanished", VANISHED)):
            self.change(0, state, bound + SLACK - 0.1)
            self.assertIsNone(self.wrong("0", "1"), state)
            self.change(0, state, bound + SLACK + 0.1)
            self.assertIn(state, self.wrong("0", "1"), state)

    def test_those_that_came_up_a_moment_ago_do_not_count_as_living(self):
        for number in range(1, 6):
            self.change(number, "alive", SETTLED - 1)
        self.change(0, "vanished", 50)
        self.assertIsNone(self.wrong("0"))

    def test_a_panic_is_for_many_black_holes_that_are_named(self):
        for number in range(3):
            self.change(number, "vanished", 50)
        self.assertIsNone(self.wrong("0"), "3 of 6, above where a panic ends")
        self.assertEqual(self.oracle.excused, 1)

    def test_there_is_none_for_those_that_ended_in_an_outage(self):
        self.registry.mode, self.registry.mode_since = "silent", self.now - OUTAGE_NOTED - 1
        self.fleet.last_fresh = self.now - 60
        for number in range(4):
            self.change(number, "vanished", 50)
        self.assertIn("vanished", self.wrong("0"))
        self.fleet.last_fresh = self.now - 40
        self.assertIsNone(self.wrong("0"), "they were named after it")

    def test_there_is_none_for_those_that_refuse(self):
        for number in range(4):
            self.change(number, "refusing", 50)
        self.assertIn("refusing", self.wrong("0"))


class Wire(unittest.TestCase):
    def test_what_is_written_is_read(self):
        asked = dns.question(7, "a.soak.local")
        name, qtype, section = dns.read_question(asked)
        self.assertEqual((name, qtype), ("a.soak.local", dns.A))
        answer = dns.reply(asked, section, 0, [dns.address_record(b"\xc0\x0c", "127.1.2.3", 9)])
        self.assertEqual(dns.read_addresses(answer), (0, ["127.1.2.3"]))
        self.assertEqual(dns.read_addresses(dns.reply(asked, section, dns.SERVFAIL)), (2, []))
        self.assertIsNone(dns.read_question(answer), "a response")

    def test_the_plot_is_xml(self):
        samples = [{"at": at, "rss": 7000, "anon": 2000 + at, "fds": 20, "p50": 100, "p99": 300} for at in range(50)]
        xml.etree.ElementTree.fromstring(soak_svg.plot("half <an> hour", samples, [(10, 20)]))


if __name__ == "__main__":
    unittest.main()
