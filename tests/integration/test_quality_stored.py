"""What estimates are made from, read alike from every database."""

from dataclasses import replace

from simulators.records import T0, capture, identity, package, recipe, record, review, without_model
from sqlalchemy import Connection

from andon.domain.feedback import Answer, Queue
from andon.domain.images import Image, Shape
from andon.domain.inspections import Verdict
from andon.domain.ontologies import Concept, ConceptKind, Ontology
from andon.domain.quality import Inspected
from andon.store import images, inspections, models, ontologies, quality, recipes, reviews, tallies
from andon.store.quality import NO_RELEASE, Window
from andon.units import Timestamp


def test_parts_are_counted_and_what_people_said_is_read(tx: Connection) -> None:
    kinds = (Concept("dent"), Concept("wet", ConceptKind.CONDITION))
    ontologies.add_version(tx, Ontology(1, kinds), "mara", T0)
    models.add(tx, package(), "mara", T0)
    recipes.add_version(tx, recipe(package()))
    audited = record("ST-1", 1, capture=capture("ST-1", 1, audit=0.25))
    rejected = record("ST-1", 2, Verdict.REJECT)
    inspections.add(tx, [audited, rejected, record("ST-1", 3), without_model("ST-2", 4)], "station/ST-1")
    assert [tally.inspected for tally in sorted(quality.tallies(tx, Window()), key=lambda t: t.first)] == [
        Inspected("ST-1", "bracket", "2026-01-02", "brackets@1", Verdict.PASS, 2),
        Inspected("ST-1", "bracket", "2026-01-02", "brackets@1", Verdict.REJECT, 1),
        Inspected("ST-2", "", "2026-01-02", NO_RELEASE, Verdict.NO_DECISION, 1),
    ]
    assert quality.tallies(tx, Window(before=T0)) == ()
    (other,) = quality.tallies(tx, Window(station="ST-2"))
    assert other.inspected.station == "ST-2"
    assert quality.judged(tx, Window()) == ()

    words = (
        replace(review(audited.id, Answer.CONFIRMED, 7), queue=Queue.AUDIT),
        replace(review(audited.id, Answer.MISSED, 8), queue=Queue.PICKED, concept="dent"),
        replace(review(rejected.id, Answer.FALSE_ALARM), id=identity("later", 9)),
    )
    reviews.add(tx, words)
    first, second = quality.judged(tx, Window())
    assert (first.judged.said, first.judged.probability, first.judged.concepts) == (True, 0.25, ("dent",))
    assert (first.judged.queue, first.judged.checked, first.here) == (Queue.PICKED, None, False)
    assert (second.judged.said, second.judged.concepts) == (False, ("dent",))
    assert [part.inspection for part in quality.judged(tx, Window(), newest=1)] == [rejected.id]
    assert quality.judged(tx, Window(station="ST-1")) == (first, second)
    assert quality.judged(tx, Window(station="ST-2")) == ()

    assert rejected.image is not None
    stored = Image(rejected.image, rejected.image, "2.png", 9, Shape(32, 32, 1, 8))
    images.add(tx, [stored], "station/ST-1", "mara", T0)
    (_, second) = quality.judged(tx, Window())
    assert (second.here, second.judged.checked) == (True, None)

    counted = tallies.judged(tx, "ST-1", Timestamp("2026-01-01"), Timestamp("2026-01-03"))
    assert {(one.verdict, one.answer, one.audited, one.count) for one in counted} == {
        (Verdict.PASS, Answer.MISSED, True, 1),
        (Verdict.REJECT, Answer.FALSE_ALARM, False, 1),
    }
    assert tallies.judged(tx, "ST-1", Timestamp("2026-01-01"), T0) == ()
