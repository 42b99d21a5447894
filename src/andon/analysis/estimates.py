"""Escapes, overkill and cost of all parts, estimated from the few that people looked at.

Passes are shown to people with the probability of the audit, rejects always, and only some are answered;
of those, some get a second look.  A part that was looked at stands for ``w`` parts.  ``w`` is made in two
steps, each by what was really drawn instead of what was meant to be (Särndal, Swensson and Wretman, Model
Assisted Survey Sampling, 1992, sections 7.6 and 9.4: post-stratification; two-phase sampling):

1. by station, release and day: parts of the verdict / parts judged, shared out by 1 / audit probability;
2. among those that people contradicted, and among those they confirmed: parts judged / second looks.

Nothing is assumed of how rates change from day to day, nor of how well people judge.  Assumed is that what
was not answered, or has no picture for a second look, is like what was, on the same station, release and
day, and that second looks are right.  Which of the parts that are due are looked at first is nobody's
chance: people may begin with those that look wrong.  So second looks correct a row only when none is due.

Limits are mid-P limits of proportions whose number of parts is the effective one, as for complex surveys
(Korn and Graubard, Survey Methodology 24, 1998; mid-P instead of Clopper and Pearson, who cover too often:
Agresti and Gottard, Stat. Med. 26, 2007).  Variances carry the correction for finite populations: an
interval closes when all parts were looked at.  Contradicted and confirmed mistakes are brought together by
their profile likelihood; costs and releases by recovering variances from limits (Zou and Donner, Stat. Med.
27, 2008).  Where few mistakes are to be expected, counts are too coarse for 95 %: intervals cover more.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from andon.analysis.limits import CONFIDENCE, Numbers, Weighted, summed, together
from andon.domain.inspections import Verdict
from andon.domain.models import Costs
from andon.domain.quality import (
    Cohort,
    Comparison,
    Estimate,
    Found,
    Inspected,
    Judged,
    QualityRow,
    contradicts,
    is_found,
)

MIN_CELL = 5
"""Parts people judged in a cell; days with fewer are taken together with the following ones."""

MIN_CONTRADICTED, MIN_CONFIRMED = 5, 20
"""Second looks among the parts of a row that people contradicted, or confirmed, from which they correct it,
unless all of them had one: a rate from fewer would drown what is known.  None may be left that is due."""

NONE = Weighted(0.0, 0.0, 0.0, 0)

Place = tuple[str, str, str]
"""Station, release, day: within one, what was answered stands for what was not."""


def rows(
    by: Cohort, inspected: Sequence[Inspected], judged: Sequence[Judged], costs: Costs | None
) -> tuple[QualityRow, ...]:
    """One row for each cohort, sorted by name; for ``Cohort.ALL`` one.

    A concept's row counts the mistakes that name it, among all parts; a part with two is in both.

    Args:
        by: what tells parts apart.
        inspected: all parts.
        judged: those that people judged; others are passed over.
        costs: of one escape, one overkill and one review; None: cost is not reckoned.
    """
    said = [part for part in judged if part.said is not None]
    if by is Cohort.CONCEPT:
        concepts = sorted({concept for part in said for concept in part.concepts})
        return tuple(_row(name, inspected, said, (costs, name)) for name in concepts)
    name_of = _NAMES[by]
    counted: dict[str, list[Inspected]] = defaultdict(list)
    known: dict[str, list[Judged]] = defaultdict(list)
    for many in inspected:
        counted[name_of(many)].append(many)
    for part in said:
        known[name_of(part)].append(part)
    return tuple(_row(name, counted[name], known[name], (costs, None)) for name in sorted(counted))


def compare(
    inspected: Sequence[Inspected], judged: Sequence[Judged], costs: Costs | None, releases: tuple[str, str]
) -> Comparison:
    """The first of ``releases`` (the newer) minus the second."""
    found = {row.name: row for row in rows(Cohort.RELEASE, inspected, judged, costs)}
    new, old = (found.get(name) for name in releases)
    pairs = (
        (new.escapes, old.escapes) if new and old else (None, None),
        (new.overkill, old.overkill) if new and old else (None, None),
        (new.cost, old.cost) if new and old else (None, None),
    )
    return Comparison(*releases, *(_difference(*pair) for pair in pairs))


_NAMES: Mapping[Cohort, Callable[[Inspected | Judged], str]] = {
    Cohort.ALL: lambda _: "all",
    Cohort.STATION: lambda part: part.station,
    Cohort.PART_TYPE: lambda part: part.part_type,
    Cohort.DAY: lambda part: part.day,
    Cohort.RELEASE: lambda part: part.release,
}


def _row(
    name: str,
    inspected: Sequence[Inspected],
    said: Sequence[Judged],
    how: tuple[Costs | None, str | None],
) -> QualityRow:
    costs, concept = how
    counts = dict.fromkeys(Verdict, 0)
    for many in inspected:
        counts[many.verdict] += many.parts
    parts = sum(counts.values())
    of_passes = mistakes(Verdict.PASS, inspected, said, concept)
    of_rejects = mistakes(Verdict.REJECT, inspected, said, concept)
    escapes = of_passes.estimate() if of_passes else None
    overkill = of_rejects.estimate() if of_rejects else None
    reviews = counts[Verdict.REVIEW] / parts if parts and concept is None else 0.0
    named = [part for part in said if concept is None or concept in part.concepts]
    return QualityRow(
        name=name,
        parts=parts,
        counts=counts,
        escapes=escapes,
        overkill=overkill,
        cost=_cost(escapes, overkill, reviews, costs),
        model_found=sum(is_found(part, Found.MODEL) for part in named),
        people_found=sum(is_found(part, Found.PEOPLE) for part in named),
    )


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Wrong verdicts among the parts of one verdict.

    Attributes:
        of: parts of all verdicts it speaks of. looked_at: parts people judged that bear on it.
        checked: second looks corrected what people said.
    """

    kinds: tuple[Weighted, Weighted]
    of: int
    looked_at: int
    checked: bool

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        """Mistakes per part inspected."""
        value, low, high = (number / max(1, self.of) for number in together(self.kinds, confidence))
        return Estimate(value, low, high, self.looked_at, self.of, confidence, self.checked)


