"""Verdicts broken down: by what is known of a part's origin, by concept, and what was taken for what."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.analysis.bounds import at_most, interval
from andon.analysis.cuts import PASS, Rates, rates_of
from andon.analysis.metrics import average_precision
from andon.analysis.parts import Flags, Numbers, PartTable
from andon.domain.models import Cuts, Interval


@dataclass(frozen=True, slots=True)
class GroupCount:
    """The parts with one value of a dimension; ``value`` is None for those of which it is not known."""

    value: str | None
    parts: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class ConceptCount:
    """The parts that show one concept, and the clean parts.

    Attributes:
        escapes: of the parts that show it, those that PASS; one-sided bound.
        overkill: of the clean parts, those whose score for this concept reaches its reject cut.
        average_precision: parts that show it against all that do not; None where one kind is absent.
    """

    concept: str
    escapes: Interval
    overkill: Interval
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """What parts show, against what they are taken for.

    A part is taken for the concept with the highest score among those that reach their review cut.  In
    the row of a concept, other defects that the part really shows are not looked at.

    Attributes:
        concepts: K names, of rows and columns.
        counts: (K + 1, K + 1) parts; the last row is the clean parts, the last column "nothing".
    """

    concepts: tuple[str, ...]
    counts: np.ndarray

    @property
    def never_called(self) -> tuple[str, ...]:
        """Concepts that no part was taken for, whatever it shows."""
        called = self.counts.sum(axis=0)
        return tuple(name for name, count in zip(self.concepts, called, strict=False) if not count)

    def shown(self, concept: str) -> int:
        """How many parts show ``concept``."""
        return int(self.counts[self.concepts.index(concept)].sum())


def by_value(
    decided: np.ndarray, defective: Flags, values: Sequence[frozenset[str]]
) -> tuple[GroupCount, ...]:
    """Rates of the parts with each value, sorted by value, those with none last.

    A part whose images have several values (taken on two days) counts in each of them.

    Args:
        decided: (P,) PASS, REVIEW or REJECT.
        defective: (P,) the truth.
        values: P sets.
    """
    rows: dict[str | None, list[int]] = defaultdict(list)
    for row, these in enumerate(values):
        for value in these or (None,):
            rows[value].append(row)
    known = sorted(value for value in rows if value is not None)
    ordered = [*known, None] if None in rows else known
    return tuple(
        GroupCount(value, len(rows[value]), rates_of(decided[rows[value]], defective[rows[value]]))
        for value in ordered
    )


def by_concept(table: PartTable, decided: np.ndarray, cuts: Mapping[str, Cuts]) -> tuple[ConceptCount, ...]:
    """One count for each concept of the table, in its order; each has cuts."""
    clean = ~table.defective
    counts = []
    for index, concept in enumerate(table.concepts):
        shows, scores = table.truth[:, index], table.scores[:, index]
        called = clean & (scores >= cuts[concept].reject)
        counts.append(
            ConceptCount(
                concept,
                at_most(int((decided[shows] == PASS).sum()), int(shows.sum())),
                interval(int(called.sum()), int(clean.sum())),
                average_precision(scores, shows) if shows.any() and not shows.all() else None,
            )
        )
    return tuple(counts)


def confusion(table: PartTable, cuts: Mapping[str, Cuts]) -> Confusion:
    """What the parts show, against what they are taken for; each concept of the table has its cuts."""
    reviewed = np.array([cuts[concept].review for concept in table.concepts])
    reached = np.where(table.scores >= reviewed, table.scores, -1.0)
    kinds = len(table.concepts)
    counts = np.zeros((kinds + 1, kinds + 1), dtype=np.intp)
    for shows, scores in zip(table.truth, reached, strict=True):
        for row in np.flatnonzero(shows) if shows.any() else [kinds]:
            others = shows.copy()
            if row < kinds:
                others[row] = False
            counts[row, _strongest(np.where(others, -1.0, scores))] += 1
    return Confusion(table.concepts, counts)


def confused_pairs(found: Confusion, least: int, share: float) -> Iterator[tuple[str, str, int, int]]:
    """(shown, taken for, parts, of) for each concept that ``least`` parts or more, and ``share`` or more
    of those that show it, are taken for another one; most parts first."""
    kinds = len(found.concepts)
    pairs = []
    for row, shown in enumerate(found.concepts):
        of = int(found.counts[row].sum())
        for column in range(kinds):
            count = int(found.counts[row, column])
            if column != row and count >= least and count >= share * of:
                pairs.append((shown, found.concepts[column], count, of))
    yield from sorted(pairs, key=lambda pair: -pair[2])


def _strongest(scores: Numbers) -> int:
    """Place of the highest score that reaches its cut; one past the end: none does."""
    return int(np.argmax(scores)) if scores.max() >= 0 else len(scores)
