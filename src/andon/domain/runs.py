"""Runs: one training job on one snapshot, with everything that decides its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from andon.units import Digest, Timestamp


class Family(StrEnum):
    """Model families; each is one file in ``training/models``."""

    UNET = "unet"
    SEGMENT = "segment"
    CLASSIFY = "classify"
    PATCHES = "patches"


class RunState(StrEnum):
    """A run that is RUNNING without a living process was killed and can be resumed."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Which changes training images go through; each can be switched off. Off: `print` must stay readable.

    ``shift`` is a fraction of the side, ``rotation`` degrees, ``perspective`` a fraction of the side,
    the light terms fractions of the full range; 0 switches a term off.
    """

    flip_horizontal: bool = True
    flip_vertical: bool = True
    shift: float = 0.06
    rotation: float = 10.0
    perspective: float = 0.05
    light_add: float = 0.10
    light_multiply: float = 0.20
    contrast: float = 0.20
    gain: float = 0.10
    blur: float = 0.5
    noise: float = 0.02


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What a run is asked to do. ``minutes`` is CPU-minutes and is turned into ``steps`` once.

    Attributes:
        family: what kind of model. ``patches`` makes one pass over clean images: of what follows it heeds
            encoder, weights, input, seed and threads.
        encoder: timm encoder name; ignored by ``unet``.
        weights: "imagenet" (timm's download), "none", or a path to a safetensors / pth state dict.
        height, width: network input in pixels, multiples of 32.
        steps: optimiser steps; when None, ``minutes`` decides.
        defect_share: share of the samples of a batch that show a defect (sampling by concept and part).
        crop: share of samples taken as crops centred on a defect (segment families), 0 to 1.
        start: digest of the package whose weights are begun with; outputs are mapped by concept. None:
            begin as ``weights`` says.
        regression: how many times as often a part is drawn that a model judged wrongly on a line.
    """

    family: Family = Family.SEGMENT
    encoder: str = "mobilenetv2_100"
    weights: str = "imagenet"
    height: int = 256
    width: int = 256
    batch: int = 16
    learning_rate: float = 1e-3
    minutes: float = 6.0
    steps: int | None = None
    seed: int = 0
    threads: int = 2
    defect_share: float = 0.5
    crop: float = 0.25
    start: str | None = None
    regression: int = 4
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True)
class Miss:
    """What a network says of an image of the stop group, and how far that is from the truth.

    Attributes:
        image: digest. concept: the one it is furthest from the truth about.
        score: its probability, 0 to 1. shown: whether the image does show the concept.
    """

    image: str
    concept: str
    score: float
    shown: bool

    @property
    def gap(self) -> float:
        """0: right and certain; 1: wrong and certain."""
        return 1 - self.score if self.shown else self.score


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """Values measured at one step, e.g. ``{"loss": 0.31, "stop_ap": 0.84}``.

    ``worst`` are the images of the stop group that it is most wrong about, the worst first; empty where
    the stop group was not measured.
    """

    step: int
    seconds: float
    values: Mapping[str, float]
    worst: tuple[Miss, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A training run as recorded. ``package`` is set when it finished; ``reason`` when it failed."""

    id: str
    snapshot: Digest
    settings: TrainSettings
    state: RunState
    author: str
    started_at: Timestamp
    finished_at: Timestamp | None = None
    steps: int | None = None
    package: Digest | None = None
    reason: str | None = None
    code_version: str = ""
