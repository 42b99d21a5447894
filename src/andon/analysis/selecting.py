"""What to label next: what speaks for each picture, and an order that does not show the same thing twice.

Uncertainty: distance of a score to a cut (Lewis, Gale, "A sequential algorithm for training text
classifiers", SIGIR 1994).  Newness: distance to the nearest labelled pictures in feature space.
Diversity: greedy, each next picture far from those taken, as in k-centre (Gonzalez 1985; Sener, Savarese,
"Active learning for convolutional neural networks: a core-set approach", ICLR 2018), weighted by what
speaks for it.  A share drawn by chance, before anything else is looked at, shows what choosing was worth.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.domain.models import Cuts
from andon.domain.selections import PickReason
from andon.errors import InvalidInput

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

WEIGHTS: Mapping[PickReason, float] = {
    PickReason.MUST_CATCH: 1.0,
    PickReason.WRONG: 1.0,
    PickReason.DISAGREEMENT: 0.8,
    PickReason.UNCERTAIN: 0.7,
    PickReason.NEW: 0.5,
}
"""How much each reason counts where it speaks fully for a picture; stated, not learned."""

LEAST = 0.05
"""Score of a picture that nothing speaks for: it may still be taken for being unlike all others."""

NAMED_FROM = 0.15
"""A reason that brings less is not named as the one that speaks most."""

WIDTH = 1.5
"""Log-odds from a cut at which uncertainty has fallen to 1/e."""

SMALLEST = 1e-4
"""Scores are taken to lie between this and 1 less this, so that their log-odds are finite."""

NEIGHBOURS = 3
"""Labelled pictures that newness is measured to: their mean distance."""

BLOCK = 1024
"""Pictures whose distances are reckoned at once."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pictures that may be picked, N of them.

    Attributes:
        keys: what tells them apart, e.g. digests; ties go to the lower one.
        parts: reason -> (N,) in [0, 1], what it says of each picture.
        features: (N, F).
    """

    keys: tuple[str, ...]
    parts: Mapping[PickReason, Numbers]
    features: Floats

    def __post_init__(self) -> None:
        lengths = {len(self.keys), len(self.features), *(len(part) for part in self.parts.values())}
        if len(lengths) > 1 or len(set(self.keys)) < len(self.keys):
            raise InvalidInput("candidates of a selection are not told apart, or some of them lack values")


@dataclass(frozen=True, slots=True)
class Picked:
    """One picture of a ranking: its place among the candidates, why, and how much speaks for it, 0..1."""

    index: int
    reason: PickReason
    score: float


def rank(candidates: Candidates, count: int, control: float, seed: int) -> tuple[Picked, ...]:
    """The pictures to label, in order.

    ``round(count * control)`` of them are drawn by chance from all candidates, first and whatever speaks
    for them; the others are chosen from the rest.  The drawn ones stand evenly among the chosen, so that
    who stops early has done his share of both.

    Args:
        candidates: what there is to choose from.
        count: how many there is time for.
        control: share drawn by chance, 0..1.
        seed: decides the draw alone; the same candidates in any order give the same ranking.
    """
    most = min(max(count, 0), len(candidates.keys))
    drawn = draw(candidates.keys, round(most * control), seed)
    chosen = choose(candidates, most - len(drawn), set(drawn))
    scores = _scores(candidates)
    told = [Picked(index, PickReason.CONTROL, float(scores[index])) for index in drawn]
    return _interleaved(chosen, told)


def draw(keys: Sequence[str], count: int, seed: int) -> tuple[int, ...]:
    """Indices of ``count`` of ``keys``, each with the same chance, told by a hash of seed and key alone."""
    drawn = [hashlib.sha256(f"{seed}\n{key}".encode()).digest() for key in keys]
    return tuple(sorted(range(len(keys)), key=lambda index: (drawn[index], keys[index]))[:count])


def choose(candidates: Candidates, count: int, without: set[int]) -> tuple[Picked, ...]:
    """Greedily, each time the picture with the highest score times its distance to what is taken already.

    The distance counts up to the median distance of two candidates, and is a share of it: a picture that
    is the same as one taken counts nothing, whatever speaks for it.
    """
    ordered = np.array(sorted(range(len(candidates.keys)), key=lambda i: candidates.keys[i]), np.intp)
    features = unit_rows(candidates.features[ordered])
    far = _typical_distance(features)
    free = np.array([index not in without for index in ordered.tolist()], np.bool_)
    rows, own = ordered[free], features[free]
    values, lengths = _scores(candidates)[rows], (own**2).sum(axis=1)
    apart = np.ones(len(rows))
    left = np.ones(len(rows), np.bool_)
    taken: list[Picked] = []
    while len(taken) < min(count, len(rows)):
        place = int(np.argmax(np.where(left, values * apart, -1.0)))
        left[place] = False
        index = int(rows[place])
        taken.append(Picked(index, reason_of(candidates, index), float(values[place])))
        squares = lengths + lengths[place] - 2 * (own @ own[place])
        apart = np.minimum(apart, np.sqrt(np.maximum(squares, 0.0)) / far)
    return tuple(taken)


def reason_of(candidates: Candidates, index: int) -> PickReason:
    """What speaks most for a picture; DIVERSE where nothing does."""
    most, reason = NAMED_FROM, PickReason.DIVERSE
    for name, weight in WEIGHTS.items():
        if name in candidates.parts and weight * candidates.parts[name][index] > most:
            most, reason = weight * float(candidates.parts[name][index]), name
    return reason


def uncertainty(scores: Mapping[str, float], cuts: Mapping[str, Cuts]) -> float:
    """How near the verdict is to another one, 0..1: 1 on a cut and between two cuts of one concept, falling
    with the distance in log-odds.

    Args:
        scores: concept -> score. A concept without cuts is judged at 0.5.
        cuts: concept -> cuts of the recipe.
    """
    nearness = [0.0]
    for concept, score in scores.items():
        pair = cuts.get(concept, Cuts(0.5, 0.5))
        between = pair.review <= score < pair.reject
        gap = 0.0 if between else min(_log_odds_apart(score, cut) for cut in (pair.review, pair.reject))
        nearness.append(math.exp(-gap / WIDTH))
    return max(nearness)


def newness(features: Floats, labelled: Floats) -> Numbers:
    """(N,) in [0, 1]: the share of labelled pictures that lie nearer to the other labelled ones than this
    one does; 1 for all where fewer than two are labelled.

    Args:
        features: (N, F).
        labelled: (M, F), of pictures that are labelled.
    """
    if len(labelled) < 2 or not len(features):
        return np.ones(len(features))
    rows = unit_rows(np.concatenate([features, labelled]))
    own, known = rows[: len(features)], rows[len(features) :]
    usual = np.sort(_mean_nearest(known, known, besides_itself=True))
    return np.searchsorted(usual, _mean_nearest(own, known), side="left") / len(usual)


def outstanding(values: Numbers) -> Numbers:
    """(N,) in [0, 1]: how far each value lies above the mean of all, 0 where it does not.

    What all candidates share tells none of them from another: where the light has changed every picture is
    unlike the labelled ones.
    """
    return np.maximum(values - values.mean(), 0.0) if len(values) else values


def unit_rows(features: Floats) -> Floats:
    """(N, F): every column at mean 0 and deviation 1 (columns that do not vary: 0), every row of length 1;
    a row without anything in it stays 0."""
    if not len(features):
        return features
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    rows: Floats = (scaled / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return rows


def _scores(candidates: Candidates) -> Numbers:
    """(N,): as if each reason were a chance that labelling the picture pays, independent of the others."""
    missed = np.ones(len(candidates.keys))
    for name, weight in WEIGHTS.items():
        if name in candidates.parts:
            missed = missed * (1.0 - weight * candidates.parts[name])
    return LEAST + (1.0 - LEAST) * (1.0 - missed)


def _typical_distance(features: Floats) -> float:
    """Median distance of some candidates from some others; 1 where all are the same."""
    if len(features) < 2:
        return 1.0
    rows = features[np.linspace(0, len(features) - 1, min(len(features), BLOCK)).astype(np.intp)]
    return float(np.median(_distances(rows, rows[:: max(1, len(rows) // 64)]))) or 1.0


def _mean_nearest(rows: Floats, known: Floats, *, besides_itself: bool = False) -> Numbers:
    wanted = min(NEIGHBOURS, len(known) - besides_itself)
    found = [
        np.partition(_distances(rows[start : start + BLOCK], known), wanted - 1 + besides_itself, axis=1)
        for start in range(0, len(rows), BLOCK)
    ]
    nearest = [np.sort(block[:, : wanted + besides_itself], axis=1)[:, besides_itself:] for block in found]
    return np.concatenate([block.mean(axis=1) for block in nearest]) if nearest else np.zeros(0)


def _distances(rows: Floats, known: Floats) -> Numbers:
    squares = (rows**2).sum(axis=1)[:, np.newaxis] + (known**2).sum(axis=1) - 2 * (rows @ known.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)), np.float64)


def _log_odds_apart(score: float, cut: float) -> float:
    a, b = (min(max(value, SMALLEST), 1 - SMALLEST) for value in (score, cut))
    return abs(math.log(a / (1 - a)) - math.log(b / (1 - b)))


def _interleaved(chosen: Sequence[Picked], drawn: Sequence[Picked]) -> tuple[Picked, ...]:
    """``drawn`` evenly among ``chosen``, each in its order."""
    placed = [
        ((place + 0.5) / len(group), kind, pick)
        for kind, group in enumerate((chosen, drawn))
        for place, pick in enumerate(group)
    ]
    return tuple(pick for _, _, pick in sorted(placed, key=lambda item: item[:2]))
