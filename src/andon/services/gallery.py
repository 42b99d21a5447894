"""Images as people look at them: a page of a filtered list, what there is to filter by, one image whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from andon.domain.annotations import Annotation, AnnotationState, Box, Mask, Polygon, WholeImage
from andon.domain.gates import Purpose
from andon.domain.images import Image, ImageFilter
from andon.domain.parts import part_key
from andon.domain.splitting import CLEAN
from andon.formats.pixels import read_mask
from andon.look.sheets import Theme, colours
from andon.plots.labels import draw_labels
from andon.plots.overlay import Mark, outline_of_box, outlines_of
from andon.plots.palette import palette_from
from andon.services.holdouts import purposes_of
from andon.services.workspaces import Workspace
from andon.store import annotations as stored_annotations
from andon.store import image_facets, image_pages
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.store.database import Database
from andon.store.image_facets import Facet
from andon.store.image_pages import Count
from andon.store.images import Arrival
from andon.units import Digest, Timestamp, digest_of


@dataclass(frozen=True, slots=True)
class Tile:
    """An image in a list.

    Attributes:
        labels: concepts accepted on it, sorted; empty and ``looked_at``: accepted clean.
        outlined: some label has a place that can be drawn.
    """

    digest: Digest
    name: str
    height: int
    width: int
    labels: tuple[str, ...]
    looked_at: bool
    outlined: bool


@dataclass(frozen=True, slots=True)
class Gallery:
    """A page of images, the latest first.

    Attributes:
        next: what to ask the following page with; None on the last one.
        searched: images looked at in vain at the end of this page; above 0, more may come behind ``next``.
        count: how many pass the filters; None where only a search of the whole list would tell.
        concepts: of the ontology, in its order, which gives them their hues.
    """

    images: tuple[Tile, ...]
    next: int | None
    searched: int
    count: Count | None
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelLine:
    """One thing said about an image.

    Attributes:
        concept: None for accepted clean. shape: where it is: "image", "box", "polygon" or "mask".
        area: pixels; None for the whole image.
        hue: place of the concept in the ontology, from 0; gives its colour.
    """

    concept: str | None
    shape: str
    area: float | None
    hue: int
    state: AnnotationState
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class ImageDetail:
    """One image: what it is, where it came from, what is said about it.

    Attributes:
        part: key of the physical part it shows; other images of that part have it, too.
        metadata: everything known, by name.
        held: what the part is held for; such parts are never learned from.
    """

    image: Image
    part: str
    metadata: Mapping[str, str]
    arrivals: tuple[Arrival, ...]
    labels: tuple[LabelLine, ...]
    held: frozenset[Purpose]


def gallery(workspace: Workspace, query: ImageFilter, after: int | None, limit: int) -> Gallery:
    """A page of the images that pass ``query``; quick however many there are.

    Raises:
        NotFound: ``after`` is no image that a list by time can go on from.
    """
    with workspace.database.read() as tx:
        page = image_pages.page(tx, query, after, limit)
        said = stored_annotations.current(tx, [image.digest for image in page.rows])
        count = image_pages.count(tx, query)
        concepts = stored_ontologies.current(tx).names
    tiles = tuple(_tile(image, _accepted(said.get(image.digest, ()))) for image in page.rows)
    return Gallery(tiles, page.next, page.searched, count, concepts)


def count_images(workspace: Workspace, query: ImageFilter) -> Count:
    """How many images pass ``query``; where only a search would tell, "at least none"."""
    with workspace.database.read() as tx:
        return image_pages.count(tx, query) or Count(0, exact=False)


def image_filters(workspace: Workspace) -> tuple[Facet, ...]:
    """What images can be filtered by, with counts that stop at a thousand."""
    with workspace.database.read() as tx:
        mark = image_facets.mark(tx)
    return _facets_at(workspace.database, mark)


@lru_cache(maxsize=4)
def _facets_at(database: Database, _mark: tuple[int | None, ...]) -> tuple[Facet, ...]:
    """The facets, counted anew when the mark has moved."""
    with database.read() as tx:
        return image_facets.facets(tx, stored_ontologies.current(tx).names)


def image_detail(workspace: Workspace, digest: str) -> ImageDetail:
    """The image whose digest is ``digest`` or begins with it.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    with workspace.database.read() as tx:
        image = stored_images.by_digest(tx, digest)
        arrivals = stored_images.arrivals(tx, image.digest)
        said = stored_annotations.current(tx, [image.digest]).get(image.digest, ())
        names = stored_ontologies.current(tx).names
        held = purposes_of(tx, part_key(image))
    origin = image.origin
    known = {key: origin.value(key) or "" for key in origin.known()}
    labels = tuple(_line(annotation, names) for annotation in said)
    return ImageDetail(image, part_key(image), known, arrivals, labels, held)


