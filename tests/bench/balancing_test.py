#!/usr/bin/env python3
"""Tests of the table of balancing.py: goals, shares, what was not measured. Run by ctest with the lints."""
import argparse
import dataclasses
import unittest

from balancing_table import OURS, PEER, goal_lines, table


@dataclasses.dataclass(frozen=True)
class Case:
    key: str = "long"
    milliseconds: int = 20
    workers: int = 0


def result(p99=100.0, mean=10.0, **shares):
    return {"requests_per_second": 1000.0, "mean_ms": mean, "p50_ms": 5.0, "p99_ms": p99, "cpu_us": 10.0,
            "shares": shares or {"11": 0.75, "14": 0.25}}


class Goals(unittest.TestCase):
    def words(self, ours, theirs):
        return [line.split(":")[1].split(",")[0].strip() for line in goal_lines(ours, theirs)]

    def test_met_and_missed(self):
        for p99, mean, expected in ((120, 9.9, ["met", "met"]), (121, 9.9, ["MISSED", "met"]),
                                    (100, 10.0, ["met", "MISSED"])):
            with self.subTest(p99=p99, mean=mean):
                self.assertEqual(self.words([result(p99, mean)], [result()]), expected)

    def test_the_median_of_the_rounds_decides(self):
        ours = [result(90), result(110), result(500)]
        self.assertEqual(self.words(ours, [result()] * 3)[0], "met")

    def test_a_round_counts_where_both_were_measured(self):
        self.assertEqual(self.words([None, result(90)], [result(10), result(100)])[0], "met")
        self.assertEqual(self.words([None], [result()]), ["not measured", "not measured"])


class Table(unittest.TestCase):
    def test_sections_shares_and_failures(self):
        arguments = argparse.Namespace(clients=64, warm_up=15.0)
        results = {(Case(), OURS): [result(), None], (Case(), PEER): [result(), result()],
                   (Case("queues", 20, 16), OURS): [None]}
        text = table(["Machine: a"], arguments, results, ["long: round 2: it broke\nits log"])
        self.assertIn("Long: 20 ms and 200 ms, as many at once as come (2 rounds)", text)
        self.assertIn("Queues: 20 ms and 200 ms, 16 at once at each endpoint, the rest waits (1 round)", text)
        self.assertIn(" 75.0  25.0\n", text)
        self.assertIn("Not measured:\n  long: round 2: it broke\n", text)
        self.assertLessEqual(max(len(line) for line in text.splitlines()), 120)


if __name__ == "__main__":
    unittest.main()
