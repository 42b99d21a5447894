"""The same parts judged by two models: what changes for the worse, with its doubt.

A part can only become worse where the old model does well on it, and only better where it does not: two
counts of different parts.  A part stands for as many parts of the line as its weight says, so each count is
a weighted sum of rare events, whose one-sided limits are those of Fay and Feuer (Statistics in Medicine 16,
1997, 791-801), by the gamma distribution.  With equal weights they are the exact ones of Poisson counts
(Garwood, Biometrika 28, 1936), a little wider than those of binomial ones: without any change this is the
rule of three, not zero; where parts that could become worse stand for many, it is three times as many.
The limits of the two counts make the limit of their difference by square-and-add (MOVER: Zou and Donner,
Statistics in Medicine 27, 2008, 1693-1702).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma

from andon.domain.gates import Paired
from andon.errors import InvalidInput

CONFIDENCE = 0.95

_Flags = NDArray[np.bool_]
_Numbers = NDArray[np.float64]


def net_change(
    weights: Sequence[float], old: Sequence[bool], new: Sequence[bool], confidence: float = CONFIDENCE
) -> Paired | None:
    """How much more often the new model does badly, as a share of the parts; None without parts.

    Args:
        weights: (P,) how many parts of the line each stands for, above 0.
        old: (P,) whether the old model does badly on the part: lets it escape, rejects it wrongly, ...
        new: (P,) the same of the new one.
        confidence: that the net change is not above the bound.

    Raises:
        InvalidInput: the lists differ in length, a weight is not positive and finite, or the confidence is
            not between 0 and 1.
    """
    weight, was, becomes = np.asarray(weights, float), np.asarray(old, bool), np.asarray(new, bool)
    _check(weight, (was, becomes), confidence)
    if not len(weight):
        return None
    worsened, improved = weight[~was & becomes], weight[was & ~becomes]
    worse, better, of = float(worsened.sum()), float(improved.sum()), float(weight.sum())
    up = most(worsened, weight[~was], confidence) - worse
    down = better - least(improved, confidence)
    net = (worse - better) / of
    upper = min(1.0, net + math.hypot(up, down) / of)
    return Paired(worse, better, of, len(weight), net, upper, confidence)


def most(seen: _Numbers, possible: _Numbers, confidence: float) -> float:
    """Upper limit of a weighted count: ``seen`` are the weights of the events, ``possible`` of all parts on
    which there could have been one."""
    if not len(possible):
        return 0.0
    heaviest = float(possible.max())
    count, variance = float(seen.sum()) + heaviest, float((seen**2).sum()) + heaviest**2
    return float(gamma.ppf(confidence, count**2 / variance, scale=variance / count))


def least(seen: _Numbers, confidence: float) -> float:
    """Lower limit of a weighted count; 0 without an event."""
    if not len(seen):
        return 0.0
    count, variance = float(seen.sum()), float((seen**2).sum())
    return float(gamma.ppf(1 - confidence, count**2 / variance, scale=variance / count))


def _check(weights: _Numbers, flags: tuple[_Flags, _Flags], confidence: float) -> None:
    if not all(len(flag) == len(weights) for flag in flags):
        raise InvalidInput("weights and outcomes of a paired comparison differ in number")
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise InvalidInput("a part of a paired comparison has a weight that is not positive and finite")
    if not 0 < confidence < 1:
        raise InvalidInput(f"a confidence of {confidence:g} is not between 0 and 1")
