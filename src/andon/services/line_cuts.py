"""Cuts of least cost for what lines show now, from the parts that people judged there.

The calibration group of a data set holds what was labelled: a first batch that somebody collected, and what
was chosen since because it is hard.  Neither is the line: light moves on, new kinds of defects come, and
cuts that suit the group let more escape than it says.  What passes on the line is known from what people
said of it, each part with the number it stands for.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from andon.analysis.cuts import PASS, choose_cuts, verdicts
from andon.analysis.parts import Flags, Numbers, PartTable, fold
from andon.domain.datasets import Split
from andon.domain.gates import UNNAMED
from andon.domain.inspections import Verdict
from andon.domain.models import Costs, Cuts, Package
from andon.domain.recipes import Recipe
from andon.domain.runs import Family
from andon.runtime.execution import REFERENCE
from andon.runtime.inspector import Inspector
from andon.services.gate_cases import Part, Picture, judged_parts, learned_by
from andon.services.models import fastest_inspector, find_package, snapshot_of
from andon.services.recipes import RecipeRequest, draft_recipe
from andon.services.workspaces import Workspace

LEAST = 30
"""Defective parts, and good ones, that are needed; fewer say less than the calibration group."""

MOST = 5000
"""Pictures of lines, the latest, that are looked at."""


DEARER = tuple(1.25**step for step in range(21))
"""Times that an escape is counted as dear, the first that lets no more escape than the line did."""

SLACK = 0.02
"""Of the defective parts, that may escape more than the line let, and at least one: some are called so by
mistake."""

Report = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class LineCuts:
    """Cuts, and how many defective and good parts of lines chose them.

    Attributes:
        is_safe: of the parts that chose them no more defective ones pass than did on the line.
    """

    cuts: Mapping[str, Cuts]
    defective: int
    good: int
    is_safe: bool

    @property
    def words(self) -> str:
        """What chose them, for people."""
        chose = f"{self.defective} defective and {self.good} good parts that people judged on the line"
        return f"chosen by {chose}" + ("" if self.is_safe else "; more of them escape than did there")


def cheapest_on_line(
    workspace: Workspace, request: RecipeRequest, costs: Costs, report: Report
) -> LineCuts | None:
    """Cuts of least expected cost for a recipe, or None where too few parts of lines can say.

    Among cuts that let no more of these parts escape than the line did (a gate would refuse them), counted
    as parts of the line and counted once each, those of least cost; where there are none such, of least
    cost alone.

    Asked are parts that versions of the recipe judged on the line, through its regions, tolerances and
    template.  Parts that the model learned from say nothing, and those that are kept for gates are left to
    them.  Labelled parts are harder than others: those of them that stand in the calibration group stand
    for all.  A defect that one operator saw and the model did not counts only when somebody looked a second
    time.  Pictures that the model cannot take say nothing of it.

    Args:
        workspace: where the recipe's parts and its model are.
        request: the recipe, whatever its cuts.
        costs: of outcomes on the line.
        report: told how many parts are judged, of how many.

    Raises:
        DamagedPackage, ModelFailed: the model cannot be run here.
        NotFound, InvalidInput: as :func:`andon.services.recipes.make_recipe`.
    """
    package = find_package(workspace, request.model)
    asked = _weighed(workspace, package, request.name)
    if not asked:
        return None
    draft = _drafted(workspace, package, request)
    inspector = fastest_inspector(workspace, draft, package, str(REFERENCE), 1)
    judged = list(_judged(workspace, inspector, draft, asked, report))
    defective = sum(bool(one.part.truth) for one in judged)
    good = len(judged) - defective
    if min(defective, good) < LEAST:
        return None
    table, weights, before = _tabled(judged, package.manifest.output.concepts)
    allowed = _Allowed.of(table.defective, weights, before)
    floor = package.manifest.output.score_floor
    choices = (
        choose_cuts(table, replace(costs, escape=costs.escape * dearer), floor, weights).cuts
        for dearer in DEARER
    )
    safe = next((cuts for cuts in choices if allowed.holds(table, cuts)), None)
    cuts = safe or choose_cuts(table, costs, floor, weights).cuts
    return LineCuts(cuts, defective, good, safe is not None)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """How many defective parts may pass: as parts of the line, and of those that were asked."""

    weights: Numbers
    weighted: float
    once: float

    @classmethod
    def of(cls, defective: Flags, weights: Numbers, before: Flags) -> "_Allowed":
        own = weights[defective]
        let = before[defective]
        weighted = float(own @ let) + max(SLACK * float(own.sum()), float(np.median(own)))
        return cls(weights, weighted, let.sum() + max(SLACK * len(own), 1.0))

    def holds(self, table: PartTable, cuts: Mapping[str, Cuts]) -> bool:
        escape = table.defective & (verdicts(table, cuts) == PASS)
        return float(self.weights[escape].sum()) <= self.weighted and escape.sum() <= self.once


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part that can say something, and how many it stands for."""

    part: Part
    weight: float

    @property
    def passed(self) -> bool:
        """Whether it passed on the line."""
        return _passed(self.part)


def _passed(part: Part) -> bool:
    seen = [one.inspection for one in part.pictures if one.inspection is not None]
    return all(inspection.decision.verdict is Verdict.PASS for inspection in seen)


