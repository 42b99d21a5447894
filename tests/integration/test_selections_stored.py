"""Selections, their pictures and labellings as rows, on SQLite and PostgreSQL."""

import pytest
from simulators.records import T0, T1, package
from sqlalchemy import Connection

from andon.domain.annotations import Annotation, AnnotationState, Box, Label, WholeImage
from andon.domain.images import Image, Shape
from andon.domain.ontologies import Concept, Ontology
from andon.domain.selections import (
    Labelling,
    LabelOutcome,
    Pick,
    PickReason,
    Selection,
    SelectionSettings,
)
from andon.errors import NotFound
from andon.store import annotations, images, models, ontologies, selections
from andon.units import digest_of


def picture(number: int) -> Image:
    return Image(
        digest_of(b"i%d" % number), digest_of(b"b%d" % number), f"{number}.png", 9, Shape(8, 8, 1, 8)
    )


@pytest.fixture
def stored(tx: Connection) -> Selection:
    """Three pictures of a folder, one of a line; the first two are picked."""
    ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
    models.add(tx, package(), "mara", T0)
    images.add(tx, [picture(n) for n in range(3)], "folder", "mara", T0)
    images.add(tx, [picture(3)], "station/st-1", "station/st-1", T0)
    proposal = (Label("dent", Box(1, 2, 3, 4)), Label("dent"))
    picks = (
        Pick(0, picture(0).digest, PickReason.UNCERTAIN, 0.5, {"uncertain": 0.7}, proposal),
        Pick(1, picture(1).digest, PickReason.CONTROL, 0.05),
    )
    made = Selection("0a" * 16, SelectionSettings(minutes=2), package().digest, 20.0, 4, picks, "mara", T0)
    selections.add(tx, made)
    return made


def label(tx: Connection, number: int) -> None:
    said = Annotation(
        f"a{number}", 1, picture(number).digest, None, WholeImage(), AnnotationState.ACCEPTED, "mara", T1
    )
    annotations.add(tx, [said])


def test_a_selection_is_read_as_it_was_written(tx: Connection, stored: Selection) -> None:
    assert selections.get(tx, stored.id[:8]) == stored
    (bare,) = selections.page(tx, None, 5).rows
    assert bare.picks == ()
    assert selections.with_pictures(tx, [bare]) == (stored,)
    with pytest.raises(NotFound):
        selections.get(tx, "ff")


def test_what_is_labelled_is_counted(tx: Connection, stored: Selection) -> None:
    assert selections.progress(tx, [stored.id])[stored.id].waiting == 2
    label(tx, 1)
    label(tx, 2)
    far = selections.progress(tx, [stored.id])[stored.id]
    assert (far.pictures, far.labelled) == (2, 1)


def test_pictures_without_a_label_come_from_lines_first(tx: Connection, stored: Selection) -> None:
    label(tx, 1)
    found = selections.unlabelled(tx, "", 10)
    assert [(image.name, near) for image, near in found] == [
        ("3.png", True), ("2.png", False), ("0.png", False),
    ]  # fmt: skip
    assert [image.name for image, _ in selections.unlabelled(tx, "", 2)] == ["3.png", "2.png"]
    assert [image.name for image, _ in selections.unlabelled(tx, "fold", 9)] == ["2.png", "0.png"]
    assert [image.name for image in selections.labelled(tx, 9)] == ["1.png"]


def test_labellings_are_kept_in_order(tx: Connection, stored: Selection) -> None:
    outcomes = (LabelOutcome.SKIPPED, LabelOutcome.FIXED, LabelOutcome.CLEAN)
    given = [
        Labelling(stored.id, picture(place % 2).digest, outcome, 3.0 + place, "olga", T1)
        for place, outcome in enumerate(outcomes)
    ]
    for one in given:
        selections.add_labelling(tx, one)
    assert list(selections.labellings_of(tx, [stored.id])) == given
    assert selections.latest_seconds(tx, 5) == (5.0, 4.0)
