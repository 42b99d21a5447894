"""Plans, turns and signals as rows, and what signals read: the same on both databases."""

from dataclasses import replace

import pytest
from simulators.records import T0, T1, package, recipe, record, report, review
from sqlalchemy import Connection

from andon.domain.datasets import DatasetSpec
from andon.domain.feedback import Answer, Chosen, SendReason
from andon.domain.images import Image, ImageFilter, Shape
from andon.domain.inspections import Verdict
from andon.domain.loops import LoopPlan, Trigger, Turn, TurnEvent, TurnStep
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.signals import Signal, SignalKind
from andon.errors import NotFound
from andon.store import feedback, images, inspections, loops, models, recipes, reviews, signals, stations
from andon.store.paging import Cut
from andon.units import Timestamp, digest_of

PLAN = LoopPlan(
    "brackets",
    DatasetSpec("brackets", ImageFilter(source="parts")),
    preset("segment-tiny"),
    Costs(100.0, 5.0, 1.0, 0.01),
    triggers=(Trigger(SignalKind.COST, 30.0),),
    author="mara",
    at=T0,
)


@pytest.fixture
def line(tx: Connection) -> Connection:
    models.add(tx, package(), "mara", T0)
    recipes.add_version(tx, recipe(package()))
    stations.report(tx, report("ST-1"), "station/ST-1", T0)
    return tx


def test_plans_and_turns_come_back_as_they_were(tx: Connection) -> None:
    first = loops.add_plan(tx, PLAN)
    second = loops.add_plan(tx, replace(PLAN, approves=True))
    loops.add_plan(tx, replace(PLAN, name="others"))
    assert loops.plan(tx, "brackets") == second and loops.plan(tx, "brackets", 1) == first
    assert [plan.name for plan in loops.all_plans(tx)] == ["brackets", "others"]
    turn = Turn("turn-1", "brackets", 1, "by hand", "mara", T0)
    loops.start_turn(tx, turn)
    loops.start_turn(tx, replace(turn, id="turn-2", plan="others"))
    steps = (TurnStep.STARTED, TurnStep.FROZEN, TurnStep.ENDED)
    events = tuple(TurnEvent("turn-1", step, "", step.value, "mara", T1) for step in steps)
    for event in events:
        loops.add_event(tx, event)
    assert loops.turn(tx, "turn-1") == replace(turn, events=events)
    assert [one.id for one in loops.open_turns(tx)] == ["turn-2"]
    assert loops.open_turns(tx, "brackets") == ()
    assert loops.latest_turn(tx, "brackets") == replace(turn, events=events)
    with pytest.raises(NotFound, match="no turn 'turn-9'"):
        loops.add_event(tx, replace(events[0], turn="turn-9"))


def test_the_latest_look_counts_and_since_says_how_long_its_state_stands(tx: Connection) -> None:
    times = [Timestamp(f"2026-01-0{day}T00:00:00.000000Z") for day in (1, 2, 3, 4)]
    look = Signal(SignalKind.HEALTH, "", "ST-1", 0.1, 0.2, 200, False, "calm", times[0])
    looks = [
        replace(look, raised=raised, at=at)
        for raised, at in zip((False, True, False, False), times, strict=True)
    ]
    signals.add(tx, looks, "loop")
    signals.add(tx, [replace(look, station="ST-2", raised=True, at=times[1])], "loop")
    latest = signals.latest(tx)
    key = (SignalKind.HEALTH, "", "ST-1")
    assert (len(latest), latest[key]) == (2, looks[-1])
    assert signals.since(tx, looks[-1]) == times[2]
    assert signals.history(tx, key, 3) == tuple(looks[1:])


def test_the_first_and_last_part_of_a_recipe_and_those_between_are_found(line: Connection) -> None:
    made = [record("ST-1", n, at=T0 if n < 3 else T1) for n in range(1, 8)]
    inspections.add(line, made, "station/ST-1")
    assert inspections.sequences(line, "ST-1", ("brackets", 1), T1) == (3, 7)
    assert inspections.sequences(line, "ST-2", ("brackets", 1), T0) is None
    between = inspections.in_sequence(line, "ST-1", 4, 2)
    assert [one.id for one in between] == [made[3].id, made[4].id]


def test_contradicted_pictures_and_pictures_drawn_by_chance_are_found(line: Connection) -> None:
    shape = Shape(8, 8, 1, 8)
    pictures = [Image(digest_of(b"%d" % n), digest_of(b"b%d" % n), f"{n}.png", 9, shape) for n in range(4)]
    images.add(line, pictures, "station/ST-1", "station/ST-1", T0)
    made = [replace(record("ST-1", n, Verdict.PASS), image=pictures[n].digest) for n in range(4)]
    inspections.add(line, made, "station/ST-1")
    for number, (of, answer) in enumerate(
        [(0, Answer.MISSED), (1, Answer.MISSED), (1, Answer.CONFIRMED), (2, Answer.UNSURE)]
    ):
        reviews.add(line, [review(made[of].id, answer, number)])
    assert reviews.contradicted(line) == {pictures[0].digest: Answer.MISSED}
    reasons = (SendReason.RANDOM, SendReason.WRONG, SendReason.RANDOM, SendReason.RANDOM)
    chosen = [
        Chosen(f"0000000{n}-0000-7000-8000-000000000000", made[n].id, reason, T1 if n else T0)
        for n, reason in enumerate(reasons)
    ]
    feedback.add(line, chosen, "station/ST-1")
    assert feedback.count_random(line, "ST-1", T1) == 2
    assert feedback.random_images(line, "ST-1", T0, Cut(None, 2)) == (pictures[0], pictures[2])
    assert feedback.random_images(line, "ST-1", T0, Cut(1, 9)) == (pictures[2], pictures[3])
