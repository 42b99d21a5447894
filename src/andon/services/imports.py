"""Importing from pages: see what a folder holds before, ask for the import, see what was left out after."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from andon.domain.annotations import WholeImage
from andon.domain.jobs import Job, JobEventKind, JobKind
from andon.domain.requests import ImportJob
from andon.domain.serial import to_json
from andon.errors import Conflict, InvalidInput, NotFound
from andon.formats.archives import path_below
from andon.formats.entries import CLEAN_WORDS, Entry, LeftOut, Options
from andon.formats.files import escaped, is_writable
from andon.formats.reading import read_dataset
from andon.formats.tables import MetadataTable, with_metadata
from andon.services.jobs import enqueue, find_job, job_events
from andon.services.uploads import Upload, find_upload, note_job, root_of
from andon.services.workspaces import Workspace
from andon.store import ontologies as stored_ontologies

SHOWN = 200
"""Files left out that a preview names; it counts all."""

LEFT_OUT = "left out: "
NOTE = "note: "
"""How the log of an import begins the lines about files."""


@dataclass(frozen=True, slots=True)
class ImportChoices:
    """How to read what was uploaded; the same as the options of `andon images import`.

    Attributes:
        source: what the origin is called; importing again under it adds nothing. Empty: the upload's name.
        layout: None recognises it.
        metadata: said of every image.
        table: a CSV with metadata per file, among the files; its whole path where they were not sent, but
            lie on the hub's machine.
        clean: further words that mean clean. masks: a folder among the files. mask_cut: 0 to 255.
        threads: files read and decoded at a time, 1 to 64.
    """

    source: str = ""
    layout: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    clean: tuple[str, ...] = ()
    masks: str | None = None
    mask_cut: int = 127
    add_concepts: bool = False
    threads: int = 2


@dataclass(frozen=True, slots=True)
class LabelCount:
    """A label and the number of images that would get it; ``known``: it is a concept already."""

    name: str
    images: int
    known: bool


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A file that would not be, or was not, imported, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would do; no picture was decoded yet, so damaged ones are not known.

    Attributes:
        clean, unlabelled: images that the layout calls clean, and those it says nothing about.
        with_place: images whose label has a mask, box or outline.
        new_concepts: labels that are no concept yet; all may come while the ontology is empty.
        needs_concepts: new concepts must be allowed, or the import is refused.
        not_taken: at most ``SHOWN`` of ``not_taken_count``; reasons: how often each.
        metadata: keys that images have, and on how many.
    """

    layout: str
    images: int
    labels: tuple[LabelCount, ...]
    clean: int
    unlabelled: int
    with_place: int
    new_concepts: tuple[str, ...]
    needs_concepts: bool
    splits: Mapping[str, int]
    metadata: Mapping[str, int]
    not_taken: tuple[NotTaken, ...]
    not_taken_count: int
    reasons: Mapping[str, int]


def preview_import(workspace: Workspace, upload_id: str, choices: ImportChoices) -> ImportPreview:
    """Read names, manifests and labels, as the import will; nothing is written.

    Raises:
        NotFound: the upload, or an image in it, is missing.
        InvalidInput, LimitExceeded, Conflict: no layout is recognised, or its files are not usable.
    """
    upload = find_upload(workspace, upload_id)
    root = root_of(workspace, upload)
    options = Options(_clean_words(choices), masks=choices.masks, mask_cut=choices.mask_cut)
    layout, found = read_dataset(root, choices.layout, options)
    table = _table(upload, root, choices.table)
    tally = _Tally()
    tally.add(with_metadata(found, MetadataTable(table) if table else None, choices.metadata))
    tally.not_taken += [NotTaken(behind.name, behind.reason) for behind in upload.left_behind]
    with workspace.database.read() as tx:
        known = stored_ontologies.current(tx).names
    return tally.preview(layout, known)


