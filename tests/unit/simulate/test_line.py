"""A simulated line keeps its promises: seeded, found by index, exact masks, shifts as asked for."""

from dataclasses import replace

import numpy as np
import pytest

from andon.errors import InvalidInput, NotFound
from andon.simulate.defects import DEFECTS
from andon.simulate.line import Line
from andon.simulate.materials import MATERIALS
from andon.simulate.settings import Disturbance, DisturbanceKind, Emergence, LineSettings

ALL_MATERIALS = tuple(MATERIALS)
each_material = pytest.mark.parametrize("material", ALL_MATERIALS)


def same(first, second):
    return (
        first.pixels.tobytes() == second.pixels.tobytes()
        and (first.serial, first.lot, first.captured_at) == (second.serial, second.lot, second.captured_at)
        and [(c, m.tobytes()) for c, m in first.defects] == [(c, m.tobytes()) for c, m in second.defects]
    )


def test_the_same_seed_gives_the_same_bytes_in_any_order():
    settings = LineSettings(materials=ALL_MATERIALS, parts_per_lot=2, defect_rate=0.5, seed=7)
    forwards, backwards = Line(settings), Line(settings)
    # 24 parts are 12 lots: more than a line keeps the textures of.
    first = {index: forwards.part(index) for index in range(24)}
    second = {index: backwards.part(index) for index in reversed(range(24))}
    assert all(same(first[index], second[index]) for index in first)
    assert same(forwards.part(0), first[0])


def test_another_seed_gives_other_parts():
    first, second = (Line(LineSettings(seed=seed)).part(3) for seed in (1, 2))
    assert not np.array_equal(first.pixels, second.pixels)


@each_material
def test_parts_of_one_lot_differ_from_each_other_and_lots_differ_more(material):
    line = Line(LineSettings(materials=(material,), defect_rate=0, parts_per_lot=20, seed=5))
    pictures = [line.part(index).pixels.astype(float) for index in range(60)]
    gaps = [np.abs(pictures[i] - pictures[i + 1]).mean() for i in range(19)]
    assert min(gaps) > 4
    tones = [
        np.mean([picture[96:160, 40:90].mean() for picture in pictures[k : k + 20]]) for k in (0, 20, 40)
    ]
    assert np.ptp(tones) > 1


@each_material
def test_a_defect_changes_its_mask_and_nothing_else(material):
    line = Line(LineSettings(materials=(material,), defect_rate=1, seed=11))
    seen = set()
    for index in range(40):
        part, twin = line.part(index), line.clean_twin(index)
        truth = np.any([mask for _, mask in part.defects], axis=0)
        assert np.array_equal(part.pixels[~truth], twin.pixels[~truth])
        assert twin.defects == ()
        for concept, mask in part.defects:
            seen.add(concept)
            changed = np.abs(part.pixels[mask].astype(int) - twin.pixels[mask]).max(axis=1)
            assert mask.dtype == bool and mask.shape == part.pixels.shape[:2]
            assert changed.mean() > 3, concept
    assert seen == set(MATERIALS[material].DEFECTS) <= set(DEFECTS)


def test_some_defects_are_hard_to_see_and_some_are_not():
    line = Line(LineSettings(materials=("brushed",), defect_rate=1, seed=2))
    contrasts = []
    for index in range(60):
        part, twin = line.part(index), line.clean_twin(index)
        mask = part.defects[0][1]
        contrasts.append(np.abs(part.pixels[mask].astype(int) - twin.pixels[mask]).mean())
    assert min(contrasts) < 12 and max(contrasts) > 30


@each_material
def test_hostile_seeds_never_crash_and_every_defect_lies_on_the_part(material):
    shapes = [(96, 96), (96, 210), (256, 128), (130, 131)]
    for seed in range(24):
        height, width = shapes[seed % len(shapes)]
        settings = LineSettings(
            (material,), height, width, channels=1 + 2 * (seed % 2), defect_rate=1, seed=seed
        )
        line = Line(settings)
        for index in (0, 9_999_999 - seed):
            part = line.part(index)
            assert part.pixels.shape[:2] == (height, width) and part.pixels.dtype == np.uint8
            assert part.pixels.ndim == (2 if settings.channels == 1 else 3)
            assert part.defects and all(mask.any() for _, mask in part.defects)


