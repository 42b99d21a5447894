from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from simulators import graphs

from andon.domain.annotations import Polygon
from andon.domain.inspections import ReasonCode, Verdict
from andon.domain.recipes import Locate, judge
from andon.errors import InvalidInput
from andon.runtime.execution import REFERENCE
from andon.runtime.inspector import Inspector
from andon.runtime.locate import Locator
from andon.runtime.pixels import UnfitImage
from andon.units import digest_of

MARK = cv2.GaussianBlur(np.random.default_rng(5).integers(90, 165, (24, 32), np.uint8), (3, 3), 0)
TEMPLATE = graphs.png(MARK)
LOCATE = Locate(template=digest_of(TEMPLATE), x=40, y=50, reach=20)


def part(moved: tuple[int, int] = (0, 0), kind: type = np.uint8, channels: int = 1) -> np.ndarray:
    """A grey 128 x 192 part with the mark where it should be, or moved from there."""
    pixels = graphs.grey(128, 192)
    x, y = 40 + moved[0], 50 + moved[1]
    pixels[y : y + 24, x : x + 32] = MARK
    if kind is np.uint16:
        pixels = pixels.astype(np.uint16) * 257
    return np.dstack([pixels] * 3) if channels == 3 else pixels


@pytest.mark.parametrize("moved", [(0, 0), (7, -3), (-20, 20), (20, -20)])
@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 1), (np.uint8, 3)])
def test_a_moved_part_is_found(moved: tuple[int, int], kind: type, channels: int) -> None:
    place = Locator(LOCATE, TEMPLATE).find(part(moved, kind, channels))
    assert place.moved == moved
    assert place.correlation > 0.99


def test_noise_and_another_light_do_not_hide_it() -> None:
    noise = np.random.default_rng(1).normal(0, 4, (128, 192))
    seen = np.clip(part((5, 6)) * 0.6 + 30 + noise, 0, 255).astype(np.uint8)
    assert Locator(LOCATE, TEMPLATE).find(seen).moved == (5, 6)


def test_a_16_bit_part_is_found_by_a_16_bit_template() -> None:
    template = graphs.png(MARK.astype(np.uint16) * 257)
    locator = Locator(replace(LOCATE, template=digest_of(template)), template)
    assert locator.find(part((3, 4), np.uint16)).moved == (3, 4)


@pytest.mark.parametrize("pixels", [graphs.grey(128, 192), part((34, 0)), graphs.grey(40, 60)])
def test_a_part_that_is_not_there_or_too_far_is_not_found(pixels: np.ndarray) -> None:
    with pytest.raises(UnfitImage) as refused:
        Locator(LOCATE, TEMPLATE).find(pixels)
    assert refused.value.code is ReasonCode.PART_NOT_FOUND


def test_a_place_at_the_border_is_looked_at_as_far_as_the_picture_goes() -> None:
    corner = Locator(replace(LOCATE, x=5, y=3, reach=20), TEMPLATE)
    pixels = graphs.grey(128, 192)
    pixels[0:24, 9:41] = MARK
    assert corner.find(pixels).moved == (4, -3)


@pytest.mark.parametrize("template", [b"no image", graphs.png(graphs.grey(20, 20))])
def test_a_template_that_nothing_can_be_found_by_is_refused(template: bytes) -> None:
    with pytest.raises(InvalidInput):
        Locator(replace(LOCATE, template=digest_of(template)), template)


def test_another_template_than_the_recipe_names_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not the one"):
        Locator(LOCATE, graphs.png(MARK[::-1]))


def test_regions_move_with_the_part(tmp_path: Path) -> None:
    """A spot counts on the part's right half wherever the part lies, and nowhere beside it."""
    package = graphs.write_brightness(tmp_path / "package")
    right = Polygon(((100, 0), (192, 0), (192, 128), (100, 128)))
    recipe = replace(graphs.recipe_for(package), regions=(right,), locate=LOCATE)
    inspector = Inspector(package, recipe, REFERENCE, 1, TEMPLATE)

    def verdict(spot: tuple[int, int], moved: tuple[int, int]) -> Verdict:
        pixels = part(moved)
        x, y = spot[0] + moved[0], spot[1] + moved[1]
        pixels[y : y + 10, x : x + 14] = 250
        outcome = inspector.inspect(pixels)
        assert (outcome.health["moved_x"], outcome.health["moved_y"]) == moved
        assert judge(recipe, outcome.findings, moved) == outcome.decision
        return outcome.decision.verdict

    for moved in ((0, 0), (18, 5), (-18, -5)):
        assert verdict((112, 90), moved) is Verdict.REJECT
        assert verdict((78, 90), moved) is Verdict.PASS


def test_a_part_that_is_not_found_is_undecided_and_says_so(tmp_path: Path) -> None:
    package = graphs.write_brightness(tmp_path / "package")
    recipe = replace(graphs.recipe_for(package), locate=LOCATE)
    outcome = Inspector(package, recipe, REFERENCE, 1, TEMPLATE).inspect(graphs.grey(128, 192))
    assert outcome.decision.verdict is Verdict.NO_DECISION
    assert outcome.decision.reasons[0].code is ReasonCode.PART_NOT_FOUND
    assert not outcome.scores


def test_a_recipe_that_locates_is_not_run_without_its_template(tmp_path: Path) -> None:
    package = graphs.write_brightness(tmp_path / "package")
    with pytest.raises(InvalidInput, match="template"):
        Inspector(package, replace(graphs.recipe_for(package), locate=LOCATE), REFERENCE)


def test_pixels_and_their_file_are_judged_the_same(tmp_path: Path) -> None:
    package = graphs.write_brightness(tmp_path / "package")
    inspector = Inspector(package, graphs.recipe_for(package), REFERENCE)
    pixels = graphs.grey(128, 192)
    pixels[40:60, 90:120] = 230
    raw, encoded = inspector.inspect(pixels), inspector.inspect(graphs.png(pixels))
    assert (raw.decision, raw.scores, raw.findings) == (encoded.decision, encoded.scores, encoded.findings)
    assert raw.image() == encoded.image()


def test_a_dark_picture_is_refused_before_the_model_sees_it(tmp_path: Path) -> None:
    package = graphs.write_brightness(tmp_path / "package")
    outcome = Inspector(package, graphs.recipe_for(package), REFERENCE).inspect(
        np.zeros((64, 64), np.uint8)
    )
    assert outcome.decision.reasons[0].code is ReasonCode.DARK_IMAGE
    assert "engine" not in outcome.stages
    assert outcome.health["brightness"] == 0
