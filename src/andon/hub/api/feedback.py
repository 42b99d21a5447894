"""`/api/feedback`: whose pictures came back from stations, and why."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter

from andon.hub.requests import After, Limit, workspace_of
from andon.services.feedback import FeedbackList, StationFeedback, asked, feedback_page, stations_feedback
from andon.store.feedback import Query

router = APIRouter(prefix="/api/feedback", tags=["feedback"])

Word = Annotated[str | None, Parameter(max_length=500)]


@dataclass(frozen=True, slots=True)
class Filters:
    """The filter of the list, as it stands in its address; what is empty asks nothing.

    ``answer`` is what people said last, or "nobody"; ``since`` a day or a moment in UTC.
    """

    reason: Word = None
    station: Word = None
    verdict: Word = None
    answer: Word = None
    since: Word = None

    def query(self) -> Query:
        """What the list is asked for.

        Raises:
            InvalidInput: a word is none of its kind.
        """
        return asked(self.reason, self.verdict, self.answer, self.station, self.since)


@router.get("")
def list_feedback(
    request: Request, filters: Annotated[Filters, Depends()], after: After = None, limit: Limit = 50
) -> FeedbackList:
    """Parts whose pictures were chosen, each once with all reasons, the latest choice first."""
    return feedback_page(workspace_of(request), filters.query(), after, limit)


@router.get("/stations")
def list_stations(request: Request) -> tuple[StationFeedback, ...]:
    """Each station's policy, how far it got today, and its choices of the last seven days."""
    return stations_feedback(workspace_of(request))
