"""Learning without steps: one pass over clean images fills the memory of ``patches``.

What clean distances usually are is asked of images that are held out: the parts are dealt to a few folds,
and each fold is compared with a memory made of the others.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from andon.domain.datasets import Split
from andon.domain.models import OutputSpec
from andon.domain.runs import MetricPoint, TrainSettings
from andon.errors import InvalidInput
from andon.training import checkpoints
from andon.training.coreset import distances, k_centre
from andon.training.evaluators import CHUNK, evaluate
from andon.training.models.patches import STRIDE, PatchMemory, build
from andon.training.pool import Pool
from andon.training.samples import Sample, of_split
from andon.training.trained import TrainedModel, keep

Report = Callable[[MetricPoint, int, float], None]

ROWS = 2000
"""Of the memory. With ``DIMENSIONS`` the search costs less than a small encoder."""

DIMENSIONS = 128
"""Of a row, after the projection."""

MOST_PATCHES = 1_000_000
"""Whose rows are held at a time, half a kilobyte each; of more images, so many as have these are drawn."""

CANDIDATES = 40_000
"""Patches that rows are chosen from; of more, these are drawn by chance."""

FOLDS = 5
SHRINK = 10
"""Images from which on a place's own mean counts more than that of all places as far from the border."""

RINGS = 5
"""Distances from the border that are told apart; the last one is all of the inside."""

LEAST_SPREAD = 0.1
"""Of clean distances at a place, as a share of their mean: identical images have none."""

LEAST_WIDTH = 0.25
"""Of clean values."""

TINY = 1e-3
NORMAL = 1.4826
"""Median absolute deviation to standard deviation, of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Space:
    """What distances are measured in: see ``centre`` and ``projection`` of :class:`PatchMemory`."""

    centre: Tensor
    projection: Tensor

    def rows(self, features: Tensor) -> Tensor:
        """(..., F) -> (..., D)."""
        return (features - self.centre) @ self.projection


@dataclass(slots=True)
class Diary:
    """Tells how far the pass is."""

    report: Report
    steps: int
    history: list[MetricPoint]
    began: float

    def write(self, **values: float) -> None:
        """One more step is done."""
        done, seconds = len(self.history) + 1, time.monotonic() - self.began
        self.history.append(MetricPoint(done, seconds, values))
        self.report(self.history[-1], self.steps, seconds / done * (self.steps - done))


def remember(
    samples: Sequence[Sample],
    concepts: tuple[str, ...],
    settings: TrainSettings,
    folder: Path,
    report: Report,
) -> TrainedModel:
    """Fill the memory with the clean images of the TRAIN group; arguments and errors as ``loop.train``.

    A pass takes seconds to minutes, so one that was killed is simply made again.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    clean = tuple(sample for sample in of_split(samples, Split.TRAIN) if not sample.labels)
    learnt, stop = _drawn(clean, settings, generator), of_split(samples, Split.STOP)
    pool = Pool(learnt + stop, settings)
    spec = pool.fill()
    network = build(settings, len(concepts), spec, True)
    folds = _folds(learnt, generator)
    diary = Diary(report, int(folds.max()) + 4, [], time.monotonic())

    space, rows = _rows(network, pool, len(learnt), generator)
    diary.write(clean_images=len(learnt))
    held_out = _held_out(rows, folds, generator, diary)
    memory, radius = _memory(rows, generator)
    network.learn(_learnt(network, space, memory, held_out))
    diary.write(rows=len(memory), radius=radius, held_out_distance=float(held_out.mean()))
    output = OutputSpec(concepts, maps=True, map_stride=STRIDE)
    measured = evaluate(network, pool, range(len(learnt), len(learnt) + len(stop)), output).metrics
    diary.write(**{f"stop_{name}": value for name, value in measured.items()})
    trained = TrainedModel(
        checkpoint=folder / checkpoints.MODEL,
        settings=settings,
        concepts=concepts,
        input=spec,
        output=output,
        steps=diary.steps,
        best_step=diary.steps,
        chosen_by=f"one pass over {len(learnt)} clean images: {len(memory)} rows, no patch further than "
        f"{radius:.3f} from one",
        metrics={"radius": radius, **measured},
        history=tuple(diary.history),
    )
    keep(trained, network.state_dict())
    return trained


