"""`/api/inspections`: records of parts, and what people say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Query as Parameter

from andon.domain.feedback import Review
from andon.domain.inspections import Inspection, Shadow, Verdict
from andon.errors import InvalidInput
from andon.hub.requests import After, Limit, workspace_of
from andon.services import reviews
from andon.services.reviews import ReviewRequest
from andon.services.stories import checked_moment, list_page, story_of
from andon.store.inspections import Query, Rescoring
from andon.units import Digest

router = APIRouter(prefix="/api/inspections", tags=["inspections"])

Word = Annotated[str | None, Parameter(max_length=500)]


@dataclass(frozen=True, slots=True)
class InspectionPage:
    """Part of the list, newest first. ``counts``: of the latest 20,000 that the filter passes."""

    rows: tuple[Inspection, ...]
    reviews: Mapping[str, Review]
    counts: Mapping[Verdict, int]
    next: int | None


@dataclass(frozen=True, slots=True)
class InspectionStory:
    """One inspection, its later judgements, what people said of it, and what judged beside."""

    inspection: Inspection
    rescorings: tuple[Rescoring, ...]
    reviews: tuple[Review, ...]
    shadows: tuple[Shadow, ...]
    picture: Digest | None
    awaited: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """The filter of a list, as it stands in its address; what is empty asks nothing.

    ``part`` is a serial, or the key of a part that has none, as its records say it.
    Times are days or moments in UTC, from ``since`` on and before ``before``.
    """

    verdict: Word = None
    station: Word = None
    recipe: Word = None
    part: Word = None
    since: Word = None
    before: Word = None
    job: Word = None

    def query(self) -> Query:
        """What the list is asked for.

        Raises:
            InvalidInput: the verdict is none, or a time is none.
        """
        if self.verdict and self.verdict not in list(Verdict):
            raise InvalidInput(f"{self.verdict!r} is no verdict", f"Verdicts: {', '.join(Verdict)}.")
        return Query(
            verdict=Verdict(self.verdict) if self.verdict else None,
            station=self.station or None,
            recipe=self.recipe or None,
            part=self.part or None,
            since=checked_moment(self.since),
            before=checked_moment(self.before),
            job=self.job or None,
        )


@router.get("")
def list_inspections(
    request: Request, filters: Annotated[Filters, Depends()], after: After = None, limit: Limit = 50
) -> InspectionPage:
    """Records of parts, newest first."""
    found = list_page(workspace_of(request), filters.query(), after, limit)
    return InspectionPage(found.rows, found.reviews, found.counts, found.next)


@router.get("/{inspection}")
def show_inspection(request: Request, inspection: str) -> InspectionStory:
    """One inspection (its id, or the beginning of it)."""
    story = story_of(workspace_of(request), inspection)
    later = (story.rescorings, story.reviews, story.shadows)
    return InspectionStory(story.inspection, *later, story.picture, story.awaited)


@router.post("/{inspection}/reviews", status_code=201)
def add_review(request: Request, inspection: str, said: ReviewRequest) -> Review:
    """Say what the local user thinks of the verdict; the latest review of an inspection counts."""
    return reviews.review(workspace_of(request), inspection, said)
