"""Every failure in words: a page for people, JSON for programs under ``/api``. The one table from errors to
status."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from andon import errors
from andon.errors import AndonError
from andon.hub.guard import HEADERS
from andon.hub.web.pages import page

STATUS: Mapping[type[AndonError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.LimitExceeded: 413,
    errors.InvalidInput: 422,
    errors.NotPossible: 422,
    errors.UserError: 400,
    errors.Refused: 403,
    errors.DiskFull: 507,
    errors.MissingProgram: 501,
    errors.OperatorError: 503,
    errors.NetworkError: 502,
    errors.AndonError: 500,
}
"""By the nearest ancestor that stands here."""

MAX_COMPLAINTS = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, naming the thing, and what to do about it (may be empty)."""

    message: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class FailureView:
    """The page of a failure."""

    status: int
    failure: Failure


def answer_failures(app: FastAPI) -> None:
    """Make ``app`` answer every failure in words."""
    app.add_exception_handler(AndonError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Exception, _bug)


def status_of(error: AndonError) -> int:
    """The HTTP status of an error."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _known(request: Request, error: Exception) -> Response:
    known = cast(AndonError, error)
    status = status_of(known)
    if status >= 500:
        logging.getLogger("andon.hub").error("%s %s", known.message, known.todo, exc_info=known)
    return _answer(request, status, Failure(known.message, known.todo))


def _invalid(request: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()
    complaints = [
        f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in found[:MAX_COMPLAINTS]
    ]
    todo = "The form of every request stands in /api/openapi.json."
    return _answer(request, 422, Failure("; ".join(complaints), todo))


def _refused(request: Request, error: Exception) -> Response:
    refused = cast(HTTPException, error)
    words = {404: f"there is nothing at {request.url.path}", 405: f"{request.method} is not possible here"}
    message = words.get(refused.status_code, str(refused.detail))
    answer = _answer(request, refused.status_code, Failure(message))
    for name, value in (refused.headers or {}).items():
        answer.headers[name] = value
    return answer


def _bug(request: Request, error: Exception) -> Response:
    failure = Failure(
        f"this is a bug in Andon: {type(error).__name__}",
        "Please report it with the lines that the hub wrote to its log.",
    )
    answer = _answer(request, 500, failure)
    answer.headers.update(HEADERS)  # this answer is made outside of the guard
    return answer


def _answer(request: Request, status: int, failure: Failure) -> Response:
    if request.url.path.startswith("/api/") and not _followed(request):
        return JSONResponse(asdict(failure), status)
    view = FailureView(status, failure)
    answer = page(request, "failure", view, title="This did not work", section="")
    answer.status_code = status
    return answer


def _followed(request: Request) -> bool:
    """Whether a person followed a link here: a browser then asks for a page first, a program never does."""
    return request.headers.get("accept", "").startswith("text/html")
