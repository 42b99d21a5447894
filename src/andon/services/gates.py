"""Gates: what is compared, what came of it, and what waits for a person."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from andon.analysis import replays
from andon.domain.gate_checks import Measured, checks_of
from andon.domain.gates import CaseSource, Gate, GateCase, GateOutcome, GateRequest, wider_than_usual
from andon.domain.inspections import Verdict
from andon.domain.jobs import Job, JobKind
from andon.domain.models import Costs, Package
from andon.domain.needs import Need
from andon.domain.recipes import Recipe
from andon.domain.serial import to_json
from andon.errors import Conflict, InvalidInput
from andon.runtime.timing import Timing
from andon.services.gate_cases import Collected
from andon.services.gate_remarks import of_origins, remarks_of
from andon.services.jobs import enqueue
from andon.services.models import find_package
from andon.services.recipes import find_recipe
from andon.services.scores import latest_evaluation
from andon.services.workspaces import Workspace, new_id, now
from andon.store import gates as stored_gates
from andon.store import recipes as stored_recipes
from andon.store import stations as stored_stations
from andon.store.paging import Page
from andon.units import Digest

MOST_FLIPS = 500
"""Parts of one gate that are kept to be looked at; all are counted."""

MAX_REASON = 2000
"""Characters."""

NEWEST = 100
"""Recipe versions and gates that are looked through for what waits for a person."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared, found and whole.

    Attributes:
        request: with both recipes as ``NAME@VERSION``.
        candidate, package: what shall run. baseline, runs: what runs now; None: the candidate stands alone.
    """

    request: GateRequest
    candidate: Recipe
    package: Package
    baseline: Recipe | None
    runs: Package | None

    @property
    def is_same_model(self) -> bool:
        """Only cuts and rules differ: both judge what the same model finds at the same place."""
        old, new = self.baseline, self.candidate
        same = old is not None and (old.package, old.locate, old.health)
        return same == (new.package, new.locate, new.health)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a gate found on the parts.

    Attributes:
        timings: of the candidate, then of what runs now; empty where the candidate did not run.
        failure: why it did not run on this machine.
    """

    collected: Collected
    cases: tuple[GateCase, ...]
    timings: tuple[Timing, ...] = ()
    failure: str = ""


def contest_of(workspace: Workspace, request: GateRequest) -> Contest:
    """Find what ``request`` names.

    Raises:
        NotFound: a recipe or its model is unknown. Conflict: both are the same version.
        InvalidInput: a limit is wider than usual, and no reason says why.
    """
    _check_reason(request)
    candidate = find_recipe(workspace, request.candidate)
    baseline = find_recipe(workspace, request.baseline) if request.baseline else None
    names = [_name(recipe) for recipe in (candidate, baseline) if recipe]
    if len(names) != len(set(names)):
        raise Conflict(f"{names[0]} cannot be compared with itself", "Name another baseline.")
    whole = replace(request, candidate=_name(candidate), baseline=_name(baseline) if baseline else None)
    return Contest(
        whole,
        candidate,
        find_package(workspace, candidate.package),
        baseline,
        find_package(workspace, baseline.package) if baseline else None,
    )


def _check_reason(request: GateRequest) -> None:
    wider = wider_than_usual(request.limits)
    if len(request.reason) > MAX_REASON:
        raise InvalidInput(
            f"the reason has {len(request.reason)} characters, at most {MAX_REASON} are kept"
        )
    if wider and not request.reason.strip():
        raise InvalidInput(
            f"limits wider than usual need a reason: {', '.join(wider)}",
            "Say in a sentence why; whoever approves will read it.",
        )


def _name(recipe: Recipe) -> str:
    return f"{recipe.name}@{recipe.version}"


def ask_gate(workspace: Workspace, request: GateRequest) -> Job:
    """Ask a worker for a gate.

    Raises:
        NotFound, Conflict, InvalidInput: as :func:`contest_of`.
    """
    asked = contest_of(workspace, request).request
    return enqueue(workspace, JobKind.GATE, to_json(asked), asked.candidate)


def recorded_gate(workspace: Workspace, job: str) -> Gate | None:
    """The gate that a job has recorded already."""
    with workspace.database.read() as tx:
        return stored_gates.find(tx, job)


def store_gate(workspace: Workspace, contest: Contest, facts: Facts, job: str | None) -> Gate:
    """Decide, and record what was found; it never changes."""
    gate = Gate(
        id=job or new_id(),
        request=contest.request,
        package=contest.package.digest,
        outcome=outcome_of(contest, facts, _costs_of(workspace, contest)),
        author=workspace.who,
        at=now(),
    )
    with workspace.database.write() as tx:
        stored_gates.add(tx, gate)
    return gate


def outcome_of(contest: Contest, facts: Facts, costs: Costs | None) -> GateOutcome:
    """What the parts say, and whether the candidate passes; ``costs`` of outcomes where they are known."""
    cases, request = facts.cases, contest.request
    is_alone = contest.baseline is None
    measured = Measured(
        cases=cases,
        failure=facts.failure,
        is_alone=is_alone,
        escapes=None if is_alone else replays.escapes(cases),
        overkill=None if is_alone else replays.overkill(cases),
        reviews=None if is_alone else replays.stopped(cases),
        misnamed=None if is_alone else replays.misnamed(cases),
        costs=replays.costs_per_thousand(cases, costs, request.review) if costs else None,
        milliseconds=_both(facts.timings, "median"),
        memory=_both(facts.timings, "memory"),
        absent=facts.collected.absent,
        once=replays.escapes_once(cases) if facts.collected.by_scores and not is_alone else None,
    )
    shown = sorted(filter(_is_shown, cases), key=_order)
    return GateOutcome(
        checks=checks_of(measured, request.limits),
        escapes=measured.escapes,
        overkill=measured.overkill,
        costs=measured.costs,
        milliseconds=measured.milliseconds,
        memory=measured.memory,
        flips=tuple(shown[:MOST_FLIPS]),
        parts=len(cases),
        unknown=sum(case.truth is None for case in cases),
        counts=_counts(cases),
        remarks=(
            *of_origins(contest.package, contest.runs),
            *remarks_of(request, facts.collected, cases),
            *_left_out(len(shown)),
        ),
        p95=_both(facts.timings, "p95"),
        reviews=measured.reviews,
        misnamed=measured.misnamed,
    )


