"""The MQTT output against a real broker and a listener that is no part of Andon."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from simulators.broker import PROGRAM, Broker, broker
from simulators.chaos_proxy import AWAY, FINE, HALF_OPEN, chaos_proxy
from simulators.plc import Plc, plc
from simulators.programs import free_port, until

from andon.domain.inspections import Reason, ReasonCode, Verdict
from andon.domain.stations import AlarmCode
from andon.errors import InvalidInput
from andon.station.outputs.answers import Answer
from andon.station.outputs.mqtt import MqttOutput, MqttSettings
from andon.station.running.clock import Clock, system_clock
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


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path) as made:
        yield made


@pytest.fixture
def listener(mosquitto: Broker) -> Iterator[Plc]:
    with plc(mosquitto.port) as made:
        until("the listener is connected", lambda: made.connections)
        yield made


def states(heard: Plc) -> list[str]:
    return [message.json()["state"] for message in heard.heard("/state")]


@needs_broker
def test_every_answer_is_heard_once_and_in_order(mosquitto: Broker, listener: Plc) -> None:
    async def talk() -> None:
        state = station()
        output = MqttOutput(settings(mosquitto.port), state, system_clock())
        async with running(output):
            await reached("connected", lambda: state.output == "ok")
            for sequence in range(1, 51):
                await output.tell(answer(sequence, Verdict.REJECT if sequence % 5 == 0 else Verdict.PASS))
            await reached("all heard", lambda: len(listener.heard("/verdict")) == 50)
            await reached("a heartbeat", lambda: len(listener.heard("/heartbeat")) >= 2)

    asyncio.run(talk())
    verdicts = [message.json() for message in listener.heard("/verdict")]
    assert [told["sequence"] for told in verdicts] == list(range(1, 51))
    fifth = {
        key: verdicts[4][key] for key in ("part", "verdict", "inspection", "line", "station", "reasons")
    }
    assert fifth == {
        "part": "P-0005",
        "verdict": "REJECT",
        "inspection": "inspection-5",
        "line": "line-2",
        "station": "st-04",
        "reasons": [{"code": "defect", "concept": "scratch", "detail": "score 0.9"}],
    }
    assert not any(message.retained for message in listener.heard("/verdict"))
    assert {topic.rsplit("/", 1)[0] for topic in listener.topics()} == {"andon/line-2/st-04"}


@needs_broker
def test_a_station_that_stops_leaves_the_safe_state(mosquitto: Broker, listener: Plc) -> None:
    async def talk() -> None:
        state = station()
        async with running(MqttOutput(settings(mosquitto.port), state, system_clock())):
            await reached("a state", lambda: states(listener))

    asyncio.run(talk())
    until("the safe state", lambda: states(listener)[-1] == "offline")
    assert listener.heard("/state")[-1].json()["verdict"] == "NO-DECISION"


@needs_broker
def test_the_broker_says_the_safe_state_when_the_station_is_killed(
    mosquitto: Broker, listener: Plc, tmp_path: Path
) -> None:
    from simulators.programs import Program, python

    code = (
        "import asyncio, sys\n"
        "from andon.station.outputs.mqtt import MqttOutput, MqttSettings\n"
        "from andon.station.running.clock import system_clock\n"
        "from andon.station.state.line import LineState\n"
        "state = LineState('st-04', 'line-2', 'test', '')\n"
        "asyncio.run(MqttOutput(MqttSettings(port=int(sys.argv[1])), state, system_clock()).run())\n"
    )
    command = [python()[0], "-c", code, str(mosquitto.port)]
    program = Program("output", command, tmp_path / "output.log").start()
    try:
        until("the station speaks", lambda: listener.heard("/heartbeat"))
    finally:
        program.kill()
    until("the safe state", lambda: states(listener)[-1] == "offline")
    assert listener.heard("/state")[-1].json() == {
        "line": "line-2",
        "station": "st-04",
        "state": "offline",
        "verdict": "NO-DECISION",
    }


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
def test_an_output_that_is_to_end_ends_though_its_connection_fails_meanwhile(
    mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = aiomqtt.Client.__aexit__

    async def fails(client: aiomqtt.Client, *how: Any) -> None:
        await close(client, *how)
        raise aiomqtt.MqttError("the broker went away")

    monkeypatch.setattr(aiomqtt.Client, "__aexit__", fails)

    async def talk() -> None:
        state = station()
        async with running(MqttOutput(settings(mosquitto.port), state, system_clock())):
            await reached("connected", lambda: state.output == "ok")
        assert (state.output, state.alarms) == ("stopped", {})

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


@needs_broker
def test_who_comes_later_learns_the_state_and_no_old_verdict(mosquitto: Broker, tmp_path: Path) -> None:
    async def talk() -> None:
        state = station()
        output = MqttOutput(settings(mosquitto.port), state, system_clock())
        with plc(mosquitto.port) as first:
            async with running(output):
                await reached("connected", lambda: state.output == "ok" and first.connections)
                await output.tell(answer(7))
                await reached("the verdict", lambda: first.heard("/verdict"))
                late = await asyncio.to_thread(_subscribed_for_state, mosquitto.port)
        assert late["state"] == "starting"
        assert late["sequence"] in {0, 7}
        assert "verdict" not in late

    asyncio.run(talk())


def _subscribed_for_state(port: int) -> dict[str, object]:
    from paho.mqtt import subscribe

    heard = subscribe.simple("andon/#", hostname="127.0.0.1", port=port, retained=True, msg_count=1)
    assert heard.topic.endswith("/state")
    told: dict[str, object] = json.loads(heard.payload)
    return told


def test_without_a_broker_the_line_goes_on_and_the_alarm_says_what_to_do() -> None:
    async def talk() -> None:
        state = station()
        output = MqttOutput(settings(free_port()), state, system_clock())
        async with running(output):
            await reached("the alarm", lambda: AlarmCode.OUTPUT_LOST in state.alarms)
            await output.tell(answer(1, Verdict.NO_DECISION))
            assert AlarmCode.ANSWERS_UNHEARD not in state.alarms, "silence says the same"
            for sequence in range(2, 1000):
                await output.tell(answer(sequence))
            assert AlarmCode.ANSWERS_UNHEARD in state.alarms
        assert state.output == "lost"
        assert state.unheard == 999
        assert "REJECT" in state.alarms[AlarmCode.OUTPUT_LOST].todo

    asyncio.run(talk())


@pytest.mark.parametrize("name", ["a/b", "#", "+", ""])
def test_names_that_would_change_the_topic_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="topic"):
        MqttOutput(MqttSettings(), LineState(name, "line", "test", NOW), system_clock())
