"""The other side of an output: a subscriber that writes down every answer, in the order it came."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTMessage
from simulators.line_books import Heard

from andon.domain.inspections import Verdict


@dataclass(frozen=True)
class Message:
    """One message: where it was said, what, and whether the broker had kept it from before."""

    topic: str
    payload: bytes
    retained: bool

    def json(self) -> Any:
        return json.loads(self.payload)


@dataclass
class Plc:
    """What was heard since it listens; safe to read while it goes on."""

    messages: list[Message] = field(default_factory=list)
    connections: int = 0
    answers: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, client: Client, user: object, message: MQTTMessage) -> None:
        with self._lock:
            self.answers += message.topic.endswith("/verdict")
            self.messages.append(Message(message.topic, message.payload, message.retain))

    def connected(self, client: Client, *rest: object) -> None:
        client.subscribe("#", qos=1)

    def subscribed(self, *rest: object) -> None:
        self.connections += 1

    def heard(self, ending: str) -> list[Message]:
        """Messages of topics that end with ``ending``, oldest first."""
        with self._lock:
            return [message for message in self.messages if message.topic.endswith(ending)]

    def verdicts(self) -> list[Heard]:
        """Every verdict in the order it came."""
        return [heard_from(message.json()) for message in self.heard("/verdict")]

    def last(self, count: int) -> list[Heard]:
        """The last ``count`` verdicts, or fewer."""
        with self._lock:
            newest = (one for one in reversed(self.messages) if one.topic.endswith("/verdict"))
            return [heard_from(one.json()) for one in islice(newest, count)][::-1]

    def state(self) -> str:
        """What the output said last of the station itself; empty before the first."""
        said = self.heard("/state")
        return str(said[-1].json()["state"]) if said else ""

    def topics(self) -> Counter[str]:
        with self._lock:
            return Counter(message.topic for message in self.messages)


def heard_from(told: Any) -> Heard:
    codes = tuple(reason["code"] for reason in told["reasons"])
    return Heard(told["sequence"], told["part"], Verdict(told["verdict"]), told["inspection"], codes)


@contextmanager
def plc(port: int) -> Iterator[Plc]:
    """A listener at the broker on ``port``; it comes back by itself when the broker does."""
    made = Plc()
    client = Client(CallbackAPIVersion.VERSION2, client_id="line-test-plc", clean_session=False)
    client.on_message = made.hear
    client.on_connect = made.connected
    client.on_subscribe = made.subscribed
    client.reconnect_delay_set(1, 1)
    client.connect_async("127.0.0.1", port, keepalive=10)
    client.loop_start()
    try:
        yield made
    finally:
        client.disconnect()
        client.loop_stop()
