"""Which pictures a line keeps, holds for people and chooses to send."""

import asyncio
import json
from pathlib import Path

import pytest
from simulators.line_bench import DEADLINE, NOTHING, Bench, scene
from simulators.station_parts import frame

from andon.domain.feedback import Chosen, SendPolicy, SendReason
from andon.domain.inspections import Kept, ReasonCode, Verdict
from andon.domain.serial import from_json
from andon.domain.stations import KeepPolicy
from andon.station.outputs.answers import known


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
