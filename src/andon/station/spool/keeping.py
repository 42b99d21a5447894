"""Which images are kept and which passes people look at: decided before anything is encoded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from andon.domain.feedback import Queue
from andon.domain.inspections import Decision, ReasonCode, Verdict
from andon.domain.stations import KeepPolicy
from andon.station.spool.choosing import Choice

PASS_WORTH, UNJUDGED_WORTH, REJECT_WORTH, REVIEW_WORTH, AUDIT_WORTH, THUMBNAIL_WORTH = 1, 2, 3, 4, 5, 6
"""What is given up first when the disk runs out has the lowest; the hub gets the highest first."""

UNCHOSEN = 10
"""How much less an image is worth that a send policy did not choose: less than anything that is sent."""

_QUEUES = {Verdict.REJECT: Queue.REJECT, Verdict.REVIEW: Queue.REVIEW}


@dataclass(frozen=True, slots=True)
class Keep:
    """What becomes of one part's image.

    Attributes:
        image: keep the image without loss.
        audit: probability with which this PASS was drawn for people to look at; 0 where it was not.
        queue: the people's queue it waits in; None for none.
        worth: of the image, one of the numbers above.
        choices: why its image is sent; empty where it is not, or where all that is kept is sent.
    """

    image: bool
    audit: float
    queue: Queue | None
    worth: int
    choices: tuple[Choice, ...] = ()


def kept_to_send(kept: Keep, choices: Sequence[Choice] | None) -> Keep:
    """The same, with the image kept where it is chosen to be sent: that makes a pass worth more.

    ``choices``: None where there is no policy, so that all that is kept is sent.  Where there is one, what
    it does not choose is given up before anything that it does.
    """
    if choices is None:
        return kept
    if not choices:
        return replace(kept, worth=kept.worth - UNCHOSEN)
    return replace(kept, image=True, worth=max(kept.worth, UNJUDGED_WORTH), choices=tuple(choices))


def keep(decision: Decision, policy: KeepPolicy, draws: tuple[float, float]) -> Keep:
    """What the policy says of one part.

    Args:
        decision: of the part.
        policy: of the station's assignment.
        draws: two independent numbers in [0, 1), drawn evenly: one for the audit, one for keeping.
    """
    if decision.verdict is Verdict.PASS:
        if draws[0] < policy.audit:
            return Keep(True, policy.audit, Queue.AUDIT, AUDIT_WORTH)
        return Keep(draws[1] < policy.passes, 0.0, None, PASS_WORTH)
    queue = _QUEUES.get(decision.verdict)
    if queue is not None:
        return Keep(True, 0.0, queue, REVIEW_WORTH if queue is Queue.REVIEW else REJECT_WORTH)
    # Without a model every part is undecided: their images are no better than those of passes.
    unmodelled = any(reason.code is ReasonCode.NO_MODEL for reason in decision.reasons)
    return Keep(draws[1] < policy.passes if unmodelled else True, 0.0, None, UNJUDGED_WORTH)
