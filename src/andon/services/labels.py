"""Labels that a person gives to whole images, many at once, and takes back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.errors import InvalidInput, LimitExceeded, NotFound
from andon.services.workspaces import Workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.units import Timestamp

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
