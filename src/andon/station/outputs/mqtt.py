"""Answers over MQTT: what is said once is said at once or never, and silence means NO-DECISION.

Topics are ``andon/<line>/<station>/`` with ``verdict`` (one message a part, not retained), ``heartbeat``
and ``state`` (retained: what holds now).  The broker says the safe state by itself when the station is
gone.  While the broker is away nothing waits: an old PASS must not open a gate later.  An answer counts as
heard when the broker took it and passed it on to somebody; all others are counted, and stand as an alarm
for a while.
"""

import asyncio
import json
import logging
import math
import socket
import struct
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from andon.domain.inspections import Verdict
from andon.domain.serial import to_json
from andon.domain.stations import AlarmCode
from andon.errors import InvalidInput
from andon.station.outputs.answers import Answer, known
from andon.station.running.clock import Clock
from andon.station.state.alarms import Case, Raised, Value
from andon.station.state.condition import Word, condition_of
from andon.station.state.line import LineState

_QUEUE = 64
_EXPIRES_S = 5
_SUCCESS = 0
_STANDS_S = 30.0
"""How long the alarm of unheard answers stands after the last one."""

_AGAIN_S = 0.05
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


@dataclass(frozen=True, slots=True)
class _Told:
    """One answer on its way, until when it may be said (monotonic seconds), and whether it was heard."""

    answer: Answer
    due: float
    heard: "asyncio.Future[bool]"


