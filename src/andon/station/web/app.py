"""The station's page and what it asks: live state, held parts, reviews, pictures; health and metrics."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, cast
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from andon.domain.feedback import Answer
from andon.domain.parts import part_name
from andon.errors import AndonError, Conflict, InvalidInput, NotFound, UserError
from andon.look.sheets import station_stylesheet
from andon.look.words import LANGUAGES, Words, choose_language, words
from andon.station.spool.reviews import HeldPart
from andon.station.state.condition import Word
from andon.station.web.desk import Desk
from andon.station.web.live import Live, macros_of, templates
from andon.station.web.metrics import CONTENT_TYPE, exposition
from andon.station.web.release_views import recipe_text
from andon.station.web.views import LineView, answer_text, held_view
from andon.wire.guard import Guard

MAX_BODY = 64 * 2**10
"""Bytes of a request; a review has a few hundred."""

MAX_DIGITS = 15
"""Of a number in a form."""

Language = Annotated[str | None, Query(max_length=20)]
Identifier = Annotated[str, Query(max_length=200)]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One touch: what is said of which inspection."""

    inspection: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """One touch: leave the assignment with this counter."""

    counter: int


@dataclass(frozen=True, slots=True)
class Said:
    """What was stored, in the language of the page."""

    message: str


def create_app(live: Live, desk: Desk) -> FastAPI:
    """The application; it runs on the event loop of the station and does nothing there that takes long."""
    app = FastAPI(title="Andon station", openapi_url="/api/openapi.json", docs_url=None, redoc_url=None)
    app.state.live, app.state.desk = live, desk
    app.add_middleware(Guard, "station", lambda _path: MAX_BODY)
    app.add_exception_handler(AndonError, _failed)
    app.include_router(router)
    app.mount("/static/look", StaticFiles(directory=str(files("andon.look") / "js")))
    app.mount("/static", StaticFiles(directory=str(files("andon.station.web") / "static")))
    return app


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
async def page(
    request: Request,
    part: Identifier = "",
    serial: Identifier = "",
    said: Identifier = "",
    language: Language = None,
) -> HTMLResponse:
    """The page; ``part`` (an inspection) or ``serial`` chooses what stands on the desk."""
    speaks = _words(request, language)
    live, desk = _live(request), _desk(request)
    held = await desk.held()
    chosen, why = await _chosen(desk, held, part, serial, speaks)
    card = None if chosen is None else held_view(chosen, speaks, live.state)
    shown = (
        templates()
        .get_template("station.html.j2")
        .render(
            words=speaks,
            view=live.view(speaks),
            fault=live.is_fault(),
            line=live.state.line,
            station=live.state.station,
            held=card,
            why=why,
            following=_following(held, chosen),
            said=said,
            waiting=speaks("held.count", count=speaks.number(live.state.held)),
            languages=tuple((code, words(code)("language.name")) for code in LANGUAGES),
            keys=_keys(speaks),
        )
    )
    answer = HTMLResponse(shown, headers={"cache-control": "no-store"})
    if language is not None:
        answer.set_cookie("language", speaks.language, max_age=10 * 365 * 86400, samesite="strict")
    return answer


@router.get("/held", response_class=HTMLResponse, include_in_schema=False)
async def card(request: Request, part: Identifier = "", language: Language = None) -> HTMLResponse:
    """The part on the desk alone, for a page that is open: the one that was named, or the newest."""
    speaks = _words(request, language)
    desk = _desk(request)
    held = await desk.held()
    chosen, why = await _chosen(desk, held, part, "", speaks)
    view = None if chosen is None else held_view(chosen, speaks, _live(request).state)
    shown = str(macros_of(speaks.language).held(view, why, _following(held, chosen)))
    headers = {"cache-control": "no-store", "x-part": "" if view is None else view.part.id}
    return HTMLResponse(shown, headers=headers)


@router.post("/reviews", include_in_schema=False)
async def review_form(request: Request) -> RedirectResponse:
    """A touch without script: store it and show the page again."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
    try:
        answer = Answer(fields.get("answer", [""])[0])
    except ValueError as cause:
        raise InvalidInput("this is no answer", "Press one of the buttons of the page.") from cause
    said = await _say(request, fields.get("inspection", [""])[0], answer)
    return RedirectResponse(f"/?{urlencode({'said': said})}#held", 303)


@router.post("/api/reviews", status_code=201, tags=["reviews"])
async def review(request: Request, asked: ReviewRequest) -> Said:
    """Store what a person says of a part that waits, or of one of the last parts."""
    return Said(await _say(request, asked.inspection, asked.answer))


@router.post("/rollbacks", include_in_schema=False)
async def rollback_form(request: Request) -> RedirectResponse:
    """The touch of the page, with or without script: go back, and show the page again."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
    counter = fields.get("counter", [""])[0]
    if not (counter.isascii() and counter.isdecimal()) or len(counter) > MAX_DIGITS:
        raise InvalidInput("this names no assignment", "Press the button of the page.")
    try:
        said = _go_back(request, int(counter))
    except Conflict as cause:
        said = cause.message
    return RedirectResponse(f"/?{urlencode({'said': said})}#held", 303)


