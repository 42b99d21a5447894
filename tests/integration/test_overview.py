"""Every line at a glance, and what needs a person now: from what stations, workers and people wrote."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from simulators.records import FAST, package, recipe, record, report, review, stalled

from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Inspection, Verdict
from andon.domain.jobs import JobKind
from andon.domain.lines import Light
from andon.domain.stations import Alarm, AlarmCode, Assignment, KeepPolicy
from andon.services.approvals import approve
from andon.services.jobs import ago
from andon.services.overview import Before, Overview, VerdictStrips, changed, overview
from andon.services.workspaces import Workspace, create_workspace, now
from andon.store import assignments, inspections, jobs, models, recipes, reviews, stations
from andon.store.assignments import SignedRow
from andon.store.rows import as_text

HOUR = 3600.0


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        models.add(tx, package(), "mara", now())
        recipes.add_version(tx, recipe(package()))
    yield made
    made.database.close()


def shown(workspace: Workspace) -> Overview:
    return overview(workspace, VerdictStrips())


def reports(workspace: Workspace, station: str, seconds_ago: float = -60.0, **changes: object) -> None:
    with workspace.database.write() as tx:
        stations.report(tx, report(station, **changes), f"station/{station}", ago(seconds_ago))


def records(workspace: Workspace, *made: Inspection) -> None:
    with workspace.database.write() as tx:
        inspections.add(tx, made, "station/ST-1")


def at(station: str, sequence: int, seconds_ago: float, verdict: Verdict = Verdict.PASS) -> Inspection:
    return record(station, sequence, verdict, at=ago(seconds_ago))


def assigned(workspace: Workspace, station: str, seconds_ago: float, version: int = 1) -> None:
    with workspace.database.write() as tx:
        counter = assignments.next_counter(tx, station)
        drafted = recipes.get(tx, "brackets", version)
        told = Assignment(station, counter, drafted, (FAST,), KeepPolicy(), 40.0, "mara", ago(seconds_ago))
        assignments.add(tx, told, SignedRow(as_text(told), "signature"))


def said(workspace: Workspace, of: Inspection, answer: Answer, queue: Queue, number: int = 0) -> None:
    word = replace(review(of.id, answer, number), queue=queue, at=now())
    with workspace.database.write() as tx:
        reviews.add(tx, [word])


def test_an_empty_workspace_has_no_lines_and_needs_nobody(workspace: Workspace) -> None:
    found = shown(workspace)
    assert (found.lines, found.needs) == ((), ())
    assert len(found.strip_minutes) == 60


def test_a_line_is_its_stations_together(workspace: Workspace) -> None:
    reports(workspace, "ST-1", per_second=10.0, held=0)
    reports(workspace, "ST-2", per_second=9.5, held=0)
    reports(workspace, "ST-3", line="L2", held=0)
    first, second = shown(workspace).lines
    assert [card.station.name for card in first.stations] == ["ST-1", "ST-2"]
    assert (first.name, first.light, first.per_minute) == ("L1", Light.RUNNING, 60 * 19.5)
    assert second.name == "L2"


@pytest.mark.parametrize(
    ("code", "light"),
    [
        (AlarmCode.CAMERA_STALLED, Light.STOPPED),
        (AlarmCode.NO_ASSIGNMENT, Light.STOPPED),
        (AlarmCode.DISK_LOW, Light.ATTENTION),
    ],
)
def test_an_alarm_lights_the_line_and_asks_for_a_person(
    workspace: Workspace, code: AlarmCode, light: Light
) -> None:
    alarm = Alarm(code, "it is wrong", "Make it right.", now())
    reports(workspace, "ST-1", alarms=(alarm,), page="http://127.0.0.1:9", held=0)
    found = shown(workspace)
    assert found.lines[0].light is light
    (need,) = found.needs
    assert (need.what, need.todo, need.link) == (
        "ST-1: it is wrong",
        "Make it right.",
        "http://127.0.0.1:9",
    )


def test_a_silent_station_is_offline_whatever_it_last_said(workspace: Workspace) -> None:
    reports(workspace, "ST-1", seconds_ago=60.0, held=4)
    reports(workspace, "ST-2", held=0)
    found = shown(workspace)
    assert found.lines[0].light is Light.ATTENTION
    assert found.lines[0].per_minute == pytest.approx(60 * 19.8)
    assert [need.what for need in found.needs] == ["ST-1 says nothing"]
    reports(workspace, "ST-2", seconds_ago=60.0, held=0)
    assert shown(workspace).lines[0].light is Light.OFFLINE
    assert shown(workspace).lines[0].per_minute is None


def test_an_address_that_is_none_is_not_linked(workspace: Workspace) -> None:
    reports(workspace, "ST-1", page="javascript:alert(1)", held=3)
    found = shown(workspace)
    assert found.lines[0].stations[0].page == ""
    assert [need.link for need in found.needs] == [""]


def test_the_strip_counts_verdicts_by_the_minute_and_each_record_once(workspace: Workspace) -> None:
    strips = VerdictStrips()
    reports(workspace, "ST-1")
    records(workspace, at("ST-1", 1, 600), at("ST-1", 2, 600, Verdict.REJECT), at("ST-1", 3, 2 * HOUR))
    for _ in range(2):
        strip = overview(workspace, strips).lines[0].strip
        assert sum(sum(minute.values()) for minute in strip) == 2
    records(workspace, at("ST-1", 4, 1200), at("ST-2", 5, 600))
    strip = overview(workspace, strips).lines[0].strip
    assert sum(minute.get(Verdict.PASS, 0) for minute in strip) == 2
    assert sum(minute.get(Verdict.REJECT, 0) for minute in strip) == 1
    assert strip == shown(workspace).lines[0].strip


def test_escapes_come_from_the_audit_sample_alone_and_only_where_people_judged(
    workspace: Workspace,
) -> None:
    parts = [at("ST-1", n, 600) for n in range(6)]
    rejected = [at("ST-1", n, 600, Verdict.REJECT) for n in range(10, 13)]
    reports(workspace, "ST-1")
    records(workspace, *parts, *rejected)
    assigned(workspace, "ST-1", HOUR)
    assert (shown(workspace).lines[0].escapes, shown(workspace).lines[0].overkill) == (None, None)
    for number, part in enumerate(parts[:3]):
        said(workspace, part, Answer.CONFIRMED, Queue.AUDIT, number)
    said(workspace, parts[3], Answer.UNSURE, Queue.AUDIT, 3)
    said(workspace, parts[4], Answer.MISSED, Queue.PICKED, 4)
    for number, part in enumerate(rejected):
        answer = Answer.FALSE_ALARM if number == 0 else Answer.CONFIRMED
        said(workspace, part, answer, Queue.REJECT, 10 + number)
    card = shown(workspace).lines[0]
    assert card.escapes is not None and card.overkill is not None
    assert (card.escapes.count, card.escapes.of, card.unsure) == (0, 3, 1)
    assert (card.overkill.count, card.overkill.of) == (1, 3)
    assert card.escapes.high > 0.5


def test_the_last_word_on_a_part_counts_and_leaves_it_in_the_audit_sample(workspace: Workspace) -> None:
    part = at("ST-1", 1, 600)
    reports(workspace, "ST-1")
    records(workspace, part)
    assigned(workspace, "ST-1", HOUR)
    said(workspace, part, Answer.CONFIRMED, Queue.AUDIT, 1)
    said(workspace, part, Answer.MISSED, Queue.PICKED, 2)
    escapes = shown(workspace).lines[0].escapes
    assert escapes is not None
    assert (escapes.count, escapes.of) == (1, 1)


def test_parts_before_the_assignment_in_force_are_not_counted(workspace: Workspace) -> None:
    part = at("ST-1", 1, HOUR)
    reports(workspace, "ST-1")
    records(workspace, part)
    assigned(workspace, "ST-1", 600)
    said(workspace, part, Answer.CONFIRMED, Queue.AUDIT)
    assert shown(workspace).lines[0].escapes is None


def test_rates_are_compared_with_those_of_the_recipe_before(workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        recipes.add_version(tx, recipe(package()))
    reports(workspace, "ST-1")
    for seconds_ago, version in ((3 * HOUR, 1), (2 * HOUR, 1), (HOUR, 2), (600, 2)):
        assigned(workspace, "ST-1", seconds_ago, version)
    assert shown(workspace).lines[0].before == Before(("brackets@1",))
    parts = [at("ST-1", n, 2.5 * HOUR if n < 40 else 1200) for n in range(80)]
    records(workspace, *parts)
    for n, part in enumerate(parts):
        said(workspace, part, Answer.MISSED if n < 20 else Answer.CONFIRMED, Queue.AUDIT, n)
    card = shown(workspace).lines[0]
    assert card.escapes is not None and card.before.escapes is not None
    assert (card.escapes.count, card.escapes.of) == (0, 40)
    assert (card.before.escapes.count, card.before.escapes.of) == (20, 40)
    value, low, high = changed(card.escapes, card.before.escapes)
    assert value == -0.5
    assert -0.7 < low < value < high < -0.3


def test_needs_stand_in_order_of_cost(workspace: Workspace) -> None:
    reports(workspace, "ST-1", alarms=(stalled(),), held=2)
    with workspace.database.write() as tx:
        models.add_attestation(tx, package().digest, "evaluation", {}, ("mara", now()))
    with workspace.database.write() as tx:
        jobs.start(tx, "job-1", JobKind.BENCHMARK, "brackets", ("mara", now()))
        jobs.fail(tx, "job-1", "the disk is full", now())
    whats = [need.what for need in shown(workspace).needs]
    assert whats == [
        "ST-1: no image for 5 s",
        "ST-1: 2 parts wait for a person",
        "benchmark of brackets failed: the disk is full",
        f"Model {package().digest[:12]} is evaluated, and nobody has decided on it",
    ]
    approve(workspace, package().digest, "its worst cases are harmless")
    assert len(shown(workspace).needs) == 3