def _drawn(
    clean: tuple[Sample, ...], settings: TrainSettings, generator: torch.Generator
) -> tuple[Sample, ...]:
    """So many of ``clean`` as are held at a time."""
    patches = (settings.height // STRIDE) * (settings.width // STRIDE)
    order = torch.randperm(len(clean), generator=generator)[: max(FOLDS, MOST_PATCHES // patches)]
    return tuple(clean[place] for place in sorted(order.tolist()))


def _folds(learnt: Sequence[Sample], generator: torch.Generator) -> Tensor:
    """(N,) the fold of each image; images of one part share theirs, unless there is no other part."""
    parts = sorted({sample.part for sample in learnt})
    keys = [sample.part if len(parts) > 1 else sample.name for sample in learnt]
    names = sorted(set(keys))
    order = torch.randperm(len(names), generator=generator) % min(FOLDS, len(names))
    fold = dict(zip(names, order.tolist(), strict=True))
    return torch.tensor([fold[key] for key in keys])


def _rows(
    network: PatchMemory, pool: Pool, images: int, generator: torch.Generator
) -> tuple[Space, Tensor]:
    """The space of the first ``images`` of ``pool``, and their rows (N, h, w, D) in it.

    Raises:
        InvalidInput: the encoder gives values that are not finite.

    """
    widths: tuple[int, ...] = ()
    total, squares, count = torch.zeros(()), torch.zeros(()), 0
    for of_stages, features in _features(network, pool, images):
        widths = of_stages
        exact = features.flatten(0, 2).double()
        total, squares = total + exact.sum(dim=0), squares + exact.square().sum(dim=0)
        count += len(exact)
    centre = total / count
    variance = (squares / count - centre.square()).clamp(min=0).float()
    if not variance.isfinite().all():
        raise InvalidInput(
            "the encoder gives values that are not finite for these images",
            "Its weights are damaged, or are another encoder's: start from other ones (--weights).",
        )
    space = _space(centre.float(), variance, widths, generator)
    return space, torch.cat([space.rows(found) for _, found in _features(network, pool, images)])


def _features(network: PatchMemory, pool: Pool, images: int) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """(channels of each stage, features (n, h, w, F)) of a few images at a time: those of all would be
    too much to hold, as wide encoders have many channels."""
    for start in range(0, images, CHUNK):
        pictures = [pool[place].image for place in range(start, min(start + CHUNK, images))]
        image = torch.from_numpy(np.stack(pictures))
        with torch.inference_mode():
            stages = network.stages(image)
            found = network.joined(stages, image)
        yield tuple(stage.shape[1] for stage in stages), found


def _space(centre: Tensor, variance: Tensor, widths: Sequence[int], generator: torch.Generator) -> Space:
    """From mean and variance of each channel, (F,).

    Each stage (of ``widths`` channels) is divided by the deviation of its channels, their root mean square,
    so that channels of a stage keep their ranks.  Then, of many channels, a random projection that keeps
    distances (Johnson and Lindenstrauss 1984) on orthogonal directions.
    """
    stages = torch.split(variance, list(widths))
    scale = torch.cat([stage.mean().sqrt().expand(len(stage)) for stage in stages]).clamp(min=TINY)
    projection = torch.diag(len(centre) ** -0.5 / scale)
    if len(centre) > DIMENSIONS:
        drawn = torch.randn(len(centre), DIMENSIONS, generator=generator)
        turned = torch.linalg.qr(drawn)[0] * (len(centre) / DIMENSIONS) ** 0.5
        projection = projection @ turned
    return Space(centre, projection)


def _held_out(rows: Tensor, folds: Tensor, generator: torch.Generator, diary: Diary) -> Tensor:
    """(N, h, w) distances of each image to a memory of the images of other folds."""
    found = torch.zeros(rows.shape[:3])
    for fold in range(int(folds.max()) + 1):
        held = folds == fold
        memory, radius = _memory(rows[~held], generator)
        found[held] = distances(rows[held].flatten(0, 2), memory).view(-1, *found.shape[1:])
        diary.write(fold=fold + 1, radius=radius, held_out_distance=float(found[held].mean()))
    return found


def _memory(rows: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """At most ``ROWS`` of the patches in ``rows`` (..., D), and how far any patch is from one of them."""
    patches = rows.flatten(0, 2)
    few = patches[torch.randperm(len(patches), generator=generator)[:CANDIDATES]]
    chosen, radius = k_centre(few, ROWS, generator)
    memory = few[chosen]
    if len(few) < len(patches):
        radius = float(distances(patches, memory).max())
    return memory, radius


def _learnt(network: PatchMemory, space: Space, memory: Tensor, held_out: Tensor) -> dict[str, Tensor]:
    """Everything that :data:`patches.LEARNT` names."""
    usual, spread = usual_distances(held_out)
    network.learn({"usual": usual, "spread": spread})
    values = network.values(held_out)[1]
    middle = values.median()
    width = (NORMAL * (values - middle).abs().median()).clamp(min=LEAST_WIDTH)
    return {
        "memory": memory.T.contiguous(),
        "lengths": memory.square().sum(dim=1),
        "centre": space.centre,
        "projection": space.projection,
        "usual": usual,
        "spread": spread,
        "middle": middle,
        "width": width,
    }


def usual_distances(held_out: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation (h, w) of clean distances (N, h, w) at each place.

    A place has few of its own: they are averaged over 3 x 3 places and drawn towards those of all places
    that are as far from the border, which count as ``SHRINK`` images.
    """
    usual = _drawn_to_rings(held_out.mean(dim=0), len(held_out))
    spread = _drawn_to_rings((held_out - usual).square().mean(dim=0), len(held_out)).sqrt()
    return usual, spread.clamp(min=max(TINY, LEAST_SPREAD * float(usual.mean())))


def _drawn_to_rings(means: Tensor, images: int) -> Tensor:
    height, width = means.shape
    rows, columns = (torch.minimum(torch.arange(n), torch.arange(n).flip(0)) for n in (height, width))
    ring = torch.minimum(rows[:, None], columns[None]).clamp(max=RINGS - 1)
    of_ring = torch.stack([means[ring == number].mean() for number in range(int(ring.max()) + 1)])[ring]
    own = F.avg_pool2d(means[None, None], 3, 1, padding=1, count_include_pad=False)[0, 0]
    return (images * own + SHRINK * of_ring) / (images + SHRINK)
