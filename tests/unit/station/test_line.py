import asyncio
import json
import math
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from simulators.station_parts import AT, HandClock, frame

from andon.blobs.folder import FolderBlobs
from andon.domain.feedback import Chosen, SendPolicy, SendReason
from andon.domain.inspections import Decision, Inspection, Kept, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.recipes import Recipe
from andon.domain.serial import from_json
from andon.domain.stations import AlarmCode, Assignment, KeepPolicy
from andon.errors import DiskFull, OperatorError
from andon.station.cameras.frames import Frame
from andon.station.inspecting.inspectors import Inspectors, Running
from andon.station.inspecting.judgements import Judgement
from andon.station.inspecting.process import InspectorFailed
from andon.station.line.line import Books, Ends, Line
from andon.station.outputs.answers import Answer, known
from andon.station.running.clock import Clock
from andon.station.running.loops import Thread
from andon.station.running.watch import Watch
from andon.station.spool.images import ImageWriter
from andon.station.spool.recorder import Recorder
from andon.station.spool.records import Answered, Spool
from andon.station.spool.thread import SpoolThread
from andon.station.state.line import LineState
from andon.station.web.metrics import exposition
from andon.units import Digest

DEADLINE = 200.0
RECIPE = Recipe("plain", 3, None, Digest("1" * 64), {"bright": Cuts(0.4, 0.6)})


NOTHING = KeepPolicy(0, 0)


def assignment(keep: KeepPolicy, send: SendPolicy | None = None) -> Assignment:
    return Assignment("st-1", 5, RECIPE, (), keep, DEADLINE, "me", AT, send)


@dataclass
class InspectorTwin:
    """Judges after ``seconds`` of the hand clock, not before the gate opens; fails where ``dead``."""

    clock: Clock
    seconds: float = 0.0
    verdict: Verdict = Verdict.PASS
    dead: bool = False
    asked: int = 0
    busy: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    ready: Any = field(default_factory=lambda: SimpleNamespace(variant="twin/f32", machine="avx2"))

    async def judge(self, frame: Frame) -> Judgement:
        self.asked += 1
        if self.dead:
            raise InspectorFailed(ReasonCode.MODEL_FAILED, "the inspector died")
        await self.gate.wait()
        if self.seconds:
            await self.clock.sleep(self.seconds)
        return Judgement(Decision(self.verdict), {"bright": 0.1}, (), 1.0, {"engine": 0.5}, {})


class CameraTwin:
    """Gives what is put into it; an exception is raised, None ends it."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()
        self.done: list[tuple[int, Verdict]] = []

    async def frames(self) -> AsyncIterator[Frame]:
        while (item := await self.coming.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def answered(self, frame: Frame, decision: Decision) -> None:
        self.done.append((frame.number, decision.verdict))


class OutputTwin:
    """Hears answers, and looks into the spool at that moment: is the record there?"""

    def __init__(self, spool: SpoolThread, hand: HandClock) -> None:
        self.spool, self.hand = spool, hand
        self.heard: list[Answer] = []
        self.at: list[float] = []
        self.due: list[float] = []
        self.unrecorded: list[Answer] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.listens: Callable[[], asyncio.Future[bool]] = lambda: known(True)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def tell(self, answer: Answer, due: float = math.inf) -> asyncio.Future[bool]:
        heard = self.listens()
        self.due.append(due)
        await self.gate.wait()
        self.heard.append(answer)
        self.at.append(self.hand.seconds)
        if answer.sequence == 0:
            return heard
        query = "SELECT sequence FROM records WHERE id = ?"
        rows = await self.spool.call(self.spool.spool._rows, query, (answer.inspection,))
        if rows != [(answer.sequence,)]:
            self.unrecorded.append(answer)
        return heard


class Awaited(asyncio.Future[bool]):
    """Counts who waits for it: the recorder, and where its picture is seen to, that too."""

    by = 0

    def add_done_callback(self, *given: Any, **named: Any) -> None:
        self.by += 1
        super().add_done_callback(*given, **named)


class StubbornSpool(Spool):
    """A spool whose disk waits for ``lets``, is full as often as ``full`` says, or settles nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lets = threading.Event()
        self.lets.set()
        self.full = 0
        self.settles = True
        self.recorded: Callable[[], None] = lambda: None

    def record(self, inspection: Inspection, answered: Sequence[Answered] = ()) -> Inspection:
        assert self.lets.wait(20)
        if self.full:
            self.full -= 1
            raise DiskFull("no space is left", "Free some.")
        recorded = super().record(inspection, answered)
        self.recorded()
        return recorded

    def settle(self, *given: Any) -> None:
        if not self.settles:
            raise DiskFull("no space is left", "Free some.")
        super().settle(*given)


