"""Which parts a model's report shows: the worst misses and false alarms, and what was caught only just."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from andon.analysis.cuts import PASS, REJECT, REVIEW
from andon.domain.inspections import Verdict
from andon.services.model_figures import Measured
from andon.services.model_report_pictures import Case
from andon.services.scores import ScoredImage

NEAR = 6
"""So many parts that were caught only just are shown where there are fewer misses."""

VERDICTS = {PASS: Verdict.PASS, REVIEW: Verdict.REVIEW, REJECT: Verdict.REJECT}


@dataclass(frozen=True, slots=True)
class Cases:
    """Parts to show, worst first; ``missed`` and ``alarmed`` count all there are."""

    misses: tuple[Case, ...]
    false_alarms: tuple[Case, ...]
    near: tuple[Case, ...]
    missed: int
    alarmed: int


def cases_of(measured: Measured, most: int) -> Cases:
    """At most ``most`` misses and as many false alarms.

    A miss is a defective part that passed: those furthest below their review cuts come first.  A false
    alarm is a clean part that did not: rejected before reviewed, furthest above the reject cut first.
    """
    defective, decided = measured.table.defective, measured.decided
    low, high = _margins(measured)
    missed = sorted(np.flatnonzero(defective & (decided == PASS)).tolist(), key=lambda row: low[row])
    caught = sorted(np.flatnonzero(defective & (decided != PASS)).tolist(), key=lambda row: low[row])
    alarms = sorted(
        np.flatnonzero(~defective & (decided != PASS)).tolist(), key=lambda row: (-decided[row], -high[row])
    )
    near = caught[: max(0, NEAR - len(missed))] if most else []
    return Cases(
        tuple(_cases(measured, missed[:most], low)),
        tuple(_cases(measured, alarms[:most], high)),
        tuple(_cases(measured, near, low)),
        len(missed),
        len(alarms),
    )


def _margins(measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """(P,) each: how far a part's score is above its review cut, and above its reject cut, at most."""
    table = measured.table
    places = [table.concepts.index(name) for name in measured.cuts]
    scores = table.scores[:, places]
    review = np.array([cuts.review for cuts in measured.cuts.values()])
    reject = np.array([cuts.reject for cuts in measured.cuts.values()])
    return (scores - review).max(axis=1), (scores - reject).max(axis=1)


def _cases(measured: Measured, rows: Sequence[int], margins: np.ndarray) -> Iterator[Case]:
    assert measured.evaluation.scores is not None
    images: dict[str, list[ScoredImage]] = defaultdict(list)
    for scored in measured.evaluation.scores.test:
        images[scored.part].append(scored)
    for row in rows:
        part = measured.table.parts[row]
        shown = max(images[part], key=lambda s: (bool(s.truth), max(s.scores.values())))
        defects = {name for scored in images[part] for name in scored.truth}
        verdict = VERDICTS[int(measured.decided[row])]
        yield Case(shown.image, part, verdict, tuple(sorted(defects)), shown.scores, float(margins[row]))
