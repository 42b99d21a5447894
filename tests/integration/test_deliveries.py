"""What a station hands over, to a hub in memory over real HTTP."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from simulators.hub_twin import HubTwin, hub_twin
from simulators.senders import Sender

from andon.errors import NetworkError
from andon.station.hub.pace import PIECE


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubTwin]:
    with hub_twin(tmp_path) as twin:
        yield twin


@pytest.fixture
def sender(tmp_path: Path, hub: HubTwin) -> Iterator[Sender]:
    made = Sender(tmp_path, hub)
    yield made
    made.spool.close()


def test_a_hub_that_is_away_frees_nothing(sender: Sender, hub: HubTwin) -> None:
    sender.parts("a", "b")
    hub.away = True
    with pytest.raises(NetworkError):
        sender.drain()
    assert sender.spool.counts()[0] == 2
    hub.away = False
    sender.drain()
    assert (sender.spool.counts()[0], hub.sequences()) == (0, [1, 2])


def test_one_record_that_no_hub_can_read_is_put_aside_and_all_others_arrive(
    sender: Sender, hub: HubTwin
) -> None:
    hub.unreadable = {"odd"}
    sender.parts(*"abcde", "odd", *"fghij")
    sender.drain()
    assert hub.sequences() == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    assert sender.spool.counts() == (0, 0, 1)


def test_a_large_picture_goes_on_where_it_was_cut(sender: Sender, hub: HubTwin) -> None:
    content = os.urandom(2 * PIECE + 12345)
    digest = sender.picture(content)
    hub.cut = 2
    for _ in range(2):
        with pytest.raises(NetworkError):
            sender.drain()
    assert 0 < len(hub.blobs[digest]) < len(content)
    sender.drain()
    assert bytes(hub.blobs[digest]) == content
    assert [blob.digest for blob in sender.spool.pictures.spent(10)] == [digest]


def test_a_picture_that_is_gone_is_counted_and_holds_nobody_up(sender: Sender, hub: HubTwin) -> None:
    digest = sender.picture(b"gone")
    sender.images.path(digest).unlink()  # type: ignore[arg-type]
    sender.picture(b"there")
    sender.drain()
    assert (sender.state.shed["images"], len(hub.blobs)) == (1, 1)
