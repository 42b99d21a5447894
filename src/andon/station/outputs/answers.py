"""Answers: what the plant hears about a part, and the port every output has."""

import asyncio
import math
from dataclasses import dataclass
from typing import Protocol

from andon.domain.inspections import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told of one part, after its record is durable.

    Attributes:
        sequence: the station's own count of parts, from 1 without a gap; 0 where the record could not
            be written in time, which is a NO-DECISION.
        part: the serial, or ``name=``/``frame=`` and what else it is known by.
        verdict: outputs treat NO_DECISION as REJECT.
        inspection: id of the record.
    """

    sequence: int
    part: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    inspection: str


class Output(Protocol):
    """Where answers go; one file each in ``outputs/``."""

    async def run(self) -> None:
        """Keep the connection, show the plant that the station lives, until cancelled.

        Failures of the other side are an alarm and another attempt, never the end of this.
        """
        ...

    async def tell(self, answer: Answer, due: float = math.inf) -> "asyncio.Future[bool]":
        """Hand one answer over, without waiting for the other side.

        After ``due`` (monotonic seconds) no verdict is said any more, as if nobody had heard it.

        Gives whether it was heard, as soon as that is known and in any case within a few seconds: at once
        False where the other side is away (the safe state speaks).  What was not heard is NO-DECISION.
        """
        ...


def known(heard: bool) -> "asyncio.Future[bool]":
    """What :meth:`Output.tell` gives where it is known at once."""
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    future.set_result(heard)
    return future
