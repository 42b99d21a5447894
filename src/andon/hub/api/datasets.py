"""Data sets: what a choice of images would give, freezing it, and taking snapshots out again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from andon.domain.datasets import DEFAULT_FRACTIONS, DatasetSpec, Split, SplitRule
from andon.hub.image_queries import ImageQuery
from andon.hub.requests import After, Limit, workspace_of
from andon.services.datasets import (
    SnapshotDetail,
    freeze_dataset,
    preview_dataset,
    show_snapshot,
    snapshot_page,
)
from andon.services.downloads import snapshot_archive
from andon.store.datasets import SnapshotRow

router = APIRouter(prefix="/api/datasets", tags=["datasets"])


@dataclass(frozen=True, slots=True)
class DatasetWish:
    """A data set before it is frozen.

    Attributes:
        group_by: metadata key whose images stay together; null: the serial number.
        fractions: shares of the four groups. fixed: image name -> group; split_by: metadata key that
            says it instead.
    """

    name: str
    images: ImageQuery = ImageQuery()  # noqa: RUF009 - frozen
    group_by: str | None = None
    fractions: Mapping[Split, float] = field(default_factory=lambda: dict(DEFAULT_FRACTIONS))
    fixed: Mapping[str, Split] = field(default_factory=dict)
    split_by: str | None = None
    seed: int = 0

    def spec(self) -> DatasetSpec:
        """The same as the domain says it.

        Raises:
            InvalidInput: the name, a time or the fractions are not usable.
        """
        rule = SplitRule(self.group_by, self.fractions, self.fixed, self.split_by, self.seed)
        return DatasetSpec(self.name, self.images.filter(), rule)


@dataclass(frozen=True, slots=True)
class SnapshotList:
    """Snapshots, newest first; ``next`` asks for the following ones."""

    snapshots: tuple[SnapshotRow, ...]
    next: int | None


@router.get("")
def index(request: Request, after: After = None, limit: Limit = 50) -> SnapshotList:
    """Snapshots, newest first."""
    found = snapshot_page(workspace_of(request), after, limit)
    return SnapshotList(found.rows, found.next)


@router.post("", status_code=201)
def freeze(request: Request, wish: DatasetWish) -> dict[str, Any]:
    """Freeze the labelled images of a choice; unchanged data gives the same snapshot again."""
    return freeze_dataset(workspace_of(request), wish.spec()).as_json()


@router.post("/previews")
def preview(request: Request, wish: DatasetWish) -> dict[str, Any]:
    """What freezing would give; nothing is written."""
    return preview_dataset(workspace_of(request), wish.spec()).as_json()


@router.get("/{name}")
def show(request: Request, name: str) -> dict[str, Any]:
    """Groups and concepts of a snapshot: a data set's latest, or by its digest."""
    return _facts(show_snapshot(workspace_of(request), name))


@router.get("/{name}/archives/{layout}", response_class=StreamingResponse)
def download(request: Request, name: str, layout: str) -> StreamingResponse:
    """A snapshot as a zip archive in the layout coco or mvtec; importing it gives the same back."""
    workspace = workspace_of(request)
    row = show_snapshot(workspace, name).row
    content = snapshot_archive(workspace, row.digest, layout)
    file = f"{row.digest[:12]}-{layout}.zip"
    headers = {"content-disposition": f'attachment; filename="{file}"', "cache-control": "no-store"}
    return StreamingResponse(content, media_type="application/zip", headers=headers)


def _facts(detail: SnapshotDetail) -> dict[str, Any]:
    groups = [dict(zip(detail.columns, row, strict=True)) for row in detail.rows]
    return detail.row.as_json() | {"groups": groups, "remarks": list(detail.remarks)}
