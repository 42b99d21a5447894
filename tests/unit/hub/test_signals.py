"""Signals, plans and turns through the hub: what pages and JSON say, what they change, what they refuse."""

from fastapi.testclient import TestClient
from simulators.records import package

from andon.domain.datasets import DatasetSpec
from andon.domain.loops import Ending, LoopPlan, Trigger, TurnStep
from andon.domain.models import Costs
from andon.domain.presets import preset
from andon.domain.serial import to_json
from andon.domain.signals import Signal, SignalKind
from andon.services.loops import find_plan, find_turn, note, save_plan, start_turn
from andon.services.signals import take_note
from andon.services.workspaces import Workspace, now

PLAN = LoopPlan(
    "brackets",
    DatasetSpec("brackets"),
    preset("segment-tiny"),
    Costs(100.0, 5.0, 1.0, 0.01),
    triggers=(Trigger(SignalKind.SCHEDULE, 168.0),),
)


def dark(value: float, raised: bool) -> Signal:
    words = "brightness moved from 0.450 to 0.380 since the release"
    return Signal(SignalKind.HEALTH, "", "ST-1", value, 0.21, 200, raised, words, now())


def test_an_empty_page_says_what_a_plan_is_and_how_to_make_one(stocked_hub: TestClient) -> None:
    shown = stocked_hub.get("/signals")
    assert shown.status_code == 200
    assert "No plan of the loop yet" in shown.text and "andon loop plan set" in shown.text
    assert 'href="/signals"' in shown.text, "the menu has it"


def test_what_is_raised_stands_first_with_value_limit_number_and_what_to_do(
    stocked: Workspace, stocked_hub: TestClient
) -> None:
    calm = Signal(SignalKind.LATENCY, "", "ST-1", 9.4, 40.0, 1000, False, "99 of 100 within 9 ms", now())
    take_note(stocked, [calm, dark(0.1, False)])
    take_note(stocked, [dark(0.9, True)])
    text = stocked_hub.get("/signals").text
    assert text.index("Image health") < text.index("Latency")
    for said in ("raised", "limit 0.21", "n = 200", "See to lamp, lens and part holder", "<polyline"):
        assert said in text
    told = stocked_hub.get("/api/signals").json()
    assert [(one["kind"], one["raised"]) for one in told] == [("health", True), ("latency", False)]


def test_the_form_of_a_plan_makes_its_next_version_and_leaves_the_rest(
    stocked: Workspace, stocked_hub: TestClient
) -> None:
    save_plan(stocked, PLAN)
    form = {"limit_new-labels": "50", "limit_schedule": "", "approves": "gate"}
    answer = stocked_hub.post("/plans/brackets/versions", data=form, follow_redirects=False)
    assert answer.status_code == 303
    changed = find_plan(stocked, "brackets")
    assert (changed.version, changed.triggers) == (2, (Trigger(SignalKind.NEW_LABELS, 50.0),))
    assert (changed.approves, changed.train) == (True, PLAN.train)


def test_a_limit_that_is_none_comes_back_with_the_page_and_changes_nothing(
    stocked: Workspace, stocked_hub: TestClient
) -> None:
    save_plan(stocked, PLAN)
    for limit, says in (("many", "is no number"), ("-3", "starts nothing or always")):
        answer = stocked_hub.post("/plans/brackets/versions", data={"limit_cost": limit})
        assert answer.status_code == 422 or answer.status_code == 400
        assert says in answer.text and "Plan brackets" in answer.text
    assert find_plan(stocked, "brackets").version == 1


def test_a_turn_begins_by_hand_shows_its_steps_and_can_be_ended(
    stocked: Workspace, stocked_hub: TestClient
) -> None:
    save_plan(stocked, PLAN)
    page = stocked_hub.post("/turns", data={"plan": "brackets"}).text
    assert "Turn of brackets" in page and "Freeze the data" in page and "End this turn" in page
    (told,) = stocked_hub.get("/api/turns").json()["turns"]
    assert (told["cause"], told["ended"]) == ("asked for by hand", False)
    assert stocked_hub.post("/turns", data={"plan": "brackets"}).status_code == 409
    assert "Its turn" in stocked_hub.get("/signals").text
    ended = stocked_hub.post(f"/api/turns/{told['id']}/ending", json={"reason": "not today"}).json()
    assert ended["ended"] and ended["events"][-1]["detail"] == "not today"


def test_a_turn_that_waits_leads_to_its_gate_and_its_model_and_stands_on_overview(
    stocked: Workspace, stocked_hub: TestClient
) -> None:
    save_plan(stocked, PLAN)
    turn = start_turn(stocked, "brackets", "50 new labels")
    model = package().digest
    steps = (
        (TurnStep.FROZEN, "f" * 64, "120 labelled images"),
        (TurnStep.TRAINED, model, "trained anew"),
        (TurnStep.EVALUATED, model, ""),
        (TurnStep.RECIPE, "brackets@1", ""),
        (TurnStep.GATED, "gate-1", "passed 12 checks on 90 parts"),
    )
    note(stocked, turn, *steps)
    page = stocked_hub.get(f"/turns/{turn.id}").text
    assert "waits for an approval" in page
    assert 'href="/gates/gate-1"' in page and f'href="/models/{model}"' in page
    assert "waits for an approval" in stocked_hub.get("/").text
    note(stocked, find_turn(stocked, turn.id), (TurnStep.ENDED, Ending.FAILED, "trained: no defect <b>"))
    page = stocked_hub.get(f"/turns/{turn.id}").text
    assert "no defect &lt;b&gt;" in page and "not made" in page


def test_plans_travel_as_json(stocked: Workspace, stocked_hub: TestClient) -> None:
    assert stocked_hub.post("/api/plans", json=to_json(PLAN)).status_code == 201
    told = stocked_hub.get("/api/plans/brackets").json()
    assert stocked_hub.post("/api/plans", json=told | {"fine_tune": 40}).json()["version"] == 2
    assert [one["fine_tune"] for one in stocked_hub.get("/api/plans/brackets/versions").json()] == [40, 0]
    assert stocked_hub.post("/api/plans", json=told | {"fine_tune": "many"}).status_code in {400, 422}
    assert stocked_hub.get("/api/plans/tiles").status_code == 404
