"""Data sets: freeze labelled images into snapshots, load them, write them out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from andon.domain.annotations import Annotation, AnnotationState, Label
from andon.domain.datasets import DatasetSpec, Leak, Snapshot, SnapshotItem, Split, SplitRule
from andon.domain.feedback import Answer, is_regression
from andon.domain.images import Image, ImageFilter
from andon.domain.jobs import Job, JobKind
from andon.domain.ontologies import ConceptKind
from andon.domain.parts import part_key
from andon.domain.requests import FreezeJob
from andon.domain.serial import to_json
from andon.domain.snapshots import read_manifest, write_manifest
from andon.domain.splitting import Candidate, deal
from andon.errors import NotPossible
from andon.formats.words import split_of
from andon.services.holdouts import held_images
from andon.services.jobs import enqueue
from andon.services.workspaces import Workspace, now
from andon.store import annotations as stored_annotations
from andon.store import datasets as stored_datasets
from andon.store import image_pages
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.store import reviews as stored_reviews
from andon.store.datasets import SnapshotRow
from andon.store.paging import Page

Report = Callable[[int, int | None, str], None]
"""Told how much is done, of how much, and what is being done."""

PAGE = 2000
SAMPLED = 200
"""Images that are asked what metadata they have."""


def _silent(_done: int, _total: int | None, _text: str) -> None:
    """Nobody wants to know how far it is."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Outcome of freezing.

    Attributes:
        unlabelled: images the query found that nobody has labelled; they are left out.
        outside: labelled images that a split file does not name; they are left out.
        ungrouped: labelled images without the key they should be grouped by; each is a part of its own.
        duplicates: pictures that were imported under several names; each counts once.
        leaks: those of them that would have stood in several groups.
        held: labelled parts that are kept for gates; they are left out.
    """

    snapshot: Snapshot
    unlabelled: int
    outside: int
    ungrouped: int
    duplicates: tuple[Leak, ...]
    leaks: tuple[Leak, ...]
    held: int = 0

    def table(self) -> tuple[tuple[str, ...], list[list[object]]]:
        """Parts per group and concept: columns and rows."""
        return split_table(self.snapshot)

    def remarks(self) -> Iterator[str]:
        """What a person should know about this snapshot, one sentence each."""
        if self.unlabelled:
            yield f"{self.unlabelled} images have no label and were left out."
        if self.held:
            yield f"{self.held} labelled parts are kept for gates and were left out."
        if self.outside:
            yield f"{self.outside} images are not named in the split file and were left out."
        if self.ungrouped:
            yield f"{self.ungrouped} images lack the key of --group-by; each counts as a part of its own."
        if self.duplicates:
            names = ", ".join(self.duplicates[0].names[:3])
            yield f"{len(self.duplicates)} pictures have several names and count once (e.g. {names})."
        if self.leaks:
            names = ", ".join(self.leaks[0].names[:3])
            yield f"{len(self.leaks)} of them lay on both sides; each now has one side (e.g. {names})."
        yield from thin_groups(self.snapshot)

    def as_json(self) -> dict[str, object]:
        """The same for `--json`."""
        columns, rows = self.table()
        return {
            "dataset": self.snapshot.dataset,
            "snapshot": self.snapshot.digest,
            "images": len(self.snapshot.items),
            "groups": [dict(zip(columns, row, strict=True)) for row in rows],
            "unlabelled": self.unlabelled,
            "outside_split_file": self.outside,
            "held_for_gates": self.held,
            "without_group_key": self.ungrouped,
            "duplicates": [list(leak.names) for leak in self.duplicates],
            "leaks": [list(leak.names) for leak in self.leaks],
            "remarks": list(self.remarks()),
        }


def preview_dataset(workspace: Workspace, spec: DatasetSpec) -> Frozen:
    """What freezing ``spec`` now would give; nothing is written.

    Raises:
        NotPossible, Conflict: as :func:`freeze_dataset`.
    """
    return _draft(workspace, spec).frozen


def ask_freezing(workspace: Workspace, spec: DatasetSpec, split_file: Path | None) -> Job:
    """Ask a worker to freeze what ``spec`` asks for, split as the file says where there is one."""
    asked = FreezeJob(spec, None if split_file is None else str(split_file))
    return enqueue(workspace, JobKind.FREEZE, to_json(asked), spec.name)


def freeze_dataset(workspace: Workspace, spec: DatasetSpec, report: Report = _silent) -> Frozen:
    """Freeze what ``spec`` asks for; freezing unchanged data again gives the same digest.

    Raises:
        NotPossible: nothing is labelled, or the split cannot be made.
        Conflict: a split file tears a group apart.
    """
    draft = _draft(workspace, spec, report)
    workspace.blobs.put(draft.manifest)
    with workspace.database.write() as tx:
        stored_datasets.add_snapshot(tx, draft.spec, draft.frozen.snapshot, author=workspace.who, at=now())
    return draft.frozen


@dataclass(frozen=True, slots=True)
class _Draft:
    """A snapshot that is not stored: its manifest, and the data set with the splits that images state."""

    spec: DatasetSpec
    manifest: bytes
    frozen: Frozen


def _draft(workspace: Workspace, spec: DatasetSpec, report: Report = _silent) -> _Draft:
    with workspace.database.read() as tx:
        found = []
        for image in _labelled(tx, spec):
            found.append(image)
            if len(found) % PAGE == 0:
                report(len(found), None, f"{len(found):,} images read")
        names = stored_images.names(tx, [image.digest for image, _ in found])
        concepts = stored_ontologies.current(tx).concepts
        contradicted = stored_reviews.contradicted(tx)
        held = held_images(tx, [image for image, labels in found if labels is not None])
    kept = [(image, labels) for image, labels in found if labels is not None]
    labelled = [(image, labels) for image, labels in kept if image.digest not in held]
    if not labelled:
        raise NotPossible(
            f"data set {spec.name!r} has no labelled image"
            + (" that is not kept for gates" if held else ""),
            "Import images with labels: `andon images import --help`.",
        )
    ungrouped = _without_key(spec.rule.group_by, [image for image, _ in labelled])
    spec = replace(spec, rule=_with_stated_splits(spec.rule, [image for image, _ in labelled]))
    defects = frozenset(concept.name for concept in concepts if concept.kind is ConceptKind.DEFECT)
    dealt = _items(spec, labelled, _groups_of(workspace, spec.rule))
    items = [_marked(item, contradicted.get(item.image), defects) for item in dealt]
    manifest = write_manifest(spec.name, concepts, items)
    duplicates = tuple(Leak(image, tuple(n)) for image, n in sorted(names.items()) if len(n) > 1)
    frozen = Frozen(
        snapshot=read_manifest(manifest),
        unlabelled=len(found) - len(kept),
        outside=len(labelled) - len(items),
        ungrouped=ungrouped,
        duplicates=duplicates,
        leaks=tuple(leak for leak in duplicates if _crosses(leak, spec.rule.fixed)),
        held=len({part_key(image) for image, _ in kept if image.digest in held}),
    )
    return _Draft(spec, manifest, frozen)


def _without_key(group_by: str | None, images: Sequence[Image]) -> int:
    """How many images lack the key that should keep photos of one part together."""
    if group_by is None:
        return 0
    missing = sum(1 for image in images if not image.origin.value(group_by))
    if missing == len(images):
        known = sorted({key for image in images for key in image.origin.known()})
        raise NotPossible(
            f"no image says what its {group_by!r} is",
            f"They have: {', '.join(known) or 'nothing'}. Metadata comes with the first import.",
        )
    return missing


def _with_stated_splits(rule: SplitRule, images: Sequence[Image]) -> SplitRule:
    """The rule with the splits that the images' own metadata state."""
    if rule.split_by is None:
        return rule
    stated = {image.name: image.origin.value(rule.split_by) for image in images}
    splits = {name: split_of(word) for name, word in stated.items() if word}
    known = {name: split for name, split in splits.items() if split is not None}
    if not known:
        raise NotPossible(
            f"no image states a split under {rule.split_by!r}",
            "Name another --split-key, give --split-file, or leave both out.",
        )
    return replace(rule, fixed=known)


