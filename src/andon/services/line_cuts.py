"""Cuts of least cost for what lines show now, from the parts that people judged there.

The calibration group of a data set holds what was labelled: a first batch that somebody collected, and what
was chosen since because it is hard.  Neither is the line: light moves on, new kinds of defects come, and
cuts that suit the group let more escape than it says.  What passes on the line is known from what people
said of it, each part with the number it stands for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.analysis.cuts import choose_cuts
from andon.analysis.parts import PartTable, fold
from andon.domain.datasets import Split
from andon.domain.gates import UNNAMED
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


@dataclass(frozen=True, slots=True)
class LineCuts:
    """Cuts, and how many defective and good parts of lines chose them."""

    cuts: Mapping[str, Cuts]
    defective: int
    good: int


def cheapest_on_line(workspace: Workspace, package: Package, costs: Costs) -> LineCuts | None:
    """Cuts of least expected cost for a model, or None where too few parts of lines can say.

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
    by_key = {part.key: weight for part, weight in weighed}
    weights = np.array([by_key[key] for key in table.parts])
    choice = choose_cuts(table, costs, package.manifest.output.score_floor, weights)
    return LineCuts(choice.cuts, defective, good)


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