def _costs_of(workspace: Workspace, contest: Contest) -> Costs | None:
    """What outcomes cost: as asked, as the recipe says, else as its model was evaluated with."""
    stated = contest.candidate.costs
    if contest.request.costs or not set(stated) >= set(_STATED):
        evaluation = latest_evaluation(workspace, contest.package, brief=True)
        return contest.request.costs or (evaluation.costs if evaluation else None)
    escape, overkill, review, percent = (stated[name] for name in _STATED)
    return Costs(escape, overkill, review, percent / 100)


_STATED = ("escape", "overkill", "review", "defect_percent")


def _both(timings: Sequence[Timing], name: str) -> tuple[Any, Any]:
    """A figure of old and new; 0 where there is none."""
    new, old = (*(getattr(timing, name) for timing in timings), 0, 0)[:2]
    return old, new


def _is_shown(case: GateCase) -> bool:
    return case.flipped or case.unjudged or case.source is CaseSource.MUST_CATCH


def _order(case: GateCase) -> tuple[bool, bool, bool, bool, float]:
    """Must-catch parts that are not caught first, then new escapes, then what else is known, then the
    rest."""
    is_uncaught = case.new in (Verdict.PASS, Verdict.NO_DECISION)
    is_missed = case.source is CaseSource.MUST_CATCH and is_uncaught
    return not is_missed, not case.new_escape, case.truth is None, not case.flipped, -max(case.scores)


def _counts(cases: Sequence[GateCase]) -> Mapping[str, Mapping[str, int]]:
    """By source: verdicts as ``old PASS``, ``new REJECT``."""
    counts: dict[str, Counter[str]] = {}
    for case in cases:
        counts.setdefault(str(case.source), Counter()).update((f"old {case.old}", f"new {case.new}"))
    return {source: dict(found) for source, found in counts.items()}


def _left_out(shown: int) -> Iterator[str]:
    if shown > MOST_FLIPS:
        yield f"{shown} parts flipped; the {MOST_FLIPS} that matter most are kept."


def find_gate(workspace: Workspace, gate: str) -> Gate:
    """The gate whose id begins with ``gate``.

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_gates.get(tx, gate)


def sentence_of(gate: Gate) -> str:
    """What came of a gate, in one sentence."""
    outcome, against = gate.outcome, gate.request.baseline or "nothing"
    what = f"{gate.request.candidate} against {against}, {outcome.parts:,} parts"
    if outcome.passed:
        return f"Passed: {what}."
    failed = ", ".join(check.name for check in outcome.checks if not check.passed)
    return f"Refused: {what}; {failed}."


def page_of_gates(
    workspace: Workspace, after: int | None, limit: int, passed: bool | None = None
) -> Page[Gate]:
    """A page of gates, newest first; only those that passed or were refused, where asked."""
    with workspace.database.read() as tx:
        return stored_gates.page(tx, after, limit, passed)


def what_runs(workspace: Workspace) -> tuple[str, ...]:
    """Recipe versions (``NAME@VERSION``) that stations say they run, those of most stations first."""
    with workspace.database.read() as tx:
        return tuple(running(tx))


def running(tx: Connection) -> dict[str, Digest]:
    """Recipe version -> its package, as stations report them, those of most stations first."""
    counted: Counter[tuple[str, Digest]] = Counter()
    for station in stored_stations.everyone(tx):
        report = station.report
        if report is not None and report.recipe and report.package:
            counted[f"{report.recipe}@{report.recipe_version}", report.package] += 1
    return {name: package for (name, package), _ in counted.most_common()}


def usual_baseline(workspace: Workspace, candidate: str) -> str | None:
    """What a candidate is compared with where nobody says: what most stations run, and none where that is
    the candidate itself or nothing."""
    wanted = _name(find_recipe(workspace, candidate))
    return next((name for name in what_runs(workspace) if name != wanted), None)


def gate_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Recipes that are newer than what runs and have been through no gate."""
    return tuple(
        Need(
            f"Recipe {name} is newer than what runs, and has been through no gate",
            "Compare it with what runs now.",
            False,
            f"/gates?candidate={quote(name)}",
        )
        for name in candidates(workspace)
    )


def candidates(workspace: Workspace) -> tuple[str, ...]:
    """The latest versions of recipes that are newer than all that runs, without a gate, newest first.

    Nothing where no station runs anything: then there is nothing to replace.
    """
    with workspace.database.read() as tx:
        runs = running(tx)
        found: dict[str, str] = {}
        for recipe in stored_recipes.page(tx, None, NEWEST).rows:
            if _name(recipe) in runs:
                break
            if recipe.name not in found:
                gated = stored_gates.has_any(tx, recipe.name, recipe.version)
                found[recipe.name] = "" if gated else _name(recipe)
    return tuple(name for name in found.values() if name) if runs else ()
