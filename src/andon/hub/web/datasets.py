"""Pages of data sets: the list, choosing and freezing one, one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.datasets import DatasetSpec, SnapshotItem, Split, SplitRule
from andon.domain.images import ImageFilter
from andon.domain.serial import to_json
from andon.errors import InvalidInput, UserError
from andon.formats.splits import read_split_file
from andon.hub.image_queries import ImageQuery
from andon.hub.requests import After, Limit, workspace_of
from andon.hub.web.images import Choice, FacetView, counted, facet_views, filter_chips
from andon.hub.web.pages import page
from andon.services.datasets import (
    Frozen,
    ask_freezing,
    freeze_dataset,
    metadata_keys,
    preview_dataset,
    show_snapshot,
    snapshot_page,
)
from andon.services.gallery import count_images, image_filters
from andon.services.uploads import begin_upload, files_of, receiving
from andon.services.workspaces import Workspace
from andon.store.datasets import SnapshotRow
from andon.store.image_pages import Count

router = APIRouter(include_in_schema=False)

AT_ONCE = 5000
"""Up to so many images, half a second's work, the split is shown unasked and a data set frozen while one
waits; of more, a worker freezes it."""

SHOWN = 8
"""Pictures shown of each group."""

SPLIT_FILE = ("split.csv", "split.json")
FROM_SHARES, FROM_KEY, FROM_FILE = "shares", "key", "file"

Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """Name and split rule as they stand in an address; shares in percent.

    Attributes:
        split: who says which image is for what: shares, key, file.
        split_file: the upload that holds the split file.
        show: asked for, also where it takes a while.
    """

    name: Word = ""
    group_by: Word = ""
    split: Word = FROM_SHARES
    split_key: Word = "split"
    split_file: Word = ""
    train: Word = "55"
    stop: Word = "10"
    calibration: Word = "15"
    test: Word = "20"
    seed: Word = "0"
    show: Word = ""

    def values(self) -> dict[str, str]:
        """All of them by name."""
        return {one.name: str(getattr(self, one.name)) for one in fields(self)}

    def address(self) -> str:
        """What stands behind ``?`` for these."""
        return urlencode({name: value for name, value in self.values().items() if value})

    def rule(self, workspace: Workspace) -> SplitRule:
        """The rule for the records.

        Raises:
            InvalidInput: a number is none, or a split file is missing. NotFound, Conflict: as it says.
        """
        fixed = {}
        if self.split == FROM_FILE:
            fixed = dict(read_split_file(self.file(workspace)))
        shares = {split: _share(getattr(self, str(split))) for split in Split}
        seed = self.seed if self.seed.isdecimal() and len(self.seed) < 10 else None
        if seed is None:
            raise InvalidInput(f"the seed {self.seed[:20]!r} is no whole number")
        key = self.split_key if self.split == FROM_KEY else None
        return SplitRule(self.group_by or None, shares, fixed, key, int(seed))

    def file(self, workspace: Workspace) -> Path:
        """The split file that was sent.

        Raises:
            InvalidInput, NotFound: there is none.
        """
        paths = [files_of(workspace, self.split_file or "0") / name for name in SPLIT_FILE]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise InvalidInput("there is no split file yet", "Send one, or choose another way to split.")
        return path


@dataclass(frozen=True, slots=True)
class SnapshotsView:
    """The list of snapshots."""

    rows: tuple[SnapshotRow, ...]
    following: int | None
    first: bool


@dataclass(frozen=True, slots=True)
class DraftView:
    """Choosing a data set.

    Attributes:
        problem: what a person must change. frozen: what freezing would give.
        can_preview: the images are few enough to be counted, so showing that takes seconds.
    """

    query: ImageQuery
    rule: RuleQuery
    facets: tuple[FacetView, ...]
    chips: tuple[Choice, ...]
    count: Count
    counted: str
    can_preview: bool
    keys: tuple[str, ...]
    frozen: Frozen | None
    remarks: tuple[str, ...]
    problem: UserError | None
    kept: Mapping[str, str]
    here: str


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """One snapshot.

    Attributes:
        asked: the filters, in words. shares: in percent. samples: some images of each group.
    """

    row: SnapshotRow
    spec: DatasetSpec
    columns: tuple[str, ...]
    rows: list[list[object]]
    remarks: tuple[str, ...]
    asked: tuple[str, ...]
    shares: str
    samples: tuple[tuple[str, tuple[SnapshotItem, ...]], ...]
    concepts: tuple[str, ...]


Filters = Annotated[ImageQuery, Depends()]
Rule = Annotated[RuleQuery, Depends()]


@router.get("/datasets")
def index(request: Request, after: After = None, limit: Limit = 50) -> HTMLResponse:
    """Snapshots, newest first."""
    found = snapshot_page(workspace_of(request), after, limit)
    view = SnapshotsView(found.rows, found.next, after is None)
    return page(request, "datasets/list", view, title="Data sets", section="datasets")


@router.get("/datasets/new")
def draft(request: Request, filters: Filters, rule: Rule) -> HTMLResponse:
    """Choose images and a split rule; shows the split before anything is frozen."""
    workspace = workspace_of(request)
    count = count_images(workspace, filters.filter())
    frozen, problem = None, None
    if _within(count, AT_ONCE) or (rule.show and count.exact):
        frozen, problem = _tried(workspace, filters, rule)
    view = DraftView(
        query=filters,
        rule=rule,
        facets=facet_views(filters, image_filters(workspace), rule.address()),
        chips=filter_chips(filters, rule.address()),
        count=count,
        counted=counted(count),
        can_preview=count.exact,
        keys=metadata_keys(workspace, filters.filter()),
        frozen=frozen,
        remarks=() if frozen is None else tuple(frozen.remarks()),
        problem=problem,
        kept=rule.values(),
        here="&".join(part for part in (filters.address(), rule.address()) if part),
    )
    return page(request, "datasets/new", view, title="New data set", section="datasets")


@router.post("/datasets")
def freeze(request: Request, filters: Filters, rule: Rule) -> Response:
    """Freeze what the address chooses; where that takes a while, ask a worker."""
    workspace = workspace_of(request)
    spec = DatasetSpec(rule.name, filters.filter(), rule.rule(workspace))
    if _within(count_images(workspace, spec.query), AT_ONCE):
        frozen = freeze_dataset(workspace, spec)
        return RedirectResponse(f"/datasets/{frozen.snapshot.digest}", 303)
    bare = replace(spec, rule=replace(spec.rule, fixed={}))
    job = ask_freezing(workspace, bare, rule.file(workspace) if spec.rule.fixed else None)
    return RedirectResponse(f"/jobs/{job.id}", 303)


@router.post("/datasets/split-files")
def take_split_file(request: Request, filters: Filters, rule: Rule, file: UploadFile) -> Response:
    """Keep a split file for the data set that is being chosen."""
    workspace = workspace_of(request)
    upload = begin_upload(workspace, "split file")
    name = SPLIT_FILE[0] if (file.filename or "").lower().endswith(".csv") else SPLIT_FILE[1]
    with receiving(workspace, upload, name) as incoming:
        while chunk := file.file.read(1 << 20):
            incoming.write(chunk)
    query = rule.values() | filters.given() | {"split": FROM_FILE, "split_file": upload.id}
    return RedirectResponse(f"/datasets/new?{urlencode(query)}", 303)


@router.get("/datasets/{name}")
def show(request: Request, name: str) -> HTMLResponse:
    """One snapshot: its groups, its pictures, what it lacks, and how to take it out."""
    found = show_snapshot(workspace_of(request), name)
    view = SnapshotView(
        row=found.row,
        spec=found.spec,
        columns=found.columns,
        rows=found.rows,
        remarks=found.remarks,
        asked=tuple(_asked(found.spec.query)),
        shares=", ".join(f"{s} {100 * found.spec.rule.fractions.get(s, 0):g}" for s in Split),
        samples=tuple((str(split), _sample(found.snapshot.of(split))) for split in Split),
        concepts=tuple(concept.name for concept in found.snapshot.concepts),
    )
    title = f"Data set {view.row.dataset}"
    return page(request, "datasets/show", view, title=title, section="datasets")


def _within(count: Count, most: int) -> bool:
    return count.exact and count.number <= most


def _tried(
    workspace: Workspace, filters: ImageQuery, rule: RuleQuery
) -> tuple[Frozen | None, UserError | None]:
    """What freezing would give, or what a person must change first."""
    try:
        name = rule.name or "unnamed"
        return preview_dataset(workspace, DatasetSpec(name, filters.filter(), rule.rule(workspace))), None
    except UserError as problem:
        return None, problem


SAID = {
    ("clean", True): "clean",
    ("clean", False): "defective",
    ("labelled", True): "labelled",
    ("labelled", False): "unlabelled",
}


def _asked(query: ImageFilter) -> Iterator[str]:
    """The filters that filter, in words."""
    for name, value in to_json(query).items():
        if value is not None:
            yield SAID.get((name, value), f"{name.replace('_', ' ')} {value}")


def _sample(items: Sequence[SnapshotItem]) -> tuple[SnapshotItem, ...]:
    """Some items, defective ones before clean ones, in the snapshot's order, which is none of time."""
    return tuple(sorted(items, key=lambda item: not item.labels)[:SHOWN])


def _share(percent: str) -> float:
    try:
        return float(percent) / 100
    except ValueError as cause:
        raise InvalidInput(f"the share {percent[:20]!r} is no number", "Write percent, e.g. 55.") from cause
