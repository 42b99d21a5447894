"""Labels: what people say of pictures, one picture in full or many at once as a whole, and take back.

A drawing that came from a proposal or an earlier label is its next revision; what a person left out is
rejected; nothing is overwritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from sqlalchemy import Connection

from andon.domain.annotations import (
    Annotation,
    AnnotationState,
    Box,
    Geometry,
    Mask,
    Polygon,
    WholeImage,
)
from andon.domain.images import Image, Shape
from andon.domain.ontologies import Concept
from andon.domain.selections import Labelling, LabelOutcome
from andon.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from andon.services.workspaces import Workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.store import selections as stored_selections
from andon.units import Digest, Timestamp, digest_of

MOST = 500
"""Images that are labelled at once."""


@dataclass(frozen=True, slots=True)
class Said:
    """What labelling came to.

    Attributes:
        at: when; names what was said, so that it can be taken back.
        concept: None for clean. labelled: images that have the label now.
        kept: images that somebody had labelled before; they keep what they have.
    """

    at: Timestamp
    concept: str | None
    labelled: int
    kept: int = 0


def label_images(workspace: Workspace, images: Sequence[str], concept: str | None) -> Said:
    """Say of images that nobody has labelled that they show ``concept`` somewhere, or are clean (None).

    Raises:
        InvalidInput: no image is chosen. LimitExceeded: too many are.
        NotFound, Conflict: an image or the concept is not known.
    """
    if not images:
        raise InvalidInput("no image is chosen", "Tick some pictures, then say what they show.")
    if len(images) > MOST:
        raise LimitExceeded(f"{len(images)} images at once are more than {MOST}", "Choose fewer.")
    at = now()
    with workspace.database.write() as tx:
        if concept is not None and concept not in stored_ontologies.current(tx).names:
            raise NotFound(f"there is no concept {concept!r}", "Choose one that is in the list.")
        digests = list(dict.fromkeys(stored_images.by_digest(tx, image).digest for image in images))
        labelled = stored_annotations.labels(tx, digests)
        bare = [digest for digest in digests if digest not in labelled]
        state, who = AnnotationState.ACCEPTED, workspace.who
        new = [Annotation(new_id(), 1, image, concept, WholeImage(), state, who, at) for image in bare]
        stored_annotations.add(tx, new)
    return Said(at, concept, len(bare), len(digests) - len(bare))


def said_at(workspace: Workspace, at: Timestamp) -> Said | None:
    """What the local user said of images at that moment and did not take back, if anything."""
    with workspace.database.read() as tx:
        found = stored_annotations.made_at(tx, workspace.who, at)
    return Said(at, found[0].concept, len(found)) if found else None


def take_back(workspace: Workspace, at: Timestamp) -> int:
    """Take back what the local user said of images at that moment; gives of how many.

    Raises:
        NotFound: nothing was said then, or all of it was taken back or edited meanwhile.
    """
    with workspace.database.write() as tx:
        found = stored_annotations.made_at(tx, workspace.who, at)
        if not found:
            raise NotFound("there is nothing to take back", "It was taken back already, or edited.")
        by = {"author": workspace.who, "at": now(), "state": AnnotationState.REJECTED}
        stored_annotations.add(tx, [replace(a, revision=2, **by) for a in found])  # type: ignore[arg-type]
    return len(found)


MOST_LABELS = 200
"""Of one image."""

MOST_POINTS = 2_000
"""Of one polygon."""

LONGEST = 3600.0
"""Seconds for a picture; a person who takes longer has gone for lunch, and it counts as so much."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A label as a person leaves it.

    Attributes:
        source: id of the annotation it was made from, None for a new one. A mask keeps its place: it is
            said by naming its source, and ``geometry`` is then the whole image.
    """

    concept: str
    geometry: WholeImage | Box | Polygon = WholeImage()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class LabelWork:
    """What a person made of one picture.

    Attributes:
        labels: all of them; none: clean.
        mark: ``LabelSheet.mark`` of what the person saw; empty: whatever is there.
        selection: whose picture it was, if any. seconds: that it took; 0: nobody measured it.
        skipped: it stays as it is; labels are not looked at.
    """

    image: str
    labels: tuple[Drawn, ...] = ()
    mark: str = ""
    selection: str | None = None
    seconds: float = 0.0
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """A picture as it lies before a person.

    Attributes:
        said: accepted annotations; where there are none, what a model proposes (``proposed``).
        clean: it was accepted clean.
        mark: changes whenever what is accepted changes.
    """

    image: Image
    said: tuple[Annotation, ...]
    proposed: bool
    clean: bool
    concepts: tuple[Concept, ...]
    mark: str

    @property
    def shown(self) -> str:
        """Changes whenever ``said`` does, proposals too: what is accepted unseen otherwise."""
        return _digest_of(self.said)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of it: rows that were added, and what the person did with the picture."""

    image: Digest
    outcome: LabelOutcome
    revisions: int
    at: Timestamp


