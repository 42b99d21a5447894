"""Records as they are amended when something did not work out: an image that is gone, an answer unheard."""

import json
from dataclasses import replace

from andon.domain.inspections import Decision, Inspection, Kept, Reason, ReasonCode, Verdict
from andon.domain.serial import to_json

Text = tuple[str, str]
"""An id, and what it belongs to as JSON."""


def with_image_lost(inspection: Inspection) -> Inspection:
    """The record of a part whose image was to be kept and is gone."""
    capture = inspection.capture
    if capture is None or capture.kept is not Kept.KEPT:
        return inspection
    return replace(inspection, capture=replace(capture, kept=Kept.LOST, blob=None, size=0))


def not_heard(inspection: Inspection) -> Inspection:
    """The record of a part whose answer did not reach the plant."""
    return silent(inspection, "the answer did not reach the plant")


def silent(inspection: Inspection, why: str) -> Inspection:
    """Silence means NO-DECISION, and that is what is recorded; once is enough."""
    judged, reasons = inspection.decision.verdict, inspection.decision.reasons
    if any(reason.code is ReasonCode.NOT_ANSWERED for reason in reasons):
        return inspection
    reason = Reason(ReasonCode.NOT_ANSWERED, None, f"{why}; it had judged {judged.value}")
    already = reasons if judged is Verdict.NO_DECISION else ()
    return undecided(inspection, reason, *already)


def undecided(inspection: Inspection, *reasons: Reason) -> Inspection:
    """The same part without a verdict; it is no PASS drawn for an audit any more."""
    capture = inspection.capture and replace(inspection.capture, audit=0.0)
    return replace(inspection, decision=Decision(Verdict.NO_DECISION, reasons), capture=capture)


def text_of(value: object) -> str:
    """A record, or what belongs to one, as the spool holds it and the hub gets it: JSON without spaces."""
    return json.dumps(to_json(value), separators=(",", ":"))
