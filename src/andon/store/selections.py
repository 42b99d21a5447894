"""Selections, their pictures in order, and who labelled them; the pictures they choose from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, select

from andon.domain.annotations import Label
from andon.domain.images import Image
from andon.domain.inspections import Inspection, Verdict
from andon.domain.selections import (
    Labelling,
    LabelOutcome,
    Pick,
    PickReason,
    Selection,
    SelectionSettings,
)
from andon.domain.serial import from_json
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store.paging import Cut, Page, newest_first
from andon.store.rows import as_text, by_prefix, from_text, matching
from andon.store.tables import (
    image_labels,
    image_sources,
    images,
    inspections,
    labellings,
    picks,
    selections,
    shadows,
)

STATIONS = "station/"
"""How the source of pictures from lines begins."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a selection is: pictures in it, those that carry an accepted label now."""

    pictures: int
    labelled: int

    @property
    def waiting(self) -> int:
        """Pictures without one."""
        return self.pictures - self.labelled


def add(tx: Connection, selection: Selection) -> None:
    """Record a selection.

    Raises:
        NotFound: an image is not stored.
    """
    row = {
        "selection": selection.id,
        "package": selection.package,
        "settings": as_text(selection.settings),
        "seconds": selection.seconds,
        "looked_at": selection.looked_at,
        "author": selection.author,
        "at": selection.at,
    }
    (number,) = tx.execute(selections.insert().returning(selections.c.id), [row]).scalars()
    ids = stored_images.ids(tx, [pick.image for pick in selection.picks])
    rows = [_pick_row(pick, number, ids[pick.image]) for pick in selection.picks]
    if rows:
        tx.execute(picks.insert(), rows)


def get(tx: Connection, start: str) -> Selection:
    """The selection whose id is ``start`` or begins with it, with its pictures.

    Raises:
        NotFound: there is none. Conflict: there are several.
    """
    row = by_prefix(tx, select(selections), selections.c.selection, start, "selection")
    statement = select(picks, images.c.digest).join(images).where(picks.c.selection_id == row.id)
    found = tx.execute(statement.order_by(picks.c.position))
    return _selection(row, tuple(_pick(one) for one in found))


def with_pictures(tx: Connection, without: Sequence[Selection]) -> tuple[Selection, ...]:
    """The same selections with their pictures."""
    found: dict[str, list[Pick]] = defaultdict(list)
    joined = picks.join(selections).join(images, images.c.id == picks.c.image_id)
    statement = select(picks, images.c.digest, selections.c.selection).select_from(joined)
    rows = matching(tx, statement, selections.c.selection, [one.id for one in without])
    for row in sorted(rows, key=lambda row: int(row.position)):
        found[row.selection].append(_pick(row))
    return tuple(replace(one, picks=tuple(found[one.id])) for one in without)


def page(tx: Connection, after: int | None, limit: int) -> Page[Selection]:
    """Selections, newest first, without their pictures."""
    return newest_first(tx, select(selections), selections, Cut(after, limit), _selection)


def progress(tx: Connection, ids: Sequence[str]) -> dict[str, Progress]:
    """How far each of the selections ``ids`` is."""
    said = exists().where(image_labels.c.image_id == picks.c.image_id)
    joined = picks.join(selections)
    number = func.count().label("number")
    of_all = select(selections.c.selection, number).select_from(joined).group_by(selections.c.selection)
    pictures = {row.selection: row.number for row in matching(tx, of_all, selections.c.selection, ids)}
    of_said = matching(tx, of_all.where(said), selections.c.selection, ids)
    labelled = {row.selection: row.number for row in of_said}
    return {one: Progress(pictures.get(one, 0), labelled.get(one, 0)) for one in ids}


def add_labelling(tx: Connection, labelling: Labelling) -> None:
    """Record that somebody labelled a picture of a selection.

    Raises:
        NotFound: there is no such selection or image.
    """
    row = by_prefix(tx, select(selections), selections.c.selection, labelling.selection, "selection")
    image = stored_images.by_digest(tx, labelling.image)
    names = ("outcome", "seconds", "author", "at")
    values = {name: getattr(labelling, name) for name in names}
    ids = {"selection_id": row.id, "image_id": stored_images.ids(tx, [image.digest])[image.digest]}
    tx.execute(labellings.insert(), values | ids)


