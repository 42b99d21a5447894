"""What the parts of a gate say of old and new: paired changes, and what a thousand parts cost."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from andon.analysis.paired import net_change
from andon.domain.gates import UNNAMED, CaseSource, GateCase, Paired, ReviewModel
from andon.domain.inspections import Verdict
from andon.domain.models import Costs

_Badly = Callable[[GateCase], tuple[bool, bool]]
"""Whether old and new do badly on a part."""

_REJECTED = (Verdict.REJECT, Verdict.NO_DECISION)
"""Outputs treat both alike."""


def counted(cases: Sequence[GateCase]) -> list[GateCase]:
    """Those that say something of the line: a person said what is on them, and one of the two came to a
    verdict; must-catch parts are asked one by one instead."""
    known = [case for case in cases if case.truth is not None and not case.unjudged]
    return [case for case in known if case.source is not CaseSource.MUST_CATCH]


def defective(cases: Sequence[GateCase]) -> list[GateCase]:
    """Those of the counted ones that show a defect."""
    return [case for case in counted(cases) if case.truth]


def good(cases: Sequence[GateCase]) -> list[GateCase]:
    """Those of the counted ones without a defect."""
    return [case for case in counted(cases) if not case.truth]


def escapes(cases: Sequence[GateCase]) -> Paired | None:
    """Net new escapes, as a share of the defective parts."""
    return _paired(defective(cases), lambda c: (c.old is Verdict.PASS, c.new is Verdict.PASS))


def escapes_once(cases: Sequence[GateCase]) -> Paired | None:
    """The same with every part counted once: parts that came back for their scores stand for more than
    themselves, and nobody knows for how many."""
    return escapes([replace(case, weight=1.0) for case in cases])


def overkill(cases: Sequence[GateCase]) -> Paired | None:
    """Net new rejects of good parts (NO-DECISION is one), as a share of the good parts."""
    return _paired(good(cases), lambda c: (c.old in _REJECTED, c.new in _REJECTED))


def stopped(cases: Sequence[GateCase]) -> Paired | None:
    """Net new good parts that do not pass, reviews included, as a share of the good parts."""
    return _paired(good(cases), lambda c: (c.old is not Verdict.PASS, c.new is not Verdict.PASS))


def misnamed(cases: Sequence[GateCase]) -> Paired | None:
    """Net new defects under a wrong name, as a share of the defective parts that both stop for something.

    A part counts whose defect a person has named; it is named rightly when one of its defects is among
    those it was stopped for.
    """
    named = [
        case
        for case in defective(cases)
        if case.old_found and case.new_found and UNNAMED not in (case.truth or ())
    ]
    return _paired(named, lambda c: (_is_wrong(c.truth, c.old_found), _is_wrong(c.truth, c.new_found)))


def costs_per_thousand(
    cases: Sequence[GateCase], costs: Costs, review: ReviewModel
) -> tuple[float, float] | None:
    """Expected cost of 1,000 parts of the line under old and new; None without defective or good parts.

    Defective and good parts weigh as the line's defect rate says.  A part in REVIEW costs the person's
    time; a defective one escapes, and a good one is rejected, as often as the person errs.
    """
    bad, fine = defective(cases), good(cases)
    if not bad or not fine:
        return None
    looking = review.seconds / 3600 * review.wage
    for_bad = {Verdict.PASS: costs.escape, Verdict.REVIEW: looking + (1 - review.catches) * costs.escape}
    for_good = dict.fromkeys(_REJECTED, costs.overkill)
    for_good[Verdict.REVIEW] = looking + review.wrongly_rejects * costs.overkill

    def total(verdict_of: Callable[[GateCase], Verdict]) -> float:
        of_bad = _mean(bad, lambda case: for_bad.get(verdict_of(case), 0.0))
        of_good = _mean(fine, lambda case: for_good.get(verdict_of(case), 0.0))
        return 1000 * (costs.defect_rate * of_bad + (1 - costs.defect_rate) * of_good)

    return total(lambda case: case.old), total(lambda case: case.new)


def _paired(cases: Sequence[GateCase], badly: _Badly) -> Paired | None:
    both = [badly(case) for case in cases]
    return net_change([case.weight for case in cases], [old for old, _ in both], [new for _, new in both])


def _is_wrong(truth: tuple[str, ...] | None, found: tuple[str, ...]) -> bool:
    return not set(truth or ()) & set(found)


def _mean(cases: Sequence[GateCase], value: Callable[[GateCase], float]) -> float:
    return sum(case.weight * value(case) for case in cases) / sum(case.weight for case in cases)