def request_import(workspace: Workspace, upload_id: str, choices: ImportChoices) -> Job:
    """Ask a worker to import an upload.

    Raises:
        NotFound, InvalidInput: as :func:`preview_import`.
        Conflict: it was asked for already.
    """
    upload = find_upload(workspace, upload_id)
    if upload.job is not None:
        raise Conflict(
            f"upload {upload.name!r} is imported by job {upload.job[:8]}",
            "Try that job again, if it failed.",
        )
    _refuse_unwritable(choices)
    root = root_of(workspace, upload)
    if upload.path is None and not upload.files:
        raise NotFound(f"upload {upload.name!r} holds no file", "Send its files first.")
    table = _table(upload, root, choices.table)
    request = ImportJob(
        path=str(root),
        source=choices.source.strip() or upload.path or upload.name,
        layout=choices.layout,
        metadata=dict(choices.metadata),
        add_concepts=choices.add_concepts,
        table=str(table) if table else None,
        clean=choices.clean,
        masks=choices.masks,
        mask_cut=choices.mask_cut,
        threads=choices.threads,
    )
    job = enqueue(workspace, JobKind.IMPORT_IMAGES, to_json(request), request.source)
    note_job(workspace, upload, job.id)
    return job


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """The job of an import, and what it has said about single files so far."""

    job: Job
    not_taken: tuple[NotTaken, ...]
    remarks: tuple[NotTaken, ...]


def import_progress(workspace: Workspace, upload: Upload) -> ImportProgress | None:
    """How far the import of ``upload`` is; None before it was asked for."""
    if upload.job is None:
        return None
    job = find_job(workspace, upload.job)
    said = [
        event.text for event in job_events(workspace, job, limit=20_000) if event.kind is JobEventKind.LOG
    ]
    return ImportProgress(job, _said(said, LEFT_OUT), _said(said, NOTE))


def _said(lines: Iterable[str], start: str) -> tuple[NotTaken, ...]:
    told = (line.removeprefix(start).rpartition(": ") for line in lines if line.startswith(start))
    return tuple(NotTaken(name, reason) for name, _, reason in told)


def _refuse_unwritable(choices: ImportChoices) -> None:
    """Before it becomes a row that no database can hold."""
    texts = (choices.source, choices.layout or "", choices.masks or "", *choices.clean)
    for text in (*texts, *choices.metadata, *choices.metadata.values()):
        if not is_writable(text):
            raise InvalidInput(f"{escaped(text)[:80]!r} holds characters that cannot be written")


def _clean_words(choices: ImportChoices) -> frozenset[str]:
    return CLEAN_WORDS | {word.casefold() for word in choices.clean}


def _table(upload: Upload, root: Path, name: str | None) -> Path | None:
    """The CSV among the files, or on the hub's machine where the folder lies there."""
    if not name:
        return None
    if Path(name).is_absolute():
        if upload.path is not None:
            return Path(name)
        raise InvalidInput(f"{name[:80]!r} is not among the files", "Give its path below the folder.")
    return path_below(root if root.is_dir() else root.parent, name)


class _Tally:
    """Counts what a layout says."""

    def __init__(self) -> None:
        self.images = self.clean = self.unlabelled = self.with_place = 0
        self.labels: Counter[str] = Counter()
        self.splits: Counter[str] = Counter()
        self.metadata: Counter[str] = Counter()
        self.not_taken: list[NotTaken] = []

    def add(self, found: Iterable[Entry | LeftOut]) -> None:
        """Count everything in ``found``."""
        for item in found:
            if isinstance(item, LeftOut):
                self.not_taken.append(NotTaken(item.name, item.reason))
            else:
                self._count(item)

    def _count(self, entry: Entry) -> None:
        self.images += 1
        self.clean += entry.clean
        self.unlabelled += not entry.clean and not entry.labels
        self.labels.update({label.concept for label in entry.labels})
        self.with_place += any(not isinstance(label.place, WholeImage) for label in entry.labels)
        self.metadata.update(key for key, value in entry.metadata.items() if value)
        if entry.split is not None:
            self.splits[str(entry.split)] += 1

    def preview(self, layout: str, known: tuple[str, ...]) -> ImportPreview:
        """What was counted."""
        new = tuple(sorted(name for name in self.labels if name not in known))
        return ImportPreview(
            layout=layout,
            images=self.images,
            labels=tuple(
                LabelCount(name, number, name in known) for name, number in self.labels.most_common()
            ),
            clean=self.clean,
            unlabelled=self.unlabelled,
            with_place=self.with_place,
            new_concepts=new,
            needs_concepts=bool(new and known),
            splits=dict(self.splits),
            metadata=dict(sorted(self.metadata.items())),
            not_taken=tuple(self.not_taken[:SHOWN]),
            not_taken_count=len(self.not_taken),
            reasons=dict(Counter(item.reason for item in self.not_taken).most_common(20)),
        )