class Bench:
    """A whole line on a hand clock, with a real spool."""

    def __init__(self, folder: Path, queue: int = 2, keep: KeepPolicy = NOTHING) -> None:
        self.folder = folder
        self.hand = HandClock((0.005, 0.5))
        self.clock = self.hand.clock
        self.state = LineState("st-1", "line-1", "test", AT)
        self.spool = StubbornSpool(folder / "spool.db")
        self.thread = Thread("spool")
        self.camera = CameraTwin()
        writing = SpoolThread(self.spool, self.thread)
        self.output = OutputTwin(writing, self.hand)
        self.watch = Watch(self.clock.monotonic)
        self.recorder = Recorder(writing, self.state, self.clock)
        images = ImageWriter(FolderBlobs(folder / "images"), self.recorder, self.state, self.watch)
        self.inspectors = Inspectors(2**20, self.state, self.clock)
        self.twin = InspectorTwin(self.clock)
        self.twin.gate.set()
        self.assign(keep)
        ends = Ends(self.camera, self.output, self.watch, queue, stall=3.0)
        self.line = Line(ends, Books(self.recorder, images), self.inspectors, self.state, self.clock)
        loops = (self.line.take, self.line.judge, self.recorder.run, images.run)
        self.tasks = [asyncio.ensure_future(loop()) for loop in loops]

    def assign(self, keep: KeepPolicy, send: SendPolicy | None = None) -> None:
        self.inspectors.running = Running(assignment(keep, send), self.twin)  # type: ignore[arg-type]
        self.state.assignment = assignment(keep, send)

    def show(self, *numbers: int) -> None:
        for number in numbers:
            self.camera.coming.put_nowait(frame(number, self.clock))

    async def until(self, seen: Callable[[], object]) -> None:
        """The disk is real, so real time passes until it wrote; bounded."""
        for _ in range(2000):
            if seen():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("not seen")

    async def settled(self, count: int) -> list[Inspection]:
        def ready() -> list[tuple[str, str]]:
            return list(self.thread.wait(self.spool.waiting, 500).records)

        await self.until(lambda: len(ready()) == count)
        return [from_json(Inspection, json.loads(text)) for _, text in ready()]

    def killed(self) -> dict[str, Decision]:
        """What a station would send of each part that is started anew after a kill at this moment."""
        copy = self.folder / f"killed-{self.hand.seconds}-{len(self.output.heard)}"
        copy.mkdir()
        for name in ("spool.db", "spool.db-wal"):
            self.thread.wait(shutil.copy, self.folder / name, copy / name)
        again = Spool(copy / "spool.db")
        again.reap()
        texts = [text for _, text in again.waiting(500).records]
        again.close()
        found = [from_json(Inspection, json.loads(text)) for text in texts]
        return {inspection.name: inspection.decision for inspection in found}

    async def close(self) -> None:
        self.spool.lets.set()
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        self.thread.close()
        self.spool.close()


def codes(answer: Answer) -> list[ReasonCode]:
    return [reason.code for reason in answer.reasons]


def scene(act: Callable[[Bench], Any], folder: Path, **given: Any) -> None:
    async def play() -> None:
        bench = Bench(folder, **given)
        try:
            await asyncio.wait_for(act(bench), 60)
        finally:
            await bench.close()

    asyncio.run(play())


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


