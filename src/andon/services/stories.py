"""Inspections as people look at them: pages of a list, and one part's whole story."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from sqlalchemy import Connection

from andon.domain.feedback import Review
from andon.domain.gates import Purpose
from andon.domain.images import Image, Shape
from andon.domain.inspections import Inspection, Shadow, Verdict
from andon.domain.models import Package
from andon.domain.parts import part_key
from andon.domain.recipes import Recipe
from andon.errors import InvalidInput, NotFound
from andon.formats.pixels import Pixels, decode, encode_png
from andon.services.holdouts import purposes_of
from andon.services.thumbnails import thumbnail_of
from andon.services.workspaces import Workspace
from andon.store import awaited_images, lost_images
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import models as stored_models
from andon.store import ontologies as stored_ontologies
from andon.store import recipes as stored_recipes
from andon.store import reviews as stored_reviews
from andon.store import shadows as stored_shadows
from andon.store import stations as stored_stations
from andon.store.inspections import Query, Rescoring
from andon.units import Digest, Timestamp

COUNTED = 20_000
"""Latest inspections that a list counts by verdict."""

LARGEST_SIDE = 1600
"""Pixels of the longer side of a picture that a page shows."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?)?")


@dataclass(frozen=True, slots=True)
class InspectionList:
    """Part of a list, newest first.

    Attributes:
        reviews: inspection id -> what people said last.
        counts: by verdict as first given, of the latest ``COUNTED`` that the filter passes.
        next: what to ask the following part with; None on the last.
    """

    rows: tuple[Inspection, ...]
    reviews: Mapping[str, Review]
    counts: Mapping[Verdict, int]
    next: int | None

    @property
    def counted(self) -> int:
        """How many inspections were counted."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Story:
    """One part's story.

    Attributes:
        recipe, package: that judged it; None where there was none.
        image: the stored picture, None while it is not here.
        picture: blob that shows the part: its image, else its thumbnail; None where neither is here.
        awaited: the station has the image and has not sent it yet.
        given_up: it never will: the image had to make room.
        shadows: what second models said of it, unheard by the line.
        concepts: of the ontology, in its order; their place gives their hue.
        held: what its part is held for; such parts are never learned from.
        before, after: ids of the neighbours in the station's sequence.
    """

    inspection: Inspection
    recipe: Recipe | None
    package: Package | None
    image: Image | None
    picture: Digest | None
    awaited: bool
    given_up: bool
    rescorings: tuple[Rescoring, ...]
    reviews: tuple[Review, ...]
    shadows: tuple[Shadow, ...]
    concepts: tuple[str, ...]
    held: frozenset[Purpose]
    before: str | None
    after: str | None

    @property
    def shape(self) -> Shape | None:
        """Size of the picture that findings are placed on."""
        capture = self.inspection.capture
        return self.image.shape if self.image else capture.shape if capture else None


def checked_moment(text: str | None) -> Timestamp | None:
    """A day or a moment, UTC, as far as it is given: ``2026-03-01`` or ``2026-03-01T06:30``.

    Raises:
        InvalidInput: it is neither.
    """
    if not text:
        return None
    if not _MOMENT.fullmatch(text):
        raise InvalidInput(f"{text[:40]!r} is no time", "Write it as 2026-03-01 or 2026-03-01T06:30 (UTC).")
    return Timestamp(text)


def list_page(workspace: Workspace, query: Query, after: int | None, limit: int) -> InspectionList:
    """Inspections that ``query`` asks for."""
    with workspace.database.read() as tx:
        page = stored_inspections.page(tx, query, after, limit)
        said = stored_reviews.latest(tx, [inspection.id for inspection in page.rows])
        counts = stored_inspections.count(tx, query, newest=COUNTED)
    return InspectionList(page.rows, said, counts, page.next)


def choices(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a list can be filtered by: names of stations, names of recipes."""
    with workspace.database.read() as tx:
        return stored_stations.names(tx), stored_recipes.names(tx)


def story_of(workspace: Workspace, inspection_id: str) -> Story:
    """The story of an inspection (its id, or the beginning of it).

    Raises:
        NotFound, Conflict: no inspection, or several, begin with this id.
    """
    with workspace.database.read() as tx:
        inspection = stored_inspections.get(tx, inspection_id)
        image = _image(tx, inspection)
        blobs = _blobs(inspection, image)
        here = [blob for blob in blobs if workspace.blobs.has(blob)]
        capture = inspection.capture
        is_away = image is None and not (capture and capture.blob in here)
        return Story(
            inspection=inspection,
            recipe=_recipe(tx, inspection),
            package=stored_models.get(tx, inspection.package) if inspection.package else None,
            image=image,
            picture=here[0] if here else None,
            awaited=is_away and bool(awaited_images.among(tx, [inspection.id])),
            given_up=is_away and bool(lost_images.among(tx, [inspection.id])),
            rescorings=stored_inspections.rescorings(tx, inspection.id),
            reviews=stored_reviews.of(tx, inspection.id),
            shadows=stored_shadows.of(tx, inspection.id),
            concepts=stored_ontologies.current(tx).names,
            held=purposes_of(tx, part_key(image)) if image else frozenset(),
            before=_neighbour(tx, inspection, -1),
            after=_neighbour(tx, inspection, 1),
        )


def picture_of(workspace: Workspace, inspection_id: str) -> bytes:
    """A PNG of the part, its longer side at most ``LARGEST_SIDE`` pixels.

    Raises:
        NotFound: there is no such inspection, or no picture of it is here.
        InvalidInput, LimitExceeded: the file is no picture.
    """
    story = story_of(workspace, inspection_id)
    if story.picture is None:
        raise NotFound(f"there is no picture of inspection {story.inspection.id!r}")
    return encode_png(_shown(decode(workspace.blobs.get(story.picture))))


def small_picture_of(workspace: Workspace, inspection_id: str) -> tuple[bytes, str]:
    """A small picture of the part and its media type, drawn by its station where the image is not here.

    Raises:
        NotFound: there is no such inspection, or no picture of it is here.
        InvalidInput, LimitExceeded: the file is no picture.
    """
    story = story_of(workspace, inspection_id)
    if story.image is not None:
        return thumbnail_of(workspace, story.image.digest), "image/jpeg"
    capture = story.inspection.capture
    if capture is None or capture.thumbnail is None:
        raise NotFound(f"there is no small picture of inspection {story.inspection.id!r}")
    return encode_png(_shown(decode(workspace.blobs.get(capture.thumbnail)))), "image/png"


def _shown(pixels: Pixels) -> Pixels:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    height, width = pixels.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _image(tx: Connection, inspection: Inspection) -> Image | None:
    if inspection.image is None:
        return None
    return stored_images.by_digests(tx, [inspection.image]).get(inspection.image)


def _blobs(inspection: Inspection, image: Image | None) -> Sequence[Digest]:
    """What may show the part, best first."""
    capture = inspection.capture
    found = (
        capture.blob if capture else None,
        image.blob if image else None,
        capture.thumbnail if capture else None,
    )
    return [blob for blob in found if blob]


def _recipe(tx: Connection, inspection: Inspection) -> Recipe | None:
    if not inspection.recipe:
        return None
    return stored_recipes.get(tx, inspection.recipe, inspection.recipe_version)


def _neighbour(tx: Connection, inspection: Inspection, step: int) -> str | None:
    capture = inspection.capture
    if capture is None:
        return None
    return stored_inspections.at_place(tx, capture.station, capture.sequence + step)
