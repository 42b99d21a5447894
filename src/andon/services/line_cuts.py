"""Cuts of least cost for what lines show now, from the parts that people judged there.

The calibration group of a data set holds what was labelled: a first batch that somebody collected, and what
was chosen since because it is hard.  Neither is the line: light moves on, new kinds of defects come, and
cuts that suit the group let more escape than it says.  What passes on the line is known from what people
said of it, each part with the number it stands for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from andon.analysis.cuts import PASS, choose_cuts, verdicts
from andon.analysis.parts import Numbers, PartTable, fold
from andon.domain.datasets import Split
from andon.domain.gates import UNNAMED
from andon.domain.inspections import Verdict
from andon.domain.models import Costs, Cuts, Package
from andon.formats.pixels import decode
from andon.runtime.execution import REFERENCE
from andon.runtime.scoring import score_images
from andon.services.gate_cases import Part, Picture, judged_parts, learned_by
from andon.services.models import open_package, snapshot_of
from andon.services.workspaces import Workspace

LEAST = 30
"""Defective parts, and good ones, that are needed; fewer say less than the calibration group."""

MOST = 5000
"""Pictures of lines, the latest, that are looked at."""


DEARER = tuple(1.25**step for step in range(21))
"""Times that an escape is counted as dear, the first that lets no more escape than the line did."""

SLACK = 0.02
"""Of the defective parts, that may escape more than the line let: some are called so by mistake."""


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


def cheapest_on_line(workspace: Workspace, package: Package, costs: Costs) -> LineCuts | None:
    """Cuts of least expected cost for a model, or None where too few parts of lines can say.

    Among cuts that let no more of these parts escape than the line did (a gate would refuse them), those of
    least cost; where there are none such, of least cost alone.

    Parts that the model learned from say nothing, and those that are kept for gates are not asked.
    Labelled parts are harder than others: those of them that stand in the calibration group stand for all.
    A defect that one operator saw and the model did not counts only when somebody looked a second time.

    Raises:
        UnfitImage: the model cannot take a picture of a line.
        ModelFailed: it failed on one.
    """
    weighed = _weighed(workspace, package)
    defective = sum(bool(part.truth) for part, _ in weighed)
    good = len(weighed) - defective
    if min(defective, good) < LEAST:
        return None
    table = _table(workspace, package, [part for part, _ in weighed])
    by_key = {part.key: (weight, _passed(part)) for part, weight in weighed}
    weights = np.array([by_key[key][0] for key in table.parts])
    before = np.array([by_key[key][1] for key in table.parts])
    allowed = weights[table.defective] @ (before[table.defective] + SLACK)
    floor = package.manifest.output.score_floor
    choices = (
        choose_cuts(table, replace(costs, escape=costs.escape * dearer), floor, weights).cuts
        for dearer in DEARER
    )
    safe = next((cuts for cuts in choices if _escaping(table, cuts, weights) <= allowed), None)
    cuts = safe or choose_cuts(table, costs, floor, weights).cuts
    return LineCuts(cuts, defective, good, safe is not None)


def _escaping(table: PartTable, cuts: Mapping[str, Cuts], weights: Numbers) -> float:
    """How many defective parts pass, each with what it stands for."""
    return float(weights[table.defective & (verdicts(table, cuts) == PASS)].sum())


def _passed(part: Part) -> bool:
    """Whether the part passed on the line."""
    seen = [one.inspection for one in part.pictures if one.inspection is not None]
    return all(inspection.decision.verdict is Verdict.PASS for inspection in seen)


def _weighed(workspace: Workspace, package: Package) -> list[tuple[Part, float]]:
    """Parts of lines that can say something, and how many each stands for."""
    groups = {item.part: item.split for item in snapshot_of(workspace, package).items}
    learned = learned_by(workspace, package)
    found = set(package.manifest.output.concepts)
    labelled: list[Part] = []
    weighed: list[tuple[Part, float]] = []
    for part in judged_parts(workspace, MOST):
        if not all(_is_here(workspace, picture) for picture in part.pictures):
            continue
        if part.key in groups:
            labelled.append(part)
        elif not part.one_word and not learned.has(part.key, [one.image for one in part.pictures]):
            weighed.append((part, part.weight))
    for is_defective in (True, False):
        alike = [part for part in labelled if bool(part.truth) is is_defective]
        asked = [part for part in alike if groups[part.key] is Split.CALIBRATION]
        weighed += [(part, part.weight * len(alike) / len(asked)) for part in asked]
    return [(part, weight) for part, weight in weighed if found.issuperset(_named(part))]


def _is_here(workspace: Workspace, picture: Picture) -> bool:
    """Whether a model judged it, and its file is still here."""
    judged = picture.inspection is not None and bool(picture.inspection.scores)
    return judged and workspace.blobs.has(picture.image.blob)


def _named(part: Part) -> Sequence[str]:
    """The concepts that people named; a defect without a name may be any."""
    return [name for name in part.truth or () if name != UNNAMED]


def _table(workspace: Workspace, package: Package, parts: Sequence[Part]) -> PartTable:
    """Scores and truth; a defect without a name is taken for what the model finds most."""
    concepts = package.manifest.output.concepts
    pictures = [(part, one.image) for part in parts for one in part.pictures]
    images = ((image.digest, decode(workspace.blobs.get(image.blob))) for _, image in pictures)
    scored = score_images(open_package(workspace, package).graph, images, REFERENCE)
    scores = np.stack([one.prediction.scores for one in scored]).clip(0.0, 1.0)
    truth = [_shown(part, row, concepts) for (part, _), row in zip(pictures, scores, strict=True)]
    return fold([part.key for part, _ in pictures], concepts, scores, truth)


def _shown(part: Part, scores: NDArray[np.floating], concepts: Sequence[str]) -> list[bool]:
    named = _named(part)
    if part.truth and not named:
        return [index == int(scores.argmax()) for index in range(len(concepts))]
    return [name in named for name in concepts]
