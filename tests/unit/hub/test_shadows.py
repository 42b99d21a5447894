"""What second models say, handed over: taken once, refused by name, or handed over again later."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from simulators.records import T0, T1, identity, package, recipe, record, report

from andon.domain.annotations import Box
from andon.domain.inspections import Decision, Finding, Reason, ReasonCode, Shadow, Verdict
from andon.domain.serial import canonical, from_json, to_json
from andon.domain.stations import RolledBack, ShadowCount
from andon.errors import InvalidInput
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.ingest import deliver
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, create_workspace
from andon.store import models, recipes, shadows
from andon.units import Digest, Timestamp
from andon.wire.deliveries import Delivery, Receipt, shadow_id


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """With versions 1 and 2 of a recipe, of two models."""
    made = create_workspace(tmp_path / "ws", "mara")[0]
    with made.database.write() as tx:
        for name in ("brackets", "newer"):
            models.add(tx, package(name), "mara", T0)
            recipes.add_version(tx, recipe(package(name)))
    yield made
    made.database.close()


def shadow(sequence: int, **changes: object) -> Shadow:
    made = Shadow(
        inspection=identity("ST-1", sequence),
        recipe="brackets",
        recipe_version=2,
        package=package("newer").digest,
        variant="onnxruntime/f32",
        decision=Decision(Verdict.REJECT, (Reason(ReasonCode.DEFECT, "dent", "score 0.9, cut 0.5"),)),
        findings=(Finding("dent", 0.9, Box(1, 2, 3, 4), 12.0, 4.0, (2.5, 4.0)),),
        scores={"dent": 0.9},
        milliseconds=4.5,
        at=T1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def said(workspace: Workspace, sequence: int) -> tuple[Shadow, ...]:
    with workspace.database.read() as tx:
        return shadows.of(tx, identity("ST-1", sequence))


def test_it_is_taken_once_with_its_part_or_after_it(workspace: Workspace) -> None:
    both = Delivery(records=(record("ST-1", 1),), shadows=(shadow(1),))
    first = deliver(workspace, "ST-1", both)
    assert first.accepted == (identity("ST-1", 1), f"{identity('ST-1', 1)}/brackets@2")
    assert deliver(workspace, "ST-1", both).accepted == first.accepted
    assert said(workspace, 1) == (shadow(1),)
    other = shadow(1, recipe_version=1, package=package().digest)
    assert deliver(workspace, "ST-1", Delivery(shadows=(other,))).accepted == (shadow_id(other),)
    assert said(workspace, 1) == (shadow(1), other)


def test_one_whose_part_has_not_come_is_neither_taken_nor_refused(workspace: Workspace) -> None:
    assert deliver(workspace, "ST-1", Delivery(shadows=(shadow(1),))) == Receipt()
    deliver(workspace, "ST-1", Delivery(records=(record("ST-1", 1),)))
    assert deliver(workspace, "ST-1", Delivery(shadows=(shadow(1),))).accepted == (shadow_id(shadow(1)),)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipe": "nuts"}, "there is no recipe 'nuts' of version 2"),
        ({"recipe_version": 9}, "there is no recipe 'brackets' of version 9"),
        ({"package": Digest("7" * 64)}, "has another model"),
        ({"milliseconds": -1.0}, "milliseconds are not possible"),
        ({"at": "yesterday"}, "is no time"),
        ({"inspection": "nothing"}, "is no UUID"),
        ({"variant": "v" * 501}, "a text has 501 characters"),
        ({"scores": {"de\0nt": 0.5}}, "no database takes"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_the_rest_is_taken(
    workspace: Workspace, changes: dict[str, object], reason: str
) -> None:
    records = (record("ST-1", 1), record("ST-1", 2))
    flawed = shadow(1, **changes)
    receipt = deliver(workspace, "ST-1", Delivery(records=records, shadows=(flawed, shadow(2))))
    assert receipt.accepted[2:] == (shadow_id(shadow(2)),)
    (refusal,) = receipt.refused
    assert refusal.id == shadow_id(flawed)
    assert reason in refusal.reason
    assert said(workspace, 1) == ()


def test_of_a_refused_part_and_of_another_stations_part_nothing_is_taken(workspace: Workspace) -> None:
    bad = record("ST-1", 1, recipe_version=9)
    receipt = deliver(workspace, "ST-1", Delivery(records=(bad,), shadows=(shadow(1),)))
    assert [refusal.id for refusal in receipt.refused] == [bad.id, shadow_id(shadow(1))]
    deliver(workspace, "ST-1", Delivery(records=(record("ST-1", 2),)))
    receipt = deliver(workspace, "ST-2", Delivery(shadows=(shadow(2),)))
    assert [refusal.reason for refusal in receipt.refused] == ["its part is one of another station"]
    with pytest.raises(InvalidInput, match="twice"):
        deliver(workspace, "ST-1", Delivery(shadows=(shadow(2), shadow(2))))


def test_deliveries_of_older_stations_still_read() -> None:
    assert from_json(Delivery, {"records": [], "reviews": []}) == Delivery()
    assert from_json(Shadow, to_json(shadow(1))) == shadow(1)
    assert b"brackets" in canonical(shadow(1))


def test_a_parts_story_tells_what_judged_beside(workspace: Workspace) -> None:
    both = Delivery(records=(record("ST-1", 1), record("ST-1", 2)), shadows=(shadow(1),))
    deliver(workspace, "ST-1", both)
    with TestClient(create_app(Settings(workspace.folder)), base_url="http://127.0.0.1:8400") as hub:
        told = hub.get(f"/api/inspections/{identity('ST-1', 1)}").json()
        assert from_json(Shadow, told["shadows"][0]) == shadow(1)
        shown = hub.get(f"/inspections/{identity('ST-1', 1)}").text
        assert "unheard by the line" in shown
        assert "brackets v2" in shown
        assert "score 0.9, cut 0.5" in shown
        assert "unheard by the line" not in hub.get(f"/inspections/{identity('ST-1', 2)}").text


@pytest.mark.parametrize(
    "changes",
    [
        {"shadow": ShadowCount("brackets", 2, -1, 0)},
        {"shadow": ShadowCount("brackets", 2, 0, 10**16)},
        {"rolled_back": RolledBack(1, "r" * 3000, "watch", T0)},
        {"rolled_back": RolledBack(1, "bad", "watch", Timestamp("yesterday"))},
    ],
)
def test_a_report_that_cannot_be_is_refused(workspace: Workspace, changes: dict[str, Any]) -> None:
    told = replace(report("ST-1"), shadow=ShadowCount("brackets", 2, 5, 1), rolled_back=None)
    take_report(workspace, "ST-1", told)
    with pytest.raises(InvalidInput):
        take_report(workspace, "ST-1", replace(told, **changes))
