"""What the Feedback page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from urllib.parse import urlencode

from andon.domain.feedback import SendReason
from andon.domain.stations import Sending
from andon.hub.api.feedback import Filters
from andon.hub.web.inspection_views import ANSWERS
from andon.services.feedback import DAYS, NOBODY, FeedbackList, StationFeedback, Whereabouts
from andon.services.sending import words_of
from andon.store.feedback import DayCount

REASONS: Mapping[SendReason, tuple[str, str]] = {
    SendReason.AUDIT: ("audit sample", "Drawn by chance: passed, or rejected and due for a second look."),
    SendReason.WRONG: ("contradicted", "A person said that the verdict was wrong."),
    SendReason.CONFUSED: ("not sure", "A score lay near a cut, or the part was for review."),
    SendReason.RULE: ("asked for", "It fits a rule of the plant."),
    SendReason.RANDOM: ("by chance", "Drawn from all parts, whatever was decided: the control group."),
}
"""Word and meaning, the most urgent first."""

HELD: Mapping[str, str] = {
    "hours": "outside its hours",
    "quota": "today's quota is used up",
    "bandwidth": "as fast as the bandwidth allows",
}

WHERE: Mapping[Whereabouts, str] = {
    Whereabouts.HERE: "",
    Whereabouts.AWAITED: "not here yet",
    Whereabouts.GIVEN_UP: "the station gave it up",
}


@dataclass(frozen=True, slots=True)
class StationRow:
    """What one station sends.

    Attributes:
        sends: its policy in words.
        sent: pictures that went today, with the quota; empty where it says nothing of it.
        waits: choices that have not gone, and why not.
        chosen: choices of the last days.
    """

    name: str
    sends: str
    sent: str
    waits: str
    chosen: int


@dataclass(frozen=True, slots=True)
class DayRow:
    """Choices of one day (UTC) by reason, in the order of ``REASONS``."""

    day: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """The page.

    Attributes:
        names: of stations, to filter by.
        days: newest first; of the station that is filtered by, else of all.
        quota: pictures a day that these stations may send; None where one has no limit.
        older: address of the rows that follow; None on the last page. first: of the first page.
    """

    found: FeedbackList
    filters: Filters
    stations: tuple[StationRow, ...]
    days: tuple[DayRow, ...]
    quota: int | None
    names: tuple[str, ...]
    first: str
    older: str | None
    is_first: bool
    is_filtered: bool
    reasons: Mapping[SendReason, tuple[str, str]]
    answers: Mapping[str, str]
    where: Mapping[Whereabouts, str]
    days_counted: int = DAYS


def feedback_view(
    found: FeedbackList, filters: Filters, stations: Sequence[StationFeedback], after: int | None
) -> FeedbackView:
    """The page; ``after`` is where its list begins."""
    shown = [one for one in stations if filters.station in {None, "", one.station}]
    quotas = [one.policy.quota if one.policy else None for one in shown]
    known = [quota for quota in quotas if quota is not None]
    return FeedbackView(
        found=found,
        filters=filters,
        stations=tuple(_station(one) for one in shown),
        days=_days([count for one in shown for count in one.days]),
        quota=sum(known) if known and len(known) == len(quotas) else None,
        names=tuple(one.station for one in stations),
        first=address(filters),
        older=None if found.next is None else address(filters, after=str(found.next)),
        is_first=after is None,
        is_filtered=any(getattr(filters, field.name) for field in fields(filters)),
        reasons=REASONS,
        answers={**{answer.value: word for answer, word in ANSWERS.items()}, NOBODY: "nothing yet"},
        where=WHERE,
    )


def address(filters: Filters, **changes: str) -> str:
    """The page's address with ``filters``, some of them changed."""
    values = {field.name: getattr(filters, field.name) for field in fields(filters)} | changes
    given = {name: value for name, value in values.items() if value}
    return f"/feedback?{urlencode(given)}" if given else "/feedback"


def _station(one: StationFeedback) -> StationRow:
    quota = one.policy.quota if one.policy else None
    sent = "" if one.sending is None else f"{one.sending.sent_today:,}"
    of_quota = f" of {quota:,}" if sent and quota is not None else ""
    chosen = sum(count.count for count in one.days)
    return StationRow(
        one.station, words_of(one.policy), sent + of_quota, waits_in_words(one.sending), chosen
    )


def waits_in_words(sending: Sending | None) -> str:
    """How many choices have not gone, and why; empty where none waits or the station says nothing of it."""
    if sending is None or not sending.waiting:
        return ""
    why = HELD.get(sending.held, "")
    return f"{sending.waiting:,}: {why}" if why else f"{sending.waiting:,}"


def _days(counts: Sequence[DayCount]) -> tuple[DayRow, ...]:
    ordered = sorted(counts, key=lambda one: one.day, reverse=True)
    days = [(day, tuple(members)) for day, members in groupby(ordered, lambda one: one.day)]
    return tuple(DayRow(day, _by_reason(members), sum(c.count for c in members)) for day, members in days)


def _by_reason(members: Sequence[DayCount]) -> tuple[int, ...]:
    return tuple(sum(one.count for one in members if one.reason is reason) for reason in REASONS)
