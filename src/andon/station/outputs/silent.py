"""No output: answers are recorded and shown, and no machine hears them. For lines that only watch."""

import asyncio
import math

from andon.station.outputs.answers import Answer, known
from andon.station.state.line import LineState


class SilentOutput:
    """An output as ``station.outputs.answers`` says."""

    def __init__(self, state: LineState) -> None:
        state.output = "none"

    async def run(self) -> None:
        """There is nothing to keep up."""
        await asyncio.Event().wait()

    async def tell(self, answer: Answer, due: float = math.inf) -> "asyncio.Future[bool]":
        """Nobody listens, and nobody misses anything."""
        del answer, due
        return known(True)
