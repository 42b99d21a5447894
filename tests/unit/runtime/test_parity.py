from collections.abc import Iterator

import numpy as np
import pytest
from simulators import graphs

from andon.domain.models import Precision
from andon.errors import ParityFailed
from andon.runtime.execution import available
from andon.runtime.parity import Reference, certify, quiet_cut
from andon.runtime.pixels import Pixels, UnfitImage
from andon.runtime.scoring import golden_scores, score_images


def trained(level: int, shift: float = 0.0) -> Reference:
    """What the trained model would say of a part with a spot of that grey level."""
    pixels = graphs.grey()
    pixels[10:20, 10:20] = level
    unit = pixels.astype(np.float32) / np.float32(255)
    maps = np.clip(np.stack([unit - 0.5, 0.5 - unit]) * 2, 0, 1).astype(np.float32)
    scores = np.clip(maps.max(axis=(1, 2)) + np.float32(shift), 0, 1)
    return Reference(f"spot-{level}.png", pixels, scores, maps)


LEVELS = (127, 140, 200, 250, 20)


def test_an_honest_export_passes_on_every_variant() -> None:
    certificates = certify(graphs.brightness_graph(), [trained(level) for level in LEVELS])
    assert [certificate.variant for certificate in certificates] == list(available())
    for certificate in certificates:
        assert certificate.passed
        assert certificate.images == len(LEVELS)
        exact = certificate.variant.precision is Precision.F32
        assert certificate.largest_gap <= (1e-5 if exact else 0.03)
        assert certificate.largest_map_gap <= (1e-5 if exact else 0.03)


def test_an_export_that_scores_otherwise_is_refused() -> None:
    with pytest.raises(ParityFailed, match=r"differs from the trained one by 0\.01"):
        certify(graphs.brightness_graph(), [trained(200, shift=0.01)])


def test_a_flipped_verdict_is_refused_however_small_the_gap() -> None:
    references = [trained(level) for level in LEVELS] + [trained(180, shift=0.0004)]
    cut = float(trained(180).scores[0]) + 0.0002
    with pytest.raises(ParityFailed, match="1 verdicts flip"):
        certify(graphs.brightness_graph(), references, {"bright": cut})
    assert all(certificate.passed for certificate in certify(graphs.brightness_graph(), references))


def test_no_image_is_no_proof() -> None:
    with pytest.raises(ParityFailed, match="on 0 images"):
        certify(graphs.brightness_graph(), [])


@pytest.mark.parametrize(
    ("scores", "cut"), [([], 0.5), ([0.1, 0.12, 0.9], 0.51), ([0.4, 0.5], 0.75), ([0.0, 1.0], 0.5)]
)
def test_the_quiet_cut_stands_in_the_widest_gap(scores: list[float], cut: float) -> None:
    assert quiet_cut(scores) == pytest.approx(cut)


def test_images_are_read_one_at_a_time_and_kept_apart() -> None:
    taken: list[str] = []

    def images() -> Iterator[tuple[str, Pixels]]:
        for level in LEVELS:
            taken.append(str(level))
            yield str(level), trained(level).pixels

    for variant in available():
        taken.clear()
        scored = score_images(graphs.brightness_graph(), images(), variant)
        first = next(scored)
        assert taken == ["127"]
        rest = list(scored)
        assert [one.name for one in (first, *rest)] == [str(level) for level in LEVELS]
        assert first.prediction.maps is not None
        assert first.prediction.maps.max() < 0.01
        assert first.prediction.scores == pytest.approx(trained(127).scores, abs=0.01)


def test_golden_scores_are_plain_numbers_in_concept_order() -> None:
    found = golden_scores(
        graphs.brightness_graph(), [("a", trained(200).pixels), ("b", trained(20).pixels)]
    )
    assert found["a"] == (pytest.approx((200 / 255 - 0.5) * 2), pytest.approx(0.004, abs=1e-3))
    assert found["b"][1] == pytest.approx((0.5 - 20 / 255) * 2)
    assert all(type(score) is float for scores in found.values() for score in scores)


def test_an_image_the_model_cannot_take_is_refused() -> None:
    with pytest.raises(UnfitImage, match="colour channels"):
        list(score_images(graphs.brightness_graph(), [("a", np.zeros((9, 9, 3), np.uint8))]))
