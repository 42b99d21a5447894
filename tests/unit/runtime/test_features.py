"""What a model makes of images: its own features, or a plain description of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators import graphs

from andon.domain.annotations import Box, Polygon, WholeImage
from andon.runtime.features import PLAIN, feature_count, features_of, look, plain_features
from andon.runtime.package import LoadedPackage

FEATURED = replace(graphs.OUTPUT, features=3)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedPackage, LoadedPackage]:
    folder = tmp_path_factory.mktemp("packages")
    return graphs.write_brightness(folder / "old"), graphs.write_brightness(folder / "new", given=FEATURED)


def spotted() -> np.ndarray:
    pixels = graphs.grey()
    pixels[10:20, 30:44] = 250
    return pixels


def test_the_models_own_features_are_given(packages: tuple[LoadedPackage, LoadedPackage]) -> None:
    (found,) = features_of(packages[1].folder, [("spot", spotted())])
    assert found == pytest.approx(
        [spotted().mean() / 255, (250 / 255 - 0.5) * 2, 0.5 * 2 - 254 / 255], abs=0.01
    )
    assert feature_count(packages[1].manifest.output) == 3


def test_a_package_without_features_has_its_pictures_described(
    packages: tuple[LoadedPackage, LoadedPackage],
) -> None:
    (found,) = features_of(packages[0].folder, [("spot", spotted())])
    assert found.shape == (PLAIN,) == (feature_count(packages[0].manifest.output),)


def test_pictures_the_model_does_not_take_are_passed_over(
    packages: tuple[LoadedPackage, LoadedPackage],
) -> None:
    colour = np.zeros((64, 64, 3), np.uint8)
    seen = list(look(packages[1], [("a", spotted()), ("b", colour), ("c", graphs.grey())]))
    assert [one.name for one in seen] == ["a", "c"]
    assert not np.shares_memory(seen[0].features, seen[1].features)
    assert seen[0].scores[0] > 0.9 > seen[1].scores[0]


def test_findings_become_outlines(packages: tuple[LoadedPackage, LoadedPackage]) -> None:
    (seen,) = look(packages[0], [("spot", spotted())])
    (label, score) = seen.findings[0]
    assert (label.concept, round(score, 2)) == ("bright", 0.96)
    assert isinstance(label.geometry, Polygon)
    xs, ys = zip(*label.geometry.points, strict=True)
    assert (min(xs), max(xs)) == pytest.approx((30.5, 43.5))
    assert (min(ys), max(ys)) == pytest.approx((10.5, 19.5))


def test_a_finding_of_one_pixel_becomes_a_box(packages: tuple[LoadedPackage, LoadedPackage]) -> None:
    pixels = graphs.grey()
    pixels[5, 7] = 255
    (seen,) = look(packages[0], [("dot", pixels)])
    assert seen.findings[0][0].geometry == Box(7, 5, 1, 1)


def test_a_finding_without_a_place_is_the_whole_image(tmp_path: Path) -> None:
    blind = graphs.write_brightness(tmp_path / "p", given=replace(graphs.OUTPUT, maps=False))
    (seen,) = look(blind, [("spot", spotted())])
    assert seen.findings[0][0].geometry == WholeImage()


def test_a_description_tells_pictures_apart_and_not_their_brightness() -> None:
    fine = np.zeros((64, 64, 1), np.uint8)
    fine[:, ::4] = 100
    turned = np.ascontiguousarray(fine.transpose(1, 0, 2))
    own = plain_features(fine)
    assert np.abs(own - plain_features(fine + 60)).max() < 1e-4
    assert np.linalg.norm(own - plain_features(turned)) > 0.5
    assert np.linalg.norm(own[-128:]) == pytest.approx(1, abs=1e-5)
    assert not plain_features(np.full((64, 64, 3), 9, np.uint8)).any()
    assert np.abs(own - plain_features(fine.astype(np.uint16) * 257)).max() < 1e-3
