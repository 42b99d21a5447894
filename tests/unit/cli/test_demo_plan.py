"""What `make demo` promises, as its numbers say it."""

import pytest

from andon.cli.demo_plan import AMOUNTS, EARLIER, FRESH, LATER, NEW_KIND, Size
from andon.simulate.line import Line

NORMAL = AMOUNTS[Size.NORMAL]


def test_the_normal_demo_keeps_to_what_it_promises():
    assert (NORMAL.side, NORMAL.train().weights) == (256, "none")
    assert NORMAL.train().steps <= 200
    assert 120 <= NORMAL.parts <= 200
    assert NORMAL.table >= 1000 and NORMAL.least_defective >= 100


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS)
def test_the_new_kind_and_the_dark_come_within_the_first_shift_and_stay(amount):
    settings = amount.line()
    (light,), (new,) = settings.disturbances, settings.emerging
    shift = amount.first / settings.parts_per_second
    assert 0 < light.start < new.start < shift
    assert light.level(shift) == light.amount == amount.after().disturbances[0].level(0)
    assert new.concept == NEW_KIND and amount.after().emerging[0].start == 0
    assert not amount.before(0.5).emerging and not amount.before(0.5).disturbances


def test_nobody_has_labels_of_the_new_kind_to_begin_with():
    line = Line(AMOUNTS[Size.TINY].before(1.0))
    seen = {concept for part in line.parts(EARLIER, 40) for concept, _ in part.defects}
    assert NEW_KIND not in seen and len(seen) > 1


def test_no_part_is_ever_seen_twice():
    amount = NORMAL
    ranges = [
        range(0, amount.pool),
        range(EARLIER, EARLIER + amount.parts + amount.golden),
        range(FRESH, FRESH + amount.fresh),
        range(LATER, LATER + 3 * amount.table),
    ]
    assert len(set().union(*ranges)) == sum(map(len, ranges))
