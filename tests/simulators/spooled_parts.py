"""Parts with pictures and choices in a station's spool, and what the spool would send of them."""

import itertools
import json
import os
from dataclasses import replace

from simulators.station_parts import AT, record

from andon.domain.feedback import Chosen, SendReason
from andon.domain.inspections import Inspection, Kept
from andon.domain.serial import from_json
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Spool
from andon.units import digest_of, uuid7

DAY = "2026-11-21"
NUMBERS = itertools.count(1)


def sent(spool: Spool) -> list[Inspection]:
    """The records that would go to the hub now, in their order."""
    return [from_json(Inspection, json.loads(text)) for _, text in spool.waiting(500).records]


def sequences(spool: Spool) -> list[int]:
    return [found.capture.sequence for found in sent(spool) if found.capture]


def blob(content: bytes, worth: int = 3, kept_in_file: bool = True) -> StoredBlob:
    return StoredBlob(digest_of(content), len(content), None if kept_in_file else content, worth)


def kept(inspection: Inspection, of: StoredBlob) -> Inspection:
    """The record of a part whose picture is ``of``."""
    assert inspection.capture is not None
    capture = replace(inspection.capture, kept=Kept.KEPT, blob=of.digest, size=of.size)
    return replace(inspection, capture=capture)


def chosen(of: Inspection, reason: SendReason = SendReason.CONFUSED) -> Chosen:
    """One choice of a part, younger than all before it."""
    return Chosen(uuid7(1_700_000_000_000 + next(NUMBERS), os.urandom(10)), of.id, reason, AT, 1.0, "why")


def told(spool: Spool) -> list[Chosen]:
    """The choices that the hub would be told of now."""
    return [from_json(Chosen, json.loads(text)) for _, text in spool.waiting(500).chosen]


def part_with(spool: Spool, content: bytes, *reasons: SendReason) -> tuple[Inspection, StoredBlob]:
    """A settled part with its picture, chosen for ``reasons``."""
    image = blob(content)
    part = kept(spool.record(record()), image)
    spool.settle(part, (image,), None, (), [chosen(part, reason) for reason in reasons])
    return part, image