def test_defects_stay_off_the_background():
    line = Line(LineSettings(materials=("brushed",), defect_rate=1, seed=4))
    for index in range(40):
        darkness = line.clean_twin(index).pixels.max(axis=2)
        for _, mask in line.part(index).defects:
            # Rubber and openings are black; dust may hide a few pixels of metal.
            assert np.median(darkness[mask]) > 90


@each_material
def test_brightness_alone_does_not_find_the_defects(material):
    line = Line(LineSettings(materials=(material,), defect_rate=0.5, parts_per_lot=10, seed=8))
    parts = [line.part(index) for index in range(120)]
    bad = np.array([bool(part.defects) for part in parts])
    for statistic in (np.mean, np.min, np.max, np.std):
        values = np.array([statistic(part.pixels[96:-96, 48:-48]) for part in parts], dtype=float)
        wins = (values[bad][:, None] > values[~bad]) + 0.5 * (values[bad][:, None] == values[~bad])
        area = wins.mean()
        assert max(area, 1 - area) < 0.75, statistic.__name__


def test_the_defect_rate_is_the_share_of_defective_parts():
    line = Line(LineSettings(height=96, width=96, defect_rate=0.3, seed=1))
    share = np.mean([bool(line.part(index).defects) for index in range(300)])
    assert 0.22 < share < 0.38
    assert not any(Line(LineSettings(defect_rate=0)).part(index).defects for index in range(20))


def test_serials_lots_and_times_follow_from_the_index():
    line = Line(LineSettings(("brushed", "print"), 96, 96, parts_per_lot=3, parts_per_second=4.0))
    parts = list(line.parts(0, 7))
    assert [part.lot for part in parts] == ["LOT-00000"] * 3 + ["LOT-00001"] * 3 + ["LOT-00002"]
    assert [part.material for part in parts] == ["brushed"] * 3 + ["print"] * 3 + ["brushed"]
    assert parts[0].captured_at == "2026-01-05T06:00:00.000000Z"
    assert parts[5].captured_at == "2026-01-05T06:00:01.250000Z"
    assert len({part.serial for part in parts}) == 7


def disturbed(disturbance, **changes):
    settings = replace(LineSettings(materials=("cast",), defect_rate=0, seed=6), **changes)
    return Line(settings), Line(replace(settings, disturbances=(disturbance,)))


def test_light_fades_along_its_ramp():
    usual, fading = disturbed(Disturbance(DisturbanceKind.LIGHT, -0.5, start=2, ramp=4), parts_per_second=1)
    shares = [fading.part(i).pixels.mean() / usual.part(i).pixels.mean() for i in range(9)]
    assert shares == pytest.approx([1, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5], abs=0.015)


def test_a_disturbance_ends_when_it_is_over():
    step = Disturbance(DisturbanceKind.LIGHT, 0.2, start=2, end=4)
    assert [step.level(t) for t in (0, 1.9, 2, 3.9, 4, 9)] == [0, 0, 0.2, 0.2, 0, 0]


def test_out_of_focus_pictures_lose_their_edges():
    usual, blurred = disturbed(Disturbance(DisturbanceKind.FOCUS, 0.01))
    sharpness = [
        np.abs(np.diff(line.part(0).pixels.astype(int), axis=1)).mean() for line in (usual, blurred)
    ]
    assert sharpness[1] < 0.6 * sharpness[0]


def test_a_camera_that_moves_right_sees_the_part_further_left():
    usual, moved = disturbed(Disturbance(DisturbanceKind.SHIFT, 0.1))
    columns = [np.argwhere(line.part(0).pixels[:, :, 0] > 75)[:, 1].mean() for line in (usual, moved)]
    assert columns[0] - columns[1] == pytest.approx(25.6, abs=3)


def test_a_turned_camera_turns_the_part():
    usual, turned = disturbed(Disturbance(DisturbanceKind.TURN, 8), materials=("weave",))

    def slope(line):
        edge = (line.part(0).pixels[:, :, 0] < 150).argmax(axis=0)
        return np.degrees(np.arctan(np.polyfit(np.arange(256), edge, 1)[0]))

    assert slope(usual) - slope(turned) == pytest.approx(8, abs=1)