def mistakes(
    verdict: Verdict, inspected: Sequence[Inspected], said: Sequence[Judged], concept: str | None = None
) -> Mistakes | None:
    """Parts of ``verdict`` that deserve another one; None where people judged none of them.

    Stations and releases of which nobody judged a part of that verdict are left out.  Passes that people
    picked by themselves (probability 0) say nothing about the others and are passed over.

    Args:
        verdict: PASS for escapes, REJECT for overkill.
        inspected: all parts.
        said: parts that people judged.
        concept: only mistakes that name it; None: all.
    """
    population: dict[Place, int] = defaultdict(int)
    everything: dict[tuple[str, str], int] = defaultdict(int)
    for many in inspected:
        everything[many.station, many.release] += many.parts
        if many.verdict is verdict and many.parts:
            population[many.station, many.release, many.day] += many.parts
    sample = [part for part in said if part.verdict is verdict and part.probability > 0]
    if not population:
        return Mistakes((NONE, NONE), sum(everything.values()), 0, True)
    sample = [part for part in sample if _place(part) in population]
    if not sample:
        return None
    looked_at = {_place(part)[:2] for part in sample}
    unknown = {place[:2] for place in population} - looked_at
    of = sum(parts for place, parts in everything.items() if place not in unknown)
    covered = {place: parts for place, parts in population.items() if place[:2] not in unknown}
    found = _weighted(covered, sample, concept)
    base = float(sum(covered.values()))
    contradicted, confirmed = found.of(True), found.of(False)
    plain = _unit(found.weight, found.weight)
    kinds = _kind(contradicted, base, plain), _kind(confirmed, base, plain)
    return Mistakes(kinds, of, len(sample), _is_checked(contradicted) and _is_checked(confirmed))


def _place(part: Judged) -> Place:
    return part.station, part.release, part.day


@dataclass(frozen=True, slots=True)
class _Sample:
    """Parts that people judged, as arrays in order of place.

    Attributes:
        cell: number of the days it was taken together with; these are in order of station, release, day.
        weight: parts each stands for after the first step.
        contradicted: people said that the verdict was wrong, and (``named``) for the concept in question.
        checked: 1 the second look says the verdict was wrong, 0 right, -1 there was none that counts.
        due: drawn for a second look that could be taken and was not.
    """

    cell: NDArray[np.int64]
    weight: Numbers
    contradicted: NDArray[np.bool_]
    named: NDArray[np.bool_]
    checked: NDArray[np.int8]
    due: NDArray[np.bool_]

    def of(self, contradicted: bool) -> "_Sample":
        """Those that people contradicted, or the others."""
        chosen = self.contradicted == contradicted
        arrays = (self.weight, self.contradicted, self.named, self.checked, self.due)
        return _Sample(self.cell[chosen], *(each[chosen] for each in arrays))


def _weighted(population: Mapping[Place, int], sample: Sequence[Judged], concept: str | None) -> _Sample:
    by_place: dict[Place, list[Judged]] = defaultdict(list)
    for part in sample:
        by_place[_place(part)].append(part)
    ordered: list[Judged] = []
    weights: list[Numbers] = []
    cells = list(_cells(population, {place: len(parts) for place, parts in by_place.items()}))
    for days in cells:
        here = [part for day in days for part in by_place.get(day, ())]
        shares = np.array([1 / part.probability for part in here])
        weights.append(shares * (sum(population[day] for day in days) / shares.sum()))
        ordered += here
    return _Sample(
        np.repeat(np.arange(len(cells)), [len(each) for each in weights]),
        np.concatenate(weights),
        np.array([contradicts(part.verdict, bool(part.said)) for part in ordered]),
        np.array([concept is None or concept in part.concepts for part in ordered]),
        np.array([_second_look(part) for part in ordered], dtype=np.int8),
        np.array([part.pictured and is_found(part, Found.DUE) for part in ordered]),
    )


