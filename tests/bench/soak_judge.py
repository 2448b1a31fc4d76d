"""What the soak says of its series: a trend with its interval, and whether it is a leak."""
import dataclasses
import math
import statistics

WARM_UP = 0.2        # of the run, which says nothing of a trend
BUCKET = 60.0        # seconds: samples that follow each other are not independent, their means are nearly so
NOISE = 512.0        # KiB/h: allocators keep what a peak needed, and peaks come as they come
# Student's t for 95 %, two-sided, by degrees of freedom; beyond: the next smaller one's.
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 8: 2.31, 10: 2.23, 15: 2.13, 20: 2.09, 30: 2.04,
           60: 2.00, 120: 1.98}


@dataclasses.dataclass(frozen=True)
class Slope:
    per_hour: float
    interval: float  # half of the 95 % interval

    def leaks(self):
        """Certainly more than noise."""
        return self.per_hour - self.interval > NOISE

    def __str__(self):
        return f"{self.per_hour:+.0f} ± {self.interval:.0f} KiB/h"


def student(freedom):
    return STUDENT[max((known for known in STUDENT if known <= freedom), default=1)]


def buckets(samples, width=BUCKET):
    """Means of (seconds, value) over `width` seconds."""
    groups = {}
    for at, value in samples:
        groups.setdefault(int(at // width), []).append((at, value))
    return [(statistics.fmean(at for at, _ in group), statistics.fmean(value for _, value in group))
            for _, group in sorted(groups.items())]


def slope(samples, duration):
    """Least squares over what follows the warm-up. `samples`: (seconds, KiB)."""
    width = min(BUCKET, duration * (1 - WARM_UP) / 10)
    points = buckets([sample for sample in samples if sample[0] >= WARM_UP * duration], width)
    if len(points) < 3:
        return Slope(0.0, math.inf)
    middle = statistics.fmean(at for at, _ in points)
    level = statistics.fmean(value for _, value in points)
    spread = sum((at - middle) ** 2 for at, _ in points)
    rise = sum((at - middle) * (value - level) for at, value in points) / spread
    freedom = len(points) - 2
    rest = sum((value - level - rise * (at - middle)) ** 2 for at, value in points)
    error = math.sqrt(rest / freedom / spread)
    return Slope(rise * 3600, student(freedom) * error * 3600)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    slope: Slope
    descriptors: tuple  # at rest: first, last
    threads: tuple
    asked: int
    unanswered: int
    wrong: int

    def failures(self):
        found = []
        if self.wrong:
            found.append(f"{self.wrong} wrong answers")
        if self.slope.leaks():
            found.append(f"memory grows: {self.slope}, more than {NOISE:.0f}")
        if self.descriptors[1] > self.descriptors[0]:
            found.append(f"descriptors grow: {self.descriptors[0]} to {self.descriptors[1]}")
        if self.threads[1] > self.threads[0]:
            found.append(f"threads grow: {self.threads[0]} to {self.threads[1]}")
        if self.unanswered * 10_000 > self.asked:
            found.append(f"{self.unanswered} of {self.asked} questions were not answered")
        if not self.asked:
            found.append("nothing was asked")
        return found
