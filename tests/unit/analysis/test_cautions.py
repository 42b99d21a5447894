"""Each warning speaks from its threshold on, and not one part earlier."""

import numpy as np

from andon.analysis.breakdowns import Confusion, by_value
from andon.analysis.cautions import (
    FEW,
    RULES,
    KnownPart,
    confused,
    one_value_only,
    parts_unknown,
    seen_before,
    too_few,
    under_represented,
    worse_than_rest,
)
from andon.analysis.cuts import PASS, REJECT
from andon.domain.datasets import Split


def parts(
    count: int, split: Split = Split.TEST, defect: str = "", prefix: str = "p", **values: str
) -> list[KnownPart]:
    known = {name.replace("_", " "): frozenset({value}) for name, value in values.items()}
    defects = frozenset({defect} - {""})
    return [KnownPart(f"{prefix}{split}{defect}{values}{n}", split, defects, known) for n in range(count)]


def said(cautions: object) -> str:
    return " | ".join(caution.text for caution in cautions)  # type: ignore[attr-defined]


def enough(defect: str = "crack") -> list[KnownPart]:
    return [
        *parts(10, Split.TRAIN, defect),
        *parts(1, Split.CALIBRATION, defect),
        *parts(FEW, Split.TEST, defect),
        *parts(FEW),
    ]


def test_enough_of_a_kind_is_silent_and_one_less_speaks() -> None:
    assert not said(too_few(enough(), ["crack"]))
    assert "crack: 29 to test with" in said(too_few(without(Split.TEST, "crack"), ["crack"]))
    assert "crack: 9 to learn from" in said(too_few(without(Split.TRAIN, "crack"), ["crack"]))
    assert "crack: none to choose cuts with" in said(
        too_few(without(Split.CALIBRATION, "crack"), ["crack"])
    )
    assert "no defect: 29 to test with" in said(too_few(without(Split.TEST, ""), ["crack"]))
    assert not said(too_few(without(Split.TRAIN, "crack"), ["crack"], taught=False))


def without(split: Split, defect: str) -> list[KnownPart]:
    """One part less of that kind and group."""
    every = enough()
    kind = frozenset({defect} - {""})
    every.remove(next(part for part in every if part.split is split and part.defects == kind))
    return every


def test_a_defect_of_one_day_speaks_only_where_there_are_others() -> None:
    cracks = parts(3, defect="crack", day="mon")
    other = [*parts(5, day="mon"), *parts(5, day="tue")]
    assert "All 3 parts with crack come from one day (mon), all parts from 2" in said(
        one_value_only([*cracks, *other], "day")
    )
    assert not said(one_value_only([*cracks, *parts(5, day="mon")], "day"))
    assert not said(one_value_only([*cracks[:2], *other], "day"))
    assert not said(one_value_only([*cracks, *parts(1, defect="crack", day="tue"), *other], "day"))
    assert not said(one_value_only(other, "lot"))
    unknown = parts(2, defect="crack")
    assert "All 3 parts with crack whose day is known come" in said(
        one_value_only([*cracks, *unknown, *other], "day")
    )


def test_nothing_is_said_of_learning_where_the_model_learned_elsewhere() -> None:
    here = said(too_few(parts(3, defect="crack"), ["crack"]))
    elsewhere = said(too_few(parts(3, defect="crack"), ["crack"], taught=False))
    assert "to learn from" in here and "to learn from" not in elsewhere and "to test with" in elsewhere
    apart = [*parts(50, split=Split.TRAIN, line="A"), *parts(50, split=Split.TEST, line="B")]
    assert "Learned from, never tested" in said(under_represented(apart, "line"))
    assert not said(under_represented(apart, "line", learned_here=False))


def test_parts_whose_day_is_not_known_do_not_make_a_day() -> None:
    cracks = parts(3, defect="crack", day="mon")
    assert not said(one_value_only([*cracks, *parts(9)], "day"))


