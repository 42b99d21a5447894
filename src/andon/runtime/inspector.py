"""From the bytes of an image to a verdict: the path every part takes, here and on the line.

It fails to reject, never to pass: what cannot be judged is NO-DECISION with a reason, not an exception,
so that one bad part never stops the line.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from time import perf_counter

import numpy as np

from andon.domain.annotations import Box
from andon.domain.calibrations import length_in_pixels
from andon.domain.geometry import touches
from andon.domain.inspections import Decision, Finding, Reason, ReasonCode, Verdict
from andon.domain.models import InputSpec, Variant
from andon.domain.recipes import Recipe, Unit, deciding_scores, judge
from andon.errors import AndonError, Conflict, DamagedPackage, InvalidInput, UserError
from andon.formats.pixels import decode, image_digest
from andon.runtime import health
from andon.runtime.execution import Executor
from andon.runtime.findings import Region, regions_of
from andon.runtime.locate import Locator, Place
from andon.runtime.package import LoadedPackage
from andon.runtime.pixels import Pixels, UnfitImage, check, fit
from andon.runtime.predictions import ModelFailed
from andon.runtime.prepared import Prepared
from andon.runtime.scoring import TOLERANCE
from andon.units import Digest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided on one image, and all it was decided from.

    Attributes:
        scores: image-level score of every concept; empty where the model did not run.
        regions: findings with their outlines, worst first within each concept.
        pixels: the decoded image, None where it could not be read.
        milliseconds: from image bytes to verdict.
        stages: milliseconds of decode, health, locate, fit, engine, findings and judge, as far as it came.
        health: brightness and sharpness; where a part was located also ``moved_x``, ``moved_y`` (pixels)
            and ``correlation``.
    """

    decision: Decision
    scores: Mapping[str, float]
    regions: tuple[Region, ...]
    pixels: Pixels | None
    milliseconds: float
    stages: Mapping[str, float]
    health: Mapping[str, float] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings to record."""
        return tuple(region.finding for region in self.regions)

    def deciding(self, recipe: Recipe) -> dict[str, float] | None:
        """:func:`andon.domain.recipes.deciding_scores` of what was found; None where the model did not run.

        Raises:
            NotPossible: as there.
        """
        if not self.scores:
            return None
        moved = self.health.get("moved_x", 0.0), self.health.get("moved_y", 0.0)
        return deciding_scores(recipe, self.findings, moved)

    def image(self) -> Digest | None:
        """The image's digest.

        Hashing the pixels takes as long as reading them, and no output waits for it: it is left to
        whoever writes the record, after the verdict went out.
        """
        return None if self.pixels is None else image_digest(self.pixels)


class Inspector:
    """One package on one variant, judged by one recipe; one thread at a time.

    Args:
        package: loaded and checked.
        recipe: made for this package.
        variant: engine and precision, one that passed parity.
        threads: of the engine.
        template: the image file that ``recipe.locate`` names, where it asks for one.

    Raises:
        Conflict: the recipe is for another package.
        InvalidInput: a concept has no cuts, a cut lies below the score from which findings are kept, or
            the template is missing or another one.
        NotPossible: a rule is in millimetres and the recipe has no calibration.
        ModelFailed: the engine cannot open the graph.
        DamagedPackage: the golden images do not score as the manifest states on this machine.
    """

    def __init__(
        self,
        package: LoadedPackage,
        recipe: Recipe,
        variant: Variant,
        threads: int = 1,
        template: bytes | None = None,
    ) -> None:
        check_recipe(package, recipe)
        self._locator = _locator(recipe, template)
        self._manifest = package.manifest
        self._recipe = recipe
        self._executor = Executor(package.graph, variant, threads)
        _reproduce_golden(package, self._executor)

    @property
    def variant(self) -> Variant:
        """What runs."""
        return self._executor.variant

    @property
    def input(self) -> InputSpec:
        """What the network takes."""
        return self._manifest.input

    def inspect(self, content: bytes | Pixels | Prepared) -> Outcome:
        """Judge an image file, or pixels as :func:`andon.formats.pixels.decode` gives them.

        Never raises for what is wrong with the image or the model's answer.
        """
        course = _Course()
        try:
            decision = self._judge(content, course)
        except UnfitImage as cause:
            decision = _undecided(cause.code, cause.message)
        except ModelFailed as cause:
            decision = _undecided(ReasonCode.MODEL_FAILED, cause.message)
        except UserError as cause:
            decision = _undecided(ReasonCode.BAD_IMAGE, cause.message)
        except MemoryError:
            decision = _undecided(ReasonCode.BAD_IMAGE, "there is not enough memory for this image")
        except AndonError as cause:
            decision = _undecided(ReasonCode.MODEL_FAILED, cause.message)
        return course.outcome(decision)

    def without_image(self, detail: str) -> Outcome:
        """NO-DECISION on a part whose image could not be had."""
        return _Course().outcome(_undecided(ReasonCode.BAD_IMAGE, detail))

    def _judge(self, content: bytes | Pixels | Prepared, course: "_Course") -> Decision:
        if isinstance(content, bytes):
            content = decode(content)
        ready = content if isinstance(content, Prepared) else Prepared(content)
        pixels = course.pixels = ready.pixels
        course.passed("decode")
        check(pixels, self._manifest.input)
        _check_regions(self._recipe, pixels)
        self._check_health(ready, course)
        place = self._place(pixels, course)
        fitted = ready.fitted(self._manifest.input)
        course.passed("fit")
        prediction = self._executor.run(fitted)
        course.passed("engine")
        output = self._manifest.output
        regions = regions_of(prediction, output, (pixels.shape[0], pixels.shape[1]))
        course.scores = dict(zip(output.concepts, prediction.scores.tolist(), strict=True))
        course.regions = regions
        course.passed("findings")
        decision = judge(self._recipe, [region.finding for region in regions], place.moved)
        course.passed("judge")
        return decision

    def _check_health(self, ready: Prepared, course: "_Course") -> None:
        measured = ready.health()
        course.health |= asdict(measured)
        course.passed("health")
        health.check(measured, self._recipe.health)

    def _place(self, pixels: Pixels, course: "_Course") -> Place:
        if self._locator is None:
            return _AS_DRAWN
        place = self._locator.find(pixels)
        moved_x, moved_y = place.moved
        course.health |= {"moved_x": moved_x, "moved_y": moved_y, "correlation": place.correlation}
        course.passed("locate")
        return place


_AS_DRAWN = Place((0, 0), 1.0)
"""Without a template the part lies where the regions were drawn."""


def _locator(recipe: Recipe, template: bytes | None) -> Locator | None:
    if recipe.locate is None:
        return None
    if template is None:
        raise InvalidInput(
            f"recipe {recipe.name!r} locates the part by a template, which is missing",
            f"Fetch the blob {recipe.locate.template[:12]} too.",
        )
    return Locator(recipe.locate, template)


def check_recipe(package: LoadedPackage, recipe: Recipe) -> None:
    """Refuse a recipe that cannot judge what the package finds.

    Raises:
        Conflict, InvalidInput, NotPossible: as :class:`Inspector`.
    """
    if recipe.package != package.digest:
        raise Conflict(
            f"recipe {recipe.name!r} is for package {recipe.package[:12]}, this is {package.digest[:12]}"
        )
    output = package.manifest.output
    for concept in output.concepts:
        if concept not in recipe.cuts:
            raise InvalidInput(f"recipe {recipe.name!r} has no cuts for {concept!r}")
        if recipe.cuts[concept].review < output.score_floor:
            raise InvalidInput(
                f"the review cut of {concept!r} is {recipe.cuts[concept].review:g}; "
                f"findings below {output.score_floor:g} are not kept",
                f"Set it to {output.score_floor:g} or more.",
            )
    if any(rule.unit is Unit.MILLIMETRE for rule in recipe.rules):
        length_in_pixels(1.0, recipe.calibration)


def _check_regions(recipe: Recipe, pixels: Pixels) -> None:
    """A region beside the image would be one that nobody looks at, and everything would pass.

    Raises:
        UnfitImage: a region has no point on the image (``WRONG_SIZE``).
    """
    height, width = pixels.shape[:2]
    for number, region in enumerate(recipe.regions, start=1):
        if not touches(Box(0, 0, width, height), region):
            raise UnfitImage(
                ReasonCode.WRONG_SIZE,
                f"region {number} of the recipe lies outside of the image's {height} x {width} pixels",
            )


class _Course:
    """How far one inspection came, and when."""

    def __init__(self) -> None:
        self.pixels: Pixels | None = None
        self.scores: Mapping[str, float] = {}
        self.regions: tuple[Region, ...] = ()
        self.health: dict[str, float] = {}
        self._start = self._last = perf_counter()
        self._stages: dict[str, float] = {}

    def passed(self, stage: str) -> None:
        now = perf_counter()
        self._stages[stage] = (now - self._last) * 1e3
        self._last = now

    def outcome(self, decision: Decision) -> Outcome:
        milliseconds = (perf_counter() - self._start) * 1e3
        found = (self.scores, self.regions, self.pixels)
        return Outcome(decision, *found, milliseconds, self._stages, self.health)


def _undecided(code: ReasonCode, detail: str) -> Decision:
    return Decision(Verdict.NO_DECISION, (Reason(code, None, detail),))


def _reproduce_golden(package: LoadedPackage, executor: Executor) -> None:
    tolerance = TOLERANCE[executor.variant.precision]
    for name, stated in package.manifest.golden.items():
        try:
            fitted = fit(decode(package.golden[name]), package.manifest.input)
        except UserError as cause:
            raise DamagedPackage(f"golden image {name} cannot be judged: {cause.message}") from cause
        gap = float(np.abs(executor.run(fitted).scores - np.array(stated)).max())
        if not gap <= tolerance:
            raise DamagedPackage(
                f"golden image {name} scores {gap:.4f} away from what the package states "
                f"with {executor.variant} (allowed: {tolerance:g})",
                "Use another variant, or fetch the package again.",
            )
