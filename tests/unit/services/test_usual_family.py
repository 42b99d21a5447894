"""What is trained where nobody names a family."""

import pytest

from andon.domain.annotations import Box, Geometry, Label, Polygon, WholeImage
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.images import Shape
from andon.domain.ontologies import Concept, ConceptKind
from andon.domain.runs import Family
from andon.services.runs import usual_family

OUTLINE = Polygon(((1.0, 1.0), (5.0, 1.0), (5.0, 5.0)))
BOX = Box(1.0, 1.0, 4.0, 4.0)


@pytest.mark.parametrize(
    ("shown", "family"),
    [
        ([], Family.PATCHES),
        ([WholeImage(), WholeImage()], Family.CLASSIFY),
        ([WholeImage(), BOX], Family.CLASSIFY),
        ([WholeImage(), OUTLINE], Family.SEGMENT),
        ([OUTLINE, OUTLINE], Family.SEGMENT),
    ],
)
def test_the_labels_of_the_training_group_choose_the_family(shown: list[Geometry], family: Family) -> None:
    chosen, why = usual_family(snapshot([*shown, None, None, None]))
    assert chosen is family
    assert why.startswith(f"Family {family}: ")


def test_defects_that_stand_in_other_groups_alone_cannot_be_learned() -> None:
    elsewhere = snapshot([None, None], tested=[OUTLINE, OUTLINE])
    assert usual_family(elsewhere)[0] is Family.PATCHES


def test_a_pen_mark_is_no_defect_to_learn() -> None:
    assert usual_family(snapshot([OUTLINE, None], concept="pen mark"))[0] is Family.PATCHES


def test_it_says_how_many_say_where() -> None:
    assert "of 3 training images with a defect 1 " in usual_family(snapshot([OUTLINE, BOX, BOX]))[1]


def snapshot(
    learned: list[Geometry | None], tested: list[Geometry | None] | None = None, concept: str = "dent"
) -> Snapshot:
    """Images with one label each, None: clean."""
    concepts = (Concept("dent"), Concept("pen mark", kind=ConceptKind.CONDITION))
    dealt = [(Split.TRAIN, geometry) for geometry in learned]
    dealt += [(Split.TEST, geometry) for geometry in tested or []]
    return Snapshot(
        "0" * 64,
        "parts",
        concepts,
        tuple(
            SnapshotItem(
                image=f"{number:064x}",
                blob=f"{number:064x}",
                name=f"{number}.png",
                shape=Shape(8, 8, 1, 8),
                part=f"serial={number}",
                group=f"serial={number}",
                split=split,
                labels=() if geometry is None else (Label(concept, geometry),),
            )
            for number, (split, geometry) in enumerate(dealt)
        ),
    )
