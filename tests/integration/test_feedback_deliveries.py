"""Chosen pictures on their way to a hub in memory: which go, when, how fast, and what is given up."""

import asyncio
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from simulators.hub_twin import HubTwin, hub_twin
from simulators.senders import Sender

from andon.domain.feedback import SendPolicy, SendReason
from andon.domain.stations import KeepPolicy, Sending
from andon.errors import NetworkError

CONFUSED, AUDIT, RANDOM = SendReason.CONFUSED, SendReason.AUDIT, SendReason.RANDOM
HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubTwin]:
    with hub_twin(tmp_path) as twin:
        yield twin


@pytest.fixture
def sender(tmp_path: Path, hub: HubTwin) -> Iterator[Sender]:
    made = Sender(tmp_path, hub)
    yield made
    made.close()


def later(sender: Sender, seconds: float) -> None:
    asyncio.run(sender.hand.pass_(seconds))


def test_only_what_was_chosen_goes_the_most_urgent_first(sender: Sender, hub: HubTwin) -> None:
    sender.send(SendPolicy())
    confused = sender.picture(b"confused", CONFUSED)
    sender.picture(b"kept only")
    drawn = sender.picture(b"drawn", RANDOM)
    audited = sender.picture(b"audited", AUDIT)
    sender.drain()
    assert list(hub.blobs) == [audited, confused, drawn]
    assert {data["reason"] for data in hub.chosen.values()} == {"audit", "confused", "random"}
    assert sender.spool.chosen.count() == 0
    assert sender.state.sending == Sending(0, 3)
    assert sender.spool.counts()[0] == 0


def test_without_a_policy_all_that_is_kept_goes(sender: Sender, hub: HubTwin) -> None:
    sender.send(SendPolicy())
    kept = sender.picture(b"kept only")
    sender.drain()
    assert list(hub.blobs) == []
    sender.send(None)
    sender.drain()
    assert list(hub.blobs) == [kept]
    assert sender.state.sending is None


def test_a_choice_is_told_again_until_its_receipt_came(sender: Sender, hub: HubTwin) -> None:
    sender.send(SendPolicy())
    hub.away = True
    sender.picture(b"image", CONFUSED)
    with pytest.raises(NetworkError):
        sender.drain()
    hub.away = False
    hub.deaf = 1
    with pytest.raises(NetworkError):
        sender.drain()
    assert len(hub.chosen) == 1
    assert sender.spool.chosen.count() == 1
    sender.drain()
    assert (len(hub.records), len(hub.chosen), len(hub.blobs)) == (1, 1, 1)
    assert sender.spool.chosen.count() == 0


def test_the_quota_holds_through_a_restart_and_lets_audit_samples_through(
    tmp_path: Path, hub: HubTwin
) -> None:
    first = Sender(tmp_path, hub)
    first.send(SendPolicy(quota=3))
    images = [first.picture(f"{number}".encode(), CONFUSED) for number in range(5)]
    first.drain()
    assert list(hub.blobs) == images[:3]
    assert first.state.sending == Sending(2, 3, "quota")
    first.close()
    again = Sender(tmp_path, hub)
    again.send(SendPolicy(quota=3))
    audited = again.picture(b"audited", AUDIT)
    again.drain()
    assert list(hub.blobs) == [*images[:3], audited]
    later(again, DAY)
    again.drain()
    assert list(hub.blobs) == [*images[:3], audited, *images[3:]]
    assert again.state.sending == Sending(0, 2)
    again.close()


def test_pictures_wait_for_their_hours_and_records_do_not(sender: Sender, hub: HubTwin) -> None:
    hour = int(sender.hand.clock.now()[11:13])
    sender.send(SendPolicy(hours=((hour + 2) % 24, (hour + 3) % 24)))
    image = sender.picture(b"image", CONFUSED)
    sender.drain()
    assert (len(hub.records), len(hub.chosen), len(hub.blobs)) == (1, 1, 0)
    assert sender.state.sending == Sending(1, 0, "hours")
    later(sender, 2 * HOUR)
    sender.drain()
    assert list(hub.blobs) == [image]


def test_a_narrow_bandwidth_stretches_a_picture_and_holds_no_record_up(
    sender: Sender, hub: HubTwin
) -> None:
    rate = 10_000
    sender.send(SendPolicy(bytes_per_second=rate))
    content = os.urandom(5 * rate)
    image = sender.picture(content, CONFUSED)
    held = []
    for second in range(8):
        sender.parts(f"part {second}")
        sender.drain()
        held.append(len(hub.blobs.get(image, b"")))
        assert len(hub.records) == second + 2
        later(sender, 1.0)
    assert all(after - before <= rate for before, after in pairwise(held))
    assert held[3] < len(content)
    assert bytes(hub.blobs[image]) == content
    assert sender.spool.pictures.sent_on(sender.hand.clock.now()[:10]) == 1


def test_thumbnails_take_nothing_of_the_bandwidth_of_pictures(sender: Sender, hub: HubTwin) -> None:
    rate = 10_000
    sender.send(SendPolicy(bytes_per_second=rate))
    image = sender.picture(os.urandom(2 * rate), CONFUSED)
    for _ in range(4):
        for _ in range(3):
            sender.thumbnail(os.urandom(rate))
        sender.drain()
        later(sender, 1.0)
    assert len(hub.blobs[image]) == 2 * rate
    assert len(hub.blobs) == 13


def test_the_hub_hears_what_was_given_up_and_that_no_choice_waits_for_it(
    sender: Sender, hub: HubTwin
) -> None:
    sender.send(SendPolicy(quota=0), KeepPolicy(max_bytes=150))
    old, new = sender.picture(b"a" * 100, CONFUSED), sender.picture(b"b" * 100, RANDOM)
    sender.drain()
    assert (len(hub.chosen), len(hub.blobs), hub.given_up) == (2, 0, [])
    sender.tidy()
    sender.drain()
    assert [hub.records[name].capture.blob for name in hub.given_up] == [old]  # type: ignore[union-attr]
    assert sender.spool.chosen.count() == 1
    sender.send(SendPolicy())
    sender.drain()
    assert list(hub.blobs) == [new]
    assert len(hub.given_up) == 1


def test_a_picture_given_up_after_its_receipt_was_lost_is_said_so(sender: Sender, hub: HubTwin) -> None:
    sender.send(SendPolicy(), KeepPolicy(max_bytes=10))
    image = sender.picture(b"a" * 100, CONFUSED)
    hub.deaf = 1
    with pytest.raises(NetworkError):
        sender.drain()
    (record,) = hub.records.values()
    assert record.capture is not None
    assert record.capture.blob == image
    sender.tidy()
    sender.drain()  # the record again, its picture lost by now
    sender.drain()
    assert hub.given_up == [record.id]
    assert sender.spool.counts() == (0, 0, 0)
