"""What a batch is made of."""

from collections import Counter
from dataclasses import replace

from simulators.drawings import drawn

from andon.domain.datasets import Split
from andon.domain.runs import TrainSettings
from andon.training.samples import Sample
from andon.training.sampling import Sampler

SETTINGS = TrainSettings(batch=10, defect_share=0.4, crop=0.2)
BATCHES = 300


def parts() -> list[Sample]:
    """30 dents on 30 parts, 6 photos of one stained part and 1 of another, 20 clean parts."""
    stained = [replace(drawn(100 + i, concept="stain"), part="often") for i in range(6)]
    dents = [drawn(i) for i in range(30)]
    return [
        *dents,
        *stained,
        drawn(200, concept="stain"),
        *(drawn(i, Split.TRAIN, None) for i in range(20)),
    ]


def counted(samples: list[Sample], settings: TrainSettings) -> Counter[str]:
    """How often each part was drawn."""
    sampler = Sampler(samples, ("dent", "stain"), settings)
    draws = (draw for step in range(BATCHES) for draw in sampler.draw(step)[0])
    return Counter("clean" if not samples[d.index].labels else samples[d.index].part for d in draws)


def test_the_share_of_defects_is_kept_in_every_batch() -> None:
    samples = parts()
    sampler = Sampler(samples, ("dent", "stain"), SETTINGS)
    for step in range(20):
        draws, _ = sampler.draw(step)
        assert len(draws) == 10
        assert sum(bool(samples[d.index].labels) for d in draws) == 4


def test_concepts_have_equal_shares_and_a_part_counts_once() -> None:
    found = counted(parts(), SETTINGS)
    defects = BATCHES * 4
    stained = found["often"] + found["part-200"]
    assert 0.45 < stained / defects < 0.55
    assert 0.42 < found["often"] / stained < 0.58


def test_crops_have_their_share_of_all_samples_and_centre_on_a_defect() -> None:
    samples = parts()
    sampler = Sampler(samples, ("dent", "stain"), SETTINGS)
    draws = [draw for step in range(BATCHES) for draw in sampler.draw(step)[0]]
    crops = [draw for draw in draws if draw.crop is not None]
    assert 0.17 < len(crops) / len(draws) < 0.23
    assert all(draw.crop in samples[draw.index].labels for draw in crops)


def test_without_a_mask_nothing_is_cropped() -> None:
    samples = [replace(s, masks={}, located=False) for s in parts()]
    sampler = Sampler(samples, ("dent", "stain"), SETTINGS)
    assert all(draw.crop is None for step in range(30) for draw in sampler.draw(step)[0])


def test_without_clean_parts_every_sample_is_a_defect() -> None:
    samples = [s for s in parts() if s.labels]
    draws, _ = Sampler(samples, ("dent", "stain"), SETTINGS).draw(0)
    assert len(draws) == 10


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    first, second = (Sampler(parts(), ("dent", "stain"), SETTINGS) for _ in range(2))
    first.draw(3)
    assert first.draw(8)[0] == second.draw(8)[0]
    assert first.draw(8)[0] != first.draw(9)[0]
    other = Sampler(parts(), ("dent", "stain"), replace(SETTINGS, seed=1))
    assert first.draw(8)[0] != other.draw(8)[0]


def test_parts_that_were_judged_wrongly_are_drawn_as_often_as_asked_and_the_others_still_are() -> None:
    samples = [*(drawn(i) for i in range(10)), *(drawn(i, Split.TRAIN, None) for i in range(50, 60))]
    samples[3] = replace(samples[3], regression=True)
    found = counted(samples, replace(SETTINGS, regression=4))
    others = [found[sample.part] for sample in samples[:10] if not sample.regression]
    assert 3 < found[samples[3].part] / (sum(others) / len(others)) < 5
    assert min(others) > 0
