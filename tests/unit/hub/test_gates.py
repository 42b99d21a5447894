"""Pages of gates as HTML alone: what was refused and why, flips by gravity, held parts, approvals."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.graphs import png
from simulators.records import package, recipe, report

from andon.domain.approvals import Approval, ApprovalDecision
from andon.domain.gates import CaseSource, Check, Gate, GateCase, GateLimits, GateOutcome, GateRequest
from andon.domain.images import Image, Origin, Shape
from andon.domain.inspections import Verdict
from andon.domain.serial import to_json
from andon.formats.pixels import image_digest
from andon.hub.web import gate_views
from andon.services.approvals import is_approved
from andon.services.gates import MOST_FLIPS
from andon.services.jobs import list_jobs
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, new_id, now
from andon.store import approvals, gates, images, models, recipes
from andon.units import Digest, digest_of

PASS, REJECT = Verdict.PASS, Verdict.REJECT


@pytest.fixture
def picture(stocked: Workspace) -> Digest:
    """Of part A-1."""
    pixels = np.full((32, 32), 90, np.uint8)
    content = png(pixels)
    image = Image(
        image_digest(pixels), stocked.blobs.put(content), "a.png", len(content), Shape(32, 32, 1, 8),
        Origin(serial="A-1"),
    )  # fmt: skip
    with stocked.database.write() as tx:
        images.add(tx, [image], "station/ST-1", "station/ST-1", now())
    return image.digest


def add_gate(workspace: Workspace, picture: Digest, passed: bool) -> Gate:
    """Of version 2 against version 1, with a flip of every kind."""

    def case(part: str, truth: tuple[str, ...] | None, old: Verdict, new: Verdict) -> GateCase:
        return GateCase(part, (picture,), CaseSource.AUDIT, 10.0, truth, old, new, (), ("dent: 0.7",))

    must = replace(case("serial=must", ("dent",), REJECT, REJECT), source=CaseSource.MUST_CATCH)
    flips = (
        must,
        case("serial=escaped", ("dent",), REJECT, PASS),
        case("serial=overkill", (), PASS, REJECT),
        case("serial=caught", ("dent",), PASS, REJECT),
        case("serial=unknown", None, PASS, REJECT),
    )
    with workspace.database.write() as tx:
        other = replace(package(), digest=digest_of(b"better"))
        models.add(tx, other, "mara", now())
        models.add_attestation(tx, other.digest, "evaluation", {}, ("mara", now()))
        made = recipes.add_version(tx, replace(recipe(other), name="brackets"))
        checks = (
            Check("must-catch parts", True, "0 of 1 pass", "none passes"),
            Check("escapes", passed, "1 new of 50", "at most 5 %", "" if passed else "Look at them first."),
        )
        outcome = GateOutcome(
            checks, None, None, (9.0, 7.5), (4.0, 4.5), (10**8, 10**8), flips, 90, 1,
            {"audit": {"old PASS": 3, "new PASS": 1}}, ("what a reader must know",),
        )  # fmt: skip
        asked = GateRequest(f"brackets@{made.version}", "brackets@1")
        gate = Gate(new_id(), asked, other.digest, outcome, "quentin", now())
        gates.add(tx, gate)
    return gate


def said(hub: TestClient, path: str, status: int = 200) -> str:
    answer = hub.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_empty_pages_teach(stocked_hub: TestClient) -> None:
    assert "No gate was run yet" in said(stocked_hub, "/gates")
    assert "No part is held" in said(stocked_hub, "/holdouts")
    said(stocked_hub, "/gates/nope", 404)


def selected(page: str) -> list[str]:
    """What a page's choices stand on."""
    return re.findall(r"<option[^>]* selected>([^<]*)<", page)


