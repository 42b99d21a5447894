"""What a line records when the disk is full or slow, the station is killed, or nobody hears the answer."""

import asyncio
from pathlib import Path
from typing import Any

from simulators.line_bench import DEADLINE, Bench, codes, scene
from simulators.station_parts import AT

from andon.domain.inspections import ReasonCode, Verdict
from andon.domain.stations import AlarmCode
from andon.station.outputs.answers import known
from andon.station.web.metrics import exposition


class Awaited(asyncio.Future[bool]):
    """Counts who waits for it: the recorder, and where its picture is seen to, that too."""

    by = 0

    def add_done_callback(self, *given: Any, **named: Any) -> None:
        self.by += 1
        super().add_done_callback(*given, **named)


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
