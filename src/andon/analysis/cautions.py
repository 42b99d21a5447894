"""What a reviewer would say of a data set and the rates measured on it; each rule has its threshold."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import fisher_exact

from andon.analysis.breakdowns import Confusion, GroupCount, confused_pairs
from andon.domain.datasets import Split

FEW = 30
"""Test parts of a kind below which its rate says little: 0 of 29 still allows 9.8 % at 95 %."""

LEAST_LEARNED = 10
"""Training parts of a defect below which chance decides what is learned of it."""

LEAST_CHOSEN = 1
"""Calibration parts of a defect below which its cuts were chosen without an example."""

TOGETHER = 3
"""From this many parts of a kind on, all of one day (lot, line) is no accident worth silence."""

UNDER_SHARE = 0.25
"""A group with fewer than ``FEW`` parts and less than this share of an equal part is under-represented."""

CONFUSED_PARTS, CONFUSED_SHARE = 3, 0.2
"""Two concepts are confused from this many parts and this share of those that show the one."""

SIGNIFICANCE = 0.05
"""Chance that any group of a dimension is called worse than the rest when all are alike."""

NAMED = 5
"""So many values of a dimension are named, the others counted."""

CLEAN = "no defect"


@dataclass(frozen=True, slots=True)
class KnownPart:
    """A part of a data set.

    Attributes:
        defects: names of those it shows; empty: clean.
        values: what is known of its images, dimension -> values; a dimension may be absent or empty.
    """

    key: str
    split: Split
    defects: frozenset[str]
    values: Mapping[str, frozenset[str]]

    @property
    def kinds(self) -> frozenset[str]:
        """Its defects, or :data:`CLEAN`."""
        return self.defects or frozenset({CLEAN})


@dataclass(frozen=True, slots=True)
class Caution:
    """One warning: the rule it comes from, and the sentence with its numbers."""

    rule: str
    text: str


RULES: Mapping[str, str] = {
    "too few": f"a kind has fewer than {FEW} test parts, or a defect fewer than {LEAST_LEARNED} parts to "
    "learn from or none to choose cuts with",
    "one value only": f"{TOGETHER} or more parts of a kind all come from one day, lot, line or part type, "
    "while other parts come from others",
    "under-represented": f"a part type or line has fewer than {FEW} test parts and less than "
    f"{UNDER_SHARE:.0%} of an equal share, or stands on one side of the split only",
    "worse than the rest": "a group's escapes or overkill are above those of all other parts by Fisher's "
    f"exact test at {SIGNIFICANCE:.0%}, divided by the number of groups",
    "seen before": "every lot or day of the test group was learned from, too",
    "confused": f"{CONFUSED_PARTS} or more parts, and {CONFUSED_SHARE:.0%} or more of those with a defect, "
    "are taken for another one; or no part is taken for what some show",
    "parts unknown": "no image names its part, so each counts as one",
}
"""Rule -> when it speaks, for the page."""


def too_few(
    parts: Sequence[KnownPart], concepts: Sequence[str], *, taught: bool = True
) -> Iterator[Caution]:
    """Kinds (``concepts`` and clean) of which too few parts learn, choose or test.

    ``taught``: whether the model learned from the parts with defects here; if not, nothing is said of that.
    """
    counts = Counter((kind, part.split) for part in parts for kind in part.kinds)
    for kind in (*concepts, CLEAN):
        test, learned = counts[kind, Split.TEST], counts[kind, Split.TRAIN]
        lacks = [f"{test} to test with (fewer than {FEW})"] if test < FEW else []
        if kind != CLEAN:
            if taught and learned < LEAST_LEARNED:
                lacks.append(f"{learned} to learn from (fewer than {LEAST_LEARNED})")
            if counts[kind, Split.CALIBRATION] < LEAST_CHOSEN:
                lacks.append("none to choose cuts with")
        if lacks:
            yield Caution("too few", f"Parts with {kind}: {', '.join(lacks)}.")


def one_value_only(parts: Sequence[KnownPart], dimension: str) -> Iterator[Caution]:
    """Kinds that occur with one value of the dimension only, while others occur with others."""
    known = [part for part in parts if part.values.get(dimension)]
    told = "" if len(known) == len(parts) else f" whose {dimension} is known"
    seen: dict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    for part in known:
        for kind in part.kinds:
            seen[kind] |= part.values[dimension]
            count[kind] += 1
    every = set().union(*seen.values())
    for kind in sorted(seen):
        if len(seen[kind]) == 1 < len(every) and count[kind] >= TOGETHER:
            yield Caution(
                "one value only",
                f"All {count[kind]} parts with {kind}{told} come from one {dimension} ({min(seen[kind])}), "
                f"all parts from {len(every)}: the model may have learned the {dimension} instead.",
            )


def under_represented(
    parts: Sequence[KnownPart], dimension: str, *, learned_here: bool = True
) -> Iterator[Caution]:
    """Values of the dimension with hardly any test part, or on one side of the split only.

    Without ``learned_here`` the model learned from other parts than these; nothing is said of learning.
    """
    counts = {split: _tally(parts, dimension, split) for split in (Split.TRAIN, Split.TEST)}
    learned, tested = counts[Split.TRAIN], counts[Split.TEST]
    every = set(learned) | set(tested)
    if len(every) < 2:
        return
    equal = tested.total() / len(every)
    thin = [v for v in sorted(every) if 0 < tested[v] < min(FEW, UNDER_SHARE * equal)]
    for value in thin[:NAMED]:
        yield Caution(
            "under-represented",
            f"Only {tested[value]} of {tested.total()} test parts are of {dimension} {value}.",
        )
    if len(thin) > NAMED:
        text = f"So few are of {len(thin) - NAMED} other values of {dimension}, too."
        yield Caution("under-represented", text)
    if not learned_here:
        return
    unmeasured = [value for value in sorted(every) if learned[value] and not tested[value]]
    unlearned = [value for value in sorted(every) if tested[value] and not learned[value]]
    if unmeasured:
        yield Caution("under-represented", f"Learned from, never tested: {dimension} {_named(unmeasured)}.")
    if unlearned:
        yield Caution("under-represented", f"Tested, never learned from: {dimension} {_named(unlearned)}.")


def worse_than_rest(groups: Sequence[GroupCount], dimension: str) -> Iterator[Caution]:
    """Groups whose escapes or overkill are above those of all others together (Fisher 1922, one-sided)."""
    for name in ("escapes", "overkill"):
        found = [(group, getattr(group.rates, name)) for group in groups if group.value is not None]
        found = [(group, rate) for group, rate in found if rate.of]
        if len(found) < 2:
            continue
        count, of = sum(rate.count for _, rate in found), sum(rate.of for _, rate in found)
        for group, rate in found:
            rest, others = count - rate.count, of - rate.of
            table = np.array([[rate.count, rate.of - rate.count], [rest, others - rest]])
            if float(fisher_exact(table, alternative="greater").pvalue) < SIGNIFICANCE / len(found):
                yield Caution(
                    "worse than the rest",
                    f"{name.capitalize()} of {dimension} {group.value}: {rate.count} of {rate.of}, against "
                    f"{rest} of {others} elsewhere.",
                )


def seen_before(parts: Sequence[KnownPart], dimension: str) -> Iterator[Caution]:
    """Whether no value of the dimension is new to the test group."""
    learned, tested = (_tally(parts, dimension, split) for split in (Split.TRAIN, Split.TEST))
    if tested and set(tested) <= set(learned):
        every = "the one" if len(tested) == 1 else f"all {len(tested)}"
        yield Caution(
            "seen before",
            f"Parts of {every} {dimension}{'' if len(tested) == 1 else 's'} of the test group were learned "
            f"from, too: how the model does on a new {dimension} was not measured.",
        )


def confused(found: Confusion) -> Iterator[Caution]:
    """Concepts that parts are taken for wrongly, and those that parts show and none is taken for."""
    for shown, called, count, of in confused_pairs(found, CONFUSED_PARTS, CONFUSED_SHARE):
        yield Caution("confused", f"{count} of {of} parts with {shown} are taken for {called}.")
    for name in found.never_called:
        if shown_by := found.shown(name):
            yield Caution("confused", f"No test part is taken for {name}; {shown_by} show it.")


def parts_unknown(parts: Sequence[KnownPart], images: int) -> Iterator[Caution]:
    """Whether photos of one part cannot be told from photos of several."""
    if len(parts) > 1 and len(parts) == images and all(part.key.startswith("image=") for part in parts):
        yield Caution(
            "parts unknown",
            f"None of the {images} images names its part: each counts as one, and photos of one part may "
            "stand on both sides of the split.",
        )


def _tally(parts: Sequence[KnownPart], dimension: str, split: Split) -> Counter[str]:
    return Counter(v for part in parts if part.split is split for v in part.values.get(dimension, ()))


def _named(values: Sequence[str]) -> str:
    more = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return ", ".join(values[:NAMED]) + more
