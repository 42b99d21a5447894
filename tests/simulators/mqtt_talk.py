"""A station that talks over MQTT: its output while it runs, its answers, and the wait for what they do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from simulators.broker import PROGRAM
from simulators.plc import Plc

from andon.domain.inspections import Reason, ReasonCode, Verdict
from andon.station.outputs.answers import Answer
from andon.station.outputs.mqtt import MqttOutput, MqttSettings
from andon.station.state.line import LineState
from andon.units import Timestamp

needs_broker = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed")
NOW = Timestamp("2026-01-05T06:00:00.000000Z")
PATIENCE = 60.0


def station() -> LineState:
    return LineState("st-04", "line-2", "test", NOW)


def answer(sequence: int, verdict: Verdict = Verdict.PASS) -> Answer:
    reasons = () if verdict is Verdict.PASS else (Reason(ReasonCode.DEFECT, "scratch", "score 0.9"),)
    return Answer(sequence, f"P-{sequence:04d}", verdict, reasons, f"inspection-{sequence}")


def settings(port: int) -> MqttSettings:
    return MqttSettings(port=port, heartbeat=0.2, patience=5.0, retry=0.1)


async def reached(what: str, look: Callable[[], object]) -> None:
    end = asyncio.get_running_loop().time() + PATIENCE
    while not look():
        assert asyncio.get_running_loop().time() < end, f"not seen: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(output: MqttOutput) -> AsyncIterator[MqttOutput]:
    task = asyncio.create_task(output.run())
    try:
        yield output
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        assert task in done
        assert task.cancelled()


def states(heard: Plc) -> list[str]:
    return [message.json()["state"] for message in heard.heard("/state")]