def _labelled(tx: Connection, spec: DatasetSpec) -> Iterator[tuple[Image, tuple[Label, ...] | None]]:
    """Every image of the query with its accepted labels; None where nobody has looked at it."""
    after = None
    while True:
        page = stored_images.page(tx, spec.query, after, PAGE)
        annotations = stored_annotations.current(tx, [image.digest for image in page.rows])
        for image in page.rows:
            yield image, _labels(annotations.get(image.digest, ()))
        if page.next is None:
            return
        after = page.next


def _labels(annotations: Sequence[Annotation]) -> tuple[Label, ...] | None:
    accepted = [a for a in annotations if a.state is AnnotationState.ACCEPTED]
    if not accepted:
        return None
    labels = [Label(a.concept, a.geometry) for a in accepted if a.concept is not None]
    return tuple(sorted(labels, key=lambda label: (label.concept, repr(label.geometry))))


def _groups_of(workspace: Workspace, rule: SplitRule) -> dict[str, Split]:
    """Where the groups of the snapshot that the rule names stood."""
    if rule.like is None:
        return {}
    return {item.group: item.split for item in load_snapshot(workspace, rule.like).items}


def _items(
    spec: DatasetSpec, labelled: Sequence[tuple[Image, tuple[Label, ...]]], before: Mapping[str, Split]
) -> list[SnapshotItem]:
    rule = spec.rule
    groups = {image.digest: part_key(image, rule.group_by) for image, _ in labelled}
    candidates = [
        Candidate(image.name, groups[image.digest], frozenset(label.concept for label in labels))
        for image, labels in labelled
    ]
    splits = deal(candidates, rule, before)
    return [
        SnapshotItem(
            image=image.digest,
            blob=image.blob,
            name=image.name,
            shape=image.shape,
            part=_part(image, rule.group_by),
            group=groups[image.digest],
            split=splits[groups[image.digest]],
            labels=labels,
        )
        for image, labels in labelled
        if groups[image.digest] in splits and (not rule.fixed or image.name in rule.fixed)
    ]


