"""What a job of each kind is asked to do: the request that stands in its row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.domain.datasets import DatasetSpec
from andon.domain.gates import GateRequest
from andon.domain.jobs import JobKind
from andon.domain.models import Costs
from andon.domain.runs import TrainSettings
from andon.domain.selections import SelectionSettings
from andon.domain.serial import from_json
from andon.errors import InvalidInput

MOST_READERS = 64
"""Files that an import reads and decodes at a time."""


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A folder, CSV manifest or COCO file on the machine of the worker; as `andon images import`.

    Attributes:
        table: a CSV with metadata per file. clean: further words that mean clean.
    """

    path: str
    source: str
    layout: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    add_concepts: bool = False
    table: str | None = None
    clean: tuple[str, ...] = ()
    masks: str | None = None
    mask_cut: int = 127
    threads: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= MOST_READERS:
            raise InvalidInput(f"{self.threads} threads are not possible", f"1 to {MOST_READERS}.")


@dataclass(frozen=True, slots=True)
class TrainJob:
    """A snapshot (best by digest, so that a later freeze changes nothing) and how to learn from it."""

    dataset: str
    settings: TrainSettings


@dataclass(frozen=True, slots=True)
class EvaluateJob:
    """A model, what outcomes cost, and the variant (``engine/precision``) that is judged."""

    model: str
    costs: Costs
    variant: str = "onnxruntime/f32"


@dataclass(frozen=True, slots=True)
class BenchmarkJob:
    """A model, how many images it is timed on, and how many CPU threads it may use."""

    model: str
    images: int = 100
    threads: int = 2


MOST_PICTURES = 200
"""Misses, and false alarms, that a report shows; 200 of both make about 10 MB."""


@dataclass(frozen=True, slots=True)
class ReportJob:
    """A report of a model; as `andon models report`.

    Attributes:
        model: digest, its beginning, or "latest".
        recipe: NAME or NAME@VERSION whose cuts judge; None: the model's newest, else the suggested cuts.
        images: at most so many misses and as many false alarms are shown.
    """

    model: str
    recipe: str | None = None
    images: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.images <= MOST_PICTURES:
            raise InvalidInput(
                f"{self.images} pictures of each kind are not possible", f"Give 0 to {MOST_PICTURES}."
            )


MOST_THREADS = 256

OVERLAYS = ("all", "found", "none")
"""Of which images an inspection draws what was found: all, those that did not pass, none."""


@dataclass(frozen=True, slots=True)
class InspectJob:
    """A folder on the machine of the worker, or the test group of a data set; as `andon inspect`.

    Attributes:
        variant: engine/precision; None takes the fastest FP32 one. threads: of the CPU, 1 to 256.
        overlays: of which images: all, found, none.
        out: folder on the machine of the worker for overlays and results; None: in the workspace.
    """

    recipe: str
    folder: str | None = None
    dataset: str | None = None
    truth: str | None = None
    variant: str | None = None
    threads: int = 2
    overlays: str = "found"
    out: str | None = None

    def __post_init__(self) -> None:
        if (self.folder is None) == (self.dataset is None):
            raise InvalidInput("an inspection needs a folder or a data set", "Name one of them.")
        if self.overlays not in OVERLAYS:
            raise InvalidInput(
                f"overlays {self.overlays!r} are not known", f"Choose from: {', '.join(OVERLAYS)}."
            )
        if not 1 <= self.threads <= MOST_THREADS:
            raise InvalidInput(f"{self.threads} CPU threads are not possible", f"1 to {MOST_THREADS}.")


@dataclass(frozen=True, slots=True)
class FreezeJob:
    """A data set to freeze; as `andon datasets freeze`.

    Attributes:
        split_file: JSON or CSV on the machine of the worker that says which image is for what.
    """

    spec: DatasetSpec
    split_file: str | None = None


@dataclass(frozen=True, slots=True)
class RescoreJob:
    """A recipe version (``NAME@VERSION``) that all stored inspections of its model are judged by anew."""

    recipe: str


@dataclass(frozen=True, slots=True)
class SelectJob:
    """Pictures to be picked for labelling."""

    settings: SelectionSettings


@dataclass(frozen=True, slots=True)
class TurnJob:
    """A turn that stands in its row already; done again it goes on where it stopped."""

    turn: str


JobRequest = (
    ImportJob
    | TrainJob
    | EvaluateJob
    | BenchmarkJob
    | InspectJob
    | FreezeJob
    | RescoreJob
    | SelectJob
    | GateRequest
    | TurnJob
    | ReportJob
)

_KINDS: Mapping[JobKind, Any] = {
    JobKind.IMPORT_IMAGES: ImportJob,
    JobKind.TRAIN: TrainJob,
    JobKind.EVALUATE: EvaluateJob,
    JobKind.BENCHMARK: BenchmarkJob,
    JobKind.INSPECT: InspectJob,
    JobKind.FREEZE: FreezeJob,
    JobKind.RESCORE: RescoreJob,
    JobKind.SELECT: SelectJob,
    JobKind.GATE: GateRequest,
    JobKind.TURN: TurnJob,
    JobKind.REPORT: ReportJob,
}


def read_request(kind: JobKind, request: Mapping[str, Any]) -> JobRequest:
    """The request of a job of ``kind``.

    Raises:
        InvalidInput: something is missing, unknown, or not of its type.
    """
    asked: JobRequest = from_json(_KINDS[kind], request)
    return asked
