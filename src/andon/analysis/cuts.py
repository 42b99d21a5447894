"""Choosing cuts from costs, and what another group of parts then says about escapes and overkill."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from andon.analysis.bounds import at_most, interval, parts_needed, sentence
from andon.analysis.parts import Flags, Numbers, PartTable
from andon.domain.models import Costs, Cuts, Interval
from andon.errors import InvalidInput, NotPossible

PASS, REVIEW, REJECT = 0, 1, 2

CLEAN_REVIEWED = 0.05
"""Without defects to calibrate on, this share of the clean parts is sent to review."""

CLEAN_REJECTED = 0.05
"""Without defects, no larger share of all clean parts shall be rejected, with confidence."""

MAX_SWEEPS = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen cuts.

    Attributes:
        cuts: concept -> cuts.
        cost: expected cost of a part on the line, on the group that chose (optimistic); None where
            there was no defect to choose with.
        note: what must be said when the cuts are shown; may be empty.
    """

    cuts: Mapping[str, Cuts]
    cost: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rates:
    """What cuts do to a group of parts that did not choose them.

    Attributes:
        escapes: defective parts that PASS, with a one-sided upper bound.
        overkill: clean parts that are REJECTED, two-sided.
        reviews: clean parts sent to REVIEW, two-sided.
    """

    escapes: Interval
    overkill: Interval
    reviews: Interval


def choose_cuts(
    table: PartTable, costs: Costs, floor: float = 0.0, weights: Numbers | None = None
) -> Choice:
    """Cuts of least expected cost on the line.

    A part is REJECTED when any concept reaches its reject cut, else REVIEWED when any reaches its review
    cut, else PASSED.  Passing a defective part costs ``escape``, rejecting a clean one ``overkill``, any
    review ``review``.  Defective parts weigh ``defect_rate`` together, clean ones the rest, however many
    of each the group holds.  Both cuts of one concept are searched exactly and jointly; with several
    concepts this is repeated concept by concept until none improves, from three starts, and the best
    kept: no change of a single concept's cuts lowers the cost.  Only gaps between scores matter; cuts
    stand in the middle of theirs, and among equal costs the lower cut is taken (fewer escapes).  (The
    joint search over all concepts is exponential; tests compare with it on small groups.)

    Args:
        table: a group of parts used for nothing else.
        costs: in one currency; the defect rate is that of the line.
        floor: no cut may lie below it (``OutputSpec.score_floor``).
        weights: (P,) how many parts of its kind, defective or clean, each stands for; None: all as many.

    Raises:
        NotPossible: there is no clean part, so that overkill cannot be weighed.
        InvalidInput: a cost is negative, the defect rate is not between 0 and 1, or a weight is not
            positive.
    """
    _check(costs)
    counted = np.ones(len(table.parts)) if weights is None else np.asarray(weights, np.float64)
    if counted.shape != (len(table.parts),) or not (counted > 0).all():
        raise InvalidInput(f"the weights of {len(table.parts)} parts are not one positive number for each")
    if table.defective.all():
        raise NotPossible(
            "there are no clean parts to choose cuts with", "Add clean parts to the calibration group."
        )
    if not table.defective.any():
        return _from_clean_parts(table, floor)
    problem = _Problem.of(table, costs, floor, counted)
    starts = (problem.alone(), problem.shared(table, floor), problem.wide_open())
    best = min((problem.descended(start) for start in starts), key=lambda found: found[0])
    return Choice(problem.named(best[1]), best[0])


def verdicts(table: PartTable, cuts: Mapping[str, Cuts]) -> np.ndarray:
    """(P,) PASS, REVIEW or REJECT of each part by cuts alone (a recipe's rules may tolerate more)."""
    review = np.array([cuts[concept].review for concept in table.concepts])
    reject = np.array([cuts[concept].reject for concept in table.concepts])
    rejected = (table.scores >= reject).any(axis=1)
    return np.where(rejected, REJECT, np.where((table.scores >= review).any(axis=1), REVIEW, PASS))


def bound_rates(table: PartTable, cuts: Mapping[str, Cuts]) -> Rates:
    """Escapes and overkill with their doubt.

    Args:
        table: parts of a group that chose neither weights, nor checkpoint, nor these cuts.
        cuts: for every concept of the table.
    """
    return rates_of(verdicts(table, cuts), table.defective)


def rates_of(decided: np.ndarray, defective: Flags) -> Rates:
    """The same for verdicts (PASS, REVIEW, REJECT) that were reached in another way, e.g. by a recipe."""
    bad, clean = int(defective.sum()), int((~defective).sum())
    return Rates(
        escapes=at_most(int((decided[defective] == PASS).sum()), bad),
        overkill=interval(int((decided[~defective] == REJECT).sum()), clean),
        reviews=interval(int((decided[~defective] == REVIEW).sum()), clean),
    )