def test_a_record_that_is_not_on_the_disk_in_time_is_no_decision_everywhere(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.spool.lets.clear()
        bench.show(1)
        await bench.until(lambda: bench.twin.asked == 1)
        await bench.hand.pass_(DEADLINE / 1e3)
        (told,) = bench.output.heard
        assert (told.sequence, told.verdict) == (0, Verdict.NO_DECISION)
        assert codes(told) == [ReasonCode.NOT_RECORDED]
        await bench.until(lambda: bench.state.settled == bench.state.parts == {Verdict.NO_DECISION: 1})
        bench.spool.lets.set()
        await bench.hand.pass_(1.0)
        (stored,) = await bench.settled(1)
        assert (stored.id, stored.decision.verdict) == (told.inspection, Verdict.NO_DECISION)

    scene(act, tmp_path)


def test_a_part_that_was_not_answered_before_a_kill_is_no_pass(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.spool.settles = False
        bench.output.gate.clear()
        bench.show(1)
        count = "SELECT count(*) FROM records"
        await bench.until(lambda: bench.thread.wait(bench.spool._rows, count) == [(1,)])
        silent = bench.killed()["part-1"]
        assert silent.verdict is Verdict.NO_DECISION
        assert [reason.code for reason in silent.reasons] == [ReasonCode.NOT_ANSWERED]
        bench.output.gate.set()
        await bench.until(lambda: len(bench.camera.done) == 1)
        # The mark that was to go with this failed change goes with the next one.
        await bench.until(lambda: AlarmCode.DISK_FULL in bench.state.alarms)
        bench.show(2)
        await bench.until(lambda: len(bench.camera.done) == 2)
        verdicts = {part: decision.verdict for part, decision in bench.killed().items()}
        assert verdicts == {"part-1": Verdict.PASS, "part-2": Verdict.NO_DECISION}
        bench.spool.settles = True
        await bench.hand.pass_(1.0)
        await bench.settled(2)
        verdicts = {part: decision.verdict for part, decision in bench.killed().items()}
        assert verdicts == {"part-1": Verdict.PASS, "part-2": Verdict.PASS}

    scene(act, tmp_path)


def test_an_answer_that_was_not_heard_is_no_decision_on_page_and_hub(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.output.listens = lambda: known(False)
        bench.show(1)
        await bench.until(lambda: len(bench.camera.done) == 1)
        assert bench.camera.done == [(1, Verdict.NO_DECISION)]
        later: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        bench.output.listens = lambda: later
        bench.show(2)
        await bench.until(lambda: len(bench.camera.done) == 2)
        await bench.settled(1)
        await bench.until(lambda: bench.state.settled)
        assert bench.state.parts == {Verdict.NO_DECISION: 1, Verdict.PASS: 1}
        assert bench.state.settled == {Verdict.NO_DECISION: 1}
        later.set_result(False)
        first, second = await bench.settled(2)
        for stored in (first, second):
            assert [reason.code for reason in stored.decision.reasons] == [ReasonCode.NOT_ANSWERED]
            assert "PASS" in stored.decision.reasons[0].detail
            assert stored.decision.verdict is Verdict.NO_DECISION
        silent = [Verdict.NO_DECISION] * 2
        await bench.until(lambda: [part.decision.verdict for part in bench.state.strip] == silent)
        bench.output.listens = lambda: known(True)
        bench.show(3)
        assert (await bench.settled(3))[2].decision.verdict is Verdict.PASS
        await bench.until(lambda: bench.state.settled.total() == 3)
        counted = {Verdict.NO_DECISION: 2, Verdict.PASS: 1}
        assert bench.state.settled == bench.state.parts == counted
        assert bench.state.report(AT, bench.hand.seconds).parts == counted
        text = exposition(bench.state, bench.clock, 30.0).decode()
        assert 'andon_parts_total{line="line-1",station="st-1",verdict="NO-DECISION"} 2.0' in text

    scene(act, tmp_path)


def test_who_waits_for_an_answer_may_end_before_it_is_heard(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        later = Awaited()
        bench.output.listens = lambda: later
        bench.show(1)
        await bench.until(lambda: later.by == 2)
        for task in bench.tasks:
            task.cancel()
        await asyncio.wait(bench.tasks)
        assert not later.cancelled()

    scene(act, tmp_path)


def test_an_answer_that_is_not_known_to_be_heard_holds_up_no_picture(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        later: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        answers = iter([later, known(True), known(True)])
        bench.output.listens = lambda: next(answers)
        for number in range(1, 4):
            bench.camera.coming.put_nowait(frame(number, bench.clock, bytes([number]) * 64 * 64))
            await bench.until(lambda number=number: len(bench.camera.done) == number)
        await bench.until(lambda: len(list((tmp_path / "images").glob("??/" + "?" * 64))) == 3)
        assert await bench.settled(0) == []
        later.set_result(True)
        kept = [stored.capture.kept for stored in await bench.settled(3) if stored.capture]
        assert kept == [Kept.KEPT] * 3

    scene(act, tmp_path, keep=KeepPolicy(passes=1, audit=0))


def test_a_full_disk_stops_no_line_and_loses_no_record(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.spool.full = 3
        bench.show(1)
        await bench.until(lambda: bench.output.heard)
        (told,) = bench.output.heard
        assert codes(told) == [ReasonCode.NOT_RECORDED]
        assert AlarmCode.DISK_FULL in bench.state.alarms
        for _ in range(4):
            await bench.hand.pass_(1.0)
            await asyncio.sleep(0.05)
        (stored,) = await bench.settled(1)
        assert stored.id == told.inspection
        for _ in range(3):
            await bench.hand.pass_(1.0)
            await asyncio.sleep(0.02)
        assert AlarmCode.DISK_FULL not in bench.state.alarms

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


def test_passes_drawn_for_the_audit_are_kept_with_the_probability_they_were_drawn_with(
    tmp_path: Path,
) -> None:
    async def act(bench: Bench) -> None:
        bench.show(1)
        (stored,) = await bench.settled(1)
        assert stored.capture is not None
        assert (stored.capture.audit, stored.capture.kept) == (0.01, Kept.KEPT)
        assert stored.capture.blob is not None
        assert (tmp_path / "images" / stored.capture.blob[:2] / stored.capture.blob).is_file()
        (held,) = bench.thread.wait(bench.spool.reviews.held, 5)
        assert (held.queue.value, held.inspection.id) == ("audit", stored.id)

    scene(act, tmp_path, keep=KeepPolicy(passes=0, audit=0.01))


def test_what_did_not_pass_in_the_end_is_not_audited(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        later: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        answers = iter([known(False), later, known(True)])
        bench.output.listens = lambda: next(answers)
        bench.show(1, 2)
        await bench.until(lambda: len(bench.camera.done) == 2)
        later.set_result(False)
        await bench.settled(2)

        def hold_up() -> None:
            bench.hand.seconds += 2 * DEADLINE / 1e3

        bench.spool.recorded = hold_up
        bench.show(3)
        stored = await bench.settled(3)
        assert stored[2].decision.reasons[0].code is ReasonCode.LATE
        assert [found.decision.verdict for found in stored] == [Verdict.NO_DECISION] * 3
        assert [found.capture and found.capture.audit for found in stored] == [0.0] * 3
        assert bench.thread.wait(bench.spool.reviews.held, 5) == ()

    scene(act, tmp_path, keep=KeepPolicy(passes=0, audit=1.0))


@pytest.mark.parametrize("verdict", [Verdict.REJECT, Verdict.REVIEW])
def test_rejects_and_reviews_are_always_kept_and_held(tmp_path: Path, verdict: Verdict) -> None:
    async def act(bench: Bench) -> None:
        bench.twin.verdict = verdict
        bench.show(1)
        (stored,) = await bench.settled(1)
        assert stored.capture is not None
        assert (stored.capture.audit, stored.capture.kept) == (0.0, Kept.KEPT)
        (held,) = bench.thread.wait(bench.spool.reviews.held, 5)
        assert held.queue.value == verdict.value.lower()

    scene(act, tmp_path)


class BesideTwin:
    """Remembers what it was offered, whether there was time for it, and how many answers were out."""

    is_wanted = True

    def __init__(self, output: OutputTwin) -> None:
        self.output = output
        self.offered: list[tuple[int, bool, int]] = []

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
        bench.twin.busy = True
        bench.show(4)
        await bench.until(lambda: len(beside.offered) == 4)
        assert beside.offered[3] == (4, False, 4), "the inspector that works still owes a late part"
        bench.inspectors.running = None
        bench.show(5)
        await bench.until(lambda: len(beside.offered) == 5)
        assert beside.offered[4] == (5, False, 5)

    scene(act, tmp_path, queue=4)


async def chosen_of(bench: Bench) -> list[tuple[str, SendReason, float]]:
    told = await asyncio.to_thread(bench.thread.wait, bench.spool.waiting, 500)
    found = [from_json(Chosen, json.loads(text)) for _, text in told.chosen]
    return [(one.inspection, one.reason, one.probability) for one in found]


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.NO_DECISION])
def test_the_random_share_is_kept_and_chosen_whatever_was_decided(tmp_path: Path, verdict: Verdict) -> None:
    async def act(bench: Bench) -> None:
        bench.assign(NOTHING, SendPolicy(near=None, random=0.01))
        bench.twin.verdict = verdict
        for number in (1, 2, 3):  # the first of three draws of a part: 0.005, 0.5, 0.005
            bench.show(number)
            await bench.until(lambda number=number: len(bench.camera.done) == number)
        stored = await bench.settled(3)
        assert [one.capture.kept for one in stored if one.capture] == [
            Kept.KEPT,
            Kept.NOT_KEPT if verdict is Verdict.PASS else Kept.KEPT,
            Kept.KEPT,
        ]
        wanted = [(stored[n].id, SendReason.RANDOM, 0.01) for n in (0, 2)]
        # Ids of one moment of the hand clock have no order among themselves.
        assert sorted(await chosen_of(bench)) == sorted(wanted)

    scene(act, tmp_path)


def test_what_is_near_a_cut_is_kept_and_chosen(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.assign(NOTHING, SendPolicy(near=0.35, random=0.0))
        bench.show(1)
        (stored,) = await bench.settled(1)
        assert stored.capture is not None
        assert stored.capture.kept is Kept.KEPT
        assert await chosen_of(bench) == [(stored.id, SendReason.CONFUSED, 1.0)]

    scene(act, tmp_path)


def test_an_audit_sample_that_nobody_heard_passing_is_none_and_is_not_chosen_as_one(tmp_path: Path) -> None:
    async def act(bench: Bench) -> None:
        bench.assign(KeepPolicy(0, 1), SendPolicy(near=None, random=0.0))
        bench.output.listens = lambda: known(False)
        bench.show(1)
        await bench.settled(1)
        bench.output.listens = lambda: known(True)
        bench.show(2)
        _, audited = await bench.settled(2)
        assert await chosen_of(bench) == [(audited.id, SendReason.AUDIT, 1.0)]

    scene(act, tmp_path)
