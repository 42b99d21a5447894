"""How often a promised escape rate is broken: 1,000 random samples of populations whose truth is known.

A sample plays the defective parts of a calibration group; the population it comes from plays the line, so
that the escape rate of any cut is counted, not estimated.  Each sample is asked for the least restrictive
cut that keeps the promise.  The peer is the exact binomial of scipy (`binomtest`, Clopper and Pearson, one
sided): the highest cut whose upper bound on the same sample keeps the rate.  Beside them stands what most
people do, the highest cut at which the sample's own share of misses keeps the rate.

A promise at 95 % may be broken in 5 of 100 samples, those included that were refused one; of 1,000 as many
are granted as chance makes of that in 99 of 100 runs.  The real scores are those of the magnetic tiles with
a defect, by a plain measure of contrast that stands in for a model; without the images that population is
left out.

    python -m benchmarks --row promise
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, binomtest

from andon.analysis.promises import least_restrictive
from benchmarks import report

SHARED = Path(os.environ.get("ANDON_SHARED", Path(__file__).parents[2] / "shared"))
TILES = SHARED / "data" / "magnetic_tile"
FLOOR = 0.0
CONFIDENCE = 0.95
POPULATION = 100_000
PLANS = ((299, 0.01), (500, 0.02), (181, 0.05))
"""Parts, and the rate they shall keep. The first is the fewest that can show 1 %."""

Scores = NDArray[np.float64]
Rule = Callable[[Scores, float], float | None]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.promise")
    parser.add_argument("--splits", type=int, default=1000, help="random samples of each population")
    options = parser.parse_args(argv)
    rows = [
        measured(what, population, plan, options.splits)
        for what, population in populations()
        for plan in PLANS
    ]
    report.save("promise", rows)
    sys.stdout.write(report.table("promise", rows) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def populations() -> Iterator[tuple[str, Scores]]:
    """Levels of defective parts: the cut that each just does not pass."""
    random = np.random.default_rng(1)
    smooth = random.beta(4, 1.5, POPULATION)
    yield "smooth scores", smooth
    yield "ties, 21 different scores", np.round(20 * smooth) / 20
    weak = random.random(POPULATION)
    parts = np.max(
        [smooth * (weak < 0.6), random.beta(1.2, 3, POPULATION), random.beta(1, 9, POPULATION)], 0
    )
    yield "parts of three images, most faint", parts
    yield "0.8 % pass with any cut", np.where(random.random(POPULATION) < 0.008, -np.inf, smooth)
    if TILES.is_dir():
        yield "contrast of real defective tiles, drawn again", contrasts()


def contrasts() -> Scores:
    """How far the strangest spot of each tile with a defect is from the tile's middle tone, 0..1."""
    paths = sorted(p for p in TILES.glob("MT_*/Imgs/*.jpg") if "Free" not in p.parts[-3])
    found = []
    for path in paths:
        blurred = cv2.GaussianBlur(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (0, 0), 3)
        found.append(np.abs(blurred - np.median(blurred)).max() / 255)
    return np.array(found, dtype=np.float64)


def measured(what: str, population: Scores, plan: tuple[int, float], splits: int) -> report.Row:
    """One population and plan, the same samples for each rule."""
    parts, rate = plan
    draws = np.random.default_rng([parts, splits])
    samples = [draws.choice(population, parts) for _ in range(splits)]
    started = time.process_time()
    ours = broken(population, samples, rate, shown)
    seconds = time.process_time() - started
    peer, plain = (broken(population, samples, rate, rule) for rule in (bounded, observed))
    allowed = int(binom.ppf(0.99, splits, 1 - CONFIDENCE))
    met = ours[0] <= allowed
    return {
        "what": f"{what}: {rate:.0%} with {parts} parts",
        "ours": ours[0] / splits,
        "peer": peer[0] / splits,
        "share_of_misses": plain[0] / splits,
        "promises": ours[1],
        "peer_promises": peer[1],
        "splits": splits,
        "granted": allowed / splits,
        "cpu_seconds": round(seconds, 2),
        "met": met,
        "note": f"broken in {ours[0]} of {splits} ({ours[1]} promised), binomtest {peer[0]} ({peer[1]}), "
        f"share of misses {plain[0]}; at most {allowed}: {'met' if met else 'NOT MET'}",
    }


def broken(population: Scores, samples: Sequence[Scores], rate: float, rule: Rule) -> tuple[int, int]:
    """(samples whose cut lets more than ``rate`` of the population pass, samples that gave a cut)."""
    cuts = [cut for sample in samples if (cut := rule(sample, rate)) is not None]
    escapes = np.searchsorted(np.sort(population), cuts, side="left") / len(population)
    return int((escapes > rate).sum()), len(cuts)


def shown(sample: Scores, rate: float) -> float | None:
    """Andon's rule."""
    return least_restrictive(sample, FLOOR, rate, CONFIDENCE).cut


def bounded(sample: Scores, rate: float) -> float | None:
    """The exact bound of scipy."""
    return highest(sample, lambda misses: upper_end(misses, len(sample)) <= rate)


@cache
def upper_end(misses: int, parts: int) -> float:
    """scipy's intervals are two-sided, so that each end leaves out half."""
    return float(binomtest(misses, parts).proportion_ci(2 * CONFIDENCE - 1, "exact").high)


def observed(sample: Scores, rate: float) -> float | None:
    """No doubt at all: the sample's own share."""
    return highest(sample, lambda misses: misses / len(sample) <= rate)


def highest(sample: Scores, keeps: Callable[[int], bool]) -> float | None:
    """The highest cut with few enough misses, tried from the lowest on."""
    found = None
    for cut in np.unique([FLOOR, *sample[sample > FLOOR]]):
        if not keeps(int((sample < cut).sum())):
            break
        found = float(cut)
    return found
