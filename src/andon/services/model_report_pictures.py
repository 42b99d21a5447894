"""The pictures of a model's report: the worst misses and false alarms, with heat maps and labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.domain.datasets import SnapshotItem
from andon.domain.inspections import Verdict
from andon.domain.models import Variant
from andon.formats.pixels import encode_jpeg
from andon.look.figures import Picture
from andon.look.sheets import Theme, colours
from andon.plots.heat import draw_heat
from andon.plots.overlay import Mark, draw_outlines, outlines_of
from andon.plots.palette import palette_from
from andon.runtime.execution import Executor
from andon.runtime.findings import regions_of
from andon.runtime.package import LoadedPackage
from andon.runtime.pixels import fit
from andon.services.pictures import THUMBNAIL, marks_of, shrunk
from andon.services.truths import is_located, read_mask, read_pixels
from andon.services.workspaces import Workspace
from andon.units import Digest

WORDS = {Verdict.PASS: "passed", Verdict.REVIEW: "sent to review", Verdict.REJECT: "rejected"}


@dataclass(frozen=True, slots=True)
class Case:
    """A part to be shown by one of its images.

    Attributes:
        scores: of that image, by concept. margin: how far the part's scores are above a cut.
        defects: that the part really shows.
    """

    image: Digest
    part: str
    verdict: Verdict
    defects: tuple[str, ...]
    scores: Mapping[str, float]
    margin: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """What it takes to draw cases: the shipped graph on one variant, and the images by digest."""

    workspace: Workspace
    loaded: LoadedPackage
    variant: Variant
    items: Mapping[Digest, SnapshotItem]

    def all_of(self, cases: Sequence[Case], told: Callable[[], None]) -> tuple[Picture, ...]:
        """A picture of each case, as JPEG files of at most 360 pixels; ``told`` is called after each.

        Raises:
            NotFound, Refused: the file of an image is gone or altered.
            UnfitImage, ModelFailed: the model cannot score an image that it scored before.
        """
        executor = Executor(self.loaded.graph, self.variant, threads=1)
        drawn = []
        for case in cases:
            drawn.append(self._one(executor, case))
            told()
        return tuple(drawn)

    def _one(self, executor: Executor, case: Case) -> Picture:
        item, output = self.items[case.image], self.loaded.manifest.output
        pixels = read_pixels(self.workspace.blobs, item)
        prediction = executor.run(fit(pixels, self.loaded.manifest.input))
        regions = regions_of(prediction, output, (pixels.shape[0], pixels.shape[1]))
        palette = palette_from(colours(Theme.LIGHT))
        plain = draw_outlines(pixels, (), palette)
        if prediction.maps is not None:
            plain = draw_heat(plain, np.max(prediction.maps, axis=0))
        # Words are in the caption: on a small picture they would hide the heat.
        drawn = draw_outlines(plain, marks_of(regions, output.concepts), palette)
        return Picture(
            item.name,
            _caption(case),
            encode_jpeg(shrunk(drawn, THUMBNAIL)),
            encode_jpeg(shrunk(self._labelled(item), THUMBNAIL)),
        )

    def _labelled(self, item: SnapshotItem) -> np.ndarray:
        """The image as taken, with the outlines that people drew, where they did."""
        pixels = read_pixels(self.workspace.blobs, item)
        concepts = self.loaded.manifest.output.concepts
        shown = [c for c in concepts if c in item.concepts() and is_located(item, [c])]
        marks = [
            Mark(c, concepts.index(c), 1.0, outlines_of(read_mask(self.workspace.blobs, item, c)))
            for c in shown
        ]
        return draw_outlines(pixels, marks, palette_from(colours(Theme.LIGHT)))


def _caption(case: Case) -> str:
    truth = ", ".join(case.defects) or "no defect"
    scores = sorted(case.scores.items(), key=lambda pair: -pair[1])[:2]
    said = ", ".join(f"{name} {score:.3f}" for name, score in scores)
    return f"shows {truth}; {WORDS[case.verdict]}; scores {said}"
