"""Greedy k-centre: the radius is what it says, and no more than twice the best."""

from itertools import combinations

import pytest
import torch

from andon.training.coreset import CHUNK, distances, k_centre


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int, dimensions: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, dimensions, generator=seeded(seed))


def brute_force(found: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
    return (found[:, None].double() - memory[None].double()).norm(dim=2).amin(dim=1)


@pytest.mark.parametrize("most", [1, 7, 40])
def test_no_point_is_further_than_the_radius_and_one_is_as_far(most: int) -> None:
    found = points(200, 5)
    chosen, radius = k_centre(found, most, seeded(1))
    assert len(chosen) == len(set(chosen.tolist())) == most
    assert float(brute_force(found, found[chosen]).max()) == pytest.approx(radius, rel=1e-5)


def test_the_radius_is_at_most_twice_the_best() -> None:
    for seed in range(5):
        found = points(11, 2, seed)
        best = min(
            float(brute_force(found, found[list(rows)]).max()) for rows in combinations(range(11), 3)
        )
        assert k_centre(found, 3, seeded(seed))[1] <= 2 * best + 1e-6


def test_points_that_lie_on_one_another_are_chosen_once() -> None:
    chosen, radius = k_centre(points(6, 4).repeat(5, 1), 100, seeded(0))
    assert len(chosen) == 6
    assert radius == 0


def test_the_seed_decides() -> None:
    found = points(300, 4)
    first, second, other = (k_centre(found, 20, seeded(s))[0].tolist() for s in (3, 3, 4))
    assert first == second != other


def test_distances_are_those_of_brute_force() -> None:
    found, memory = points(CHUNK + 50, 16, 1), points(70, 16, 2)
    assert torch.allclose(distances(found, memory), brute_force(found, memory).float(), atol=1e-4)
