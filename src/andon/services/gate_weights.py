"""How many parts of the line one stands for whose picture came back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.domain.feedback import Chosen, SendReason
from andon.domain.inspections import Inspection, Verdict
from andon.store import feedback as stored_feedback
from andon.store import inspections as stored_inspections

DRAWN = frozenset({SendReason.AUDIT, SendReason.RANDOM})

Stratum = tuple[str, Verdict]
"""Station, and what it decided."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Why pictures came back, and how many parts those that came by a draw stand for.

    Attributes:
        chosen: inspection -> its reasons; nothing where a station sends all.
        share: parts of a stratum that did not come for another reason, for each that was drawn.
    """

    chosen: Mapping[str, tuple[Chosen, ...]]
    share: Mapping[Stratum, float]

    @classmethod
    def read(cls, tx: Connection, inspections: Sequence[Inspection]) -> "Sent":
        """Of all ``inspections`` whose pictures are here."""
        chosen = stored_feedback.of(tx, [inspection.id for inspection in inspections])
        stopped = [one for one in inspections if one.decision.verdict is not Verdict.PASS]
        drawn = Counter(_stratum(one) for one in stopped if _is_drawn(chosen.get(one.id, ())))
        if not drawn:
            return cls(chosen, {})
        came = Counter(_stratum(one) for one in stopped) - drawn
        recorded = stored_inspections.stopped(tx, sorted({station for station, _ in drawn}))
        share = {
            stratum: max(1.0, (recorded.get(stratum, 0) - came[stratum]) / number)
            for stratum, number in drawn.items()
        }
        return cls(chosen, share)

    def weight(self, inspections: Sequence[Inspection]) -> tuple[float, bool]:
        """How many parts one stands for, and whether it came for its scores or a person's word alone.

        Records come of every part, pictures of some.  A part that was stopped and came by a draw alone
        stands for its share of those that did not come otherwise, and at most for one over the probability
        of the draw: a station may draw parts that it would have sent anyway.  One that passed stands for
        itself: those that people on the line were asked about stand for all that did.
        """
        brought = [(one, self.chosen.get(one.id, ())) for one in inspections]
        by_scores = [reasons for _, reasons in brought if reasons and not _is_drawn(reasons)]
        if by_scores:
            return 1.0, not any(one.reason in DRAWN for reasons in by_scores for one in reasons)
        weights = [
            min(self.share[_stratum(one)], 1 / max(reason.probability for reason in reasons))
            for one, reasons in brought
            if reasons and one.decision.verdict is not Verdict.PASS
        ]
        return min(weights, default=1.0), False


def _stratum(inspection: Inspection) -> Stratum:
    station = inspection.capture.station if inspection.capture else ""
    return station, inspection.decision.verdict


def _is_drawn(reasons: Sequence[Chosen]) -> bool:
    """Whether a picture came by a draw alone."""
    return bool(reasons) and all(one.reason in DRAWN and one.probability > 0 for one in reasons)