def test_dust_falls_on_parts_without_becoming_a_defect():
    usual, dusty = disturbed(Disturbance(DisturbanceKind.DUST, 40))
    changed = (usual.part(0).pixels != dusty.part(0).pixels).any(axis=2).mean()
    assert dusty.part(0).defects == () and changed > 0.005


def test_dead_pixels_are_the_same_on_every_picture_and_grow_in_number():
    _, line = disturbed(Disturbance(DisturbanceKind.DEAD_PIXELS, 0.01, ramp=9), parts_per_second=1)
    assert line.part(0).pixels.max() < 255
    early, late, later = ((line.part(i).pixels == 255).all(axis=2) for i in (5, 9, 20))
    assert late[early].all() and late.sum() > early.sum()
    assert np.array_equal(late, later)


def test_lots_can_become_rougher():
    usual, rough = disturbed(Disturbance(DisturbanceKind.LOT_TEXTURE, 1.5))
    texture = [
        np.abs(np.diff(line.part(0).pixels[20:50, 100:156, 0].astype(int))).mean()
        for line in (usual, rough)
    ]
    assert texture[1] > 1.5 * texture[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": 8},
        {"width": 100_000},
        {"channels": 4},
        {"defect_rate": 1.5},
        {"parts_per_lot": 0},
        {"parts_per_second": 0.0},
        {"seed": -1},
        {"materials": ()},
    ],
)
def test_settings_that_cannot_be_drawn_are_refused(wrong):
    with pytest.raises(InvalidInput):
        replace(LineSettings(), **wrong)


def test_unknown_materials_times_and_parts_are_named():
    with pytest.raises(NotFound, match="velvet"):
        Line(LineSettings(materials=("velvet",)))
    with pytest.raises(InvalidInput, match="yesterday"):
        Line(LineSettings(started_at="yesterday"))
    with pytest.raises(InvalidInput, match="-1"):
        Line(LineSettings()).part(-1)
    with pytest.raises(InvalidInput, match="light"):
        Disturbance(DisturbanceKind.LIGHT, 0.1, start=5, end=2)


def test_a_new_kind_of_defect_is_never_seen_before_its_time():
    usual = LineSettings(("brushed",), 96, 96, defect_rate=1, parts_per_second=10, seed=4)
    new = Emergence("crack", start=6.0, share=0.5)
    before, after = (Line(replace(usual, emerging=emerging)).parts(0, 140) for emerging in ((), (new,)))
    drawn = list(after)
    first = [part for part in drawn if part.index < 60]
    for old, same in zip(before, first, strict=False):
        assert np.array_equal(old.pixels, same.pixels) and old.serial == same.serial
    named = [[concept for concept, _ in part.defects] for part in drawn]
    assert not any("crack" in concepts for concepts in named[:60])
    share = np.mean(["crack" in concepts for concepts in named[60:]])
    assert 0.3 < share < 0.7 and all(len(set(concepts)) == len(concepts) >= 1 for concepts in named)
    masks = [mask for part in drawn for concept, mask in part.defects if concept == "crack"]
    assert all(mask.any() for mask in masks)


def test_a_usual_kind_can_be_held_back_and_some_must_be_left():
    settings = LineSettings(("weave",), 96, 96, defect_rate=1, parts_per_second=10)
    line = Line(replace(settings, emerging=(Emergence("stain", 2.0, 1.0),)))
    named = [{concept for concept, _ in line.part(index).defects} for index in range(24)]
    assert all(concepts == {"scratch"} for concepts in named[:20])
    assert all("stain" in concepts for concepts in named[20:])
    both = (Emergence("stain", 2.0), Emergence("scratch", 2.0))
    with pytest.raises(InvalidInput, match="begin later"):
        Line(replace(settings, emerging=both))


def test_new_defects_that_cannot_be_drawn_are_refused():
    with pytest.raises(NotFound, match="rust"):
        Line(LineSettings(emerging=(Emergence("rust", 0.0),)))
    for wrong in ((-1.0, 0.5), (0.0, 1.5), (float("nan"), 0.5)):
        with pytest.raises(InvalidInput, match="new defect"):
            Emergence("crack", *wrong)
    with pytest.raises(InvalidInput, match="without print"):
        Line(LineSettings(defect_rate=1, emerging=(Emergence("missing print", 0.0, 1.0),))).part(0)
