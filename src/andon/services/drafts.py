"""What a person needs to draft a recipe: pictures to draw on, a template cut from one, scores to cut at."""

from dataclasses import dataclass

import numpy as np

from andon.analysis.parts import PartTable
from andon.domain.annotations import Box
from andon.domain.datasets import SnapshotItem, Split
from andon.domain.images import Image
from andon.domain.models import Package
from andon.domain.recipes import Locate
from andon.errors import InvalidInput, NotFound
from andon.formats.pixels import Pixels, decode, encode_png
from andon.runtime.health import grey
from andon.services.models import snapshot_of
from andon.services.workspaces import Workspace
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.units import Digest, is_digest

LEAST_SIDE = 8
"""Pixels; a smaller template fits anywhere."""

LEARNED_FROM = 12
LATELY_SEEN = 12


@dataclass(frozen=True, slots=True)
class PictureChoice:
    """A picture that regions can be drawn on; ``why`` says where it is from."""

    image: Digest
    name: str
    height: int
    width: int
    why: str


def pictures_of(workspace: Workspace, package: Package) -> tuple[PictureChoice, ...]:
    """Pictures this model knows: the latest it judged that are kept, then some it was trained for."""
    with workspace.database.read() as tx:
        query = stored_inspections.Query(package=package.digest)
        seen = stored_inspections.page(tx, query, None, 4 * LATELY_SEEN).rows
        kept = stored_images.by_digests(tx, [i.image for i in seen if i.image is not None])
    lately = [_choice(image, "inspected") for image in kept.values()][:LATELY_SEEN]
    known = {choice.image for choice in lately}
    items = [item for item in _learned_with(workspace, package) if item.image not in known]
    items.sort(key=lambda item: not item.labels)
    some = items[: LEARNED_FROM // 2] + items[max(LEARNED_FROM // 2, len(items) - LEARNED_FROM // 2) :]
    return (
        *lately,
        *(
            PictureChoice(i.image, i.name, i.shape.height, i.shape.width, _labels(i.concepts()))
            for i in some
        ),
    )


def find_picture(workspace: Workspace, image: str) -> Image:
    """The picture with this digest.

    Raises:
        NotFound, Conflict: none, or several.
    """
    with workspace.database.read() as tx:
        return stored_images.by_digest(tx, image)


def cut_template(workspace: Workspace, image: str, box: Box, limits: tuple[int, float]) -> Locate:
    """Cut a template out of a picture and store it; ``limits`` are reach (pixels) and least correlation.

    Raises:
        NotFound: there is no such picture.
        InvalidInput: the box is not on it, too small, or shows one tone only, which is everywhere.
    """
    pixels = decode(workspace.blobs.get(find_picture(workspace, image).blob))
    left, top = max(0, round(box.x)), max(0, round(box.y))
    crop = grey(pixels[top : round(box.y + box.height), left : round(box.x + box.width)])
    if min(crop.shape) < LEAST_SIDE:
        raise InvalidInput(
            f"a template of {crop.shape[1]} x {crop.shape[0]} pixels is too small",
            f"Draw a box of at least {LEAST_SIDE} x {LEAST_SIDE} pixels on the picture.",
        )
    if float(crop.std()) == 0:
        raise InvalidInput(
            "the template has one tone only, which is found everywhere", "Draw it around an edge or a mark."
        )
    return Locate(workspace.blobs.put(encode_png(crop)), left, top, *limits)


def template_picture(workspace: Workspace, template: Digest) -> bytes:
    """The template as a PNG that browsers show.

    Raises:
        NotFound: there is no such blob, or it is no picture.
    """
    if not is_digest(template):
        raise NotFound(f"there is no template {template[:12]!r}")
    content = workspace.blobs.get(template)
    try:
        return encode_png(_eight_bits(decode(content)))
    except InvalidInput as cause:
        raise NotFound(f"there is no template {template[:12]}") from cause


@dataclass(frozen=True, slots=True)
class CutGroup:
    """The calibration group as a page draws it: one row a part.

    Attributes:
        defective: whether any defect is on the part. truth: concepts on it, by place in ``concepts``.
        scores: by place in ``concepts``, rounded to what a pointer can tell apart.
    """

    concepts: tuple[str, ...]
    defective: tuple[bool, ...]
    truth: tuple[tuple[int, ...], ...]
    scores: tuple[tuple[float, ...], ...]


def cut_group(table: PartTable) -> CutGroup:
    """The same parts, for a page."""
    return CutGroup(
        concepts=table.concepts,
        defective=tuple(bool(flag) for flag in table.defective),
        truth=tuple(tuple(np.flatnonzero(row).tolist()) for row in table.truth),
        scores=tuple(tuple(round(float(score), 5) for score in row) for row in table.scores),
    )


def _choice(image: Image, why: str) -> PictureChoice:
    return PictureChoice(image.digest, image.name, image.shape.height, image.shape.width, why)


def _learned_with(workspace: Workspace, package: Package) -> tuple[SnapshotItem, ...]:
    """Pictures that chose its cuts; none where the package came without its data set."""
    try:
        return snapshot_of(workspace, package).of(Split.CALIBRATION)
    except NotFound:
        return ()


def _labels(concepts: frozenset[str]) -> str:
    return ", ".join(sorted(concepts)) or "clean"


def _eight_bits(pixels: Pixels) -> Pixels:
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
