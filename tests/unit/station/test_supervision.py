import asyncio
import subprocess
import sys

import pytest
from simulators.station_parts import HandClock

from andon.errors import BugError, OperatorError
from andon.station.running.loops import Loop, LoopDied, Thread, run_apart, run_together
from andon.station.running.watch import STUCK, Watch


async def for_ever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


def test_a_loop_that_takes_too_long_over_a_step_is_named() -> None:
    hand = HandClock()
    watch = Watch(hand.clock.monotonic)
    with watch.step("uploads", 10):
        hand.seconds += 9
        assert watch.overdue() is None
        watch.progress("uploads", 10)
        hand.seconds += 9
        assert watch.overdue() is None
        hand.seconds += 2
        assert watch.overdue() == "uploads"
    assert watch.overdue() is None


def test_a_loop_that_waits_for_work_is_not_stuck() -> None:
    hand = HandClock()
    watch = Watch(hand.clock.monotonic)
    with watch.step("line", 1):
        pass
    hand.seconds += 1000
    assert watch.overdue() is None


def test_a_program_whose_loop_hangs_ends_itself_with_a_reason() -> None:
    """The event loop itself hangs here: only a thread can notice."""
    code = (
        "import asyncio, time\n"
        "from andon.station.running.watch import Watch\n"
        "watch = Watch(time.monotonic)\n"
        "watch.guard(0.01)\n"
        "async def hang():\n"
        "    with watch.step('line', 0.05):\n"
        "        time.sleep(60)\n"
        "asyncio.run(hang())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == STUCK
    assert ended.stderr == "andon: the loop 'line' made no progress; the station ends itself\n"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(OperatorError("the disk is gone", "Look."), LoopDied), (ValueError("odd"), BugError)],
)
def test_the_death_of_one_loop_ends_all_with_its_name_and_reason(
    failure: Exception, expected: type[Exception]
) -> None:
    async def dies() -> None:
        raise failure

    ended: list[str] = []

    async def other() -> None:
        try:
            await for_ever()
        finally:
            ended.append("other")

    with pytest.raises(expected, match=f"'tidy'.*{failure}"):
        asyncio.run(run_together((Loop("other", other), Loop("tidy", dies)), for_ever))
    assert ended == ["other"]


def test_a_loop_that_just_ends_is_dead_too() -> None:
    with pytest.raises(LoopDied, match="'camera' ended"):
        asyncio.run(run_together((Loop("camera", at_once),), for_ever))


def test_all_loops_end_when_the_word_is_given() -> None:
    asyncio.run(run_together((Loop("line", for_ever), Loop("uploads", for_ever)), at_once))


def test_what_runs_apart_ends_with_its_loop_and_its_death_is_told() -> None:
    seen: list[str] = []

    async def page() -> None:
        seen.append("started")
        try:
            await for_ever()
        finally:
            seen.append("ended")

    async def started() -> None:
        while not seen:
            await asyncio.sleep(0.001)

    async def broken() -> None:
        raise OperatorError("the port is gone")

    asyncio.run(run_together((Loop("page", lambda: run_apart("page", page)),), started))
    assert seen == ["started", "ended"]
    with pytest.raises(LoopDied, match="the port is gone"):
        asyncio.run(run_together((Loop("page", lambda: run_apart("page", broken)),), for_ever))


def test_a_thread_does_its_calls_in_order_and_raises_what_they_raise() -> None:
    async def act() -> list[int]:
        thread, done = Thread("work"), list[int]()
        await asyncio.gather(*(thread.call(done.append, number) for number in range(50)))
        with pytest.raises(ZeroDivisionError):
            await thread.call(lambda: 1 // 0)
        assert thread.wait(len, done) == 50
        thread.close()
        return done

    assert asyncio.run(act()) == list(range(50))
