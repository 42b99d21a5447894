"""Whose pictures came back and why: taken once, refused by name, counted, listed, shown."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.records import T0, capture, identity, package, record, report, review

from andon.domain.feedback import Answer, Chosen, SendPolicy, SendReason
from andon.domain.inspections import Inspection, Kept, Verdict
from andon.domain.serial import canonical, from_json, to_json
from andon.domain.stations import RolledBack, Sending
from andon.errors import Conflict, NotFound
from andon.formats.pixels import encode_png, image_digest
from andon.services.approvals import approve
from andon.services.feedback import Whereabouts, feedback_page, stations_feedback, unsaid_needs
from andon.services.sending import send_by
from andon.services.stations import find_station
from andon.services.stories import story_of
from andon.services.workspaces import Workspace, now
from andon.station.hub.client import Hub
from andon.store import awaited_images
from andon.store.feedback import Query
from andon.units import Timestamp, digest_of
from andon.wire.deliveries import Delivery, Receipt

PIXELS = np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8)
FILE = encode_png(PIXELS)
BLOB = digest_of(FILE)
SMALL = encode_png(np.full((16, 16), 90, np.uint8))


def kept(
    sequence: int, verdict: Verdict = Verdict.PASS, station: str = "ST-1", **changes: Any
) -> Inspection:
    """A part whose picture (FILE, or of other bytes where ``blob`` says so) stays on its station."""
    told = {"kept": Kept.KEPT, "blob": BLOB, "size": len(FILE), **changes}
    return record(station, sequence, verdict, capture=capture(station, sequence, **told))


def chosen(
    of: Inspection, reason: SendReason = SendReason.CONFUSED, number: int = 1, **more: Any
) -> Chosen:
    assert of.capture is not None
    name = identity(f"chosen/{of.capture.station}/{of.capture.sequence}", number)
    return replace(Chosen(name, of.id, reason, T0, 1.0, "dent 0.48, review cut 0.45"), **more)


def deliver(hub: TestClient, station: str = "ST-1", **given: Sequence[Any]) -> Receipt:
    answer = hub.post(f"/api/stations/{station}/deliveries", json=to_json(Delivery(**given)))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return from_json(Receipt, answer.json())


def awaited(workspace: Workspace) -> dict[Any, Any]:
    with workspace.database.read() as tx:
        return awaited_images.waiting_for(tx, [BLOB])


def test_choices_are_taken_once(stocked_hub: TestClient, stocked: Workspace) -> None:
    part = kept(1)
    first = deliver(stocked_hub, records=(part,), chosen=(chosen(part), chosen(part, SendReason.RANDOM, 2)))
    assert first.accepted == (part.id, chosen(part).id, chosen(part, number=2).id)
    again = deliver(stocked_hub, chosen=(chosen(part),))
    assert again.accepted == (chosen(part).id,)
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert [one.reason for one in row.chosen] == [SendReason.CONFUSED, SendReason.RANDOM]
    assert row.chosen[0] == chosen(part)


def test_a_choice_before_its_record_is_in_neither_list(stocked_hub: TestClient) -> None:
    part = kept(1)
    assert deliver(stocked_hub, chosen=(chosen(part),), given_up=(part.id,)) == Receipt()
    assert deliver(stocked_hub, records=(part,)).accepted == (part.id,)
    assert deliver(stocked_hub, chosen=(chosen(part),)).accepted == (chosen(part).id,)


FLAWS: dict[str, dict[str, Any]] = {
    "no id": {"id": "me"},
    "no time": {"at": "yesterday"},
    "never": {"probability": 0.0},
    "more than surely": {"probability": 1.5},
    "a long word": {"detail": "d" * 501},
    "NUL": {"detail": "a\0b"},
    "no digest": {"blob": "../../etc/passwd"},
    "no inspection": {"inspection": "that one"},
    "the part of another": {"inspection": identity("ST-2", 7)},
    "a taken id": {"id": identity("chosen/ST-1/1", 1)},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_choice_that_cannot_be_is_refused_and_the_others_are_taken(
    stocked_hub: TestClient, stocked: Workspace, flaw: str
) -> None:
    one, two = kept(1), kept(2)
    deliver(stocked_hub, "ST-2", records=(kept(7, station="ST-2"),))
    deliver(stocked_hub, records=(one, two), chosen=(chosen(one),))
    flawed, good = replace(chosen(two), **FLAWS[flaw]), chosen(two, SendReason.RULE, 5)
    receipt = deliver(stocked_hub, chosen=(flawed, good))
    assert [refusal.id for refusal in receipt.refused] == [flawed.id]
    assert receipt.accepted == (good.id,)
    assert len(feedback_page(stocked, Query(), None, 9).rows) == 2


def test_a_choice_of_a_refused_record_is_refused_with_it(stocked_hub: TestClient) -> None:
    part = replace(kept(1), recipe_version=9)
    receipt = deliver(stocked_hub, records=(part,), chosen=(chosen(part),))
    assert {refusal.id for refusal in receipt.refused} == {part.id, chosen(part).id}


def test_nobody_waits_for_a_picture_that_was_given_up(stocked_hub: TestClient, stocked: Workspace) -> None:
    part, other = kept(1), kept(2)
    deliver(stocked_hub, records=(part, other), chosen=(chosen(part),))
    assert awaited(stocked) == {BLOB: (part.id, other.id)}
    assert story_of(stocked, part.id).awaited
    for _ in range(2):
        assert deliver(stocked_hub, given_up=(part.id,)).accepted == (part.id,)
    assert awaited(stocked) == {BLOB: (other.id,)}
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert row.where is Whereabouts.GIVEN_UP
    story = story_of(stocked, part.id)
    assert (story.awaited, story.given_up) == (False, True)
    assert "gave the image up" in stocked_hub.get(f"/inspections/{part.id}").text


def test_a_picture_that_is_here_was_not_given_up(stocked_hub: TestClient, stocked: Workspace) -> None:
    part = kept(1)
    deliver(stocked_hub, records=(part,), chosen=(chosen(part),))
    ranged = {"content-range": f"bytes 0-{len(FILE) - 1}/{len(FILE)}"}
    assert stocked_hub.put(f"/api/blobs/{BLOB}", content=FILE, headers=ranged).status_code == 200
    assert deliver(stocked_hub, given_up=(part.id,)).accepted == (part.id,)
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert (row.where, row.picture) == (Whereabouts.HERE, BLOB)


def test_a_picture_that_was_kept_later_is_waited_for_and_becomes_the_parts_image(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    part = record("ST-1", 1, image=image_digest(PIXELS))
    deliver(stocked_hub, records=(part,))
    wrong = chosen(part, SendReason.WRONG, blob=BLOB)
    assert deliver(stocked_hub, chosen=(wrong,)) == Receipt(accepted=(wrong.id,), wanted=(BLOB,))
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert row.where is Whereabouts.AWAITED
    assert story_of(stocked, part.id).awaited
    ranged = {"content-range": f"bytes 0-{len(FILE) - 1}/{len(FILE)}"}
    stocked_hub.put(f"/api/blobs/{BLOB}", content=FILE, headers=ranged)
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert (row.where, row.picture) == (Whereabouts.HERE, BLOB)
    story = story_of(stocked, part.id)
    assert (story.awaited, story.image is not None) == (False, True)
    assert deliver(stocked_hub, chosen=(wrong,)) == Receipt(accepted=(wrong.id,))
    assert awaited(stocked) == {}


def test_ids_given_up_that_cannot_be_are_refused(stocked_hub: TestClient) -> None:
    part = kept(7, station="ST-2")
    deliver(stocked_hub, "ST-2", records=(part,))
    receipt = deliver(stocked_hub, given_up=("that one", part.id))
    assert [refusal.id for refusal in receipt.refused] == ["that one", part.id]


def test_the_list_is_filtered_and_goes_on_by_key(stocked_hub: TestClient, stocked: Workspace) -> None:
    parts = [kept(1), kept(2, Verdict.REJECT), kept(3)]
    reasons = (SendReason.CONFUSED, SendReason.WRONG, SendReason.RANDOM)
    told = tuple(chosen(part, reason) for part, reason in zip(parts, reasons, strict=True))
    again = chosen(parts[0], SendReason.WRONG, 2)
    said = review(parts[1].id, Answer.FALSE_ALARM)
    deliver(stocked_hub, records=parts, chosen=(*told, again), reviews=(said,))
    other = kept(1, station="ST-2")
    deliver(stocked_hub, "ST-2", records=(other,), chosen=(chosen(other),))

    def listed(**given: Any) -> list[str]:
        return [row.inspection.id for row in feedback_page(stocked, Query(**given), None, 9).rows]

    ids = [part.id for part in parts]
    assert listed() == [other.id, ids[0], ids[2], ids[1]]
    assert listed(reason=SendReason.WRONG) == [ids[0], ids[1]]
    assert listed(reason=SendReason.CONFUSED) == [other.id, ids[0]]
    assert listed(station="ST-2") == [other.id]
    assert listed(verdict=Verdict.REJECT) == [ids[1]]
    assert listed(answer=Answer.FALSE_ALARM) == [ids[1]]
    assert listed(since=Timestamp("2099")) == []
    first = feedback_page(stocked, Query(), None, 3)
    rest = feedback_page(stocked, Query(), first.next, 3)
    assert [row.inspection.id for row in (*first.rows, *rest.rows)] == listed()
    assert rest.next is None


def test_what_stations_send_is_counted(stocked_hub: TestClient, stocked: Workspace) -> None:
    sending = Sending(4, 2, "quota")
    stocked_hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1", sending=sending)))
    part = kept(1)
    today = stocked_hub.get("/api/stations").json()[0]["at"]
    deliver(stocked_hub, records=(part,), chosen=(chosen(part, at=today), chosen(part, number=2)))
    (of_station,) = stations_feedback(stocked)
    assert (of_station.sending, of_station.policy) == (sending, None)
    (count,) = of_station.days
    assert (count.day, count.reason, count.count) == (today[:10], SendReason.CONFUSED, 1)


def test_the_policy_is_told_to_the_station_and_shown(stocked_hub: TestClient, stocked: Workspace) -> None:
    stocked_hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1")))
    approve(stocked, package().digest, "good")
    policy = SendPolicy(near=0.1, random=0.02, quota=50, hours=(22, 6), bytes_per_second=10_000)
    told = {"recipe": "brackets", "send": to_json(policy)}
    assert stocked_hub.post("/api/stations/ST-1/assignments", json=told).status_code == 201
    assert stations_feedback(stocked)[0].policy == policy


def test_a_policy_changes_and_all_else_stays_as_it_was_assigned(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    stocked_hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1")))
    with pytest.raises(NotFound, match="nothing is assigned"):
        send_by(stocked, "ST-1", SendPolicy())
    approve(stocked, package().digest, "good")
    told = {"recipe": "brackets", "deadline": 77.0}
    stocked_hub.post("/api/stations/ST-1/assignments", json=told)
    before = find_station(stocked, "ST-1").assignment
    assert before is not None
    after = send_by(stocked, "ST-1", SendPolicy(quota=3))
    same = {"counter": before.counter, "author": before.author, "at": before.at, "send": None}
    assert replace(after, **same) == before  # type: ignore[arg-type]
    assert (after.counter, after.send) == (2, SendPolicy(quota=3))
    assert find_station(stocked, "ST-1").assignment == after
    back = RolledBack(2, "too many rejects", "watch", T0)
    stocked_hub.put("/api/stations/ST-1/reports", json=to_json(report("ST-1", counter=2, rolled_back=back)))
    with pytest.raises(Conflict, match="too many rejects"):
        send_by(stocked, "ST-1", None)


def test_the_api_lists_and_refuses_words_of_no_kind(stocked_hub: TestClient) -> None:
    part = kept(1)
    deliver(stocked_hub, records=(part,), chosen=(chosen(part),))
    found = stocked_hub.get("/api/feedback", params={"reason": "confused"}).json()
    (row,) = found["rows"]
    assert (row["inspection"]["id"], row["where"], found["next"]) == (part.id, "awaited", None)
    assert row["chosen"][0]["detail"] == "dent 0.48, review cut 0.45"
    assert stocked_hub.get("/api/feedback", params={"reason": "wrong"}).json()["rows"] == []
    assert stocked_hub.get("/api/feedback", params={"reason": "why"}).status_code == 422
    assert stocked_hub.get("/api/feedback/stations").json() == []


def test_the_small_picture_of_a_part_comes_from_its_station_until_its_image_is_here(
    stocked_hub: TestClient,
) -> None:
    small = digest_of(SMALL)
    part = kept(1, thumbnail=small)
    assert deliver(stocked_hub, records=(part,)).wanted == (small, BLOB)
    assert stocked_hub.get(f"/inspections/{part.id}/thumbnail").status_code == 404
    ranged = {"content-range": f"bytes 0-{len(SMALL) - 1}/{len(SMALL)}"}
    stocked_hub.put(f"/api/blobs/{small}", content=SMALL, headers=ranged)
    answer = stocked_hub.get(f"/inspections/{part.id}/thumbnail")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


def test_the_station_program_and_this_hub_understand_each_other(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    station = Hub(stocked_hub, "ST-1")
    part, told = kept(1), chosen(kept(1))
    texts = {"records": [canonical(part).decode()], "chosen": [canonical(told).decode()]}
    assert station.deliver(texts) == Receipt(accepted=(part.id, told.id), wanted=(BLOB,))
    assert station.deliver({"given_up": [json.dumps(part.id)]}) == Receipt(accepted=(part.id,))
    (row,) = feedback_page(stocked, Query(), None, 9).rows
    assert (row.chosen, row.where) == ((told,), Whereabouts.GIVEN_UP)


def test_parts_nobody_judged_are_a_need_until_somebody_does(
    stocked_hub: TestClient, stocked: Workspace
) -> None:
    part = kept(1, Verdict.REVIEW)
    deliver(stocked_hub, records=(part,), chosen=(chosen(part, at=now()),))
    (need,) = unsaid_needs(stocked)
    assert need.what == "Nobody has judged 1 part that a model was not sure of"
    assert part.id in stocked_hub.get(need.link).text
    stocked_hub.post(f"/api/inspections/{part.id}/reviews", json={"answer": "confirmed"})
    assert unsaid_needs(stocked) == ()
    assert part.id not in stocked_hub.get(need.link).text