def labellings_of(tx: Connection, ids: Sequence[str]) -> tuple[Labelling, ...]:
    """All labellings of the selections ``ids``, in order of arrival."""
    found = sorted(matching(tx, _labellings(), selections.c.selection, ids), key=lambda row: int(row.id))
    return tuple(_labelling(row) for row in found)


def latest_seconds(tx: Connection, limit: int) -> tuple[float, ...]:
    """How long the last ``limit`` pictures took that were labelled and timed, newest first."""
    timed = labellings.c.outcome != LabelOutcome.SKIPPED, labellings.c.seconds > 0
    statement = select(labellings.c.seconds).where(*timed)
    return tuple(tx.execute(statement.order_by(labellings.c.id.desc()).limit(limit)).scalars())


def unlabelled(tx: Connection, prefix: str, limit: int) -> tuple[tuple[Image, bool], ...]:
    """Images without an accepted label, with whether they are from a line; those first, each newest first.

    Args:
        tx: an open transaction.
        prefix: of their source; empty: all.
        limit: at most so many.
    """
    bare = ~exists().where(image_labels.c.image_id == images.c.id)
    near = _from(STATIONS)
    found: list[tuple[Image, bool]] = []
    for from_line in (True, False):
        chosen = select(images).where(bare, near if from_line else ~near)
        if prefix:
            chosen = chosen.where(_from(prefix))
        rows = tx.execute(chosen.order_by(images.c.id.desc()).limit(limit - len(found)))
        found += [(stored_images.image_of(row), from_line) for row in rows]
    return tuple(found)


def labelled(tx: Connection, limit: int) -> tuple[Image, ...]:
    """The newest images with an accepted label."""
    said = exists().where(image_labels.c.image_id == images.c.id)
    rows = tx.execute(select(images).where(said).order_by(images.c.id.desc()).limit(limit))
    return tuple(stored_images.image_of(row) for row in rows)


def inspected(tx: Connection, parts: Sequence[str]) -> dict[str, tuple[Inspection, ...]]:
    """The inspections of parts by their key, in order of arrival."""
    statement = select(inspections.c.inspection)
    ids = [row.inspection for row in matching(tx, statement, inspections.c.part, parts)]
    found: dict[str, list[Inspection]] = defaultdict(list)
    for inspection in stored_inspections.by_ids(tx, ids):
        found[inspection.part].append(inspection)
    return {part: tuple(these) for part, these in found.items()}


def shadowed(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[Verdict, ...]]:
    """What recipes that judged beside said of inspections: inspection -> verdicts."""
    statement = select(inspections.c.inspection, shadows.c.verdict).join(
        shadows, shadows.c.inspection_id == inspections.c.id
    )
    found: dict[str, list[Verdict]] = defaultdict(list)
    for row in matching(tx, statement, inspections.c.inspection, ids):
        found[row.inspection].append(Verdict(row.verdict))
    return {identity: tuple(these) for identity, these in found.items()}


def _from(prefix: str) -> ColumnElement[bool]:
    source = image_sources.c.source
    return exists().where(
        image_sources.c.image_id == images.c.id, source >= prefix, source < prefix + "\U0010ffff"
    )


def _labellings() -> Select[Any]:
    joined = labellings.join(selections, selections.c.id == labellings.c.selection_id)
    joined = joined.join(images, images.c.id == labellings.c.image_id)
    return select(labellings, selections.c.selection, images.c.digest).select_from(joined)


def _pick_row(pick: Pick, selection_id: int, image_id: int) -> Mapping[str, object]:
    return {
        "selection_id": selection_id,
        "position": pick.position,
        "image_id": image_id,
        "reason": pick.reason,
        "score": pick.score,
        "parts": as_text(pick.parts),
        "proposal": as_text(pick.proposal, tuple[Label, ...]),
    }


def _pick(row: Row[Any]) -> Pick:
    return Pick(
        position=row.position,
        image=row.digest,
        reason=PickReason(row.reason),
        score=row.score,
        parts=from_text(row.parts),
        proposal=from_json(tuple[Label, ...], from_text(row.proposal)),
    )


def _selection(row: Row[Any], chosen: tuple[Pick, ...] = ()) -> Selection:
    settings = from_json(SelectionSettings, from_text(row.settings))
    facts = (row.package, row.seconds, row.looked_at)
    return Selection(row.selection, settings, *facts, chosen, row.author, row.at)


def _labelling(row: Row[Any]) -> Labelling:
    outcome = LabelOutcome(row.outcome)
    return Labelling(row.selection, row.digest, outcome, row.seconds, row.author, row.at)