def label_sheet(workspace: Workspace, image: str) -> LabelSheet:
    """The picture whose digest is ``image`` or begins with it, with what is said or proposed.

    Of several proposals those of the latest model that made any are shown.

    Raises:
        NotFound, Conflict: there is none, or several.
    """
    with workspace.database.read() as tx:
        found = stored_images.by_digest(tx, image)
        in_force = stored_annotations.current(tx, [found.digest]).get(found.digest, ())
        concepts = stored_ontologies.current(tx).concepts
    accepted = [one for one in in_force if one.state is AnnotationState.ACCEPTED]
    shown = accepted or _latest_proposals(in_force)
    return LabelSheet(
        image=found,
        said=tuple(one for one in shown if one.concept is not None),
        proposed=not accepted,
        clean=any(one.concept is None for one in accepted),
        concepts=concepts,
        mark=_mark(in_force),
    )


def save_labels(workspace: Workspace, work: LabelWork) -> Saved:
    """Write down what a person made of a picture: revisions, new annotations, and that it was labelled.

    Raises:
        NotFound: no such image, concept, selection or source. LimitExceeded: too many labels or points.
        InvalidInput: a label lies outside of the image or has no area, or the time is no number.
        Conflict: somebody else said something of the picture meanwhile; nothing is written.
    """
    if not isfinite(work.seconds) or work.seconds < 0:
        raise InvalidInput(f"{work.seconds} seconds for a picture are not possible")
    at = now()
    with workspace.database.write() as tx:
        image = stored_images.by_digest(tx, work.image)
        in_force = stored_annotations.current(tx, [image.digest]).get(image.digest, ())
        if work.skipped:
            outcome, revisions = LabelOutcome.SKIPPED, []
        else:
            _check(tx, work, image, in_force)
            revisions = _revisions(work, image, in_force, (workspace.who, at))
            outcome = _outcome(work, in_force)
        stored_annotations.add(tx, revisions)
        if work.selection is not None:
            seconds = min(work.seconds, LONGEST)
            done = Labelling(work.selection, image.digest, outcome, seconds, workspace.who, at)
            stored_selections.add_labelling(tx, done)
    return Saved(image.digest, outcome, len(revisions), at)


def _latest_proposals(in_force: Sequence[Annotation]) -> list[Annotation]:
    proposed = [one for one in in_force if one.state is AnnotationState.PROPOSED]
    latest = max(proposed, key=lambda one: one.at, default=None)
    return [one for one in proposed if latest is not None and one.author == latest.author]


def _mark(in_force: Sequence[Annotation]) -> str:
    """Of what is accepted: another model's proposal takes nobody's work away."""
    return _digest_of([one for one in in_force if one.state is AnnotationState.ACCEPTED])


def _digest_of(these: Sequence[Annotation]) -> str:
    return digest_of(",".join(f"{one.id}/{one.revision}" for one in these).encode())[:16]


def _check(tx: Connection, work: LabelWork, image: Image, in_force: Sequence[Annotation]) -> None:
    if work.mark and work.mark != _mark(in_force):
        raise Conflict(
            "somebody else has labelled this picture meanwhile",
            "Load it again, look at what they said, then label it.",
        )
    if len(work.labels) > MOST_LABELS:
        raise LimitExceeded(f"{len(work.labels)} labels are more than {MOST_LABELS} on one picture")
    known = stored_ontologies.current(tx).names
    sources = {one.id: one for one in in_force}
    used = [label.source for label in work.labels if label.source is not None]
    if len(set(used)) < len(used):
        raise InvalidInput("two labels say they come from the same one", "Leave the source out of one.")
    for label in work.labels:
        if label.concept not in known:
            raise NotFound(f"there is no concept {label.concept!r}", "Choose one that is in the list.")
        if label.source is not None and label.source not in sources:
            raise NotFound(f"there is no annotation {label.source!r} on this picture")
        _check_place(label.geometry, image.shape)