def test_a_line_with_few_test_parts_speaks_and_an_even_one_does_not() -> None:
    def shared(of_b: int) -> str:
        both = [*parts(1, Split.TRAIN, line="A"), *parts(1, Split.TRAIN, line="B")]
        return said(under_represented([*both, *parts(100, line="A"), *parts(of_b, line="B")], "line"))

    assert "Only 9 of 109 test parts are of line B." in shared(9)
    assert not shared(29)  # below FEW, but not below a quarter of an equal share
    assert not shared(30)


def test_a_line_on_one_side_of_the_split_only_is_told() -> None:
    known = [
        *parts(9, Split.TRAIN, line="A"),
        *parts(9, line="A"),
        *parts(9, Split.TRAIN, line="B"),
        *parts(9, line="C"),
    ]
    text = said(under_represented(known, "line"))
    assert "never tested: line B." in text and "never learned from: line C." in text
    assert not said(under_represented([*parts(9, Split.TRAIN, line="A"), *parts(9, line="A")], "line"))


def rates(wrong_of_b: int) -> str:
    """Escapes of line B, of 20, against 2 of 80 of line A."""
    decided = np.array([PASS] * 2 + [REJECT] * 78 + [PASS] * wrong_of_b + [REJECT] * (20 - wrong_of_b))
    lines = [frozenset({"A"})] * 80 + [frozenset({"B"})] * 20
    return said(worse_than_rest(by_value(decided, np.ones(100, dtype=bool), lines), "line"))


def test_a_line_is_called_worse_only_where_chance_does_not_explain_it() -> None:
    # Fisher's exact test: 3 of 20 against 2 of 80 has p = 0.053, 4 of 20 has p = 0.014 (below 0.05 / 2).
    assert not rates(3)
    assert rates(4) == "Escapes of line B: 4 of 20, against 2 of 80 elsewhere."


def test_a_new_lot_in_the_test_group_silences_the_remark() -> None:
    learned = [*parts(3, Split.TRAIN, lot="1"), *parts(3, Split.TRAIN, lot="2")]
    assert "all 2 lots" in said(seen_before([*learned, *parts(3, lot="1"), *parts(3, lot="2")], "lot"))
    assert "the one lot" in said(seen_before([*learned, *parts(3, lot="1")], "lot"))
    assert not said(seen_before([*learned, *parts(3, lot="1"), *parts(1, lot="3")], "lot"))
    assert not said(seen_before([*learned, *parts(3)], "lot"))


def test_confusions_need_three_parts_and_a_fifth() -> None:
    def told(wrong: int, of: int) -> str:
        counts = np.array([[of - wrong, wrong, 0], [0, 5, 0], [0, 0, 9]])
        return said(confused(Confusion(("crack", "stain"), counts)))

    assert told(3, 15) == "3 of 15 parts with crack are taken for stain."
    assert not told(3, 16)
    assert not told(2, 4)
    assert "No test part is taken for crack; 3 show it." in told(3, 3)
    absent = np.array([[0, 0, 0], [0, 5, 0], [0, 0, 9]])
    assert not said(confused(Confusion(("crack", "stain"), absent))), "no part shows crack"


def test_images_that_name_no_part_are_told_of() -> None:
    nameless = parts(4, prefix="image=")
    assert "None of the 4 images" in said(parts_unknown(nameless, 4))
    assert not said(parts_unknown([*nameless[:3], *parts(1, prefix="serial=")], 4))
    assert not said(parts_unknown(nameless[:1], 1))


def test_every_caution_has_a_rule_with_its_threshold() -> None:
    found = [
        *too_few([], ["crack"]),
        *one_value_only([*parts(3, defect="x", day="1"), *parts(1, day="2")], "day"),
        *under_represented([*parts(1, line="A"), *parts(100, line="B")], "line"),
        *seen_before([*parts(1, Split.TRAIN, lot="1"), *parts(1, lot="1")], "lot"),
        *parts_unknown(parts(2, prefix="image="), 2),
    ]
    assert {caution.rule for caution in found} <= set(RULES)
