"""Answers over MQTT that nobody heard: known as such, counted, and never said late."""

import asyncio
import gc
import logging
from pathlib import Path

import pytest
from simulators.broker import Broker, broker
from simulators.chaos_proxy import AWAY, FINE, HALF_OPEN, chaos_proxy
from simulators.mqtt_talk import PATIENCE, answer, needs_broker, reached, running, settings, station
from simulators.plc import Plc, plc
from simulators.programs import until

from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode
from andon.station.outputs.mqtt import MqttOutput, MqttSettings
from andon.station.running.clock import Clock, system_clock
from andon.station.state.line import LineState


@needs_broker
def test_what_was_decided_while_the_broker_was_away_is_never_said(mosquitto: Broker, listener: Plc) -> None:
    async def talk() -> None:
        state = station()
        output = MqttOutput(settings(mosquitto.port), state, system_clock())
        async with running(output):
            await reached("connected", lambda: state.output == "ok")
            await output.tell(answer(1))
            await reached("the first", lambda: listener.heard("/verdict"))
            mosquitto.kill()
            await reached("the loss is known", lambda: state.output == "lost")
            assert state.alarms[AlarmCode.OUTPUT_LOST].todo
            told = [await output.tell(answer(sequence)) for sequence in range(2, 12)]
            assert [heard.result() for heard in told] == [False] * 10
            assert state.unheard == 10
            assert state.alarms[AlarmCode.ANSWERS_UNHEARD].values == {"count": 10, "part": "P-0011"}
            before = listener.connections
            await asyncio.to_thread(mosquitto.restart)
            await reached("the listener is back", lambda: listener.connections > before)
            await reached("back", lambda: state.output == "ok")
            assert AlarmCode.OUTPUT_LOST not in state.alarms
            assert await (await output.tell(answer(12, Verdict.REJECT)))
            await reached("the newest", lambda: len(listener.heard("/verdict")) >= 2)

    asyncio.run(talk())
    assert [message.json()["sequence"] for message in listener.heard("/verdict")] == [1, 12]


@needs_broker
def test_a_broker_that_falls_silent_has_heard_nothing_and_each_answer_is_counted(
    mosquitto: Broker, listener: Plc
) -> None:
    async def talk(port: int) -> None:
        state = station()
        asked = MqttSettings(port=port, heartbeat=60.0, patience=2.0, retry=0.1)
        output = MqttOutput(asked, state, system_clock())
        async with running(output):
            await reached("connected", lambda: state.output == "ok")
            assert await asyncio.wait_for(await output.tell(answer(1)), PATIENCE)
            proxy.change(HALF_OPEN)
            told = [await output.tell(answer(sequence)) for sequence in range(2, 5)]
            assert await asyncio.wait_for(asyncio.gather(*told), PATIENCE) == [False] * 3
            assert state.unheard == 3
            assert "REJECT" in state.alarms[AlarmCode.ANSWERS_UNHEARD].todo

    with chaos_proxy(mosquitto.port) as proxy:
        asyncio.run(talk(proxy.port))


def told_to(port: int) -> tuple[bool, LineState]:
    """Whether a PASS is heard there, and what the station knows afterwards."""

    async def talk() -> tuple[bool, LineState]:
        state = station()
        async with running(MqttOutput(settings(port), state, system_clock())) as output:
            await reached("connected", lambda: state.output == "ok")
            heard = await asyncio.wait_for(await output.tell(answer(1)), PATIENCE)
            assert state.output == "ok"
        return heard, state

    return asyncio.run(talk())


@needs_broker
def test_an_answer_that_nobody_subscribed_to_is_not_heard(mosquitto: Broker) -> None:
    heard, state = told_to(mosquitto.port)
    assert (heard, state.unheard) == (False, 1)
    assert state.alarms[AlarmCode.ANSWERS_UNHEARD].values == {"count": 1, "part": "P-0001"}
    with plc(mosquitto.port) as late:
        until("somebody listens", lambda: late.connections)
        heard, state = told_to(mosquitto.port)
        assert (heard, state.unheard, state.alarms) == (True, 0, {})


@needs_broker
def test_an_answer_that_the_broker_refuses_is_not_heard(tmp_path: Path) -> None:
    with broker(tmp_path, denied=["andon/line-2/st-04/verdict"]) as strict, plc(strict.port) as listens:
        until("the listener is connected", lambda: listens.connections)
        heard, state = told_to(strict.port)
        until("the station speaks", lambda: listens.heard("/state"))
    assert (heard, state.unheard, listens.heard("/verdict")) == (False, 1, [])
    assert AlarmCode.ANSWERS_UNHEARD in state.alarms


