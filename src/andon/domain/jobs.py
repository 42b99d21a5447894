"""Jobs: long work as rows, so that request, progress, log and outcome outlive the process that does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from andon.units import Timestamp


class JobKind(StrEnum):
    """What there is to do; ``worker.kinds`` does it."""

    IMPORT_IMAGES = "import-images"
    TRAIN = "train"
    EVALUATE = "evaluate"
    BENCHMARK = "benchmark"
    INSPECT = "inspect"
    FREEZE = "freeze"
    RESCORE = "rescore"
    SELECT = "select"
    GATE = "gate"
    TURN = "turn"
    REPORT = "report"


class JobState(StrEnum):
    """RUNNING without a heartbeat means killed; a worker takes it up again, and it goes on."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED})


class JobEventKind(StrEnum):
    """What can be said of a job; each is a row with who and when. LOG is what the job itself says."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    RECLAIMED = "reclaimed"
    CANCELLATION = "cancellation"
    RETRY = "retry"
    ENDED = "ended"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that happened to a job. ``id`` rises with time; asking "what came after" needs it."""

    id: int
    kind: JobEventKind
    text: str
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Usage:
    """What the process of a job takes: CPU seconds so far, memory now, bytes its folder has on the disk."""

    cpu_seconds: float
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work. ``subject`` names what it works on; the same subject resumes the same job.

    Attributes:
        request: what was asked, as JSON values; empty for work done inline by the command line.
        worker: name of the worker that has it. heartbeat_at: when that one last showed life.
        claimed_at: when a worker last took it; what stands before is waiting.
        attempts: how often it was claimed.
        caption: what it is doing now, for people.
        cancelling: somebody asked to stop it (who and when are in its events).
    """

    id: str
    kind: JobKind
    subject: str
    state: JobState
    author: str
    started_at: Timestamp
    finished_at: Timestamp | None = None
    done: int = 0
    total: int | None = None
    outcome: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    worker: str | None = None
    heartbeat_at: Timestamp | None = None
    attempts: int = 0
    caption: str = ""
    usage: Usage | None = None
    cancelling: bool = False
    claimed_at: Timestamp | None = None
