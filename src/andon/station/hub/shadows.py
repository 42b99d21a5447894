"""What a second model said: written down beside the records, and handed over when the hub has those."""

from andon.domain.inspections import Shadow
from andon.errors import AndonError, OperatorError
from andon.station.hub.client import HubRefused
from andon.station.hub.contact import NOT_THIS_RECORD, Link
from andon.station.inspecting.beside import Beside
from andon.station.running.clock import back_off
from andon.station.running.loops import Thread
from andon.station.spool.shadows import ShadowSpool
from andon.station.state.line import LineState
from andon.wire.deliveries import Receipt, Refusal

WRITE_SECONDS = 1.0
SEND_SECONDS = 2.0
LONGEST_PAUSE = 30.0
BATCH = 200


class Shadows:
    """Two loops; both may fall behind or fail without anything but shadows being given up, and counted."""

    def __init__(self, link: Link, spool: ShadowSpool, beside: Beside, state: LineState) -> None:
        self._link = link
        self._spool = spool
        self._beside = beside
        self._state = state
        self._disk = Thread("shadows")
        self._network = Thread("shadow uploads")

    async def run(self) -> None:
        """Write down what was said, once a second, until cancelled."""
        while True:
            await self.write()
            await self._link.clock.sleep(WRITE_SECONDS)

    async def upload(self) -> None:
        """Hand over what is written down, until cancelled."""
        failures = 0
        while True:
            try:
                more = await self.send()
            except AndonError:
                # The loops that carry records raise the alarm; these can wait.
                failures += 1
                await self._link.clock.sleep(back_off(self._link.clock, failures, LONGEST_PAUSE))
                continue
            failures = 0
            if not more:
                await self._link.clock.sleep(SEND_SECONDS)

    def close(self) -> None:
        """Write what is left, and let go of the file."""
        said = self._beside.take_said()
        if said:
            self._disk.wait(self._keep, said)
        self._disk.close()
        self._spool.close()

    async def write(self) -> None:
        """Put on the disk what was said since the last time."""
        said = self._beside.take_said()
        if said:
            self._state.shed["shadows"] += await self._disk.call(self._keep, said)

    async def send(self) -> bool:
        """One delivery; whether it is worth going on at once.

        Raises:
            NetworkError: the hub is away. Refused: it will have none of it.
            OperatorError: the disk here does not do what it should.
        """
        waiting = await self._disk.call(self._spool.waiting, BATCH)
        if not waiting:
            return False
        ids, texts = zip(*waiting, strict=True)
        try:
            receipt = await self._network.call(self._link.hub.deliver, {"shadows": texts})
        except HubRefused as cause:
            if cause.status not in NOT_THIS_RECORD:
                raise
            receipt = Receipt(refused=tuple(Refusal(name, cause.message) for name in ids))
        refused = [refusal.id for refusal in receipt.refused]
        self._state.shed["shadows"] += len(refused)
        await self._disk.call(self._spool.receipted, ids, [*receipt.accepted, *refused])
        return bool(receipt.accepted) and len(waiting) == BATCH

    def _keep(self, said: tuple[Shadow, ...]) -> int:
        """How many had to be given up: the oldest, or these where the disk does not take them."""
        try:
            return self._spool.keep(said)
        except OperatorError:
            return len(said)
