"""Jobs: long work as rows, so that progress, log and outcome outlive the process that does it."""

from dataclasses import dataclass
from enum import StrEnum

from andon.units import Timestamp


class JobKind(StrEnum):
    """What there is to do; each kind is one file in ``jobs/``."""

    IMPORT_IMAGES = "import-images"
    TRAIN = "train"
    INSPECT = "inspect"


class JobState(StrEnum):
    """RUNNING without a living process means killed; doing the same again resumes it."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work. ``subject`` names what it works on; the same subject resumes the same job."""

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
