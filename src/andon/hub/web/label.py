"""The page on which people label: one picture, what the model proposes, accept or fix it, and the next."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from andon.domain.annotations import Mask, WholeImage
from andon.domain.ontologies import Severity
from andon.domain.selections import Selection
from andon.errors import Conflict, InvalidInput, NotFound
from andon.hub.api.labels import as_json
from andon.hub.requests import workspace_of
from andon.hub.web.label_shapes import Shape, shapes_of
from andon.hub.web.pages import page
from andon.services.labels import Drawn, LabelSheet, LabelWork, label_sheet, save_labels
from andon.services.ontologies import add_concept
from andon.services.picked_pictures import Picked, picked_pictures
from andon.services.selections import OPEN, find_selection, list_selections
from andon.services.workspaces import Workspace

router = APIRouter(include_in_schema=False)

BESIDE = 6
"""Pictures of the queue that are shown before the one in hand."""

QUEUE = 36
"""Pictures of the queue that are shown."""


@dataclass(frozen=True, slots=True)
class LabelView:
    """One picture to label.

    Attributes:
        shapes: what is accepted or proposed, drawn. masks: some of it are masks.
        picked: what its selection says of it; None where it is labelled by itself.
        queue: neighbours in the selection, in order. waiting: of the whole selection.
        minutes: that the waiting ones take.
        data: what the script reads.
    """

    sheet: LabelSheet
    shapes: tuple[Shape, ...]
    masks: bool
    selection: Selection | None
    picked: Picked | None
    queue: tuple[Picked, ...]
    waiting: int
    minutes: float
    severities: tuple[Severity, ...]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DoneView:
    """A selection that has nothing left, or None where there is no selection with anything to label."""

    selection: Selection | None
    pictures: int


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a form without script sends: ``action`` is accept, clean or skip; or a ``concept`` is named.

    ``mark`` and ``shown`` are those of the sheet that the person saw.
    """

    image: Annotated[str, Form()]
    mark: Annotated[str, Form()] = ""
    shown: Annotated[str, Form()] = ""
    selection: Annotated[str, Form()] = ""
    action: Annotated[str, Form()] = ""
    concept: Annotated[str, Form()] = ""


@router.get("/label")
def show(
    request: Request,
    selection: Annotated[str, Query(max_length=64)] = "",
    image: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """A picture: the one that is named, the next of a selection, or the next of the newest that waits."""
    workspace = workspace_of(request)
    made = _selection(workspace, selection, image)
    pictures = picked_pictures(workspace, made) if made else ()
    wanted = image or next((one.image.digest for one in _queue(pictures)), "")
    if not wanted:
        done = DoneView(made if selection else None, len(pictures))
        return page(request, "label/done", done, title="Label", section="label")
    view = _view(label_sheet(workspace, wanted), made, pictures)
    return page(request, "label/show", view, title="Label", section="label")


@router.post("/label")
def save(request: Request, form: Annotated[Pressed, Depends()]) -> Response:
    """What a browser without script sends: the proposal as it is, clean, one concept, or skip.

    How long the person took is not known here.
    """
    workspace = workspace_of(request)
    sheet = label_sheet(workspace, form.image)
    work = LabelWork(
        image=sheet.image.digest,
        labels=_said(sheet, form),
        mark=form.mark,
        selection=form.selection or None,
        skipped=form.action == "skip",
    )
    save_labels(workspace, work)
    made = find_selection(workspace, form.selection) if form.selection else None
    pictures = picked_pictures(workspace, made) if made else ()
    return RedirectResponse(_next(sheet, made, pictures), status_code=303)


@router.post("/label/concepts")
def add(
    request: Request,
    name: Annotated[str, Form()],
    image: Annotated[str, Form()],
    selection: Annotated[str, Form()] = "",
    severity: Annotated[Severity, Form()] = Severity.MAJOR,
) -> Response:
    """Name a kind of defect that nobody has seen before, and go on with the picture."""
    add_concept(workspace_of(request), name, severity)
    return RedirectResponse(_address(selection, image), status_code=303)


def _said(sheet: LabelSheet, form: Pressed) -> tuple[Drawn, ...]:
    if form.concept:
        return (Drawn(form.concept),)
    if form.action not in ("accept", "clean", "skip"):
        raise InvalidInput(f"{form.action[:40]!r} is nothing that can be done with a picture")
    if form.action != "accept":
        return ()
    if form.shown and form.shown != sheet.shown:
        raise Conflict(
            "what is proposed for this picture has changed since it was shown",
            "Load it again, look at what is proposed now, then accept it.",
        )
    return tuple(_drawn(sheet))


def _drawn(sheet: LabelSheet) -> list[Drawn]:
    made = []
    for one in sheet.said:
        place = WholeImage() if isinstance(one.geometry, Mask) else one.geometry
        made.append(Drawn(one.concept or "", place, one.id))
    return made


def _selection(workspace: Workspace, selection: str, image: str) -> Selection | None:
    if selection:
        return find_selection(workspace, selection)
    if image:
        return None
    waiting = [made for made, far in list_selections(workspace, None, OPEN).rows if far.waiting]
    return find_selection(workspace, waiting[0].id) if waiting else None


def _queue(pictures: tuple[Picked, ...]) -> list[Picked]:
    """Those that wait, in order; the skipped ones last."""
    return sorted((one for one in pictures if one.waits), key=lambda one: one.skipped)


def _view(sheet: LabelSheet, made: Selection | None, pictures: tuple[Picked, ...]) -> LabelView:
    here = next((i for i, one in enumerate(pictures) if one.image.digest == sheet.image.digest), None)
    if made is not None and here is None:
        raise NotFound(
            f"picture {sheet.image.digest[:12]} is not in selection {made.id[:8]}",
            "Open it by itself, or another one of the selection.",
        )
    waiting = _queue(pictures)
    start = max(0, (here or 0) - BESIDE)
    others = [one.image.digest for one in waiting if one.image.digest != sheet.image.digest]
    data = as_json(sheet) | {
        "selection": made.id if made else None,
        "next": _next(sheet, made, pictures),
        "following": _after(sheet, pictures) or (others[0] if others else None),
    }
    return LabelView(
        sheet=sheet,
        shapes=shapes_of(sheet.said, [concept.name for concept in sheet.concepts]),
        masks=any(isinstance(one.geometry, Mask) for one in sheet.said),
        selection=made,
        picked=None if here is None else pictures[here],
        queue=pictures[start : start + QUEUE],
        waiting=len(waiting),
        minutes=len(waiting) * (made.seconds if made else 0.0) / 60,
        severities=tuple(Severity),
        data=data,
    )


def _next(sheet: LabelSheet, made: Selection | None, pictures: tuple[Picked, ...]) -> str:
    """Where to go when this picture is done: the one behind it that waits, else the first that does."""
    if made is None:
        return f"/images/{sheet.image.digest}"
    return _address(made.id, _after(sheet, pictures) or "")


def _address(selection: str, image: str) -> str:
    named = {"selection": selection, "image": image}
    return f"/label?{urlencode({name: value for name, value in named.items() if value})}"


def _after(sheet: LabelSheet, pictures: tuple[Picked, ...]) -> str | None:
    digests = [one.image.digest for one in pictures]
    if sheet.image.digest not in digests:
        return None
    behind = pictures[digests.index(sheet.image.digest) + 1 :]
    return next((str(one.image.digest) for one in behind if one.waits and not one.skipped), None)