def label_mark(workspace: Workspace, digest: Digest) -> str:
    """A short text that changes whenever what is accepted on the image changes."""
    with workspace.database.read() as tx:
        said = stored_annotations.current(tx, [digest]).get(digest, ())
        version = stored_ontologies.current(tx).version
    revisions = ",".join(f"{annotation.id}/{annotation.revision}" for annotation in said)
    return digest_of(f"{version}\n{revisions}".encode())[:16]


def draw_image_labels(workspace: Workspace, digest: Digest) -> str:
    """The contours of everything accepted on an image, as an SVG to be laid over it.

    Raises:
        NotFound: there is no such image, or the file of a mask is gone.
    """
    with workspace.database.read() as tx:
        image = stored_images.by_digest(tx, digest)
        said = _accepted(stored_annotations.current(tx, [image.digest]).get(image.digest, ()))
        names = stored_ontologies.current(tx).names
    marks = [_mark(workspace, annotation, names) for annotation in said if annotation.concept]
    return draw_labels(image.shape.height, image.shape.width, marks, palette_from(colours(Theme.LIGHT)))


def _accepted(said: Sequence[Annotation]) -> list[Annotation]:
    return [annotation for annotation in said if annotation.state is AnnotationState.ACCEPTED]


def _tile(image: Image, accepted: Sequence[Annotation]) -> Tile:
    return Tile(
        digest=image.digest,
        name=image.name,
        height=image.shape.height,
        width=image.shape.width,
        labels=tuple(sorted({annotation.concept for annotation in accepted if annotation.concept})),
        looked_at=bool(accepted),
        outlined=any(not isinstance(annotation.geometry, WholeImage) for annotation in accepted),
    )


def _line(annotation: Annotation, names: Sequence[str]) -> LabelLine:
    place, area = _place(annotation)
    hue = _hue(annotation.concept or CLEAN, names)
    return LabelLine(
        annotation.concept, place, area, hue, annotation.state, annotation.author, annotation.at
    )


def _place(annotation: Annotation) -> tuple[str, float | None]:
    match annotation.geometry:
        case Box() as box:
            return "box", box.width * box.height
        case Polygon() as polygon:
            points = np.asarray(polygon.points)
            x, y = points[:, 0], points[:, 1]
            return "polygon", float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
        case Mask() as mask:
            return "mask", mask.area
        case _:
            return "image", None


def _hue(concept: str, names: Sequence[str]) -> int:
    return list(names).index(concept) if concept in names else 0


def _mark(workspace: Workspace, annotation: Annotation, names: Sequence[str]) -> Mark:
    concept = annotation.concept or CLEAN
    place = _hue(concept, names)
    match annotation.geometry:
        case Box() as box:
            return Mark(concept, place, 1.0, (outline_of_box(box),))
        case Polygon() as polygon:
            return Mark(concept, place, 1.0, (np.round(np.asarray(polygon.points)).astype(np.int32),))
        case Mask() as mask:
            return Mark(concept, place, 1.0, outlines_of(read_mask(workspace.blobs.get(mask.blob))))
        case _:
            return Mark(concept, place, 1.0)
