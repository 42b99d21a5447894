"""When the next picture may go: hours and quota of the policy, and its bandwidth. Time is an argument."""

from dataclasses import dataclass

from andon.domain.feedback import SendPolicy, SendReason
from andon.units import Timestamp

PIECE = 2**20
"""Bytes of one piece of a blob."""

LEAST_PIECE = 4096
"""Bytes of the smallest piece that a narrow bandwidth makes."""

LAST = tuple(SendReason)[-1]


def last_reason(policy: SendPolicy, at: Timestamp, sent: int) -> SendReason | None:
    """The least urgent reason for which pictures go now, all more urgent ones included; None: none goes.

    ``sent`` is how many went on the day (UTC) of ``at``.
    """
    if not _is_open(policy.hours, int(at[11:13])):
        return None
    return LAST if policy.quota is None or sent < policy.quota else SendReason.AUDIT


def piece_of(rate: int | None) -> int:
    """Bytes of one piece at so many bytes a second: about a second's, so that records get between."""
    return PIECE if rate is None else min(PIECE, max(LEAST_PIECE, rate))


@dataclass(slots=True)
class Bucket:
    """Bytes that may go: as many a second as the rate, kept for one second at most.

    What goes may be more than is there; it is made up for before anything else goes.
    """

    at: float = float("-inf")
    bytes: float = 0.0

    def is_ready(self, rate: int | None, monotonic: float) -> bool:
        """Whether something may go now; without a rate always."""
        if rate is None:
            return True
        self.bytes = min(float(rate), self.bytes + (monotonic - self.at) * rate)
        self.at = monotonic
        return self.bytes > 0

    def take(self, count: int) -> None:
        """So many bytes went."""
        self.bytes -= count


def _is_open(hours: tuple[int, int], hour: int) -> bool:
    first, end = hours
    return first <= hour < end if first < end else hour >= first or hour < end