@router.post("/api/rollbacks", status_code=202, tags=["rollbacks"])
async def rollback(request: Request, asked: RollbackRequest) -> Said:
    """Go back to what ran before the assignment that is named, within seconds."""
    return Said(_go_back(request, asked.counter))


@router.get("/api/line", tags=["line"])
async def line(request: Request, language: Language = None) -> LineView:
    """What holds now, in words."""
    return _live(request).view(_words(request, language))


@router.get("/api/events", response_class=EventSourceResponse, tags=["line"])
async def follow(request: Request, language: Language = None) -> AsyncIterator[ServerSentEvent]:
    """An event ``line`` five times a second: the moving parts of the page as HTML."""
    speaks = _words(request, language)
    async for drawn in _live(request).follow(speaks.language):
        yield ServerSentEvent(event="line", data=drawn, retry=1000)


@router.get("/pictures/{inspection}", include_in_schema=False)
async def picture(request: Request, inspection: str) -> Response:
    """A part's picture as JPEG."""
    content = await _desk(request).picture(inspection)
    return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=60"})


@router.get("/health", tags=["health"])
async def health(request: Request) -> Response:
    """200 while parts are judged and answers heard, else 503 with the reason.

    ``unheard`` counts the answers that did not reach the plant since the station started.
    """
    live = _live(request)
    found = live.condition()
    status = 200 if found.word is Word.RUNNING else 503
    told = {"state": found.word.value, "reason": found.reason, "unheard": live.state.unheard}
    return JSONResponse(told, status)


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    live = _live(request)
    return Response(exposition(live.state, live.clock, live.patience), media_type=CONTENT_TYPE)


@router.get("/static/look.css", include_in_schema=False)
async def style() -> Response:
    """Tokens and components, joined."""
    return Response(station_stylesheet(), media_type="text/css", headers={"cache-control": "no-cache"})


async def _say(request: Request, inspection: str, answer: Answer) -> str:
    speaks = _words(request, None)
    try:
        part = await _desk(request).say(inspection, answer)
    except NotFound as cause:
        raise NotFound(speaks("held.refused", message=speaks("held.gone"))) from cause
    told = answer_text(answer, part.inspection.decision.verdict, speaks)
    return speaks("held.done", part=part_name(part.inspection.part), answer=told)


def _go_back(request: Request, counter: int) -> str:
    speaks = _words(request, None)
    try:
        recipe = _desk(request).go_back(counter)
    except Conflict as cause:
        raise Conflict(speaks("back.changed"), speaks("back.changed.todo")) from cause
    return speaks("back.asked", to=recipe_text(recipe, speaks))


async def _chosen(
    desk: Desk, held: tuple[HeldPart, ...], part: str, serial: str, speaks: Words
) -> tuple[HeldPart | None, str]:
    """What stands on the desk, or why nothing does."""
    if serial:
        found = desk.named(serial)
        count = speaks.number(len(desk.last()))
        return found, "" if found else speaks("pick.unknown", part=serial, count=count)
    if part:
        found = await desk.find(part)
        return found, "" if found else speaks("held.gone")
    return (held[0], "") if held else (None, "")


def _following(held: tuple[HeldPart, ...], chosen: HeldPart | None) -> str:
    """The part after the chosen one; the first one after the last, or after one that was picked."""
    ids = [part.inspection.id for part in held]
    if chosen is None or chosen.inspection.id not in ids:
        return ids[0] if ids else ""
    return ids[(ids.index(chosen.inspection.id) + 1) % len(ids)] if len(ids) > 1 else ""


def _keys(speaks: Words) -> tuple[tuple[str, str], ...]:
    answers = ((str(place), speaks(f"keys.{answer.value}")) for place, answer in enumerate(Answer, 1))
    others = {"n": "next", "m": "marks", "?": "help", "Esc": "close"}
    return (*answers, *((key, speaks(f"keys.{name}")) for key, name in others.items()))


def _words(request: Request, language: str | None) -> Words:
    """Asked for in the address, chosen before, or what the browser prefers."""
    accepted = request.headers.get("accept-language", "").split(",")
    wanted = [language or "", request.cookies.get("language", ""), *accepted]
    return words(choose_language(wanted))


def _live(request: Request) -> Live:
    return cast(Live, request.app.state.live)


def _desk(request: Request) -> Desk:
    return cast(Desk, request.app.state.desk)


async def _failed(_request: Request, error: Exception) -> Response:
    failure = cast(AndonError, error)
    if not isinstance(failure, UserError):
        logging.getLogger(__name__).error("%s %s", failure.message, failure.todo)
    codes = {NotFound: 404, Conflict: 409, InvalidInput: 422}
    status = next((code for kind, code in codes.items() if isinstance(failure, kind)), None)
    status = status or (400 if isinstance(failure, UserError) else 503)
    return JSONResponse({"message": failure.message, "todo": failure.todo}, status)
