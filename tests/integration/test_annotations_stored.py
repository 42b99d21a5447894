"""What is said of images, on both databases: revisions of annotations, and the labels in force."""

import random
from dataclasses import replace

import pytest
from simulators.stored_rows import ME, T0, T1, image
from sqlalchemy import Connection, text

from andon.domain.annotations import Annotation, AnnotationState, Box, Geometry, Mask, Polygon, WholeImage
from andon.domain.images import Image, ImageFilter
from andon.domain.ontologies import Concept, ConceptKind, Ontology
from andon.domain.splitting import CLEAN
from andon.errors import Conflict, NotFound
from andon.store import annotations, images, ontologies


def annotation(of: Image, concept: str | None, **changes: object) -> Annotation:
    made = Annotation(
        f"{of.name}:{concept}", 1, of.digest, concept, WholeImage(), AnnotationState.ACCEPTED, ME, T0
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_labels_follow_the_revision_in_force(tx: Connection) -> None:
    dented, clean, inked, unseen = made = [image(n) for n in range(4)]
    images.add(tx, made, "s", ME, T0)
    concepts = [Concept("dent"), Concept("ink", ConceptKind.CONDITION)]
    ontologies.add_version(tx, Ontology(1, tuple(concepts)), ME, T0)
    first = annotation(dented, "dent", geometry=Box(1, 2, 3.5, 4))
    added = [first, annotation(clean, None), annotation(inked, None), annotation(inked, "ink")]
    assert annotations.add(tx, added) == 4
    assert annotations.add(tx, added) == 0, "importing again changes nothing"
    assert annotations.labels(tx, [m.digest for m in made]) == {
        dented.digest: {"dent"}, clean.digest: {CLEAN}, inked.digest: {CLEAN, "ink"},
    }  # fmt: skip
    found = {
        flag: [row.digest for row in images.page(tx, ImageFilter(clean=flag), None, 9).rows]
        for flag in (True, False)
    }
    assert found == {True: [clean.digest, inked.digest], False: [dented.digest]}
    assert images.count(tx, ImageFilter(concept="ink")) == 1
    second = replace(first, revision=2, state=AnnotationState.REJECTED, at=T1)
    annotations.add(tx, [second])
    assert annotations.current(tx, [dented.digest, unseen.digest]) == {dented.digest: (second,)}
    assert annotations.history(tx, first.id) == (first, second)
    assert annotations.labels(tx, [dented.digest]) == {}


def test_annotations_that_contradict_what_is_there_are_refused(tx: Connection) -> None:
    one, other = image(1), image(2)
    images.add(tx, [one, other], "s", ME, T0)
    annotations.add(tx, [annotation(one, "dent")])
    with pytest.raises(Conflict, match="another revision 1"):
        annotations.add(tx, [annotation(one, "dent", geometry=Box(0, 0, 1, 1))])
    with pytest.raises(Conflict, match="3 cannot follow"):
        annotations.add(tx, [annotation(one, "dent", revision=3)])
    with pytest.raises(Conflict, match="another image"):
        annotations.add(tx, [annotation(one, "dent", revision=2, image=other.digest)])
    with pytest.raises(NotFound, match="to annotate"):
        annotations.add(tx, [annotation(image(3), "dent")])


def test_rebuilt_labels_equal_those_kept_up_to_date(tx: Connection) -> None:
    dice = random.Random(7)
    made = [image(n) for n in range(30)]
    images.add(tx, made, "s", ME, T0)
    shapes: list[Geometry] = [WholeImage(), Box(0, 0, 1, 1), Polygon(((0, 0), (1, 0), (1, 1))), Mask(T0, 3)]  # type: ignore[arg-type]
    for step in range(300):
        of, concept = dice.choice(made), dice.choice([None, "dent", "ink", "scratch"])
        before = {a.id: a.revision for a in annotations.current(tx, [of.digest]).get(of.digest, ())}
        new = annotation(of, concept, geometry=shapes[step % 4], state=dice.choice(list(AnnotationState)))
        annotations.add(tx, [replace(new, revision=before.get(new.id, 0) + 1)])
    kept = annotations.labels(tx, [m.digest for m in made])
    assert len(kept) > 20
    tx.execute(text("INSERT INTO image_labels SELECT id, 'stray' FROM images"))
    annotations.rebuild_labels(tx)
    assert annotations.labels(tx, [m.digest for m in made]) == kept
