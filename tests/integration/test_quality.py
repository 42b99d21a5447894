"""Quality as a hub reads it: from records, reviews and second looks to estimates, lists and needs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.records import T0, capture, package, recipe, record, review

from andon.analysis.cuts import Rates
from andon.domain.feedback import Answer, Chosen, Queue, SendReason
from andon.domain.images import Image, Shape
from andon.domain.inspections import Inspection, Verdict
from andon.domain.models import Costs, Interval
from andon.domain.ontologies import Concept, Ontology
from andon.domain.quality import Cohort, Estimate, Found, second_look_probability
from andon.domain.serial import to_json
from andon.services.labels import label_images
from andon.services.quality import found_parts, quality_needs, report
from andon.services.scores import EVALUATION
from andon.services.workspaces import Workspace, create_workspace
from andon.store import feedback, images, inspections, models, ontologies, recipes, reviews
from andon.units import Timestamp, uuid7

COSTS = {"escape": 100.0, "overkill": 5.0, "review": 1.0, "defect_percent": 1.0}
DAYS = ("2026-03-01", "2026-03-02")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"), Concept("scratch"))), "mara", T0)
        models.add(tx, package(), "mara", T0)
        recipes.add_version(tx, recipe(package()))
        recipes.add_version(tx, replace(recipe(package()), costs=COSTS))
    yield made
    made.database.close()


class Line:
    """Makes parts of a station, one after the other, and says what people say of them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.made = 0

    def parts(self, verdict: Verdict, number: int, **how: object) -> list[Inspection]:
        """``audit``, ``station``, ``day`` (0 or 1), ``version`` of the recipe, ``image``."""
        added = []
        for _ in range(number):
            self.made += 1
            station = str(how.get("station", "ST-1"))
            taken = capture(station, self.made, audit=how.get("audit", 0.0))
            at = Timestamp(f"{DAYS[int(str(how.get('day', 0)))]}T06:00:00.{self.made:06d}Z")
            changes = {"at": at, "capture": taken, "recipe_version": how.get("version", 1)}
            changes |= {"image": how["image"]} if "image" in how else {}
            added.append(record(station, self.made, verdict, **changes))
        with self.workspace.database.write() as tx:
            inspections.add(tx, added, "station/ST-1")
        return added

    def say(self, of: list[Inspection], answer: Answer, queue: Queue, concept: str | None = None) -> None:
        said = [
            replace(review(one.id, answer), id=new_id(one.id), queue=queue, concept=concept) for one in of
        ]
        with self.workspace.database.write() as tx:
            reviews.add(tx, said)


def new_id(of: str) -> str:
    return uuid7(1_767_100_000_000, bytes.fromhex(of.replace("-", ""))[-10:])


@pytest.fixture
def line(workspace: Workspace) -> Line:
    return Line(workspace)


def known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None
    return estimate


def test_nothing_inspected_is_nothing_known(workspace: Workspace) -> None:
    found = report(workspace)
    assert (found.rows, found.remarks, found.against, found.due) == ({}, (), None, 0)
    assert quality_needs(workspace) == ()


def test_escapes_overkill_and_cost_are_of_all_parts(workspace: Workspace, line: Line) -> None:
    line.parts(Verdict.PASS, 180, version=2)
    audited = line.parts(Verdict.PASS, 20, audit=0.1, version=2)
    line.say(audited[:19], Answer.CONFIRMED, Queue.AUDIT)
    line.say(audited[19:], Answer.MISSED, Queue.AUDIT, "scratch")
    rejected = line.parts(Verdict.REJECT, 10, version=2)
    line.say(rejected[:8], Answer.CONFIRMED, Queue.REJECT)
    line.say(rejected[8:], Answer.FALSE_ALARM, Queue.REJECT)
    line.parts(Verdict.REVIEW, 10, version=2)
    found = report(workspace)
    (row,) = found.rows[Cohort.ALL]
    assert (row.parts, row.counts[Verdict.PASS], row.people_found) == (220, 200, 1)
    assert known(row.escapes).value == pytest.approx(10 / 220)
    assert known(row.overkill).value == pytest.approx(2 / 220)
    assert known(row.cost).value == pytest.approx(1000 * (10 * 100 + 2 * 5 + 10 * 1) / 220)
    assert not known(row.escapes).checked
    assert {row.name for row in found.rows[Cohort.CONCEPT]} == {"dent", "scratch"}
    assert [row.name for row in found.rows[Cohort.RELEASE]] == ["brackets@2"]
    assert [row.name for row in found.rows[Cohort.PART_TYPE]] == ["bracket"]
    assert any("too few second looks" in remark for remark in found.remarks)
    dearer = known(report(workspace, costs=Costs(1000.0, 5.0, 1.0, 0.01)).rows[Cohort.ALL][0].cost)
    assert dearer.value > 9 * known(row.cost).value