@needs_broker
def test_an_answer_that_waited_too_long_is_not_said_but_counted(mosquitto: Broker, listener: Plc) -> None:
    later = 0.0
    real = system_clock()
    clock = Clock(real.unix, lambda: real.monotonic() + later, real.sleep, real.chance)

    async def talk() -> None:
        nonlocal later
        state = station()
        output = MqttOutput(settings(mosquitto.port), state, clock)
        async with running(output):
            await reached("connected", lambda: state.output == "ok")
            late = await output.tell(answer(1))
            later = 6.0
            assert not await asyncio.wait_for(late, PATIENCE)
            assert await asyncio.wait_for(await output.tell(answer(2)), PATIENCE)
            assert (state.unheard, state.output) == (1, "ok")
            assert AlarmCode.ANSWERS_UNHEARD in state.alarms
            later = 120.0
            await reached("it is long ago", lambda: not state.alarms)
            assert state.unheard == 1

    asyncio.run(talk())
    assert [message.json()["sequence"] for message in listener.heard("/verdict")] == [2]


@needs_broker
def test_a_verdict_that_is_due_before_it_is_said_is_not_said_but_counted(
    mosquitto: Broker, listener: Plc
) -> None:
    later = 0.0
    real = system_clock()
    clock = Clock(real.unix, lambda: real.monotonic() + later, real.sleep, real.chance)

    async def talk() -> None:
        nonlocal later
        state = station()
        asked = MqttSettings(port=mosquitto.port, patience=3600.0)
        async with running(MqttOutput(asked, state, clock)) as output:
            await reached("connected", lambda: state.output == "ok")
            due = clock.monotonic() + 60.0
            told = [await output.tell(answer(1), due)]
            told.append(await output.tell(answer(2, Verdict.NO_DECISION), due))
            told.append(await output.tell(answer(3), due + 120.0))
            later = 61.0
            assert await asyncio.wait_for(asyncio.gather(*told), PATIENCE) == [False, True, True]
            assert state.unheard == 1
            assert state.alarms[AlarmCode.ANSWERS_UNHEARD].values == {"count": 1, "part": "P-0001"}

    asyncio.run(talk())
    until("the others", lambda: len(listener.heard("/verdict")) == 2)
    assert [message.json()["sequence"] for message in listener.heard("/verdict")] == [2, 3]


@needs_broker
def test_an_answer_that_nobody_waits_for_any_more_ends_nothing(mosquitto: Broker, listener: Plc) -> None:
    async def talk() -> None:
        state = station()
        async with running(MqttOutput(settings(mosquitto.port), state, system_clock())) as output:
            await reached("connected", lambda: state.output == "ok")
            (await output.tell(answer(1))).cancel()
            assert await asyncio.wait_for(await output.tell(answer(2)), PATIENCE)

    asyncio.run(talk())


@needs_broker
def test_a_connection_lost_under_an_answer_is_known_at_once_and_its_failure_looked_at(
    mosquitto: Broker, listener: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is logged here is kept until the test ends, and with it the connection that it is about.
    monkeypatch.setattr(logging.getLogger("andon.station.outputs.mqtt"), "disabled", True)
    unseen: list[str] = []

    async def talk(port: int) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: unseen.append(told["message"]))
        state = station()
        asked = MqttSettings(port=port, heartbeat=3600.0, patience=3600.0, retry=0.1)
        async with running(MqttOutput(asked, state, system_clock())) as output:
            await reached("connected", lambda: state.output == "ok")
            assert await asyncio.wait_for(await output.tell(answer(1)), PATIENCE)
            proxy.change(HALF_OPEN)
            heard = await output.tell(answer(2))
            for _ in range(50):
                await asyncio.sleep(0)
            await asyncio.to_thread(proxy.change, AWAY)
            assert not await asyncio.wait_for(heard, PATIENCE)
            await reached("the loss is known", lambda: state.output == "lost")
            await asyncio.to_thread(proxy.change, FINE)
            await reached("it is well again", lambda: state.output == "ok")

    with chaos_proxy(mosquitto.port) as proxy:
        asyncio.run(talk(proxy.port))
    gc.collect()
    assert unseen == []
