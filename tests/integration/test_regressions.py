"""What was judged wrongly on a line, in the next data set; parts that stay in their groups as it grows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.records import package, recipe, record, review

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.datasets import DatasetSpec, SplitRule
from andon.domain.feedback import Answer
from andon.domain.images import Image, Origin, Shape
from andon.domain.inspections import Verdict
from andon.domain.ontologies import Concept, Ontology
from andon.services.datasets import freeze_dataset
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import annotations, images, inspections, models, ontologies, recipes, reviews
from andon.units import Digest, digest_of


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", now())
        models.add(tx, package(), "mara", now())
        recipes.add_version(tx, recipe(package()))
    yield made
    made.database.close()


def labelled(workspace: Workspace, numbers: range) -> list[Digest]:
    """Pictures of parts; every other one shows a dent."""
    made = [
        Image(
            digest_of(b"%d" % n),
            digest_of(b"b%d" % n),
            f"{n}.png",
            9,
            Shape(8, 8, 1, 8),
            Origin(serial=f"{n}"),
        )
        for n in numbers
    ]
    said = [
        Annotation(
            new_id(), 1, image.digest, "dent" if n % 2 else None, WholeImage(), AnnotationState.ACCEPTED,
            "mara", now(),
        )
        for n, image in zip(numbers, made, strict=True)
    ]  # fmt: skip
    with workspace.database.write() as tx:
        images.add(tx, made, "parts", "mara", now())
        annotations.add(tx, said)
    return [image.digest for image in made]


def judged(workspace: Workspace, number: int, image: Digest, verdict: Verdict, answer: Answer) -> None:
    of = replace(record("ST-1", number, verdict), image=image)
    with workspace.database.write() as tx:
        inspections.add(tx, [of], "station/ST-1")
        reviews.add(tx, [review(of.id, answer, number)])


def test_contradicted_parts_are_marked_where_their_labels_agree(workspace: Workspace) -> None:
    clean, dented, confirmed, doubtful = labelled(workspace, range(4))[:4]
    labelled(workspace, range(4, 40))
    plain = freeze_dataset(workspace, DatasetSpec("parts")).snapshot
    judged(workspace, 1, clean, Verdict.REJECT, Answer.FALSE_ALARM)
    judged(workspace, 2, dented, Verdict.PASS, Answer.MISSED)
    judged(workspace, 3, confirmed, Verdict.PASS, Answer.CONFIRMED)
    judged(workspace, 4, doubtful, Verdict.REJECT, Answer.FALSE_ALARM)
    marked = freeze_dataset(workspace, DatasetSpec("parts")).snapshot
    assert {item.image for item in marked.items if item.regression} == {clean, dented}
    assert not any(item.regression for item in plain.items) and marked.digest != plain.digest


def test_a_data_set_that_grows_like_an_earlier_one_moves_no_part(workspace: Workspace) -> None:
    labelled(workspace, range(60))
    first = freeze_dataset(workspace, DatasetSpec("parts")).snapshot
    labelled(workspace, range(60, 100))
    before = {item.part: item.split for item in first.items}
    free = {i.part: i.split for i in freeze_dataset(workspace, DatasetSpec("parts")).snapshot.items}
    assert not before.items() <= free.items(), "dealt anew, some parts change their group"
    like = DatasetSpec("parts", rule=SplitRule(like=first.digest))
    kept = {item.part: item.split for item in freeze_dataset(workspace, like).snapshot.items}
    assert before.items() <= kept.items() and len(kept) == 100
