"""Answers over MQTT: what is said once is said at once or never, and silence means NO-DECISION.

Topics are ``andon/<line>/<station>/`` with ``verdict`` (one message a part, not retained), ``heartbeat``
and ``state`` (retained: what holds now).  The broker says the safe state by itself when the station is
gone.  While the broker is away nothing waits: an old PASS must not open a gate later.
"""

import asyncio
import json
import logging
import math
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from andon.domain.inspections import Verdict
from andon.domain.serial import to_json
from andon.domain.stations import Alarm, AlarmCode
from andon.errors import InvalidInput
from andon.station.outputs.answers import Answer
from andon.station.running.clock import Clock
from andon.station.state.condition import Word, condition_of
from andon.station.state.line import LineState

_QUEUE = 64
_EXPIRES_S = 5
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Which broker, and how long things may take.

    Attributes:
        heartbeat: seconds between heartbeats; a PLC that misses three treats every part as REJECT.
        patience: seconds the broker has to confirm a message, and an answer may wait to be sent.
        retry: seconds between attempts to reach the broker.

    Raises:
        InvalidInput: a time is not positive, or the port is none.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    heartbeat: float = 1.0
    patience: float = 2.0
    retry: float = 1.0

    def __post_init__(self) -> None:
        if min(self.heartbeat, self.patience, self.retry) <= 0 or not 0 < self.port < 65536:
            raise InvalidInput("the times of the MQTT output must be positive, its port from 1 to 65535")


class MqttOutput:
    """One connection to one broker; an output as ``station.outputs.answers`` says."""

    def __init__(self, settings: MqttSettings, state: LineState, clock: Clock) -> None:
        for name in (state.line, state.station):
            if not name or set(name) & set("/+#\0"):
                raise InvalidInput(
                    f"{name!r} cannot stand in an MQTT topic", "Use a name without '/', '+' and '#'."
                )
        self._settings = settings
        self._state = state
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[float, Answer]] = asyncio.Queue(_QUEUE)
        self._connected = False
        self._sequence = 0
        self._said: Mapping[str, Any] = {}

    async def run(self) -> None:
        """Connect, speak, and connect again, until cancelled; then leave the safe state behind."""
        while True:
            try:
                async with self._client() as client:
                    await self._speak(client)
            except (aiomqtt.MqttError, OSError) as cause:
                self._lost(cause)
            await self._clock.sleep(self._settings.retry)

    async def tell(self, answer: Answer) -> None:
        """Send an answer, or let the safe state speak where the broker is away."""
        self._sequence = max(self._sequence, answer.sequence)
        if not self._connected:
            return
        try:
            self._waiting.put_nowait((self._clock.monotonic(), answer))
        except asyncio.QueueFull:
            self._drop(f"the broker takes answers too slowly: {_QUEUE} wait")

    def _client(self) -> aiomqtt.Client:
        settings = self._settings
        return aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password,
            identifier=f"andon-{self._state.line}-{self._state.station}"[:60],
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(self._topic("state"), self._text(self._safe_state()), 1, True),
            timeout=settings.patience,
            keepalive=max(2, round(3 * settings.heartbeat)),
            socket_options=_SOCKET,
            logger=_LOG,
        )

    async def _speak(self, client: aiomqtt.Client) -> None:
        self._found()
        try:
            await self._answer(client)
        except asyncio.CancelledError:
            self._connected = False
            self._state.output = "stopped"
            with suppress(aiomqtt.MqttError):  # the broker's own copy of the safe state speaks then
                await self._say_safe(client)
            raise
        await self._say_safe(client)

    async def _say_safe(self, client: aiomqtt.Client) -> None:
        await client.publish(self._topic("state"), self._text(self._safe_state()), 1, True)

    async def _answer(self, client: aiomqtt.Client) -> None:
        beat, due = 0, self._clock.monotonic()
        while self._connected:
            if self._clock.monotonic() >= due:
                beat, due = beat + 1, self._clock.monotonic() + self._settings.heartbeat
                await self._say_state(client)
                await self._beat(client, beat)
            try:
                left = max(0.0, due - self._clock.monotonic())
                since, answer = await asyncio.wait_for(self._waiting.get(), left)
            except TimeoutError:
                continue
            if self._clock.monotonic() - since <= self._settings.patience:
                await self._say(client, answer)

    async def _say(self, client: aiomqtt.Client, answer: Answer) -> None:
        """One verdict; a broker that keeps it for somebody who is away forgets it after a few seconds."""
        told = {**self._names(), **to_json(answer), "at": self._clock.now()}
        await client.publish(self._topic("verdict"), self._text(told), 1, properties=_short_lived())

    async def _say_state(self, client: aiomqtt.Client) -> None:
        """What holds now, where it differs from what was said; each part has a verdict of its own."""
        alarms = sorted(code.value for code in self._state.alarms)
        held = {**self._names(), "state": self._word().value, "alarms": alarms}
        if held != self._said:
            told = {**held, "sequence": self._sequence, "at": self._clock.now()}
            await client.publish(self._topic("state"), self._text(told), 1, True)
            self._said = held

    async def _beat(self, client: aiomqtt.Client, beat: int) -> None:
        told = {
            **self._names(),
            "beat": beat,
            "state": self._word().value,
            "sequence": self._sequence,
            "at": self._clock.now(),
        }
        await client.publish(self._topic("heartbeat"), self._text(told), 1, properties=_short_lived())

    def _word(self) -> Word:
        """A line that pauses is no fault here."""
        return condition_of(self._state, self._clock.monotonic(), math.inf).word

    def _found(self) -> None:
        self._drain()
        self._said = {}
        self._connected = True
        self._state.output = "ok"
        self._state.clear_alarm(AlarmCode.OUTPUT_LOST)

    def _lost(self, cause: Exception) -> None:
        self._drop(f"the broker at {self._settings.host}:{self._settings.port} is away: {cause}")

    def _drop(self, message: str) -> None:
        """Nothing that waits is said any more."""
        self._connected = False
        self._drain()
        self._state.output = "lost"
        todo = (
            "Check the broker and the network to it; until then the line must treat every part as REJECT."
        )
        self._state.raise_alarm(Alarm(AlarmCode.OUTPUT_LOST, message, todo, self._clock.now()))

    def _drain(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()

    def _safe_state(self) -> Mapping[str, Any]:
        return {**self._names(), "state": Word.OFFLINE.value, "verdict": Verdict.NO_DECISION.value}

    def _names(self) -> Mapping[str, str]:
        return {"line": self._state.line, "station": self._state.station}

    def _topic(self, what: str) -> str:
        return f"andon/{self._state.line}/{self._state.station}/{what}"

    def _text(self, told: Mapping[str, Any]) -> str:
        return json.dumps(told, ensure_ascii=False)


def _short_lived() -> Properties:
    short = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    short.MessageExpiryInterval = _EXPIRES_S
    return short


_SOCKET = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # A connection given up takes what was not sent with it: the network must not deliver it minutes later.
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
)