def test_who_assigns_is_led_to_the_gate_against_what_that_station_runs(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    """Other stations, more of them, run another product."""
    newer = package("newer")
    with stocked.database.write() as tx:
        models.add(tx, newer, "mara", now())
        models.add_attestation(tx, newer.digest, "evaluation", {}, ("mara", now()))
        recipes.add_version(tx, replace(recipe(package()), name="tiles"))
        recipes.add_version(tx, recipe(newer))
        agreed = (ApprovalDecision.APPROVED, "agreed", "quentin", now())
        for model in (package(), newer):
            approvals.add(tx, Approval(model.digest, *agreed))
    for name in ("ST-1", "ST-2", "ST-3"):
        runs = "brackets" if name == "ST-1" else "tiles"
        take_report(stocked, name, report(name, recipe=runs, at=now()))
    assert selected(said(stocked_hub, "/gates"))[-1] == "tiles@1 (runs now)"
    same = selected(said(stocked_hub, "/gates?candidate=brackets@2"))
    assert same[-1] == "brackets@1 (runs now)", "another recipe is another product"

    page = said(stocked_hub, "/stations/ST-1/assignments/new?recipe=brackets@2")
    assert "Run `andon gates run brackets@2 --baseline brackets@1`." in unescape(page)
    (link,) = re.findall(r'href="(/gates\?[^"#]*)#compare"', page)
    form = said(stocked_hub, unescape(link))
    assert selected(form) == ["brackets@2", "brackets@1 (runs now)"]
    with stocked.database.write() as tx:
        gates.add(tx, passed_gate("brackets@2", "brackets@1", newer.digest))
    page = said(stocked_hub, "/stations/ST-1/assignments/new?recipe=brackets@2")
    assert "What will happen" in page and "cannot run" not in page


def test_what_a_link_names_can_be_chosen_however_many_recipes_are_newer(
    stocked_hub: TestClient, stocked: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_views, "RECIPES", 1)
    with stocked.database.write() as tx:
        for _ in range(3):
            recipes.add_version(tx, recipe(package()))
    shown = said(stocked_hub, "/gates?candidate=brackets@2&baseline=brackets@1")
    assert selected(shown) == ["brackets@2", "brackets@1"]


def passed_gate(candidate: str, baseline: str, model: Digest) -> Gate:
    checks = (Check("escapes", True, "0 new of 50", "at most 5 %"),)
    outcome = GateOutcome(checks, None, None, (9.0, 7.5), (4.0, 4.5), (10**8, 10**8), (), 90, 0)
    return Gate(new_id(), GateRequest(candidate, baseline), model, outcome, "quentin", now())


def test_a_refused_gate_says_why_and_shows_flips_the_gravest_first(
    stocked_hub: TestClient, stocked: Workspace, picture: Digest
) -> None:
    gate = add_gate(stocked, picture, passed=False)

    listed = said(stocked_hub, "/gates?result=refused")
    assert "refused" in listed
    assert "1 new of 50" in listed
    assert "There are none here" in said(stocked_hub, "/gates?result=passed")

    shown = said(stocked_hub, f"/gates/{gate.id[:13]}")
    kinds = ["New escapes: 1", "Must-catch parts: 1", "Good parts that would be stopped: 1"]
    kinds += ["Better than now: 1", "Nobody has said what is on them: 1"]
    places = [shown.index(kind) for kind in kinds]
    assert places == sorted(places)
    assert shown.index("Look at them first.") < places[0]
    assert f"/api/images/{picture}/thumbnail" in shown
    assert "stands for 10" in shown
    assert "Nobody can approve it: escapes." in shown
    assert "/approvals" not in shown
    assert "what a reader must know" in shown


def test_a_passed_gate_is_approved_with_a_reason(
    stocked_hub: TestClient, stocked: Workspace, picture: Digest
) -> None:
    told = stocked_hub.put("/api/stations/ST-1/reports", json=_report())
    assert told.status_code == 200
    gate = add_gate(stocked, picture, passed=True)
    page = f"/gates/{gate.id}"

    assert stocked_hub.post(f"{page}/approvals", data={"reason": ""}).status_code == 422
    done = stocked_hub.post(f"{page}/approvals", data={"reason": "agreed"}, follow_redirects=False)
    assert done.headers["location"] == f"{page}#approval"
    assert is_approved(stocked, gate.package)
    assert "Release brackets@2" in said(stocked_hub, page)


def _report() -> object:
    return to_json(report("ST-1"))


def test_a_candidate_without_a_gate_is_offered_and_asked_for(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    assert stocked_hub.put("/api/stations/ST-1/reports", json=_report()).status_code == 200
    with stocked.database.write() as tx:
        recipes.add_version(tx, recipe(package()))
    assert "Compare brackets@2" in said(stocked_hub, "/gates")
    assert "Recipe brackets@2 is newer than what runs" in said(stocked_hub, "/")

    form = {"candidate": "brackets@2", "baseline": "brackets@1", "margin": "3", "catches": "90"}
    done = stocked_hub.post("/gates", data=form, follow_redirects=False)
    (job,) = list_jobs(stocked, 5).rows
    assert done.headers["location"] == f"/jobs/{job.id}"
    assert job.request["limits"]["margin"] == 0.03
    assert job.request["review"]["catches"] == 0.9

    again = stocked_hub.post("/gates", data={"candidate": "brackets@1", "baseline": "brackets@1"})
    assert again.status_code == 409
    assert "compared with itself" in again.text
    assert stocked_hub.post("/gates", data={"candidate": ""}).status_code == 422

    wide = form | {"margin": "100", "reason": ""}
    untold = stocked_hub.post("/gates", data=wide)
    assert untold.status_code == 422
    assert "limits wider than usual need a reason" in untold.text
    asked = stocked_hub.post("/gates", data=wide | {"reason": "a pilot"}, follow_redirects=False)
    assert asked.status_code == 303


def test_whoever_approves_reads_why_limits_were_wider(
    stocked_hub: TestClient, stocked: Workspace, picture: Digest
) -> None:
    plain = add_gate(stocked, picture, passed=True)
    asked = replace(plain.request, limits=GateLimits(margin=1.0), reason="a pilot & no more")
    wide = replace(plain, id=new_id(), request=asked)
    with stocked.database.write() as tx:
        gates.add(tx, wide)
    approval = said(stocked_hub, f"/gates/{wide.id}").partition('id="approval"')[2]
    assert "margin 1 instead of 0.05. Why: a pilot &amp; no more" in approval
    assert "wider limits" not in said(stocked_hub, f"/gates/{plain.id}")


@pytest.mark.parametrize("place", ["/images/{image}", "//elsewhere.example/images/"])
def test_a_part_is_held_with_one_click_and_given_back_with_a_question(
    stocked_hub: TestClient, picture: Digest, place: str
) -> None:
    detail = said(stocked_hub, f"/images/{picture}")
    assert "Hold as golden" in detail
    back = place.format(image=picture)
    form = {"part": "serial=A-1", "purpose": "must-catch", "back": back}
    done = stocked_hub.post("/holdouts", data=form, follow_redirects=False)
    assert done.headers["location"] == (back if back.startswith("/images") else "/holdouts")
    assert "held as must-catch" in said(stocked_hub, f"/images/{picture}")
    assert "A-1" in said(stocked_hub, "/holdouts?purpose=must-catch")
    assert "A-1" not in said(stocked_hub, "/holdouts?purpose=golden")

    twice = stocked_hub.post("/holdouts", data=form)
    assert twice.status_code == 409
    assert "held as must-catch already" in twice.text
    stocked_hub.post("/holdouts", data=form | {"do": "release", "reason": "not typical"})
    assert "A-1" not in said(stocked_hub, "/holdouts?purpose=must-catch")


def test_programs_read_and_ask(stocked_hub: TestClient, stocked: Workspace, picture: Digest) -> None:
    gate = add_gate(stocked, picture, passed=True)
    (row,) = stocked_hub.get("/api/gates").json()["rows"]
    assert (row["id"], row["passed"]) == (gate.id, True)
    assert "flips" not in row["outcome"]
    whole = stocked_hub.get(f"/api/gates/{gate.id}").json()
    assert len(whole["outcome"]["flips"]) == 5 < MOST_FLIPS

    asked = stocked_hub.post("/api/gates", json={"candidate": "brackets@2", "baseline": "brackets@1"})
    assert (asked.status_code, asked.json()["kind"]) == (202, "gate")
    wish = {"part": "A-1", "purpose": "golden", "reason": "typical"}
    assert stocked_hub.post("/api/holdouts", json=wish).status_code == 201
    (held,) = stocked_hub.get("/api/holdouts").json()
    assert (held["part"], held["images"]) == ("serial=A-1", [picture])
    assert stocked_hub.post("/api/holdouts/removal", json=wish).status_code == 201
    assert stocked_hub.get("/api/holdouts").json() == []
