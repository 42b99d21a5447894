"""What a request to a program of Andon passes first: only this machine's own pages and tools are answered.

A name that an attacker points at 127.0.0.1 (DNS rebinding) shows in ``Host``, a form on a foreign page
(request forgery) in ``Origin``; both are refused before any handler runs.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from andon.errors import LimitExceeded

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""Sent with every answer, unless the answer states its own."""

Refusal = tuple[int, str, str]
"""Status, what is wrong, what to do."""


class Guard:
    """The outermost layer of an application.

    Args:
        app: what lies behind.
        program: what the application calls itself in refusals, e.g. ``hub``.
        limit: bytes that the body of a request to a path may have.
    """

    def __init__(self, app: ASGIApp, program: str, limit: Callable[[str], int]) -> None:
        self._app = app
        self._program = program
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(scope["path"])
        refusal = _refusal(headers, self._program) or _too_large(headers, limit)
        if refusal is not None:
            status, message, todo = refusal
            answer = JSONResponse({"message": message, "todo": todo}, status)
            await answer(scope, receive, _with_headers(send))
            return
        await self._app(scope, _limited(receive, limit), _with_headers(send))


def _refusal(headers: Headers, program: str) -> Refusal | None:
    host = headers.get("host", "")
    if not is_loopback(_name(host)):
        return 421, f"this {program} is not called {host!r}", "Use http://127.0.0.1 and its port."
    origin = headers.get("origin")
    if origin is not None and urlsplit_host(origin) != host:
        return 403, f"a page of {origin} may not ask this {program}", f"Open the {program}'s own page."
    if origin is None and headers.get("sec-fetch-site") == "cross-site" and _is_call(headers):
        return 403, f"a foreign page may not ask this {program}", f"Open the {program}'s own page."
    return None


def _is_call(headers: Headers) -> bool:
    """Whether a script or an embedding asked; following a link from elsewhere is no call."""
    return headers.get("sec-fetch-mode") != "navigate"


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name, or an address with or without brackets) is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def urlsplit_host(origin: str) -> str | None:
    """``host:port`` of an Origin header; None for ``null`` and what is no web address."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc if parts.scheme in {"http", "https"} else None


def _name(host: str) -> str:
    """The name in ``name:port`` or ``[address]:port``."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _too_large(headers: Headers, limit: int) -> Refusal | None:
    stated = headers.get("content-length", "0")
    if stated.isascii() and stated.isdecimal() and len(stated) < 20 and int(stated) <= limit:
        return None
    return 413, f"a request of {stated} bytes is larger than {limit}", "Send it in smaller pieces."


def _limited(receive: Receive, limit: int) -> Receive:
    """``receive`` that also refuses bodies which came without a stated length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise LimitExceeded(f"the request is larger than {limit} bytes", "Send it in smaller pieces.")
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return guarded