class _Client(aiomqtt.Client):
    """Keeps what the broker said of the message it confirmed last; aiomqtt itself does not look at it."""

    passed_on = False
    """Whether it went to somebody: not refused, and not without a subscriber."""

    def _on_publish(
        self, client: object, userdata: object, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        self.passed_on = reason_code.value == _SUCCESS
        super()._on_publish(client, userdata, mid, reason_code, properties)  # type: ignore[arg-type]


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
        self._waiting: asyncio.Queue[_Told] = asyncio.Queue(_QUEUE)
        self._connected = False
        self._sequence = 0
        self._missed = 0.0
        self._said: Mapping[str, Any] = {}

    async def run(self) -> None:
        """Connect, speak, and connect again, until cancelled; then leave the safe state behind."""
        while True:
            try:
                async with self._client() as client:
                    await self._speak(client)
            except (aiomqtt.MqttError, OSError) as cause:
                _end_if_cancelled(cause)
                self._lost(cause)
            await self._clock.sleep(self._settings.retry)

    async def tell(self, answer: Answer, due: float = math.inf) -> "asyncio.Future[bool]":
        """Send an answer, or let the safe state speak where the broker is away."""
        self._sequence = max(self._sequence, answer.sequence)
        if self._connected and self._waiting.full():
            message = f"the broker takes answers too slowly: {_QUEUE} wait"
            self._drop(Case.OUTPUT_SLOW, message, {"count": _QUEUE})
        if not self._connected:
            self._count_unheard(answer)
            return known(False)
        due = math.inf if answer.verdict is Verdict.NO_DECISION else due
        due = min(due, self._clock.monotonic() + self._settings.patience)
        told = _Told(answer, due, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(told)
        return told.heard

    def _client(self) -> _Client:
        settings = self._settings
        return _Client(
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

    async def _speak(self, client: _Client) -> None:
        self._found()
        try:
            await _first_of(self._answer(client), _until_lost(client))
        except asyncio.CancelledError:
            self._connected = False
            self._state.output = "stopped"
            with suppress(aiomqtt.MqttError):  # the broker's own copy of the safe state speaks then
                await self._say_safe(client)
            raise
        await self._say_safe(client)

    async def _say_safe(self, client: aiomqtt.Client) -> None:
        await client.publish(self._topic("state"), self._text(self._safe_state()), 1, True)

    async def _answer(self, client: _Client) -> None:
        beat, due = 0, self._clock.monotonic()
        while self._connected:
            if self._clock.monotonic() >= due:
                beat, due = beat + 1, self._clock.monotonic() + self._settings.heartbeat
                await self._say_state(client)
                await self._beat(client, beat)
                self._forget_unheard()
            try:
                left = max(0.0, due - self._clock.monotonic())
                told = await asyncio.wait_for(self._waiting.get(), left)
            except TimeoutError:
                continue
            await self._say(client, told)

    async def _say(self, client: _Client, told: _Told) -> None:
        """One verdict, or none where it waited too long: it must not be taken for the next part's.

        A broker that keeps it for somebody who is away forgets it after a few seconds.
        """
        if self._clock.monotonic() > told.due:
            self._unheard(told)
            return
        text = self._text({**self._names(), **to_json(told.answer), "at": self._clock.now()})
        try:
            await client.publish(self._topic("verdict"), text, 1, properties=_short_lived())
        except BaseException:
            self._unheard(told)
            raise
        if client.passed_on:
            _resolve(told.heard, True)
        else:
            self._unheard(told)

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
        address = f"{self._settings.host}:{self._settings.port}"
        message = f"the broker at {address} is away: {cause}"
        self._drop(Case.OUTPUT_AWAY, message, {"address": address})

    def _drop(self, case: Case, message: str, values: Mapping[str, Value]) -> None:
        """Nothing that waits is said any more."""
        self._connected = False
        self._drain()
        self._state.output = "lost"
        todo = (
            "Check the broker and the network to it; until then the line must treat every part as REJECT."
        )
        self._state.raise_alarm(Raised(case, message, todo, self._clock.now(), values))

    def _drain(self) -> None:
        while not self._waiting.empty():
            self._unheard(self._waiting.get_nowait())

    def _unheard(self, told: _Told) -> None:
        self._count_unheard(told.answer)
        _resolve(told.heard, False)

    def _count_unheard(self, answer: Answer) -> None:
        """An alarm where silence says something else than the answer did."""
        self._state.unheard += 1
        if answer.verdict is Verdict.NO_DECISION:
            return
        self._missed = self._clock.monotonic()
        count, part = self._state.unheard, answer.part
        message = f"{count} answers since the start did not reach the plant, the last one for part {part}"
        todo = "Their records are NO-DECISION; make sure that the line treated these parts as REJECT."
        values: Mapping[str, Value] = {"count": count, "part": part}
        self._state.raise_alarm(Raised(Case.UNHEARD, message, todo, self._clock.now(), values))

    def _forget_unheard(self) -> None:
        if self._clock.monotonic() - self._missed > _STANDS_S:
            self._state.clear_alarm(AlarmCode.ANSWERS_UNHEARD)

    def _safe_state(self) -> Mapping[str, Any]:
        return {**self._names(), "state": Word.OFFLINE.value, "verdict": Verdict.NO_DECISION.value}

    def _names(self) -> Mapping[str, str]:
        return {"line": self._state.line, "station": self._state.station}

    def _topic(self, what: str) -> str:
        return f"andon/{self._state.line}/{self._state.station}/{what}"

    def _text(self, told: Mapping[str, Any]) -> str:
        return json.dumps(told, ensure_ascii=False)


def _end_if_cancelled(cause: Exception) -> None:
    """A connection that fails while it is being closed hides that this was to end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from cause


def _resolve(heard: "asyncio.Future[bool]", said: bool) -> None:
    """Who waited may have been cancelled meanwhile, and the future with them."""
    if not heard.done():
        heard.set_result(said)


async def _until_lost(client: aiomqtt.Client) -> None:
    """Ends when the connection is gone, and takes note of why: nothing is subscribed, so nothing comes."""
    async for _ in client.messages:
        pass


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """What the first of them ends with; the others are cancelled, also when this is.

    They are cancelled until they end: ``asyncio.wait_for`` of Python 3.11 may miss the first time.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        while pending := [task for task in tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=_AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


def _short_lived() -> Properties:
    short = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    short.MessageExpiryInterval = _EXPIRES_S
    return short


_SOCKET = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # A connection given up takes what was not sent with it: the network must not deliver it minutes later.
    (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
)