def _marked(item: SnapshotItem, said: Answer | None, defects: frozenset[str]) -> SnapshotItem:
    """The same image, marked where it was judged wrongly on a line."""
    wrong = is_regression(said, bool(item.concepts() & defects))
    return replace(item, regression=True) if wrong else item


def _part(image: Image, group_by: str | None) -> str:
    """The serial where there is one; else the key the photos were grouped by is the best there is."""
    return part_key(image) if image.origin.serial else part_key(image, group_by)


def _crosses(leak: Leak, fixed: Mapping[str, Split]) -> bool:
    return len({fixed[name] for name in leak.names if name in fixed}) > 1


def split_table(snapshot: Snapshot) -> tuple[tuple[str, ...], list[list[object]]]:
    """Parts (and images) per group: columns and one row per group."""
    concepts = [
        c.name for c in snapshot.concepts if any(c.name in item.concepts() for item in snapshot.items)
    ]
    columns = ("group", "images", "parts", "clean", "defective", *concepts)
    rows: list[list[object]] = []
    for split in Split:
        parts = defective_parts(snapshot.of(split))
        per_concept = Counter(concept for shown in parts.values() for concept in shown)
        defective = sum(1 for shown in parts.values() if shown)
        numbers = [per_concept.get(name, 0) for name in concepts]
        rows.append(
            [str(split), len(snapshot.of(split)), len(parts), len(parts) - defective, defective, *numbers]
        )
    return columns, rows


def defective_parts(items: Sequence[SnapshotItem]) -> dict[str, set[str]]:
    """Part key -> the concepts seen on any of its images."""
    parts: dict[str, set[str]] = defaultdict(set)
    for item in items:
        parts[item.part] |= item.concepts()
    return dict(parts)


def thin_groups(snapshot: Snapshot) -> Iterator[str]:
    """Which groups cannot do their work, and what follows."""
    consequences = {
        Split.TRAIN: "a model can only learn what clean parts look like",
        Split.CALIBRATION: "cuts can only be set from clean parts",
        Split.TEST: "no bound on escapes can be stated",
    }
    for split, consequence in consequences.items():
        parts = defective_parts(snapshot.of(split))
        if parts and not any(parts.values()):
            yield f"The {split} group has no defective part: {consequence}."
        if parts and all(parts.values()):
            yield f"The {split} group has no clean part: overkill cannot be measured or learned."
        if not parts:
            yield f"The {split} group is empty."


def load_snapshot(workspace: Workspace, name: str) -> Snapshot:
    """The snapshot called ``name``: a data set (its latest), a digest or the beginning of one.

    Raises:
        NotFound: there is none.
    """
    with workspace.database.read() as tx:
        row = stored_datasets.find(tx, name)
    return read_manifest(workspace.blobs.get(row.digest))


def list_snapshots(workspace: Workspace, limit: int) -> Sequence[SnapshotRow]:
    """Snapshots, newest first."""
    with workspace.database.read() as tx:
        return stored_datasets.page(tx, None, limit).rows


def snapshot_page(workspace: Workspace, after: int | None, limit: int) -> Page[SnapshotRow]:
    """A page of snapshots, newest first."""
    with workspace.database.read() as tx:
        return stored_datasets.page(tx, after, limit)


@dataclass(frozen=True, slots=True)
class SnapshotDetail:
    """A snapshot as people look at it.

    Attributes:
        spec: what was asked for when this snapshot was frozen.
        columns, rows: parts per group and concept.
    """

    row: SnapshotRow
    spec: DatasetSpec
    snapshot: Snapshot
    columns: tuple[str, ...]
    rows: list[list[object]]
    remarks: tuple[str, ...]


def show_snapshot(workspace: Workspace, name: str) -> SnapshotDetail:
    """The snapshot called ``name``: a data set (its latest), a digest or the beginning of one.

    Raises:
        NotFound: there is none.
    """
    with workspace.database.read() as tx:
        row = stored_datasets.find(tx, name)
        spec = stored_datasets.spec(tx, row.dataset, row.dataset_version)
    snapshot = read_manifest(workspace.blobs.get(row.digest))
    columns, rows = split_table(snapshot)
    return SnapshotDetail(row, spec, snapshot, columns, rows, tuple(thin_groups(snapshot)))


def metadata_keys(workspace: Workspace, query: ImageFilter) -> tuple[str, ...]:
    """Names of the metadata that the latest images of ``query`` have, to group parts by."""
    with workspace.database.read() as tx:
        page = image_pages.page(tx, query, None, SAMPLED)
    return tuple(sorted({key for image in page.rows for key in image.origin.known()}))


def export_snapshot(workspace: Workspace, name: str, layout: str, folder: Path) -> int:
    """Write a snapshot in another layout; returns the number of images.

    Raises:
        InvalidInput: the layout is unknown. Conflict: the folder is not empty, or the layout cannot
            hold these labels.
    """
    from andon.formats.export import export_items

    return export_items(load_snapshot(workspace, name), workspace.blobs, layout, folder)
