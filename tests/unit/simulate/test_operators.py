from dataclasses import replace

import cv2
import numpy as np
import pytest

from andon.domain.annotations import Polygon
from andon.domain.feedback import Answer, Queue, Review, truth_of
from andon.domain.inspections import Verdict
from andon.errors import InvalidInput
from andon.simulate.line import Line
from andon.simulate.operators import PersonSettings, answer_of, labels_of, outlines
from andon.simulate.settings import LineSettings
from andon.units import Timestamp

PARTS = [f"BRACKET-A-{number:07d}" for number in range(4000)]
DECIDED = [Verdict.PASS, Verdict.REVIEW, Verdict.REJECT]


def review(answer):
    return Review("r", "i", answer, Queue.REJECT, "operator", Timestamp("2026-03-01T06:00:00.000000Z"))


@pytest.mark.parametrize("verdict", DECIDED)
@pytest.mark.parametrize("defective", [False, True])
def test_operators_err_and_answer_at_their_stated_rates(verdict, defective):
    person = PersonSettings(mistakes=0.1, answers=0.8, seed=3)
    said = [answer_of(part, verdict, defective, person) for part in PARTS]
    answered = [answer for answer in said if answer is not None]
    assert len(answered) / len(said) == pytest.approx(0.8, abs=0.03)
    wrong = [truth_of(verdict, review(answer)) is not defective for answer in answered]
    assert np.mean(wrong) == pytest.approx(0.1, abs=0.03)


def test_who_never_errs_says_what_is_true():
    sure = PersonSettings()
    table = {
        (verdict, truth): answer_of("p", verdict, truth, sure)
        for verdict in DECIDED
        for truth in (True, False)
    }
    assert table[Verdict.PASS, True] is Answer.MISSED and table[Verdict.PASS, False] is Answer.CONFIRMED
    for verdict in (Verdict.REJECT, Verdict.REVIEW):
        assert table[verdict, True] is Answer.CONFIRMED and table[verdict, False] is Answer.FALSE_ALARM
    assert answer_of("p", Verdict.NO_DECISION, True, sure) is Answer.UNSURE


def test_the_same_person_says_the_same_of_the_same_part_again():
    person = PersonSettings(mistakes=0.3, answers=0.7, seed=1)
    first = [answer_of(part, Verdict.REJECT, True, person) for part in PARTS[:200]]
    again = [answer_of(part, Verdict.REJECT, True, person) for part in reversed(PARTS[:200])]
    other = [answer_of(part, Verdict.REJECT, True, replace(person, seed=2)) for part in PARTS[:200]]
    assert first == again[::-1] != other


def test_outlines_cover_what_the_mask_covers():
    line = Line(LineSettings(("brushed", "cast"), defect_rate=1, parts_per_lot=3, seed=5))
    shares = []
    for part in line.parts(0, 24):
        for _, mask in part.defects:
            drawn = np.zeros(mask.shape, np.uint8)
            for shape in outlines(mask):
                fill(drawn, shape)
            both = np.logical_and(drawn, mask).sum()
            shares.append(both / np.logical_or(drawn, mask).sum())
    assert len(shares) >= 24 and np.median(shares) > 0.85 and min(shares) > 0.3


def fill(drawn, shape):
    cv2.fillPoly(drawn, [np.array(shape.points, np.int32)], 1)


def test_a_line_one_pixel_wide_and_a_single_pixel_have_an_outline_too():
    for place in (np.s_[5, 2:9], np.s_[0:9, 0], np.s_[7, 7]):
        mask = np.zeros((12, 12), bool)
        mask[place] = True
        drawn = np.zeros(mask.shape, np.uint8)
        (shape,) = outlines(mask)
        fill(drawn, shape)
        assert drawn[mask].all() and drawn.sum() <= 9 * mask.sum()
        assert all(0 <= x < 12 and 0 <= y < 12 for x, y in shape.points)


def test_an_annotator_draws_what_is_there_and_errs_at_the_stated_rate():
    line = Line(LineSettings(height=96, width=96, defect_rate=0.5, seed=9))
    parts = list(line.parts(0, 120))
    sure = [labels_of(part, ("dent",), PersonSettings()) for part in parts]
    for part, labels in zip(parts, sure, strict=True):
        assert {label.concept for label in labels} == {concept for concept, _ in part.defects}
    wrong = [labels_of(part, ("dent",), PersonSettings(mistakes=1.0)) for part in parts]
    assert all(bool(labels) is not bool(part.defects) for part, labels in zip(parts, wrong, strict=True))
    assert all(isinstance(labels[0].geometry, Polygon) for labels in wrong if labels)
    some = [labels_of(part, ("dent",), PersonSettings(mistakes=0.25, seed=4)) for part in parts]
    errors = [bool(labels) is not bool(part.defects) for part, labels in zip(parts, some, strict=True)]
    assert 0.12 < np.mean(errors) < 0.4
    assert labels_of(parts[0], (), PersonSettings(answers=0.0)) is None


def test_shares_that_are_none_are_refused():
    for wrong in ({"mistakes": 1.5}, {"answers": -0.1}, {"seed": -1}):
        with pytest.raises(InvalidInput, match="simulated person"):
            PersonSettings(**wrong)
