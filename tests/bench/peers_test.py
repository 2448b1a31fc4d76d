#!/usr/bin/env python3
"""What the table of peers.py rests on: intervals, paired ratios, goals, notes. No server is started."""
import unittest
import xml.etree.ElementTree

import peers
import peers_servers
from peers_rows import GOALS, AtMost, BestPeer, Ratio, Samples
from peers_stats import Summary, median_interval, paired_ratios, quartile_range
from peers_svg import plot
from peers_table import notes, table

QUIET = {"server_busy": 1.0, "server_delayed": 0.0, "client_idle": 0.3, "lost": 0}


def samples(cell, field, **by_server):
    """One result per round and server; None where a round failed."""
    made = Samples()
    for server, values in by_server.items():
        for value in values:
            made.add(cell, server, None if value is None else {**QUIET, field: value})
    return made


class Stats(unittest.TestCase):
    def test_the_interval_of_15_goes_from_the_4th_to_the_12th(self):
        self.assertEqual(median_interval(range(15, 0, -1)), (4, 12))

    def test_6_values_are_the_fewest_with_an_interval(self):
        self.assertEqual(median_interval(range(6)), (0, 5))
        self.assertEqual(median_interval([3, 1, 2]), (1, 3))
        self.assertEqual(median_interval([7]), (7, 7))

    def test_a_ratio_is_of_the_same_round_and_skips_failed_ones(self):
        self.assertEqual(paired_ratios([2, None, 6], [1, 5, 2]), [2, 3])
        self.assertEqual(paired_ratios([2, 4], [None, 2]), [2])

    def test_quartiles_of_one_value_are_no_range(self):
        self.assertEqual(quartile_range([5]), 0)
        self.assertEqual(quartile_range([1, 2, 3, 4, 5]), 2)

    def test_the_median_is_of_the_ratios_not_the_ratio_of_the_medians(self):
        made = samples("udp-saturated", "answers_per_second", taskdns=[10, 20, 90], gdnsd=[10, 40, 30])
        self.assertTrue(Ratio("", "udp", "gdnsd", 1.0).judge(made).met)
        self.assertFalse(Ratio("", "udp", "gdnsd", 1.01).judge(made).met)


class Goals(unittest.TestCase):
    def test_less_is_better_for_cpu(self):
        made = samples("udp-paced", "cpu_us_per_answer", taskdns=[13], **{"bare responder": [10]})
        self.assertTrue(Ratio("", "paced-cpu", "bare responder", 1.3).judge(made).met)
        self.assertFalse(Ratio("", "paced-cpu", "bare responder", 1.29).judge(made).met)

    def test_latency_may_be_10_per_cent_above_the_best_peer(self):
        goal = BestPeer("", "p50")
        self.assertTrue(goal.judge(samples("udp-paced", "p50_us", taskdns=[11], gdnsd=[10], knot=[30])).met)
        self.assertFalse(goal.judge(samples("udp-paced", "p50_us", taskdns=[11.1], gdnsd=[10], knot=[30])).met)

    def test_latency_may_be_as_far_above_as_the_best_peer_spreads(self):
        made = samples("udp-paced", "p99_us", taskdns=[14] * 5, gdnsd=[6, 8, 10, 12, 14])
        self.assertTrue(BestPeer("", "p99").judge(made).met)

    def test_the_bare_responder_is_no_peer(self):
        made = samples("udp-paced", "p50_us", taskdns=[10], gdnsd=[10], **{"bare responder": [1]})
        self.assertTrue(BestPeer("", "p50").judge(made).met)

    def test_what_was_not_measured_has_no_verdict(self):
        self.assertTrue(all(goal.judge(Samples()) is None for goal in GOALS))

    def test_memory_goals_name_what_is_measured(self):
        measured = {f"taskdns, {name}" for name in peers_servers.MEMORY}
        named = {goal.server for goal in GOALS if isinstance(goal, AtMost) and goal.figure == "rss-anon"}
        self.assertEqual(named, measured)


class Output(unittest.TestCase):
    def test_a_busy_machine_and_a_client_at_its_limit_are_noted(self):
        made = Samples()
        made.add("udp-saturated", "taskdns", {**QUIET, "server_busy": 0.5, "client_idle": 0.01})
        made.add("udp-saturated", "knot", {**QUIET, "server_busy": 0.5})
        made.add("udp-saturated", "gdnsd", {**QUIET, "server_busy": 0.8, "server_delayed": 0.2, "lost": 3})
        found = "\n".join(notes(made))
        self.assertIn("other processes had the server's core up to 20%", found)
        self.assertIn("busy only: taskdns 50%\n", found)
        self.assertIn("queries lost: gdnsd 3", found)

    def test_a_quiet_run_has_no_notes(self):
        self.assertEqual(list(notes(samples("udp-saturated", "x", taskdns=[1], gdnsd=[1]))), [])

    def test_table_and_plot_hold_what_was_measured(self):
        made = samples("start", "start_ms", taskdns=[3.25], knot=[12.0])
        machine = ["Machine:  one & two"]
        text = table(machine, made, ["knot: <nothing>"])
        self.assertIn("0.271", text)
        self.assertIn("knot: <nothing>", text)
        xml.etree.ElementTree.fromstring(plot(machine, made))

    def test_each_round_begins_with_the_next_server(self):
        rounds = [peers.rotated([1, 2, 3], number) for number in range(4)]
        self.assertEqual(rounds, [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]])

    def test_a_single_value_is_its_own_interval(self):
        one = Summary([2.5])
        self.assertEqual((one.median, one.low, one.high, one.quartile_range), (2.5, 2.5, 2.5, 0.0))


if __name__ == "__main__":
    unittest.main()
