"""What a draft of a recipe would have decided on stored inspections. Nothing is stored."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from andon.domain.inspections import Decision, Inspection, Verdict
from andon.domain.recipes import Recipe
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, draft_recipe, history, judge_again, promising_draft
from andon.services.workspaces import Workspace
from andon.store import inspections as stored_inspections

LOOKED_AT = 3000
"""Inspections a preview judges anew, the newest; `rescore` judges all."""

COUNTED = 20_000
"""Inspections of a model are counted up to so many: a line makes millions."""

FLIPS_SHOWN = 48

STRICTNESS = (Verdict.PASS, Verdict.REVIEW, Verdict.REJECT, Verdict.NO_DECISION)


@dataclass(frozen=True, slots=True)
class Flip:
    """One inspection whose verdict would be another."""

    inspection: Inspection
    decision: Decision

    @property
    def milder(self) -> bool:
        """Whether the part would get away with more; the side on which defects escape."""
        before = STRICTNESS.index(self.inspection.decision.verdict)
        return STRICTNESS.index(self.decision.verdict) < before


@dataclass(frozen=True, slots=True)
class Preview:
    """A draft against history.

    Attributes:
        judged: inspections judged anew; ``recorded`` is how many the model has, counted up to ``COUNTED``.
        changes: (verdict then, verdict now) -> inspections, also where both are the same.
        flips: the first ``FLIPS_SHOWN`` of those that changed, milder ones first, newest first.
    """

    recipe: Recipe
    judged: int
    recorded: int
    changes: Mapping[tuple[Verdict, Verdict], int]
    flips: tuple[Flip, ...]

    @property
    def has_more(self) -> bool:
        """Whether the model has more inspections than were counted."""
        return self.recorded >= COUNTED

    @property
    def changed(self) -> int:
        """How many verdicts would be another."""
        return sum(count for (then, now), count in self.changes.items() if then is not now)

    def as_json(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "judged": self.judged,
            "recorded": self.recorded,
            "changed": self.changed,
            "changes": {f"{then} -> {now}": count for (then, now), count in sorted(self.changes.items())},
            "flips": [
                {
                    "inspection": flip.inspection.id,
                    "name": flip.inspection.name,
                    "then": str(flip.inspection.decision.verdict),
                    "now": str(flip.decision.verdict),
                }
                for flip in self.flips
            ],
        }


def preview_recipe(workspace: Workspace, request: RecipeRequest) -> Preview:
    """Judge the newest stored inspections of the draft's model by the draft.

    Records hold findings, so cuts, regions, zones and rules are judged; limits of image health and the
    search for the part come before the model and cannot be.  Where a promise is asked for, the cuts are
    those that keep it.

    Raises:
        NotFound, NotPossible, InvalidInput: the draft could not be stored either.
    """
    package = find_package(workspace, request.model)
    changes: Counter[tuple[Verdict, Verdict]] = Counter()
    flips: list[Flip] = []
    promising = promising_draft(workspace, package, request)
    with workspace.database.read() as tx:
        recipe = promising or draft_recipe(workspace, tx, package, request)
        for inspection in islice(history(tx, package.digest), LOOKED_AT):
            decision = judge_again(recipe, inspection)
            changes[inspection.decision.verdict, decision.verdict] += 1
            if decision.verdict is not inspection.decision.verdict:
                flips.append(Flip(inspection, decision))
        counts = stored_inspections.count(tx, stored_inspections.Query(package=package.digest), COUNTED)
    flips.sort(key=lambda flip: not flip.milder)
    return Preview(recipe, changes.total(), sum(counts.values()), changes, tuple(flips[:FLIPS_SHOWN]))
