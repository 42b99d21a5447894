"""What a gate asks of a candidate: pure, from what was measured to checks in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from andon.domain.gates import CaseSource, Check, GateCase, GateLimits, Paired
from andon.domain.inspections import Verdict
from andon.domain.parts import part_name

GOLDEN_ALONE = 0.1
"""Share of the golden set that a model may judge wrongly where there is none to compare it with."""

NO_MATTER = 1.0
"""Milliseconds more or less that no line feels."""

FEW = 3
"""Fewer parts than this under a wrong name are an accident."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a gate found before anything is decided.

    Attributes:
        failure: why the candidate does not run on this machine; empty where it does.
        is_alone: there is nothing to compare the candidate with.
        cases: all parts, those without truth too.
        escapes, overkill, reviews, misnamed: paired changes; None where there was nothing to count.
        once: escapes with every part counted once; None where each stands for a known number.
        costs: of 1,000 parts under old and new; None where they are not known.
        milliseconds, memory: of old and new.
        absent: must-catch parts that were not replayed, because no picture of them is here.
    """

    cases: tuple[GateCase, ...]
    failure: str = ""
    is_alone: bool = False
    escapes: Paired | None = None
    overkill: Paired | None = None
    reviews: Paired | None = None
    misnamed: Paired | None = None
    costs: tuple[float, float] | None = None
    milliseconds: tuple[float, float] = (0.0, 0.0)
    memory: tuple[int, int] = (0, 0)
    absent: tuple[str, ...] = ()
    once: Paired | None = None


def checks_of(measured: Measured, limits: GateLimits) -> tuple[Check, ...]:
    """Every question and its answer; a gate passes when all were answered well."""
    if measured.failure:
        todo = "Export or train the model again on a machine like this one."
        return (Check("runs here", False, measured.failure, "its golden images score as stated", todo),)
    return tuple(_checks(measured, limits))


def _checks(measured: Measured, limits: GateLimits) -> Iterator[Check]:
    yield Check("runs here", True, "golden images score as stated", "golden images score as stated")
    yield _must_catch(measured)
    if measured.is_alone:
        yield _golden_alone(measured.cases)
        return
    yield _enough_defective(measured, limits)
    yield _enough_good(measured, limits)
    yield _golden(measured.cases, limits)
    yield _escapes(measured.escapes, limits)
    if measured.once is not None:
        yield replace(_escapes(measured.once, limits), name="escapes, each part once")
    yield _overkill(measured.overkill, limits)
    yield _reviews(measured.reviews, limits)
    yield from _misnamed(measured.misnamed, limits)
    yield from _costs(measured.costs, limits)
    yield _slower(measured, limits)
    yield _larger(measured, limits)


def _must_catch(measured: Measured) -> Check:
    """All that are held are asked: what was not judged was not caught."""
    name, allowed = "must-catch parts", "each is judged, and none passes"
    asked = [case for case in measured.cases if case.source is CaseSource.MUST_CATCH]
    missed = [case.part for case in asked if case.new is Verdict.PASS]
    undecided = [case.part for case in asked if case.new is Verdict.NO_DECISION]
    held = len(asked) + len(measured.absent)
    if not held:
        return Check(name, True, "none is held", allowed)
    words = [f"{len(missed)} of {held} pass{_named(missed)}"]
    if undecided:
        words.append(f"{len(undecided)} could not be judged{_named(undecided)}")
    if measured.absent:
        words.append(f"no picture is here of {len(measured.absent)}{_named(measured.absent)}")
    todo = "Label more defects of this kind, lower the cut of their concept, and run the gate again."
    if not missed:
        todo = "Import pictures of them that can be judged, or say on their page why they are held no more."
    return Check(name, not (missed or undecided or measured.absent), "; ".join(words), allowed, todo)


def _named(parts: Sequence[str]) -> str:
    return f": {', '.join(part_name(part) for part in parts[:3])}" if parts else ""


def _golden_alone(cases: Sequence[GateCase]) -> Check:
    asked = [case for case in cases if case.source is CaseSource.GOLDEN and case.truth is not None]
    wrong = [case for case in asked if case.unjudged or (case.new is Verdict.PASS) is bool(case.truth)]
    allowed = f"at most {_share(GOLDEN_ALONE)} judged wrongly"
    if not asked:
        return Check("golden set", True, "no golden part is held", allowed)
    todo = "Look at the parts below; train longer or with more labels, or choose other cuts."
    measured = f"{len(wrong)} of {len(asked)} judged wrongly"
    return Check("golden set", len(wrong) <= GOLDEN_ALONE * len(asked), measured, allowed, todo)


def _golden(cases: Sequence[GateCase], limits: GateLimits) -> Check:
    asked = [c for c in cases if c.source is CaseSource.GOLDEN and c.truth and not c.unjudged]
    worse = sum(case.new_escape for case in asked)
    better = sum(case.old is Verdict.PASS and case.new is not Verdict.PASS for case in asked)
    if not asked:
        return Check("golden set", True, "no defective golden part is held", "no net new escapes")
    allowed = f"net new escapes at most {_share(limits.margin)} of {len(asked)}"
    todo = "Look at the golden parts among the flips; label more parts like them."
    measured = f"{worse} new, {better} ended"
    return Check("golden set", worse - better <= limits.margin * len(asked), measured, allowed, todo)


def _enough_defective(measured: Measured, limits: GateLimits) -> Check:
    count = measured.escapes.parts if measured.escapes else 0
    return Check(
        "defective parts",
        count >= limits.min_defective,
        f"{count} with a defect that a person has seen",
        f"at least {limits.min_defective}",
        "Hold more defective parts as golden, or let people judge more parts of the line.",
    )


def _enough_good(measured: Measured, limits: GateLimits) -> Check:
    known = [c for c in measured.cases if c.truth == () and c.source is not CaseSource.MUST_CATCH]
    count = sum(case.old in (Verdict.PASS, Verdict.REVIEW) for case in known)
    return Check(
        "good parts",
        count >= limits.min_good,
        f"{count} that what runs now does not reject",
        f"at least {limits.min_good}",
        "Hold good parts as golden, or let people judge an audit sample of the parts that pass.",
    )


def _escapes(change: Paired | None, limits: GateLimits) -> Check:
    todo = "Look at the new escapes first. "
    if change and change.worse <= change.better:
        todo = "There are none on balance, but too few parts to be sure: hold more defective golden parts. "
    return _change("escapes", change, limits.margin, todo + "A wider margin needs a reason, too.")


def _overkill(change: Paired | None, limits: GateLimits) -> Check:
    todo = "Look at the good parts that it rejects; raise the reject cut, or label more good parts."
    return _change("overkill", change, limits.overkill_margin, todo)


def _reviews(change: Paired | None, limits: GateLimits) -> Check:
    todo = "It asks people about many more good parts: raise the review cut, or label more good parts."
    return _change("good parts stopped", change, limits.review_margin, todo)


def _misnamed(change: Paired | None, limits: GateLimits) -> Iterator[Check]:
    if change is None:
        return
    name = "defects by their names"
    allowed = f"at most {_share(limits.naming_margin)} more under a wrong name"
    measured = f"{_signed(change.net)} of {change.parts} defects under a wrong name"
    todo = "Are the model's concepts in the order it was trained with? Export it again."
    is_many = change.net > limits.naming_margin and change.worse - change.better >= FEW
    yield Check(name, not is_many, measured, allowed, todo)


def _costs(costs: tuple[float, float] | None, limits: GateLimits) -> Iterator[Check]:
    if costs is None:
        return
    old, new = costs
    yield Check(
        "cost",
        new <= old * limits.cost_ratio,
        f"{new:.2f} for 1,000 parts, now {old:.2f}",
        "no more than now" if limits.cost_ratio == 1 else f"at most {limits.cost_ratio:g} times as much",
        "Choose the cuts again from costs, or say in the request what outcomes really cost.",
    )


def _slower(measured: Measured, limits: GateLimits) -> Check:
    old, new = measured.milliseconds
    return Check(
        "speed",
        new <= max(old * limits.latency_ratio, old + NO_MATTER),
        f"{new:.1f} ms a part, now {old:.1f} ms",
        f"at most {limits.latency_ratio:g} times as long, or {NO_MATTER:g} ms more",
        "Take a smaller model or input, or a wider limit if the line has the time.",
    )


def _larger(measured: Measured, limits: GateLimits) -> Check:
    old, new = (size / 2**20 for size in measured.memory)
    return Check(
        "memory",
        new <= old * limits.memory_ratio,
        f"{new:.0f} MiB, now {old:.0f} MiB",
        f"at most {limits.memory_ratio:g} times as much",
        "Take a smaller model or input, or a wider limit if the stations have the memory.",
    )


def _change(name: str, change: Paired | None, margin: float, todo: str) -> Check:
    allowed = f"bound on the net change at most {_share(margin)}"
    if change is None:
        return Check(name, False, "no part to count", allowed, "Hold golden parts, or judge more parts.")
    weighed = [_parts(number) for number in (change.worse, change.better, change.of)]
    measured = (
        f"{weighed[0]} new, {weighed[1]} ended of {weighed[2]} ({change.parts} parts): "
        f"{_signed(change.net)}, at {100 * change.confidence:g} % not above {_signed(change.upper)}"
    )
    return Check(name, change.upper <= margin, measured, allowed, todo)


def _parts(weighed: float) -> str:
    """A weighted count, to a tenth of a part."""
    return f"{weighed:,.1f}".removesuffix(".0")


def _share(value: float) -> str:
    return f"{100 * value:g} %"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f} %"
