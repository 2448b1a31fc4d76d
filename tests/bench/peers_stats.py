"""Medians and their intervals, without assuming how the figures are distributed."""
import math
import statistics


def median_interval(values, confidence=0.95):
    """(low, high) between which the true median lies: two of the ordered values themselves (binomial distribution of
    how many lie below it). Below 6 values there is no 95 % interval: then the least and the greatest."""
    ordered = sorted(values)
    count = len(ordered)
    outside = 1 - confidence
    tail = 0.0
    rank = 0
    while rank < count // 2:
        tail += math.comb(count, rank) / 2**count
        if 2 * tail > outside:
            break
        rank += 1
    index = max(rank - 1, 0)
    return ordered[index], ordered[count - 1 - index]


def quartile_range(values):
    """The third quartile less the first."""
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


class Summary:
    """A median with its interval."""

    def __init__(self, values):
        self.median = statistics.median(values)
        self.low, self.high = median_interval(values)
        self.quartile_range = quartile_range(values)


def paired_ratios(ours, theirs):
    """Round by round, where both were measured."""
    return [a / b for a, b in zip(ours, theirs) if a is not None and b]