def test_the_last_word_counts_and_unsure_is_none(workspace: Workspace, line: Line) -> None:
    audited = line.parts(Verdict.PASS, 3, audit=1.0)
    line.say(audited[:2], Answer.CONFIRMED, Queue.AUDIT)
    line.say(audited[2:], Answer.UNSURE, Queue.AUDIT)
    with workspace.database.write() as tx:
        reviews.add(tx, [replace(review(audited[0].id, Answer.MISSED, 9), queue=Queue.PICKED)])
    (row,) = report(workspace).rows[Cohort.ALL]
    assert known(row.escapes).value == pytest.approx(0.5)
    assert known(row.escapes).looked_at == 2
    assert any("unsure of 1 part" in remark for remark in report(workspace).remarks)


def test_times_bound_what_is_counted(workspace: Workspace, line: Line) -> None:
    for day in (0, 1):
        line.say(line.parts(Verdict.PASS, 4 + day, audit=1.0, day=day), Answer.CONFIRMED, Queue.AUDIT)
    second = Timestamp("2026-03-02T00:00:00.000000Z")
    assert [row.parts for row in report(workspace).rows[Cohort.DAY]] == [4, 5]
    assert [row.parts for row in report(workspace, since=second).rows[Cohort.ALL]] == [5]
    assert [row.name for row in report(workspace, before=second).rows[Cohort.DAY]] == ["2026-03-01"]


def test_what_nobody_looked_at_stays_unknown_and_is_named(workspace: Workspace, line: Line) -> None:
    line.say(line.parts(Verdict.PASS, 5, audit=0.5), Answer.CONFIRMED, Queue.AUDIT)
    line.parts(Verdict.PASS, 7, station="ST-2")
    picked = line.parts(Verdict.PASS, 1, station="ST-2")
    line.say(picked, Answer.MISSED, Queue.PICKED)
    found = report(workspace)
    one, two = found.rows[Cohort.STATION]
    assert known(one.escapes).of == 5
    assert two.escapes is None
    assert two.people_found == 1
    assert any("ST-2 with brackets@1 (8 parts)" in remark for remark in found.remarks)
    assert any("1 passes were picked" in remark for remark in found.remarks)


def test_the_new_release_is_compared_with_the_one_before(workspace: Workspace, line: Line) -> None:
    for version, missed in ((1, 20), (2, 1)):
        audited = line.parts(Verdict.PASS, 100, audit=0.5, version=version)
        line.parts(Verdict.PASS, 100, version=version)
        line.say(audited[missed:], Answer.CONFIRMED, Queue.AUDIT)
        line.say(audited[:missed], Answer.MISSED, Queue.AUDIT)
    against = report(workspace).against
    assert against is not None
    assert (against.new, against.old) == ("brackets@2", "brackets@1")
    change = known(against.escapes)
    assert change.value == pytest.approx(-0.19)
    assert change.low < change.value < change.high < 0


def pictures(parts: list[Inspection]) -> list[str]:
    return [str(part.image) for part in parts]


def arrived(workspace: Workspace, parts: list[Inspection]) -> list[str]:
    """The pictures of the parts came to the hub; gives their digests."""
    digests = [part.image for part in parts if part.image]
    shape = Shape(32, 32, 1, 8)
    with workspace.database.write() as tx:
        images.add(tx, [Image(d, d, f"{d}.png", 9, shape) for d in digests], "station/ST-1", "mara", T0)
    return pictures(parts)


def test_second_looks_are_drawn_listed_and_correct_what_people_said(
    workspace: Workspace, line: Line
) -> None:
    audited = line.parts(Verdict.PASS, 400, audit=1.0)
    rejected = line.parts(Verdict.REJECT, 3)
    line.say(audited[:390], Answer.CONFIRMED, Queue.AUDIT)
    line.say(audited[390:], Answer.MISSED, Queue.AUDIT, "dent")
    line.say(rejected, Answer.FALSE_ALARM, Queue.REJECT)
    drawn = [part for part in audited[:390] if second_look_probability(part.id, contradicted=False)]
    assert 60 < len(drawn) < 140
    assert report(workspace).due == 0
    assert any("have no picture here" in remark for remark in report(workspace).remarks)
    arrived(workspace, [*drawn, *audited[390:], *rejected])
    due = found_parts(workspace, Found.DUE, limit=5)
    assert (due.total, len(due.rows)) == (len(drawn) + 10 + 3, 5)
    assert report(workspace).due == due.total
    assert due.rows[0].inspection == rejected[-1].id

    (need,) = quality_needs(workspace)
    assert need.what == f"{due.total} parts wait for a second look"
    assert (need.link, need.wrong) == ("/quality/parts/due", False)
    overlooked, clean = pictures(drawn[:4]), pictures([*drawn[4:], *audited[390:]])
    label_images(workspace, [*overlooked, *pictures(rejected)], "dent")
    label_images(workspace, clean, None)
    seen = report(workspace)
    (row,) = seen.rows[Cohort.ALL]
    assert seen.due == 0
    assert known(row.escapes).checked
    assert known(row.escapes).value == pytest.approx(4 * 390 / len(drawn) / 403)
    assert known(row.overkill).value == 0.0
    assert (row.model_found, row.people_found) == (3, 0)
    assert [part.inspection for part in found_parts(workspace, Found.MODEL).rows] == [
        part.id for part in reversed(rejected)
    ]


