"""Feedback: parts whose pictures come back from stations, why, and what became of the pictures."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Connection

from andon.domain.feedback import Answer, Chosen, Review, SendPolicy, SendReason
from andon.domain.inspections import Inspection, Verdict
from andon.domain.needs import Need
from andon.domain.stations import Sending
from andon.errors import InvalidInput
from andon.services.arrivals import MAX_TEXT, Arrived, check_form, check_texts
from andon.services.jobs import ago
from andon.services.stories import checked_moment
from andon.services.workspaces import Workspace, now
from andon.store import awaited_images, lost_images
from andon.store import feedback as stored_feedback
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import reviews as stored_reviews
from andon.store import stations as stored_stations
from andon.store.feedback import DayCount, Query
from andon.store.paging import Cut
from andon.units import Digest, Timestamp, is_digest
from andon.wire.deliveries import Refusal

T = TypeVar("T", bound=StrEnum)

DAYS = 7
"""Days of which a list counts the choices, today among them."""

DAY_SECONDS = 86400.0

NOBODY = "nobody"
"""In place of an answer: nobody said anything."""

MOST = 1000
"""Parts that wait for a person's word are counted so far."""


def take_chosen(
    tx: Connection, chosen: Sequence[Chosen], station: str, refused_records: Collection[str]
) -> Arrived:
    """Record whose pictures ``station`` sends; a choice whose inspection has not come yet is in neither
    list, and what is recorded already is accepted again.

    ``refused_records`` are inspections that were refused in the same delivery.
    """
    places = stored_inspections.places(tx, [one.inspection for one in chosen])
    recorded = stored_feedback.known(tx, [one.id for one in chosen])
    refused: list[Refusal] = []
    possible: list[Chosen] = []
    for one in chosen:
        try:
            _check(one, refused_records)
            if places.get(one.inspection, (station,))[0] != station:
                raise InvalidInput("its part is one of another station")
            if recorded.get(one.id, one.inspection) != one.inspection:
                raise InvalidInput("another choice has this id")
            possible.append(one)
        except InvalidInput as flaw:
            refused.append(Refusal(one.id, flaw.message))
    taken = [one for one in possible if one.inspection in places]
    author = f"station/{station}"
    new = stored_feedback.add(tx, taken, author)
    later = [(one.blob, one.inspection) for one in taken if one.blob and one.id in new]
    awaited_images.add(tx, later, author, now())
    return Arrived(tuple(one.id for one in taken), tuple(refused))


def take_given_up(tx: Connection, given_up: Sequence[str], station: str) -> Arrived:
    """Wait no longer for the pictures of these inspections of ``station``; those not recorded yet are in
    neither list."""
    places = stored_inspections.places(tx, given_up)
    at = now()
    refused: list[Refusal] = []
    taken: list[str] = []
    for name in given_up:
        try:
            check_form(name, at)
            if places.get(name, (station,))[0] != station:
                raise InvalidInput("its part is one of another station")
        except InvalidInput as flaw:
            refused.append(Refusal(name, flaw.message))
        else:
            taken += [name] if name in places else []
    lost_images.add(tx, taken, f"station/{station}", at)
    return Arrived(tuple(taken), tuple(refused))


def _check(one: Chosen, refused_records: Collection[str]) -> None:
    if one.inspection in refused_records:
        raise InvalidInput("the record of its part was refused")
    check_form(one.id, one.at)
    check_form(one.inspection, one.at)
    check_texts((one.detail,), MAX_TEXT)
    if one.blob is not None and not is_digest(one.blob):
        raise InvalidInput(f"{one.blob[:80]!r} is no digest")
    if not (math.isfinite(one.probability) and 0 < one.probability <= 1):
        raise InvalidInput(f"the probability {one.probability} is not possible")


class Whereabouts(StrEnum):
    """Where a picture is: on the hub, still on its station, or nowhere."""

    HERE = "here"
    AWAITED = "awaited"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Returned:
    """A part whose picture was chosen.

    Attributes:
        chosen: why, first to last.
        review: what people said last; None where nobody said anything.
        picture: blob of its image, or of its thumbnail while that is not here; None where neither is.
    """

    inspection: Inspection
    chosen: tuple[Chosen, ...]
    review: Review | None
    where: Whereabouts
    picture: Digest | None


