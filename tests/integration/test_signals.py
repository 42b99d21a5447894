"""Signals from what stations and people wrote: what is raised, what is noted, and which turns begin."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators.records import FAST, capture, package, recipe, record, report, review

from andon.analysis.drift import BLOCK
from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.datasets import DatasetSpec
from andon.domain.feedback import Answer, Chosen, Queue, SendReason
from andon.domain.images import Image, ImageFilter, Shape
from andon.domain.inspections import Verdict
from andon.domain.loops import Ending, LoopPlan, Trigger, TurnStep
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.signals import Signal, SignalKind
from andon.domain.stations import Assignment, KeepPolicy
from andon.services.feature_drift import FEWEST
from andon.services.jobs import ago
from andon.services.labels import label_images, take_back
from andon.services.loops import note, save_plan, stop_turn, turn_page
from andon.services.monitoring import look
from andon.services.signals import LOOP, causes, monitored, signal_needs, take_note, tick
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import (
    annotations,
    assignments,
    feedback,
    images,
    inspections,
    models,
    recipes,
    reviews,
    stations,
)
from andon.store.assignments import SignedRow
from andon.store.rows import as_text
from andon.units import digest_of

HOUR = 3600.0


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """ST-1 was told two hours ago to run brackets@1."""
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        models.add(tx, package(), "mara", now())
        drafted = recipes.add_version(tx, recipe(package()))
        stations.report(tx, report("ST-1", at=ago(-60.0)), "station/ST-1", ago(-60.0))
        told = Assignment("ST-1", 1, drafted, (FAST,), KeepPolicy(), 40.0, "mara", ago(2 * HOUR))
        assignments.add(tx, told, SignedRow(as_text(told), "signature"))
    yield made
    made.database.close()


def parts(
    workspace: Workspace,
    first: int,
    count: int,
    dark: float = 0.0,
    rejects: float = 0.03,
    late: float = 0.0,
) -> None:
    """Parts of ST-1, ``dark`` standard deviations too dark; its clock is ``late`` by so many seconds."""
    rng = np.random.default_rng(first)
    made = []
    for number in range(first, first + count):
        verdict = Verdict.REJECT if rng.random() < rejects else Verdict.PASS
        one = record("ST-1", number, verdict, at=ago(1.9 * HOUR + late - number))
        assert one.capture is not None
        health = {"brightness": rng.normal(0.45 - 0.02 * dark, 0.02), "sharpness": rng.gamma(4, 0.05)}
        made.append(replace(one, capture=replace(one.capture, health=health)))
    with workspace.database.write() as tx:
        inspections.add(tx, made, "station/ST-1")


def labels(workspace: Workspace, first: int, count: int) -> None:
    """Images that a person accepted as clean just now."""
    shape, at = Shape(8, 8, 1, 8), now()
    made = [
        Image(digest_of(f"{n}".encode()), digest_of(f"b{n}".encode()), f"{n}.png", 9, shape)
        for n in range(first, first + count)
    ]
    with workspace.database.write() as tx:
        images.add(tx, made, "parts", "mara", at)
        clean = (None, WholeImage(), AnnotationState.ACCEPTED, "mara", at)
        annotations.add(tx, [Annotation(new_id(), 1, image.digest, *clean) for image in made])


def plan(workspace: Workspace, *triggers: Trigger) -> LoopPlan:
    spec = DatasetSpec("brackets", ImageFilter(source="parts"))
    made = LoopPlan("brackets", spec, preset("segment-tiny"), Costs(100.0, 5.0, 1.0, 0.01))
    return save_plan(workspace, replace(made, stations=(("ST-1",),), triggers=triggers))


def seen(workspace: Workspace, kind: SignalKind) -> Signal:
    (found,) = [one for one in look(workspace) if one.kind is kind]
    return found


def test_before_two_blocks_of_parts_nothing_is_compared_and_it_says_so(workspace: Workspace) -> None:
    parts(workspace, 1, 2 * BLOCK - 1, dark=0.0)
    found = seen(workspace, SignalKind.HEALTH)
    assert (found.raised, found.n) == (False, 2 * BLOCK - 1)
    assert "are needed to compare" in found.detail


def test_a_lamp_that_fades_is_raised_and_needs_a_person(workspace: Workspace) -> None:
    parts(workspace, 1, BLOCK)
    parts(workspace, BLOCK + 1, BLOCK)
    assert not seen(workspace, SignalKind.HEALTH).raised
    take_note(workspace, look(workspace))
    assert signal_needs(workspace) == ()
    parts(workspace, 2 * BLOCK + 1, BLOCK, dark=2.0)
    found = seen(workspace, SignalKind.HEALTH)
    assert found.raised and "brightness moved from 0.4" in found.detail
    assert not seen(workspace, SignalKind.REJECTS).raised
    take_note(workspace, look(workspace))
    (need,) = signal_needs(workspace)
    assert need.wrong and need.what.startswith("ST-1: brightness") and need.link == "/signals"


def test_a_reject_rate_that_jumps_is_raised(workspace: Workspace) -> None:
    parts(workspace, 1, BLOCK)
    parts(workspace, BLOCK + 1, BLOCK, rejects=0.3)
    found = seen(workspace, SignalKind.REJECTS)
    assert found.raised and found.value == pytest.approx(0.3, abs=0.1)
    assert not seen(workspace, SignalKind.HEALTH).raised


def test_a_new_release_is_compared_with_its_own_first_parts(workspace: Workspace) -> None:
    parts(workspace, 1, BLOCK)
    parts(workspace, BLOCK + 1, BLOCK, dark=3.0)
    assert seen(workspace, SignalKind.HEALTH).raised
    with workspace.database.write() as tx:
        second = recipes.add_version(tx, recipe(package()))
        told = Assignment("ST-1", 2, second, (FAST,), KeepPolicy(), 40.0, "mara", ago(60.0))
        assignments.add(tx, told, SignedRow(as_text(told), "signature"))
    take_note(workspace, look(workspace))
    assert not seen(workspace, SignalKind.HEALTH).raised
    assert signal_needs(workspace) == ()


def test_parts_are_since_the_release_by_the_clock_of_the_station(workspace: Workspace) -> None:
    """Its clock is a day behind: all that it judged seems to be from before the release."""
    day = 24 * HOUR
    with workspace.database.write() as tx:
        stations.report(tx, report("ST-1", at=ago(day)), "station/ST-1", now())
    parts(workspace, 1, BLOCK, late=day)
    parts(workspace, BLOCK + 1, BLOCK, dark=3.0, late=day)
    assert seen(workspace, SignalKind.HEALTH).raised


def test_only_what_changed_noticeably_leaves_a_row(workspace: Workspace) -> None:
    parts(workspace, 1, 2 * BLOCK, rejects=0.0)
    first = take_note(workspace, look(workspace))
    assert {one.kind for one in first} >= {SignalKind.HEALTH, SignalKind.REJECTS, SignalKind.ESCAPES}
    assert take_note(workspace, look(workspace)) == ()
    parts(workspace, 2 * BLOCK + 1, BLOCK, dark=3.0, rejects=0.0)
    assert [one.kind for one in take_note(workspace, look(workspace))] == [SignalKind.HEALTH]
    (health,) = [one for one in monitored(workspace) if one.look.kind is SignalKind.HEALTH]
    assert [one.raised for one in health.history] == [False, True]
    assert health.since == health.look.at


def test_what_a_station_costs_is_reckoned_from_its_own_parts_and_recipe(workspace: Workspace) -> None:
    with workspace.database.write() as tx:
        stations.report(tx, report("ST-2"), "station/ST-2", ago(-60.0))
        for station, escape in (("ST-1", 100.0), ("ST-2", 300.0)):
            costs = {"escape": escape, "overkill": 5.0, "review": 1.0}
            version = recipes.add_version(tx, replace(recipe(package()), costs=costs))
            told = Assignment(station, 2, version, (FAST,), KeepPolicy(), 40.0, "mara", ago(2 * HOUR))
            assignments.add(tx, told, SignedRow(as_text(told), "signature"))
            made = [
                record(station, n, at=ago(HOUR - n), capture=capture(station, n, audit=1.0))
                for n in range(1, 51)
            ]
            inspections.add(tx, [replace(p, recipe_version=version.version) for p in made], station)
            said = [review(part.id, Answer.CONFIRMED, n) for n, part in enumerate(made)]
            said[0] = replace(said[0], answer=Answer.MISSED)
            reviews.add(tx, [replace(one, queue=Queue.AUDIT) for one in said])
    found = {one.station: one.value for one in look(workspace) if one.kind is SignalKind.COST}
    assert found == pytest.approx({"ST-1": 100.0 * 20, "ST-2": 300.0 * 20})


def test_pictures_that_cannot_be_compared_are_not_opened_at_every_look(workspace: Workspace) -> None:
    take_note(workspace, look(workspace))
    shape, at = Shape(8, 8, 1, 8), now()
    made = [record("ST-1", n, at=at) for n in range(1, FEWEST + 1)]
    drawn = [Chosen(new_id(), part.id, SendReason.RANDOM, at) for part in made]
    with workspace.database.write() as tx:
        inspections.add(tx, made, "station/ST-1")
        taken = [Image(p.image, p.image, p.name, 9, shape) for p in made if p.image is not None]
        images.add(tx, taken, "station/ST-1", "station/ST-1", at)
        feedback.add(tx, drawn, "station/ST-1")
    first = seen(workspace, SignalKind.FEATURES)
    assert "cannot be compared" in first.detail and first.n == FEWEST
    assert first in take_note(workspace, [first])
    assert seen(workspace, SignalKind.FEATURES) == first, "the same look, of the same moment"


def test_enough_new_labels_start_exactly_one_turn_however_often_workers_look(workspace: Workspace) -> None:
    plan(workspace, Trigger(SignalKind.NEW_LABELS, 5.0))
    labels(workspace, 0, 4)
    assert tick(workspace) == ()
    labels(workspace, 4, 1)
    (turn,) = tick(workspace)
    assert (turn.plan, turn.author) == ("brackets", LOOP)
    assert turn.cause.startswith("new-labels: 5 images labelled")
    assert tick(workspace) == () and tick(workspace) == ()
    assert len(turn_page(workspace, None, 10).rows) == 1


def test_labels_that_a_turn_began_for_start_no_other_one_though_it_froze_nothing(
    workspace: Workspace,
) -> None:
    plan(workspace, Trigger(SignalKind.NEW_LABELS, 5.0))
    labels(workspace, 0, 6)
    (turn,) = tick(workspace)
    note(workspace, turn, (TurnStep.ENDED, Ending.FAILED, "frozen: no image shows a defect"))
    assert tick(workspace) == (), "the same labels would fail again"
    labels(workspace, 6, 5)
    assert len(tick(workspace)) == 1


def test_labels_that_were_taken_back_are_none(workspace: Workspace) -> None:
    plan(workspace, Trigger(SignalKind.NEW_LABELS, 5.0))
    with workspace.database.write() as tx:
        shape = Shape(8, 8, 1, 8)
        bare = [
            Image(digest_of(f"{n}".encode()), digest_of(f"b{n}".encode()), f"{n}.png", 9, shape)
            for n in range(5)
        ]
        images.add(tx, bare, "parts", "mara", now())
    said = label_images(workspace, [image.digest for image in bare], None)
    assert seen(workspace, SignalKind.NEW_LABELS).raised
    take_back(workspace, said.at)
    assert seen(workspace, SignalKind.NEW_LABELS).value == 0
    assert tick(workspace) == ()


def test_labels_of_other_sources_are_none_of_the_plan(workspace: Workspace) -> None:
    made = plan(workspace, Trigger(SignalKind.NEW_LABELS, 1.0))
    save_plan(workspace, replace(made, dataset=DatasetSpec("brackets", ImageFilter(source="others"))))
    labels(workspace, 0, 9)
    assert seen(workspace, SignalKind.NEW_LABELS).value == 0


def test_drift_starts_a_turn_once_there_is_something_new_to_learn_from(workspace: Workspace) -> None:
    made = plan(workspace, Trigger(SignalKind.HEALTH, 0.3))
    parts(workspace, 1, BLOCK)
    parts(workspace, BLOCK + 1, BLOCK, dark=3.0)
    assert tick(workspace) == (), "the same labels would give the same model"
    labels(workspace, 0, 2)
    (turn,) = tick(workspace)
    assert turn.cause.startswith("health of ST-1: brightness moved")
    stop_turn(workspace, turn.id, "the lamp is exchanged")
    labels(workspace, 2, 2)
    assert causes(workspace, made, look(workspace)) == (), (
        "it was raised before that turn, and little is new"
    )


def test_two_plans_start_their_own_turns(workspace: Workspace) -> None:
    made = plan(workspace, Trigger(SignalKind.NEW_LABELS, 3.0))
    save_plan(workspace, replace(made, name="others", triggers=()))
    labels(workspace, 0, 3)
    assert [turn.plan for turn in tick(workspace)] == ["brackets"]
