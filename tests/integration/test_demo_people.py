"""Operators of the demo at a real station's page; the truth they are told of, as the camera wrote it."""

import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from simulators.programs import until
from simulators.shown_line import PATIENCE, shown_line

from andon.cli.demo_people import LineTruth, Operator, at_work, read_card
from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import Verdict
from andon.errors import NotFound
from andon.simulate.line import Line
from andon.simulate.operators import PersonSettings
from andon.simulate.settings import Emergence, LineSettings

LINE = LineSettings(height=96, width=96, channels=1, defect_rate=0.5, seed=3)
SHOWN = [(Verdict.PASS, Queue.AUDIT)] * 3 + [(Verdict.REJECT, None), (Verdict.REVIEW, None)] * 4


def test_an_operator_answers_what_waits_and_only_that(tmp_path: Path) -> None:
    with shown_line(tmp_path / "st", LINE) as running:
        passed = [running.do(running.line.part, *shown) for shown in SHOWN]
        running.do(running.line.part, Verdict.PASS)
        truth = {one.name: one.decision.verdict is not Verdict.PASS for one in passed}
        operator = Operator(running.line.address, truth.__getitem__, PersonSettings())
        with at_work(operator):
            until("all are answered", lambda: sum(operator.said.values()) == len(SHOWN))
        reviews = running.do(running.line.reviews)
    assert {review.inspection for review in reviews} == {one.id for one in passed}
    assert operator.said == {Answer.CONFIRMED: len(SHOWN)} and not operator.left
    assert {review.queue for review in reviews} == {Queue.AUDIT, Queue.REJECT, Queue.REVIEW}


def test_mistakes_reach_the_station_and_what_is_left_goes_on_waiting(tmp_path: Path) -> None:
    with shown_line(tmp_path / "st", LINE) as running:
        passed = [running.do(running.line.part, Verdict.REJECT) for _ in range(6)]
        wrong = Operator(running.line.address, lambda _: True, PersonSettings(mistakes=1.0))
        with httpx.Client(base_url=wrong.page, timeout=PATIENCE) as client:
            assert wrong.look(client)
            lazy = replace(wrong, person=PersonSettings(answers=0.0), said=wrong.said.copy(), left=set())
            assert not lazy.look(client)
            card = read_card(client.get("/held"))
        (review,) = running.do(running.line.reviews)
    assert wrong.said == {Answer.FALSE_ALARM: 1} and review.answer is Answer.FALSE_ALARM
    assert lazy.left == {one.id for one in passed} - {review.inspection}
    assert card is not None and card.inspection in lazy.left and card.verdict is Verdict.REJECT


def test_what_goes_wrong_beside_is_raised() -> None:
    def unknown(_: str) -> bool:
        raise NotFound("nobody knows")

    class Broken(Operator):
        def work(self, stop: threading.Event) -> None:
            self.is_defective("part")

    with pytest.raises(NotFound, match="nobody knows"), at_work(Broken("", unknown, PersonSettings())):
        pass


def test_the_truth_of_a_part_is_drawn_again_from_its_number(tmp_path: Path) -> None:
    settings = replace(
        LINE, parts_per_second=1.0, emerging=(Emergence("crack", 4.0, 1.0),), defect_rate=1.0
    )
    path, line = tmp_path / "truth.csv", Line(settings)
    truth = LineTruth(path, settings, pool=8)
    assert truth.all() == {}
    shown = [line.part(number % 8) for number in range(10)]
    rows = [
        f"{number + 1},P-{number + 1},{'|'.join(c for c, _ in part.defects)}\n"
        for number, part in enumerate(shown)
    ]
    path.write_text("number,serial,concepts\n" + "".join(rows[:9]) + "10,P-1")
    part = truth.part("P-6")
    assert part.serial == "P-6" and [c for c, _ in part.defects] == [c for c, _ in shown[5].defects]
    assert "crack" in {concept for concept, _ in part.defects}
    assert (part.pixels == shown[5].pixels).all() and (truth.part("P-9").pixels == shown[0].pixels).all()
    assert len(truth.all()) == 9 and truth.is_defective("P-1")
    with pytest.raises(NotFound, match="P-10"):
        truth.part("P-10")
