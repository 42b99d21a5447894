"""Ingest: what a station hands over becomes rows in one transaction; the receipt is given after its commit.

Handing the same over again changes nothing and gives the same receipt, so that a station may do it as often
as it likes until it holds one.  What the hub will never take is refused by name, the rest is taken all the
same.  What belongs to an inspection that has not come yet is in neither list: it is handed over again.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.domain.feedback import Review
from andon.domain.inspections import Inspection, Kept
from andon.errors import InvalidInput, LimitExceeded
from andon.services.arrivals import MAX_NOTE, MAX_TEXT, Arrived, check_form, check_texts
from andon.services.blobs import take_pictures
from andon.services.feedback import take_chosen, take_given_up
from andon.services.shadows import take_shadows
from andon.services.stations import checked_name
from andon.services.workspaces import Workspace, now
from andon.store import awaited_images
from andon.store import inspections as stored_inspections
from andon.store import reviews as stored_reviews
from andon.store.inspections import Packed
from andon.units import Digest, is_digest
from andon.wire.deliveries import MAX_RECORDS, Delivery, Receipt, Refusal, shadow_id

MAX_SEQUENCE = 2**63 - 1
ELSEWHERE = "another record has this id or this place in the station's sequence"


def deliver(workspace: Workspace, station: str, delivery: Delivery) -> Receipt:
    """Record what ``station`` hands over.

    Raises:
        LimitExceeded: too many records or reviews at once; nothing was recorded.
        InvalidInput: the station's name is not usable, or something is named twice; nothing was recorded.
        DiskFull, OperatorError: it could not be recorded; nothing was.
    """
    author = f"station/{checked_name(station)}"
    _check_size(delivery)
    records = _packed(delivery.records, station, author)
    with workspace.database.write() as tx:
        taken = _add_records(tx, records, author)
        refused_records = [*records.refused, *taken.refused]
        refused_ids = {refusal.id for refusal in refused_records}
        said = _add_reviews(tx, delivery.reviews, refused_ids)
        beside = take_shadows(tx, delivery.shadows, station, refused_ids)
        chosen = take_chosen(tx, delivery.chosen, station, refused_ids)
        gone = take_given_up(tx, delivery.given_up, station)
    later = [one.blob for one in delivery.chosen if one.blob and one.id in chosen.accepted]
    here = [digest for digest in (*_kept_blobs(taken.accepted), *later) if workspace.blobs.has(digest)]
    take_pictures(workspace, here)
    others = (said, beside, chosen, gone)
    accepted = (inspection.id for inspection in taken.accepted)
    return Receipt(
        accepted=(*accepted, *(identity for other in others for identity in other.accepted)),
        refused=(*refused_records, *(refusal for other in others for refusal in other.refused)),
        wanted=tuple(_wanted(workspace, taken.accepted, later)),
    )


@dataclass(frozen=True, slots=True)
class _Packed:
    """Records that can be recorded as far as they themselves go, and those that cannot."""

    records: tuple[Packed, ...]
    refused: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class _Taken:
    accepted: tuple[Inspection, ...]
    refused: tuple[Refusal, ...]


def _check_size(delivery: Delivery) -> None:
    named = {
        "records": [record.id for record in delivery.records],
        "reviews": [review.id for review in delivery.reviews],
        "shadows": [shadow_id(shadow) for shadow in delivery.shadows],
        "chosen": [one.id for one in delivery.chosen],
        "pictures given up": list(delivery.given_up),
    }
    for what, given in named.items():
        if len(given) > MAX_RECORDS:
            raise LimitExceeded(f"{len(given)} {what} at once are more than {MAX_RECORDS}")
        if len(set(given)) < len(given):
            raise InvalidInput(f"the delivery holds some of its {what} twice", "Send each of them once.")


def _packed(records: Iterable[Inspection], station: str, author: str) -> _Packed:
    packed: list[Packed] = []
    refused: list[Refusal] = []
    for record in records:
        try:
            _check_record(record, station)
            packed.append(stored_inspections.pack(record, author))
        except InvalidInput as flaw:
            refused.append(Refusal(record.id, flaw.message))
    return _Packed(tuple(packed), tuple(refused))


def _check_record(record: Inspection, station: str) -> None:
    capture = record.capture
    if capture is None or capture.station != station:
        raise InvalidInput(f"this record is not one of station {station!r}")
    if record.job is not None:
        raise InvalidInput("a station's record belongs to no job of the hub")
    if not 0 < capture.sequence <= MAX_SEQUENCE:
        raise InvalidInput(f"the sequence number {capture.sequence} is not possible")
    if not (math.isfinite(record.milliseconds) and record.milliseconds >= 0):
        raise InvalidInput(f"{record.milliseconds} milliseconds are not possible")
    if bool(record.recipe) != bool(record.package) or bool(record.recipe) != (record.recipe_version > 0):
        raise InvalidInput("a record names recipe, version and package, or none of the three")
    digests = (record.image, capture.blob, capture.thumbnail, record.package or None)
    for digest in digests:
        if digest is not None and not is_digest(digest):
            raise InvalidInput(f"{digest[:80]!r} is no digest")
    check_form(record.id, record.at)
    check_texts((record.part, record.name, record.recipe, record.variant), MAX_TEXT)


def _add_records(tx: Connection, packed: _Packed, author: str) -> _Taken:
    known = stored_inspections.references(tx, [item.inspection for item in packed.records])
    refused: list[Refusal] = []
    possible: list[Packed] = []
    for item in packed.records:
        missing = known.missing(item.inspection)
        if missing is None:
            possible.append(item)
        else:
            refused.append(Refusal(item.inspection.id, missing))
    new = stored_inspections.add_packed(tx, possible, known)
    old = [item.inspection for item in possible if item.inspection.id not in new]
    places = stored_inspections.places(tx, [inspection.id for inspection in old])
    strange = {inspection.id for inspection in old if places.get(inspection.id) != _place(inspection)}
    accepted = tuple(item.inspection for item in possible if item.inspection.id not in strange)
    awaited = [(blob, of.id) for of in accepted if of.id in new and (blob := _kept_blob(of))]
    awaited_images.add(tx, awaited, author, now())
    return _Taken(accepted, (*refused, *(Refusal(identity, ELSEWHERE) for identity in sorted(strange))))


def _place(inspection: Inspection) -> tuple[str | None, int | None]:
    capture = inspection.capture
    return (capture.station, capture.sequence) if capture else (None, None)


def _add_reviews(tx: Connection, reviews: Sequence[Review], refused_records: set[str]) -> Arrived:
    refused: list[Refusal] = []
    possible: list[Review] = []
    for review in reviews:
        try:
            _check_review(review, refused_records)
            possible.append(review)
        except InvalidInput as flaw:
            refused.append(Refusal(review.id, flaw.message))
    here = stored_inspections.places(tx, [review.inspection for review in possible])
    known = stored_reviews.known(tx, [review.id for review in possible])
    strange = {r.id for r in possible if known.get(r.id, r.inspection) != r.inspection}
    taken = [review for review in possible if review.inspection in here and review.id not in strange]
    stored_reviews.add(tx, taken)
    refused += [Refusal(identity, "another review has this id") for identity in sorted(strange)]
    return Arrived(tuple(review.id for review in taken), tuple(refused))


def _check_review(review: Review, refused_records: set[str]) -> None:
    if review.inspection in refused_records:
        raise InvalidInput("the record of its part was refused")
    check_form(review.id, review.at)
    check_form(review.inspection, review.at)
    check_texts((review.author, review.concept or ""), MAX_TEXT)
    check_texts((review.note,), MAX_NOTE)


def _kept_blob(inspection: Inspection) -> Digest | None:
    capture = inspection.capture
    return capture.blob if capture and capture.kept is Kept.KEPT else None


def _kept_blobs(inspections: Iterable[Inspection]) -> list[Digest]:
    return [blob for inspection in inspections if (blob := _kept_blob(inspection))]


def _wanted(
    workspace: Workspace, inspections: Iterable[Inspection], later: Sequence[Digest]
) -> list[Digest]:
    """Blobs of these inspections that are not here; ``later``: those that were kept afterwards."""
    named = (
        blob
        for inspection in inspections
        if inspection.capture
        for blob in (inspection.capture.thumbnail, _kept_blob(inspection))
        if blob is not None
    )
    return [blob for blob in dict.fromkeys((*named, *later)) if not workspace.blobs.has(blob)]
