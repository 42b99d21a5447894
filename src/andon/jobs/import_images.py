"""Import: a folder in any layout becomes images, labels and concepts of the workspace.

Files are read, hashed and decoded in threads (OpenCV and hashlib let go of the interpreter), batch by
batch.  Of each batch first the blobs are made durable, then one transaction writes the rows: killed at any
moment, the same import done again continues, and ends in the state of one that was never disturbed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.errors import NotFound
from andon.formats.entries import Entry, LeftOut, Options
from andon.formats.pixels import DEFAULT_LIMITS, Limits
from andon.formats.reading import DEFAULT_OPTIONS, read_dataset
from andon.formats.tables import MetadataTable, with_metadata
from andon.jobs.preparing import Prepared, prepare
from andon.services.images import (
    Added,
    Signature,
    Step,
    add_images,
    begin_import,
    finish_import,
    settle_concepts,
)
from andon.store.database import Database
from andon.units import Timestamp

BATCH_FILES = 48
BATCH_BYTES = 96 * 1024**2
"""A batch ends with the file that brings it to one of these; batches in flight are held in memory."""

Report = Callable[[int, int], None]
"""Called with files done and files in total."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import.

    Attributes:
        path: a folder, a CSV manifest or a COCO file.
        source: what the origin of these images is called; importing again needs the same name.
        layout: one of ``formats.reading.LAYOUT_NAMES``; None recognises it.
        metadata: said of every image, e.g. ``{"part_type": "tile"}``.
        table: a CSV with metadata per file.
        add_concepts: labels that are no concepts yet become some; an empty ontology takes all.
        limits: of one image file.
        threads: files read and decoded at the same time.
        job: the job of a worker that this is; None makes one, or goes on with one that was interrupted.
    """

    path: Path
    source: str
    author: str
    at: Timestamp
    layout: str | None = None
    options: Options = DEFAULT_OPTIONS
    metadata: Mapping[str, str] = field(default_factory=dict)
    table: MetadataTable | None = None
    add_concepts: bool = False
    limits: Limits = DEFAULT_LIMITS
    threads: int = 2
    job: str | None = None


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of every file.

    Attributes:
        imported: pictures that are new.
        known: files whose picture was there before, or twice in this import.
        left_out: (name, reason) of each file that was not imported, sorted.
        remarks: (name, what was done about it) of imported files.
        concepts_added: names, sorted.
    """

    layout: str
    imported: int
    known: int
    left_out: tuple[tuple[str, str], ...]
    remarks: tuple[tuple[str, str], ...]
    concepts_added: tuple[str, ...]

    def sentence(self) -> str:
        """The outcome for a log or a job's row."""
        counts = f"{self.imported} images imported, {self.known} known, {len(self.left_out)} files left out"
        return f"{counts}; new concepts: {', '.join(self.concepts_added) or 'none'}."

    def facts(self) -> dict[str, object]:
        """The outcome as rows of a table."""
        return {
            "layout": self.layout,
            "imported": self.imported,
            "known": self.known,
            "left out": len(self.left_out),
            "new concepts": ", ".join(self.concepts_added) or "none",
        }

    def as_json(self) -> dict[str, object]:
        """The same for `--json`."""
        return {
            "layout": self.layout,
            "imported": self.imported,
            "known": self.known,
            "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out],
            "remarks": [{"name": name, "remark": remark} for name, remark in self.remarks],
            "concepts_added": list(self.concepts_added),
        }


def import_images(
    database: Database, blobs: FolderBlobs, request: ImportRequest, report: Report
) -> ImportOutcome:
    """Import all images below ``request.path``; doing it again adds nothing.

    Raises:
        NotFound: the path, an image in it, or a label's concept is missing; nothing was written.
        InvalidInput, LimitExceeded: the layout's own files are not usable; nothing was written.
        Conflict: two concepts have one name, or manifests contradict themselves; nothing was written.
        DiskFull: no space is left; complete batches are kept, importing again continues.
        OperatorError: the workspace cannot be written.
    """
    layout, found = read_dataset(request.path, request.layout, request.options)
    described = list(with_metadata(found, request.table, request.metadata))
    entries = [entry for entry in described if isinstance(entry, Entry)]
    if not entries:
        raise NotFound(f"{request.path} has no image that the layout {layout} can read", _why(described))
    signature = Signature(request.source, request.author, request.at)
    concepts = {label.concept for entry in entries for label in entry.labels}
    added = settle_concepts(database, concepts, request.add_concepts, signature)
    job = begin_import(database, signature, len(entries), request.job)
    tally = _Tally(len(entries), report)
    for batch in _prepared(database, entries, request):
        blobs.put_many([content for item in batch.items for content in item.contents])
        step = Step(job, tally.done + batch.files)
        tally.count(batch, add_images(database, [item.labelled for item in batch.items], signature, step))
    left_out = [(entry.name, entry.reason) for entry in described if isinstance(entry, LeftOut)]
    left_out = sorted(left_out + tally.left_out)
    outcome = ImportOutcome(layout, tally.new, tally.known, tuple(left_out), tuple(tally.remarks), added)
    finish_import(database, job, outcome.sentence())
    return outcome


class _Tally:
    """Counts what became of the files while they come in."""

    def __init__(self, total: int, report: Report) -> None:
        self._total = total
        self._report = report
        self.done = 0
        self.new = 0
        self.known = 0
        self.left_out: list[tuple[str, str]] = []
        self.remarks: list[tuple[str, str]] = []
        report(0, total)

    def count(self, batch: "_Batch", added: Added) -> None:
        """Note a batch that was written, and say how far we are."""
        self.new += added.new
        self.known += added.known
        self.left_out += [*((left.name, left.reason) for left in batch.left_out), *added.left_out.items()]
        self.remarks += [
            (item.labelled.image.name, remark) for item in batch.items for remark in item.remarks
        ]
        self.done += batch.files
        self._report(self.done, self._total)


@dataclass(frozen=True, slots=True)
class _Batch:
    items: tuple[Prepared, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def files(self) -> int:
        return len(self.items) + len(self.left_out)


def _prepared(database: Database, entries: Sequence[Entry], request: ImportRequest) -> Iterator[_Batch]:
    """Batches in the order of ``entries``; the next ones are being prepared while one is written."""
    waiting: deque[Future[_Batch]] = deque()
    with ThreadPoolExecutor(request.threads) as pool:
        for batch in _cut(entries):
            waiting.append(pool.submit(_prepare_batch, database, batch, request.limits))
            if len(waiting) > request.threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _prepare_batch(database: Database, entries: Sequence[Entry], limits: Limits) -> _Batch:
    made = prepare(database, entries, limits)
    return _Batch(
        tuple(item for item in made if isinstance(item, Prepared)),
        tuple(item for item in made if isinstance(item, LeftOut)),
    )


def _cut(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.path.stat().st_size if entry.path.is_file() else 0
        if len(batch) == BATCH_FILES or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _why(described: Sequence[Entry | LeftOut]) -> str:
    first = next((item for item in described if isinstance(item, LeftOut)), None)
    return f"For example {first.name}: {first.reason}." if first else ""