def expected_cost(decided: np.ndarray, defective: Flags, costs: Costs) -> float:
    """Mean cost of a part on the line, for verdicts on a group with both clean and defective parts."""
    bad, clean = decided[defective], decided[~defective]
    for_bad = costs.escape * np.mean(bad == PASS) + costs.review * np.mean(bad == REVIEW)
    for_clean = costs.overkill * np.mean(clean == REJECT) + costs.review * np.mean(clean == REVIEW)
    return float(costs.defect_rate * for_bad + (1 - costs.defect_rate) * for_clean)


def _check(costs: Costs) -> None:
    if not all(0 <= cost < float("inf") for cost in (costs.escape, costs.overkill, costs.review)):
        raise InvalidInput("a cost is negative or not a number")
    if not 0 < costs.defect_rate < 1:
        raise InvalidInput(f"a defect rate of {costs.defect_rate:g} is not between 0 and 1")


def _from_clean_parts(table: PartTable, floor: float) -> Choice:
    """Cuts at order statistics of clean scores, which bound overkill whatever their distribution (Wilks,
    "Determination of sample sizes for setting tolerance limits", 1941).

    Of several concepts each leaves the range above its own cut open, so that with none rejected by any of
    K as much is open as with K - 1 rejected by one (Tukey, "Statistically equivalent blocks", 1947).
    """
    parts, concepts = len(table.parts), len(table.concepts)
    rejected = max(0, (_most_rejected(parts) + 1) // concepts - 1)
    cuts, outside = {}, 0
    for index, concept in enumerate(table.concepts):
        gaps = _Gaps.of(table.scores[:, index], floor)
        reached = np.array([int((gaps.steps >= k).sum()) for k in range(len(gaps.cuts))])
        review = int(np.argmax(reached <= int(CLEAN_REVIEWED / concepts * parts)))
        reject = max(review, int(np.argmax(reached <= rejected)))
        cuts[concept] = Cuts(float(gaps.cuts[review]), float(gaps.cuts[reject]))
        outside += int(reached[reject]) + 1
    return Choice(cuts, None, _promise(min(outside - 1, parts), parts, concepts))


def _most_rejected(parts: int) -> int:
    """How many of so many clean parts a cut may reject that promises ``CLEAN_REJECTED``; 0 where even none
    does not suffice."""
    count = 0
    while at_most(count + 1, parts).high <= CLEAN_REJECTED:
        count += 1
    return count


def _promise(count: int, parts: int, concepts: int) -> str:
    bound = at_most(count, parts)
    note = (
        "The calibration group shows no defect: the cuts come from the highest scores of clean parts, "
        "and nothing is known about escapes. "
    )
    if concepts > 1:
        note += f"Cuts for {concepts} concepts count as {concepts - 1} rejected parts more. "
    if bound.high <= CLEAN_REJECTED:
        return note + f"Overkill is promised to stay below {CLEAN_REJECTED:.0%} ({sentence(bound)})."
    needed = parts_needed(CLEAN_REJECTED)
    while at_most(concepts - 1, needed).high > CLEAN_REJECTED:
        needed += 1
    return note + (
        f"With {parts} clean parts the least overkill that can be promised is {bound.high:.1%} "
        f"({sentence(bound)}); {needed} are needed for {CLEAN_REJECTED:.0%}."
    )


@dataclass(frozen=True, slots=True)
class _Gaps:
    """The places a cut can have for one concept.

    Attributes:
        cuts: (G,) rising; cut k lies between the k-th and the next group of equal scores.
        distinct: (G - 1,) the scores they lie between, rising.
        steps: (P,) for each part the highest k whose cut it reaches; -1: none (below the floor).
    """

    cuts: Numbers
    distinct: Numbers
    steps: np.ndarray

    @classmethod
    def of(cls, scores: Numbers, floor: float) -> "_Gaps":
        distinct = np.unique(scores[scores >= floor])
        low = np.concatenate([[floor], distinct])
        high = np.concatenate([distinct, [max(1.0, float(low[-1]))]])
        middle = (low + high) / 2
        # Between neighbouring floats there is no middle; the upper one tells them apart as well.
        middle = np.where(middle <= low, high, middle)
        middle[-1] = max(middle[-1], np.nextafter(low[-1], np.inf))
        if len(distinct):
            middle[0] = max(floor, min(middle[0], distinct[0]))
        return cls(middle, distinct, np.searchsorted(distinct, scores, side="right") - 1)


@dataclass(frozen=True, slots=True)
class _Problem:
    """The search, in steps instead of scores: part i reaches gap k of a concept when its step is >= k.

    Attributes:
        gaps: one for each concept.
        passing, reviewing, rejecting: (P,) what each verdict on a part adds to the expected cost.
        shown: (P, K) truth.
    """

    concepts: tuple[str, ...]
    gaps: tuple[_Gaps, ...]
    passing: Numbers
    reviewing: Numbers
    rejecting: Numbers
    shown: Flags

    @classmethod
    def of(cls, table: PartTable, costs: Costs, floor: float, counted: Numbers) -> "_Problem":
        bad, rate = table.defective, costs.defect_rate
        weight = counted * np.where(bad, rate / counted[bad].sum(), (1 - rate) / counted[~bad].sum())
        return cls(
            concepts=table.concepts,
            gaps=tuple(_Gaps.of(column, floor) for column in table.scores.T),
            passing=weight * np.where(bad, costs.escape, 0.0),
            reviewing=weight * costs.review,
            rejecting=weight * np.where(bad, 0.0, costs.overkill),
            shown=table.truth,
        )

    def named(self, places: np.ndarray) -> Mapping[str, Cuts]:
        chosen = zip(self.concepts, self.gaps, places, strict=True)
        return {name: Cuts(float(gaps.cuts[r]), float(gaps.cuts[j])) for name, gaps, (r, j) in chosen}

    def wide_open(self) -> np.ndarray:
        """(K, 2) places: every cut above all scores, so that everything passes."""
        return np.array([[len(gaps.cuts) - 1] * 2 for gaps in self.gaps])

    def alone(self) -> np.ndarray:
        """(K, 2) places: each concept's best as if only clean parts and its own existed."""
        clean = ~self.shown.any(axis=1)
        places = self.wide_open()
        for index in range(len(self.gaps)):
            decided = np.where(clean | self.shown[:, index], PASS, REJECT)
            places[index] = _best(self, self.gaps[index], decided)
        return places

    def shared(self, table: PartTable, floor: float) -> np.ndarray:
        """(K, 2) places: the best cuts on the highest score, the same for every concept."""
        gaps = _Gaps.of(table.worst, floor)
        lowest_reached = np.append(gaps.distinct, np.inf)
        chosen = lowest_reached[list(_best(self, gaps, np.full(len(table.parts), PASS)))]
        return np.array([np.searchsorted(own.distinct, chosen) for own in self.gaps])

    def descended(self, places: np.ndarray) -> tuple[float, np.ndarray]:
        """Improve one concept after the other until none improves: (cost, places)."""
        cost = self.cost(places)
        for _ in range(MAX_SWEEPS):
            before = cost
            for index in range(len(self.gaps)):
                changed = places.copy()
                changed[index] = _best(self, self.gaps[index], self._decided(places, without=index))
                cost_then = self.cost(changed)
                if cost_then <= cost + self.rounding:
                    places, cost = changed, cost_then
            if cost >= before - self.rounding:
                break
        return cost, places

    @property
    def rounding(self) -> float:
        """Differences of cost below this are none."""
        return 1e-12 * float(self.passing.sum() + self.reviewing.sum() + self.rejecting.sum())

    def cost(self, places: np.ndarray) -> float:
        decided = self._decided(places)
        by_verdict = np.stack([self.passing, self.reviewing, self.rejecting])
        return float(by_verdict[decided, np.arange(len(decided))].sum())

    def _decided(self, places: np.ndarray, without: int | None = None) -> np.ndarray:
        decided = np.zeros(len(self.passing), dtype=np.intp)
        for index, (gaps, (review, reject)) in enumerate(zip(self.gaps, places, strict=True)):
            if index != without:
                own = (gaps.steps >= review).astype(np.intp) + (gaps.steps >= reject)
                decided = np.maximum(decided, own)
        return decided


def _best(problem: _Problem, gaps: _Gaps, decided: np.ndarray) -> tuple[int, int]:
    """The best (review, reject) places among ``gaps``, given what the other concepts decide.

    The cost is a sum of a term in the review place and one in the reject place: of parts that only
    this concept can stop, those below the review cut change from review to pass, and of all that are
    not rejected already, those from the reject cut on change from review to reject.
    """
    count = len(gaps.cuts)
    passed = np.where(decided == PASS, problem.passing - problem.reviewing, 0.0)
    rejected = np.where(decided != REJECT, problem.rejecting - problem.reviewing, 0.0)
    below = np.cumsum(np.bincount(gaps.steps + 1, passed, count + 1))[:count]
    reaching = np.bincount(gaps.steps + 1, rejected, count + 1)[1:]
    lowest = np.minimum.accumulate(below)
    total = lowest + np.cumsum(reaching[::-1])[::-1]
    reject = int(np.argmax(total <= total.min() + problem.rounding))
    review = int(np.argmax(below <= lowest[reject] + problem.rounding))
    return review, reject