def _weighed(workspace: Workspace, package: Package, name: str) -> list[_Asked]:
    """Parts of lines that can say something, and how many each stands for."""
    groups = {item.part: item.split for item in snapshot_of(workspace, package).items}
    learned = learned_by(workspace, package)
    found = set(package.manifest.output.concepts)
    labelled: list[Part] = []
    asked: list[_Asked] = []
    for told in judged_parts(workspace, name, MOST):
        part = _seen_by(package, told)
        if not found.issuperset(_named(part)) or not all(_is_here(workspace, one) for one in part.pictures):
            continue
        if part.key in groups:
            labelled.append(part)
        elif not part.one_word and not learned.has(part.key, [one.image for one in part.pictures]):
            asked.append(_Asked(part, part.weight))
    return asked + _for_all_labelled(labelled, {key for key in groups if groups[key] is Split.CALIBRATION})


def _for_all_labelled(labelled: Sequence[Part], calibrates: set[str]) -> list[_Asked]:
    """Those of the calibration group, with the weights of all that are of their kind: defective or good,
    and passed on the line or stopped there.  Where the group has none of a kind, those of the same truth
    stand for it, too; a truth of which it has none at all is left out."""
    kinds: defaultdict[tuple[bool, bool], list[Part]] = defaultdict(list)
    for part in labelled:
        kinds[bool(part.truth), _passed(part)].append(part)
    mine = {kind: [p for p in parts if p.key in calibrates] for kind, parts in kinds.items()}
    stands: defaultdict[tuple[bool, bool], float] = defaultdict(float)
    extra: defaultdict[bool, float] = defaultdict(float)
    for kind, parts in kinds.items():
        weight = sum(part.weight for part in parts)
        if mine[kind]:
            stands[kind] += weight
        else:
            extra[kind[0]] += weight
    asked = []
    for kind, parts in mine.items():
        known = sum(stands[kind[0], passed] for passed in (True, False))
        share = 1 + extra[kind[0]] / known if known else 1.0
        own = sum(part.weight for part in parts)
        asked += [_Asked(part, part.weight * share * stands[kind] / own) for part in parts]
    return asked


def _seen_by(package: Package, part: Part) -> Part:
    """To a model that has one output for every defect, none has a name."""
    one = package.manifest.family is Family.PATCHES
    return replace(part, truth=(UNNAMED,)) if one and part.truth else part


def _is_here(workspace: Workspace, picture: Picture) -> bool:
    """Whether a model judged it, and its file is still here."""
    judged = picture.inspection is not None and bool(picture.inspection.scores)
    return judged and workspace.blobs.has(picture.image.blob)


def _named(part: Part) -> Sequence[str]:
    """The concepts that people named; a defect without a name may be any."""
    return [name for name in part.truth or () if name != UNNAMED]


def _drafted(workspace: Workspace, package: Package, request: RecipeRequest) -> Recipe:
    """The recipe with cuts that stop whatever can be found."""
    output = package.manifest.output
    lowest = dict.fromkeys(output.concepts, Cuts(output.score_floor, output.score_floor))
    with workspace.database.read() as tx:
        return draft_recipe(workspace, tx, package, replace(request, cuts=lowest))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A part with the scores that decide: (K,) one for each concept."""

    asked: _Asked
    scores: Numbers

    @property
    def part(self) -> Part:
        return self.asked.part


def _judged(
    workspace: Workspace, inspector: Inspector, draft: Recipe, asked: Sequence[_Asked], report: Report
) -> Iterator[_Judged]:
    for number, one in enumerate(asked, start=1):
        found = [_deciding(inspector, draft, workspace.blobs.get(p.image.blob)) for p in one.part.pictures]
        report(number, len(asked), "judging parts that people judged on the line")
        rows = [scores for scores in found if scores is not None]
        if len(rows) == len(one.part.pictures):
            yield _Judged(one, np.max(rows, axis=0))


def _deciding(inspector: Inspector, draft: Recipe, content: bytes) -> Numbers | None:
    """(K,) scores; None where the picture could not be judged."""
    outcome = inspector.inspect(content)
    found = outcome.deciding(draft)
    return None if found is None else np.array([found.get(concept, 0.0) for concept in outcome.scores])


def _tabled(judged: Sequence[_Judged], concepts: Sequence[str]) -> tuple[PartTable, Numbers, Flags]:
    """Scores and truth, with (P,) weights and (P,) whether each passed on the line, in the table's order; a
    defect without a name is taken for what the model finds most."""
    truth = [_shown(one.part, one.scores, concepts) for one in judged]
    table = fold([one.part.key for one in judged], concepts, [one.scores for one in judged], truth)
    by_key = {one.part.key: one.asked for one in judged}
    weights = np.array([by_key[key].weight for key in table.parts])
    return table, weights, np.array([by_key[key].passed for key in table.parts])


def _shown(part: Part, scores: Numbers, concepts: Sequence[str]) -> list[bool]:
    named = _named(part)
    if part.truth and not named:
        return [index == int(scores.argmax()) for index in range(len(concepts))]
    return [name in named for name in concepts]