@dataclass(frozen=True, slots=True)
class FeedbackList:
    """Part of a list, the latest choice first; ``next``: what to ask the following part with."""

    rows: tuple[Returned, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class StationFeedback:
    """What one station sends: its policy, what it says of it, and its choices of the last days.

    Attributes:
        policy: of the assignment that is in force; None: all that is kept is sent.
        sending: as it last reported; None where it did not.
    """

    station: str
    policy: SendPolicy | None
    sending: Sending | None
    days: tuple[DayCount, ...]


def feedback_page(workspace: Workspace, query: Query, after: int | None, limit: int) -> FeedbackList:
    """Parts whose pictures were chosen, each once, as ``query`` asks for."""
    with workspace.database.read() as tx:
        page = stored_feedback.page(tx, query, Cut(after, limit))
        ids = [one.inspection for one in page.rows]
        inspections = {one.id: one for one in stored_inspections.by_ids(tx, ids)}
        chosen, said = stored_feedback.of(tx, ids), stored_reviews.latest(tx, ids)
        awaited = awaited_images.among(tx, ids)
        digests = [one.image for one in inspections.values() if one.image]
        images = stored_images.by_digests(tx, digests)
    blobs = {digest: image.blob for digest, image in images.items()}
    rows = [
        _returned(workspace, inspections[name], (chosen[name], said.get(name)), name in awaited, blobs)
        for name in ids
    ]
    return FeedbackList(tuple(rows), page.next)


def stations_feedback(workspace: Workspace) -> tuple[StationFeedback, ...]:
    """What each station sends, by line and name."""
    since = Timestamp(f"{ago((DAYS - 1) * DAY_SECONDS)[:10]}T00:00:00.000000Z")
    with workspace.database.read() as tx:
        counts = stored_feedback.days(tx, since)
        everyone = stored_stations.everyone(tx)
    return tuple(
        StationFeedback(
            one.name,
            one.assignment.send if one.assignment else None,
            one.report.sending if one.report else None,
            tuple(count for count in counts if count.station == one.name),
        )
        for one in everyone
    )


def unsaid_needs(workspace: Workspace) -> tuple[Need, ...]:
    """Parts of the last day that a model was not sure of, came back, and were judged by nobody."""
    query = Query(reason=SendReason.CONFUSED, unsaid=True, since=ago(DAY_SECONDS))
    with workspace.database.read() as tx:
        count = stored_feedback.count(tx, query, MOST)
    if not count:
        return ()
    many = "1 part" if count == 1 else f"{count:,}{' or more' if count == MOST else ''} parts"
    what = f"Nobody has judged {many} that a model was not sure of"
    link = f"/feedback?reason={SendReason.CONFUSED}&answer={NOBODY}"
    return (Need(what, "Look at them and say what they are.", False, link),)


def _returned(
    workspace: Workspace,
    inspection: Inspection,
    told: tuple[tuple[Chosen, ...], Review | None],
    awaited: bool,
    blobs: Mapping[Digest, Digest],
) -> Returned:
    capture, has = inspection.capture, workspace.blobs.has
    stored = blobs.get(inspection.image) if inspection.image else None
    whole = next((blob for blob in (capture and capture.blob, stored) if blob and has(blob)), None)
    small = capture.thumbnail if capture and capture.thumbnail and has(capture.thumbnail) else None
    where = Whereabouts.HERE if whole else Whereabouts.AWAITED if awaited else Whereabouts.GIVEN_UP
    return Returned(inspection, *told, where, whole or small)


def asked(
    reason: str | None, verdict: str | None, answer: str | None, station: str | None, since: str | None
) -> Query:
    """What a list is asked for, as people write it; what is empty asks nothing.

    ``answer`` is one of ``Answer``, or ``NOBODY``.

    Raises:
        InvalidInput: a word is none of its kind, or the time is none.
    """
    return Query(
        reason=_word(SendReason, reason, "reason"),
        station=station or None,
        verdict=_word(Verdict, verdict, "verdict"),
        answer=None if answer == NOBODY else _word(Answer, answer, "answer"),
        unsaid=answer == NOBODY,
        since=checked_moment(since),
    )


def _word(kind: type[T], text: str | None, noun: str) -> T | None:
    if not text:
        return None
    if text not in set(kind):
        raise InvalidInput(f"{text[:60]!r} is no {noun}", f"Choose from: {', '.join(kind)}.")
    return kind(text)
