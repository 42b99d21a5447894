"""Pages of imports: send a folder or an archive, see what it holds, import it, see what was left out."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.errors import InvalidInput, UserError
from andon.formats.reading import LAYOUT_NAMES
from andon.hub.requests import workspace_of
from andon.hub.web.job_views import JobCard, job_card
from andon.hub.web.pages import page
from andon.services.imports import (
    ImportChoices,
    ImportPreview,
    NotTaken,
    import_progress,
    preview_import,
    request_import,
)
from andon.services.uploads import (
    Upload,
    begin_upload,
    discard_upload,
    find_upload,
    receiving_archive,
)

router = APIRouter(include_in_schema=False)

SHOWN = 500
"""Files left out that the page names; the job's log names all."""

Word = Annotated[str, Query(max_length=4000)]


@dataclass(frozen=True, slots=True)
class ChoicesQuery:
    """How to read an upload, as it stands in an address; `says` and `clean` hold one thing a line."""

    source: Word = ""
    layout: Word = ""
    part_type: Word = ""
    says: Word = ""
    table: Word = ""
    clean: Word = ""
    masks: Word = ""
    mask_cut: Word = "127"
    threads: Word = "2"
    add_concepts: Word = ""

    def choices(self) -> ImportChoices:
        """The same for the import.

        Raises:
            InvalidInput: a line is not KEY=VALUE, the cut is no number from 0 to 255, or threads are none.
        """
        if not (self.mask_cut.isdecimal() and len(self.mask_cut) < 4 and int(self.mask_cut) <= 255):
            raise InvalidInput(f"the cut {self.mask_cut[:20]!r} is no whole number from 0 to 255")
        if not (self.threads.isdecimal() and len(self.threads) < 3):
            raise InvalidInput(f"{self.threads[:20]!r} is no number of CPU threads", "Write 1 to 64.")
        said = dict(_pair(line) for line in self.says.splitlines() if line.strip())
        return ImportChoices(
            source=self.source.strip(),
            layout=self.layout or None,
            metadata=said | ({"part_type": self.part_type.strip()} if self.part_type.strip() else {}),
            table=self.table.strip() or None,
            clean=tuple(line.strip() for line in self.clean.splitlines() if line.strip()),
            masks=self.masks.strip() or None,
            mask_cut=int(self.mask_cut),
            threads=int(self.threads),
            add_concepts=bool(self.add_concepts),
        )


@dataclass(frozen=True, slots=True)
class ImportView:
    """One upload: what it holds, or how far its import is.

    Attributes:
        preview: what an import would do; None where it cannot be read (``problem``) or is asked for.
        card: the job of the import; None before.
        not_taken: files that were left out, of ``not_taken_count``.
    """

    upload: Upload
    given: ChoicesQuery
    layouts: tuple[str, ...]
    preview: ImportPreview | None
    problem: UserError | None
    card: JobCard | None
    not_taken: tuple[NotTaken, ...]
    not_taken_count: int
    remarks: tuple[NotTaken, ...]
    here: str


Choices = Annotated[ChoicesQuery, Depends()]


@router.get("/imports/new")
def new(request: Request) -> HTMLResponse:
    """Where a folder or an archive is dropped."""
    return page(request, "imports/new", None, title="Import images", section="images")


@router.post("/imports")
def begin(
    request: Request, path: Annotated[str, Form()] = "", archive: UploadFile | None = None
) -> Response:
    """Begin with a folder on the hub's machine, or with an archive sent by the form."""
    workspace = workspace_of(request)
    if path.strip():
        upload = begin_upload(workspace, path.strip().rstrip("/").rpartition("/")[2] or "/", path.strip())
        return _to(upload)
    if archive is None or not archive.filename:
        raise InvalidInput("no archive was chosen and no folder was named", "Do one of both.")
    upload = begin_upload(workspace, archive.filename)
    with receiving_archive(workspace, upload) as incoming:
        while chunk := archive.file.read(1 << 20):
            incoming.write(chunk)
    return _to(upload)


@router.get("/imports/{upload}")
def show(request: Request, upload: str, given: Choices) -> HTMLResponse:
    """What the upload holds before its import, how far the import is after."""
    workspace = workspace_of(request)
    found = find_upload(workspace, upload)
    progress = import_progress(workspace, found)
    preview, problem = None, None
    if progress is None:
        try:
            preview = preview_import(workspace, found.id, given.choices())
        except UserError as told:
            problem = told
    not_taken = progress.not_taken if progress else preview.not_taken if preview else ()
    view = ImportView(
        upload=found,
        given=given,
        layouts=LAYOUT_NAMES,
        preview=preview,
        problem=problem,
        card=None if progress is None else job_card(progress.job),
        not_taken=not_taken[:SHOWN],
        not_taken_count=preview.not_taken_count if preview else len(not_taken),
        remarks=progress.remarks[:SHOWN] if progress else (),
        here=request.url.query,
    )
    return page(request, "imports/show", view, title=f"Import {found.name}", section="images")


@router.post("/imports/{upload}/job")
def start(request: Request, upload: str, given: Choices) -> Response:
    """Have a worker import it, as the address says."""
    request_import(workspace_of(request), upload, given.choices())
    return RedirectResponse(f"/imports/{upload}", 303)


@router.post("/imports/{upload}/removal")
def remove(request: Request, upload: str) -> Response:
    """Remove what was sent."""
    discard_upload(workspace_of(request), upload)
    return RedirectResponse("/imports/new", 303)


def _to(upload: Upload) -> Response:
    return RedirectResponse(f"/imports/{upload.id}", 303)


def _pair(line: str) -> tuple[str, str]:
    key, equals, value = line.strip().partition("=")
    if not (key and equals):
        raise InvalidInput(f"{line.strip()[:60]!r} is not KEY=VALUE", "Example: line=2")
    return key.strip(), value.strip()
