"""The MQTT output against a real broker and a listener that is no part of Andon: what it says and leaves
behind, and how it is when the broker is away."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from simulators.broker import Broker
from simulators.mqtt_talk import NOW, answer, needs_broker, reached, running, settings, states, station
from simulators.plc import Plc, plc
from simulators.programs import free_port, until

from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode
from andon.errors import InvalidInput
from andon.station.outputs.mqtt import MqttOutput, MqttSettings
from andon.station.running.clock import system_clock
from andon.station.state.line import LineState


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
