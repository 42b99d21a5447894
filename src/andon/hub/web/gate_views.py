"""What the pages of gates show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from andon.domain.gates import (
    CaseSource,
    Check,
    Gate,
    GateCase,
    GateLimits,
    GateRequest,
    Purpose,
    ReviewModel,
    wider_than_usual,
)
from andon.domain.inspections import Verdict
from andon.errors import AndonError, InvalidInput
from andon.services.approvals import is_approved
from andon.services.gates import candidates, find_gate, page_of_gates, what_runs
from andon.services.holdouts import HeldPart, held_parts
from andon.services.recipes import page_of_recipes
from andon.services.workspaces import Workspace

SHOWN = 24
"""Pictures of one kind of flip on a page; all stand in the JSON."""

HELD = 60
"""Held parts on a page."""

RECIPES = 200

FIELDS: Mapping[str, float] = {
    "margin": 100 * GateLimits().margin,
    "overkill_margin": 100 * GateLimits().overkill_margin,
    "min_defective": GateLimits().min_defective,
    "catches": 100 * ReviewModel().catches,
    "wrongly_rejects": 100 * ReviewModel().wrongly_rejects,
    "seconds": ReviewModel().seconds,
    "wage": ReviewModel().wage,
    "threads": 1,
}
"""Of the form, with what they usually are; shares in percent."""


@dataclass(frozen=True, slots=True)
class GateForm:
    """What can be compared, and what was asked; ``problem`` is why it could not be."""

    recipes: tuple[str, ...]
    runs: tuple[str, ...]
    fields: Mapping[str, str]
    problem: AndonError | None = None


@dataclass(frozen=True, slots=True)
class GateList:
    """A page of gates; ``waiting`` are candidates without one, ``held`` counts held parts by purpose."""

    gates: tuple[Gate, ...]
    next: int | None
    is_first: bool
    result: str
    waiting: tuple[str, ...]
    held: Mapping[str, int]
    form: GateForm


@dataclass(frozen=True, slots=True)
class FlipGroup:
    """Parts that belong together, the gravest first; ``more`` are not shown."""

    title: str
    means: str
    cases: tuple[GateCase, ...]
    more: int


@dataclass(frozen=True, slots=True)
class GateView:
    """One gate. ``failed`` are the questions it was refused for."""

    gate: Gate
    groups: tuple[FlipGroup, ...]
    approved: bool
    verdicts: tuple[Verdict, ...] = tuple(Verdict)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Its questions, those it was refused for first."""
        return tuple(sorted(self.gate.outcome.checks, key=lambda check: check.passed))

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the questions it was refused for."""
        return tuple(check.name for check in self.gate.outcome.checks if not check.passed)

    @property
    def wider(self) -> tuple[str, ...]:
        """Limits that were asked for wider than usual."""
        return wider_than_usual(self.gate.request.limits)

    @property
    def is_alone(self) -> bool:
        """There was nothing to compare it with."""
        return self.gate.request.baseline is None


@dataclass(frozen=True, slots=True)
class HeldView:
    """Held parts, for one purpose or all: ``total``, of which those from ``begin`` on are shown."""

    parts: tuple[HeldPart, ...]
    purpose: Purpose | None
    total: int
    begin: int = 0
    problem: AndonError | None = None

    @property
    def next(self) -> int | None:
        """Where the following part of the list begins; None on the last."""
        end = self.begin + len(self.parts)
        return end if end < self.total else None


def list_view(workspace: Workspace, cut: tuple[int | None, int], result: str, form: GateForm) -> GateList:
    """A page of gates; ``cut`` is after which row and how many."""
    after, limit = cut
    passed = {"passed": True, "refused": False}.get(result)
    found = page_of_gates(workspace, after, limit, passed)
    held = [one.holdout.purpose for one in held_parts(workspace)]
    counts = {str(purpose): held.count(purpose) for purpose in Purpose}
    return GateList(found.rows, found.next, after is None, result, candidates(workspace), counts, form)


def form_view(
    workspace: Workspace, given: Mapping[str, str], problem: AndonError | None = None
) -> GateForm:
    """The form, filled with what was given, else with what is usual: a candidate is compared with the
    version of its recipe that runs, or with what most stations run.

    What runs and what was given can be chosen, however many newer recipe versions there are.
    """
    usual = {name: f"{value:g}" for name, value in FIELDS.items()}
    newest = (f"{r.name}@{r.version}" for r in page_of_recipes(workspace, None, RECIPES).rows)
    runs = what_runs(workspace)
    name = given.get("candidate", "").rpartition("@")[0]
    own = [running for running in runs if running.rpartition("@")[0] == name]
    empty = {"candidate": "", "baseline": next(iter((*own, *runs)), ""), "reason": ""} | usual
    fields = empty | {k: v for k, v in given.items() if k in empty}
    chosen = (fields["candidate"], fields["baseline"])
    recipes = tuple(name for name in dict.fromkeys((*newest, *runs, *chosen)) if name)
    return GateForm(recipes, runs, fields, problem)


def request_of(form: Mapping[str, str]) -> GateRequest:
    """What the form asks for.

    Raises:
        InvalidInput: a field is no number or not possible, or no candidate was chosen.
    """
    if not form.get("candidate"):
        raise InvalidInput("no candidate was chosen", "Choose the recipe version that shall run.")
    value = {name: _number(form, name) for name in FIELDS}
    limits = GateLimits(
        margin=value["margin"] / 100,
        overkill_margin=value["overkill_margin"] / 100,
        min_defective=int(value["min_defective"]),
    )
    review = ReviewModel(
        value["catches"] / 100, value["wrongly_rejects"] / 100, value["seconds"], value["wage"]
    )
    return GateRequest(
        form["candidate"],
        form.get("baseline") or None,
        limits,
        review,
        threads=int(value["threads"]),
        reason=form.get("reason", "").strip(),
    )


def _number(form: Mapping[str, str], name: str) -> float:
    try:
        return float(form.get(name) or FIELDS[name])
    except ValueError as cause:
        raise InvalidInput(f"{name.replace('_', ' ')} {form[name][:40]!r} is no number") from cause


def gate_view(workspace: Workspace, gate: str) -> GateView:
    """One gate, its flips in groups.

    Raises:
        NotFound, Conflict: no gate, or several, begin so.
    """
    found = find_gate(workspace, gate)
    left = list(found.outcome.flips)
    groups = []
    for title, means, belongs in _GROUPS:
        these = [case for case in left if belongs(case)]
        left = [case for case in left if not belongs(case)]
        if these:
            groups.append(FlipGroup(title, means, tuple(these[:SHOWN]), max(0, len(these) - SHOWN)))
    return GateView(found, tuple(groups), is_approved(workspace, found.package))


_GROUPS: tuple[tuple[str, str, Callable[[GateCase], bool]], ...] = (
    (
        "New escapes",
        "A defect is on them; they are stopped now and would pass.",
        lambda case: case.new_escape and case.source is not CaseSource.MUST_CATCH,
    ),
    (
        "Must-catch parts",
        "None of them may pass, whatever else a candidate does better.",
        lambda case: case.source is CaseSource.MUST_CATCH,
    ),
    (
        "Good parts that would be stopped",
        "Nothing is on them; they pass now and would not, or would be rejected instead of reviewed.",
        lambda case: case.truth == () and _gravity(case.new) > _gravity(case.old),
    ),
    (
        "Better than now",
        "Escapes that end, and good parts that are let through.",
        lambda case: (
            bool(case.truth) is (_gravity(case.new) > _gravity(case.old))
            and case.truth is not None
            and not case.unjudged
        ),
    ),
    (
        "Neither could judge",
        "They are not counted; the reasons say why there was no verdict.",
        lambda case: case.unjudged,
    ),
    (
        "Nobody has said what is on them",
        "The two disagree; a person should look. They are not counted.",
        lambda case: case.truth is None,
    ),
    ("Other changes", "Both stop them, in another way.", lambda _: True),
)


def _gravity(verdict: Verdict) -> int:
    return (Verdict.PASS, Verdict.REVIEW, Verdict.NO_DECISION, Verdict.REJECT).index(verdict)


def held_view(
    workspace: Workspace, purpose: Purpose | None, begin: int = 0, problem: AndonError | None = None
) -> HeldView:
    """Held parts, the latest first."""
    found = held_parts(workspace, purpose)[::-1]
    return HeldView(found[begin : begin + HELD], purpose, len(found), begin, problem)
