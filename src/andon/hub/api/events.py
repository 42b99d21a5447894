"""`/api/events`: which nouns changed, as server-sent events."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from andon.hub.events import Changes

router = APIRouter(prefix="/api/events", tags=["events"])


@router.get("", response_class=EventSourceResponse)
async def follow(request: Request) -> AsyncIterator[ServerSentEvent]:
    """One event `change` each time something was written: `{"nouns": ["jobs"], "at": "..."}`.

    The first one, sent at once, names no noun. The stream ends when the hub stops; ask again then.
    """
    changes: Changes = request.app.state.changes
    async for change in changes.follow():
        yield ServerSentEvent(event="change", data=change)