def _check_place(geometry: Geometry, shape: Shape) -> None:
    corners: tuple[tuple[float, float], ...]
    match geometry:
        case Box():
            corners = (
                (geometry.x, geometry.y),
                (geometry.x + geometry.width, geometry.y + geometry.height),
            )
        case Polygon():
            corners = geometry.points
            if len(corners) > MOST_POINTS:
                raise LimitExceeded(
                    f"a polygon of {len(corners)} points is too long, {MOST_POINTS} will do"
                )
            if not all(isfinite(value) for point in corners for value in point):
                raise InvalidInput("a polygon holds a value that is not a finite number")
            if _area(corners) <= 0:
                raise InvalidInput("a polygon has no area", "Set its corners around the defect.")
        case _:
            return
    inside = all(0 <= x <= shape.width and 0 <= y <= shape.height for x, y in corners)
    if not inside:
        kind = type(geometry).__name__.lower()
        raise InvalidInput(f"a {kind} reaches out of the picture's {shape.width} x {shape.height} pixels")


def _area(points: Sequence[tuple[float, float]]) -> float:
    """By the shoelace formula; twice-crossed outlines may cancel themselves."""
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _revisions(
    work: LabelWork, image: Image, in_force: Sequence[Annotation], by: tuple[str, Timestamp]
) -> list[Annotation]:
    """What is added: first the labels, then what they leave out, then that it is clean."""
    before = {one.id: one for one in in_force}
    made = [_said(label, image.digest, before, by) for label in work.labels]
    kept = {label.source for label in work.labels}
    live = [one for one in in_force if one.state is not AnnotationState.REJECTED and one.id not in kept]
    stays = [one for one in live if not work.labels and _is_clean(one)]
    author, at = by
    gone = [
        replace(one, revision=one.revision + 1, state=AnnotationState.REJECTED, author=author, at=at)
        for one in live
        if one not in stays
    ]
    clean = [_new(image.digest, None, WholeImage(), by)] if not work.labels and not stays else []
    return [*(one for one in made if one is not None), *gone, *clean]


def _is_clean(one: Annotation) -> bool:
    return one.concept is None and one.state is AnnotationState.ACCEPTED


def _said(
    label: Drawn, image: Digest, before: Mapping[str, Annotation], by: tuple[str, Timestamp]
) -> Annotation | None:
    """The revision that ``label`` is; None where it was said before."""
    if label.source is None:
        return _new(image, label.concept, label.geometry, by)
    earlier = before[label.source]
    geometry = _place(label, earlier)
    if earlier.state is AnnotationState.ACCEPTED and _same(label, earlier):
        return None
    facts = {"concept": label.concept, "geometry": geometry, "state": AnnotationState.ACCEPTED}
    author, at = by
    return replace(earlier, revision=earlier.revision + 1, author=author, at=at, **facts)  # type: ignore[arg-type]


def _place(label: Drawn, earlier: Annotation) -> Geometry:
    keeps = isinstance(earlier.geometry, Mask) and isinstance(label.geometry, WholeImage)
    return earlier.geometry if keeps else label.geometry


def _same(label: Drawn, earlier: Annotation) -> bool:
    return label.concept == earlier.concept and _place(label, earlier) == earlier.geometry


def _new(image: Digest, concept: str | None, geometry: Geometry, by: tuple[str, Timestamp]) -> Annotation:
    return Annotation(new_id(), 1, image, concept, geometry, AnnotationState.ACCEPTED, *by)


def _outcome(work: LabelWork, in_force: Sequence[Annotation]) -> LabelOutcome:
    """ACCEPTED where the labels are just those that were shown."""
    if not work.labels:
        return LabelOutcome.CLEAN
    accepted = [one for one in in_force if one.state is AnnotationState.ACCEPTED and one.concept]
    shown = {one.id: one for one in accepted or _latest_proposals(in_force)}
    same = all(one.source in shown and _same(one, shown[one.source]) for one in work.labels if one.source)
    untouched = same and {label.source for label in work.labels} == set(shown)
    return LabelOutcome.ACCEPTED if untouched else LabelOutcome.FIXED
