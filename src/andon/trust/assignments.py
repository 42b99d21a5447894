"""Assignments, signed by the hub: a station runs nothing else, and nothing older than it has run."""

import json
from dataclasses import dataclass

from andon.domain.serial import canonical, from_json
from andon.domain.stations import Assignment
from andon.errors import InvalidInput, Refused
from andon.trust.keys import PublicKey, SigningKey

MAX_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class SignedAssignment:
    """``payload`` is the assignment's canonical JSON; ``signature`` (base64) is over its UTF-8 bytes."""

    payload: str
    signature: str


def sign(assignment: Assignment, key: SigningKey) -> SignedAssignment:
    """The assignment as it goes to its station."""
    payload = canonical(assignment)
    return SignedAssignment(payload.decode(), key.sign(payload))


def verify(signed: SignedAssignment, key: PublicKey, station: str, floor: int) -> Assignment:
    """The assignment, if ``key`` signed it for ``station`` and it is not older than ``floor``.

    ``floor`` is the highest counter the station ever ran; that one itself may run again.

    Raises:
        Refused: wrong key, altered, for another station, too old, or too large.
        InvalidInput: signed, but not an assignment this program understands.
    """
    if len(signed.payload) > MAX_BYTES:
        raise Refused(f"the assignment has more than {MAX_BYTES} bytes")
    key.verify(signed.payload.encode(), signed.signature)
    try:
        assignment = from_json(Assignment, json.loads(signed.payload))
    except (json.JSONDecodeError, RecursionError) as cause:
        raise InvalidInput("the signed assignment is not JSON") from cause
    if assignment.station != station:
        raise Refused(f"the assignment is for station {assignment.station!r}, this is {station!r}")
    if assignment.counter < floor:
        raise Refused(
            f"the assignment has the counter {assignment.counter}, this station has run {floor}",
            "An old assignment was sent again; make a new one on the hub.",
        )
    return assignment
