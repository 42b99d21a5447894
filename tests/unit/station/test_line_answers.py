"""What a line answers for each part: once, in order, in time, and why where nothing could be decided."""

from pathlib import Path

import pytest
from simulators.line_bench import DEADLINE, NOTHING, Bench, OutputTwin, codes, scene

from andon.domain.inspections import Kept, ReasonCode, Verdict
from andon.domain.stations import AlarmCode
from andon.errors import OperatorError
from andon.station.cameras.frames import Frame


def test_each_part_is_recorded_before_it_is_told_and_in_order(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        for number in range(1, 6):
            bench.show(number)
            await bench.until(lambda number=number: len(bench.camera.done) == number)
        assert bench.output.unrecorded == []
        assert [answer.sequence for answer in bench.output.heard] == [1, 2, 3, 4, 5]
        assert [answer.part for answer in bench.output.heard] == [f"part-{n}" for n in range(1, 6)]
        assert bench.camera.done == [(n, Verdict.PASS) for n in range(1, 6)]
        for stored in await bench.settled(5):
            assert (stored.recipe, stored.recipe_version, stored.variant) == ("plain", 3, "twin/f32")
            assert stored.capture is not None
            assert stored.capture.kept is Kept.NOT_KEPT
            assert stored.capture.thumbnail is not None
            assert {"wait", "engine", "record"} <= set(stored.capture.stages)
        assert bench.state.parts[Verdict.PASS] == 5

    scene(act, tmp_path)


def test_a_late_verdict_is_no_decision_in_time_and_is_discarded(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.twin.seconds = 1.0
        shown = bench.hand.seconds
        bench.show(1)
        await bench.hand.pass_(0.1)
        assert bench.output.heard == []
        await bench.hand.pass_(0.06)
        await bench.until(lambda: bench.output.heard)
        assert bench.output.at[0] <= bench.output.due[0] == pytest.approx(shown + DEADLINE / 1e3)
        (told,) = bench.output.heard
        assert (told.verdict, codes(told)) == (Verdict.NO_DECISION, [ReasonCode.LATE])
        bench.twin.seconds = 0.0
        bench.show(2)
        await bench.until(lambda: len(bench.output.heard) == 2)
        await bench.hand.pass_(2.0)
        assert [answer.verdict for answer in bench.output.heard] == [Verdict.NO_DECISION, Verdict.PASS]
        first, second = await bench.settled(2)
        assert (first.decision.verdict, second.decision.verdict) == (Verdict.NO_DECISION, Verdict.PASS)

    scene(act, tmp_path)


def test_frames_beyond_the_queue_are_answered_at_once_and_none_is_dropped(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.twin.gate.clear()
        bench.show(*range(1, 8))
        await bench.until(lambda: len(bench.output.heard) == 4)
        assert {answer.part for answer in bench.output.heard} == {f"part-{n}" for n in (4, 5, 6, 7)}
        assert all(codes(answer) == [ReasonCode.LATE] for answer in bench.output.heard)
        bench.twin.gate.set()
        await bench.until(lambda: len(bench.output.heard) == 7)
        assert {answer.part for answer in bench.output.heard} == {f"part-{n}" for n in range(1, 8)}
        stored = await bench.settled(7)
        assert [found.capture.sequence for found in stored if found.capture] == list(range(1, 8))

    scene(act, tmp_path)


def test_without_assignment_and_without_inspector_parts_are_undecided_for_different_reasons(
    tmp_path: Path,
) -> None:
    async def act(bench: Bench) -> None:
        bench.inspectors.running = None
        bench.show(1)
        await bench.until(lambda: len(bench.output.heard) == 1)
        bench.state.assignment = None
        bench.show(2)
        await bench.until(lambda: len(bench.output.heard) == 2)
        bench.assign(NOTHING)
        bench.twin.dead = True
        bench.show(3)
        await bench.until(lambda: len(bench.output.heard) == 3)
        assert [codes(answer) for answer in bench.output.heard] == [
            [ReasonCode.MODEL_FAILED],
            [ReasonCode.NO_MODEL],
            [ReasonCode.MODEL_FAILED],
        ]
        assert [found.recipe for found in await bench.settled(3)] == ["", "", "plain"]

    scene(act, tmp_path)


def test_a_camera_that_fails_or_stalls_is_an_alarm_and_is_asked_again(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.show(1)
        await bench.until(lambda: len(bench.output.heard) == 1)
        assert bench.state.camera == "ok"
        await bench.hand.pass_(3.5)
        assert (bench.state.camera, AlarmCode.CAMERA_STALLED in bench.state.alarms) == ("stalled", True)
        bench.camera.coming.put_nowait(OperatorError("the cable is out"))
        await bench.until(lambda: bench.state.camera == "lost")
        assert bench.state.alarms[AlarmCode.CAMERA_STALLED].message == "the cable is out"
        bench.show(2)
        await bench.hand.pass_(1.0)
        await bench.until(lambda: len(bench.output.heard) == 2)
        assert (bench.state.camera, bench.state.alarms) == ("ok", {})

    scene(act, tmp_path)


class BesideTwin:
    """Remembers what it was offered, whether there was time for it, and how many answers were out."""

    is_wanted = True

    def __init__(self, output: OutputTwin) -> None:
        self.output = output
        self.offered: list[tuple[int, bool, int]] = []
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    def offer(self, frame: Frame, inspection: str, is_idle: bool) -> None:
        assert inspection == self.output.heard[-1].inspection
        self.offered.append((frame.number, is_idle, len(self.output.heard)))


def test_who_judges_beside_is_asked_after_the_answer_and_has_time_only_when_nobody_waits(
    tmp_path: Path,
) -> None:
    async def act(bench: Bench) -> None:
        beside = BesideTwin(bench.output)
        bench.inspectors.beside = beside  # type: ignore[assignment]
        bench.twin.gate.clear()
        bench.show(1, 2, 3)
        await bench.until(lambda: bench.twin.asked == 1)
        bench.twin.gate.set()
        await bench.until(lambda: len(beside.offered) == 3)
        assert beside.offered == [(1, False, 1), (2, False, 2), (3, True, 3)]
        await bench.until(lambda: len(beside.told) == 4)
        assert beside.told == ["pause", "pause", "pause", "resume"], "it goes on when nobody waits any more"
        bench.twin.busy = True
        bench.show(4)
        await bench.until(lambda: len(beside.offered) == 4)
        assert beside.offered[3] == (4, False, 4), "the inspector that works still owes a late part"
        bench.inspectors.running = None
        bench.show(5)
        await bench.until(lambda: len(beside.offered) == 5)
        assert beside.offered[4] == (5, False, 5)

    scene(act, tmp_path, queue=4)
