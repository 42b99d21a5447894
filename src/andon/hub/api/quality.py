"""`/api/quality`: escapes, overkill and cost, estimated from what people looked at."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter

from andon.domain.quality import Found, Quality
from andon.hub.requests import Limit, workspace_of
from andon.services.quality import FoundParts, found_parts, report
from andon.services.stories import checked_moment
from andon.units import Timestamp

router = APIRouter(prefix="/api/quality", tags=["quality"])

Word = Annotated[str | None, Parameter(max_length=40)]


@dataclass(frozen=True, slots=True)
class Span:
    """Days or moments in UTC, as they stand in an address; what is empty asks nothing."""

    since: Word = None
    before: Word = None

    def moments(self) -> tuple[Timestamp | None, Timestamp | None]:
        """From when on, and before when.

        Raises:
            InvalidInput: one of them is no time.
        """
        return checked_moment(self.since), checked_moment(self.before)


@router.get("")
def show_quality(request: Request, span: Annotated[Span, Depends()]) -> Quality:
    """Rows by cohort, each estimate with its interval; the release that runs against the one before."""
    return report(workspace_of(request), *span.moments())


@router.get("/parts/{what}")
def list_parts(
    request: Request, what: Found, span: Annotated[Span, Depends()], limit: Limit = 100
) -> FoundParts:
    """Parts that wait for a second look, or that the model or people found; newest first."""
    return found_parts(workspace_of(request), what, *span.moments(), limit=limit)