def test_a_label_on_a_part_that_was_not_drawn_corrects_no_estimate(
    workspace: Workspace, line: Line
) -> None:
    audited = line.parts(Verdict.PASS, 100, audit=1.0)
    line.say(audited, Answer.CONFIRMED, Queue.AUDIT)
    chosen = [part for part in audited if not second_look_probability(part.id, contradicted=False)]
    label_images(workspace, arrived(workspace, chosen), "dent")
    (row,) = report(workspace).rows[Cohort.ALL]
    assert (known(row.escapes).value, known(row.escapes).checked) == (0.0, False)


def test_pictures_sent_for_their_scores_are_no_sample_of_confirmed_rejects(
    workspace: Workspace, line: Line
) -> None:
    rejected = line.parts(Verdict.REJECT, 200)
    line.say(rejected, Answer.CONFIRMED, Queue.REJECT)
    arrived(workspace, rejected)
    drawn = report(workspace).due
    assert drawn > 20
    doubted = [
        Chosen(new_id(part.id), part.id, SendReason.CONFUSED, T0, 1.0, "dent 0.5")
        for part in rejected[:100]
    ]
    with workspace.database.write() as tx:
        feedback.add(tx, doubted, "station/ST-1")
    fair = [part for part in rejected[100:] if second_look_probability(part.id, contradicted=False)]
    assert report(workspace).due == len(fair) < drawn


def test_pictures_sent_for_their_scores_are_no_sample_of_contradicted_parts(
    workspace: Workspace, line: Line
) -> None:
    rejected = line.parts(Verdict.REJECT, 30)
    line.say(rejected, Answer.FALSE_ALARM, Queue.REJECT)
    arrived(workspace, rejected)
    sent = [Chosen(new_id(part.id), part.id, SendReason.CONFUSED, T0) for part in rejected[:20]]
    sent += [Chosen(new_id(part.id[::-1]), part.id, SendReason.WRONG, T0) for part in rejected[:5]]
    with workspace.database.write() as tx:
        feedback.add(tx, sent, "station/ST-1")
    assert report(workspace).due == 5 + 10, "each that was contradicted is sent, and what was not chosen"


def test_pictures_that_came_because_they_were_drawn_are_a_sample_whatever_their_scores(
    workspace: Workspace, line: Line
) -> None:
    rejected = line.parts(Verdict.REJECT, 200)
    line.say(rejected, Answer.CONFIRMED, Queue.REJECT)
    arrived(workspace, rejected)
    drawn = [part for part in rejected if second_look_probability(part.id, contradicted=False)]
    sent = [Chosen(new_id(part.id), part.id, SendReason.CONFUSED, T0) for part in drawn]
    sent += [Chosen(new_id(part.id[::-1]), part.id, SendReason.AUDIT, T0) for part in drawn]
    with workspace.database.write() as tx:
        feedback.add(tx, sent, "station/ST-1")
    assert report(workspace).due == len(drawn) > 20


def test_more_escapes_than_promised_need_a_person(workspace: Workspace, line: Line) -> None:
    audited = line.parts(Verdict.PASS, 100, audit=0.5)
    line.say(audited[:90], Answer.CONFIRMED, Queue.AUDIT)
    line.say(audited[90:], Answer.MISSED, Queue.AUDIT)
    assert quality_needs(workspace) == ()
    few = Interval(0, 9, 0.0, 0.3)
    rates = Rates(escapes=Interval(0, 40, 0.0, 0.072), overkill=few, reviews=few)
    costs = to_json(Costs(100, 5, 1, 0.1))
    facts = {"variant": "x", "costs": costs, "cuts": {}, "rates": to_json(rates)}
    with workspace.database.write() as tx:
        models.add_attestation(tx, package().digest, EVALUATION, facts, ("mara", T0))
    (need,) = quality_needs(workspace)
    assert need.wrong
    assert "10 of the last 100 passes that people judged were defective, at most 0.72 %" in need.what
    assert known(report(workspace).rows[Cohort.ALL][0].cost).value > 0
