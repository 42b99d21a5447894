"""What is really on a snapshot's images: defect labels and masks, read from blobs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import Mask, Polygon
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.models import ANOMALY
from andon.domain.ontologies import Concept, ConceptKind
from andon.domain.runs import Family, TrainSettings
from andon.errors import InvalidInput, NotPossible
from andon.formats.pixels import Pixels, decode, decode_mask, rasterise


def defect_names(snapshot: Snapshot) -> frozenset[str]:
    """Concepts of the snapshot that are defects; attributes and conditions reject no part."""
    return frozenset(concept.name for concept in snapshot.concepts if concept.kind is ConceptKind.DEFECT)


def seen_by(family: Family | None, snapshot: Snapshot) -> Snapshot:
    """The snapshot as a model of ``family`` (None: trained elsewhere) is measured on it.

    A family that learns from clean images alone has one output: to it every defect is ``ANOMALY``.
    """
    if family is not Family.PATCHES:
        return snapshot
    defects = defect_names(snapshot)
    others = tuple(c for c in snapshot.concepts if c.name not in defects and c.name != ANOMALY)
    known = {concept.name for concept in others}
    items = tuple(
        replace(
            item,
            labels=tuple(
                replace(label, concept=ANOMALY) if label.concept in defects else label
                for label in item.labels
                if label.concept in defects | known
            ),
        )
        for item in snapshot.items
    )
    return replace(snapshot, concepts=(*others, Concept(ANOMALY)), items=items)


def refuse_unlearnable(snapshot: Snapshot, settings: TrainSettings) -> None:
    """Refuse a training before it begins.

    Raises:
        NotPossible: the training group shows no defect, for a family that learns from them; or a family
            that fits no weights is asked to begin at a model.
    """
    if settings.family is Family.PATCHES:
        if settings.start is not None:
            raise NotPossible(
                "a patch memory is made in one pass and begins at no other model",
                "Leave out --start, or choose another family.",
            )
    elif not learnable_concepts(snapshot):
        raise NotPossible(
            f"data set {snapshot.dataset!r} shows no defect in its training group",
            "Label some images with defects, then freeze again; or learn from clean images: "
            "--family patches.",
        )


def learnable_concepts(snapshot: Snapshot) -> tuple[str, ...]:
    """Defects that the training group shows, in ontology order: the outputs a model can have."""
    shown = {name for item in snapshot.of(Split.TRAIN) for name in item.concepts()}
    return tuple(c.name for c in snapshot.concepts if c.name in shown & defect_names(snapshot))


def read_pixels(blobs: FolderBlobs, item: SnapshotItem) -> Pixels:
    """The decoded image."""
    return decode(blobs.get(item.blob))


def is_located(item: SnapshotItem, concepts: Sequence[str]) -> bool:
    """Whether masks or polygons show every label of ``concepts``; a box or a bare label does not."""
    wanted = [label for label in item.labels if label.concept in concepts]
    return all(isinstance(label.geometry, Mask | Polygon) for label in wanted)


def read_mask(blobs: FolderBlobs, item: SnapshotItem, concept: str) -> NDArray[np.bool_]:
    """(H, W): the pixels of ``concept``, all its masks and polygons together.

    Raises:
        InvalidInput: a mask does not have the image's size.
    """
    size = (item.shape.height, item.shape.width)
    united = np.zeros(size, dtype=np.bool_)
    for label in item.labels:
        if label.concept != concept:
            continue
        if isinstance(label.geometry, Polygon):
            united |= rasterise(label.geometry, *size)
        elif isinstance(label.geometry, Mask):
            mask = decode_mask(blobs.get(label.geometry.blob)) > 0
            if mask.shape != size:
                raise InvalidInput(f"the mask of {item.name} does not have the image's size")
            united |= mask
    return united