def _second_look(part: Judged) -> int:
    if part.checked is None or part.check_probability <= 0:
        return -1
    return int(contradicts(part.verdict, part.checked))


def _cells(population: Mapping[Place, int], judged: Mapping[Place, int]) -> Iterable[list[Place]]:
    """Days of one station and release, so many together that people judged ``MIN_CELL`` of their parts."""
    for _, places in groupby(sorted(population), lambda place: place[:2]):
        cells: list[list[Place]] = [[]]
        for place in places:
            if _judged(cells[-1], judged) >= MIN_CELL:
                cells.append([])
            cells[-1].append(place)
        if len(cells) > 1 and _judged(cells[-1], judged) < MIN_CELL:
            cells[-2] += cells.pop()
        yield from cells


def _judged(places: Sequence[Place], judged: Mapping[Place, int]) -> int:
    return sum(judged.get(place, 0) for place in places)


def _is_checked(sample: _Sample) -> bool:
    """Whether there are enough second looks among parts that people judged alike, and none is due."""
    if len(sample.weight) == 0:
        return True
    if sample.due.any():
        return False
    enough = MIN_CONTRADICTED if sample.contradicted[0] else MIN_CONFIRMED
    return int((sample.checked >= 0).sum()) >= min(enough, len(sample.weight))


def _kind(sample: _Sample, base: float, plain: float) -> Weighted:
    """Wrong verdicts among parts that people judged alike.

    How many parts a mistake stands for is known from few mistakes, and where those that stand for many are
    not seen, value and spread are too small together: it is not less than ``plain``, what it would be if
    all parts were equally likely to be one (as Fay and Feuer do, Stat. Med. 16, 1997, with the largest).
    """
    if len(sample.weight) == 0:
        return NONE
    if not _is_checked(sample):
        word = np.where(sample.checked >= 0, sample.checked, sample.contradicted).astype(np.int8)
        sample = replace(sample, checked=word)
    seen = sample.checked >= 0
    weight, spread = _second_step(sample, seen)
    wrong = (sample.checked == 1) & sample.named
    count, total = int(wrong.sum()), float(weight[wrong].sum())
    own = _unit(sample.weight[wrong], weight[wrong]) if count else plain
    right = (seen.sum() - count + 0.5) / (seen.sum() + 1)
    second = spread * right / sample.weight.sum() / max(0.01, 1 - total / base)
    return Weighted(total, base, max(own, plain) + second, count)


def _unit(weight: Numbers, by: Numbers) -> float:
    """Parts not looked at for each of some that were; their mean, ``by`` weighted."""
    return float((by * np.maximum(weight - 1, 0.0)).sum() / by.sum())


def _second_step(sample: _Sample, seen: NDArray[np.bool_]) -> tuple[Numbers, float]:
    """Weights of parts with a second look, 0 for others; and the variance of the number of parts that have
    something, over the share that has it and the share that does not, as far as second looks make it."""
    weight, cell = sample.weight, _merged(np.bincount(sample.cell, seen))[sample.cell]
    judged = np.bincount(cell, weight)
    looked = np.bincount(cell, weight * seen)
    squares = np.bincount(cell, weight**2 * seen)
    unseen = 1 - np.bincount(cell, seen) / np.bincount(cell)
    spread = float((unseen * judged**2 * squares / looked**2).sum())
    return np.where(seen, weight * (judged / looked)[cell], 0.0), spread


def _merged(seen: NDArray[np.signedinteger]) -> NDArray[np.int64]:
    """Cell -> number of the cells it is taken together with, so that each has ``MIN_CELL`` second looks."""
    total = np.cumsum(seen)
    merged = np.zeros(len(seen), dtype=np.int64)
    number, begun = 0, 0
    for place in range(len(seen)):
        merged[place] = number
        if total[place] - begun >= MIN_CELL and total[-1] - total[place] >= MIN_CELL:
            number, begun = number + 1, int(total[place])
    return merged


def _cost(
    escapes: Estimate | None, overkill: Estimate | None, reviews: float, costs: Costs | None
) -> Estimate | None:
    """Per 1,000 parts; how many went to people is known."""
    if escapes is None or overkill is None or costs is None:
        return None
    pairs = ((escapes, costs.escape), (overkill, costs.overkill))
    terms = [tuple(1000 * cost * each for each in (e.value, e.low, e.high)) for e, cost in pairs]
    value, low, high = summed([*terms, (1000 * costs.review * reviews,) * 3])  # type: ignore[list-item]
    looked_at, of = escapes.looked_at + overkill.looked_at, min(escapes.of, overkill.of)
    checked = escapes.checked and overkill.checked
    return Estimate(value, max(0.0, low), high, looked_at, of, escapes.confidence, checked)


def _difference(new: Estimate | None, old: Estimate | None) -> Estimate | None:
    if new is None or old is None:
        return None
    value, low, high = summed([(new.value, new.low, new.high), (-old.value, -old.high, -old.low)])
    looked_at, of = new.looked_at + old.looked_at, new.of + old.of
    return Estimate(value, low, high, looked_at, of, new.confidence, new.checked and old.checked)
