"""What a station asks its hub for, as it goes over the wire."""

from dataclasses import replace

import httpx
import pytest
from simulators import graphs

from andon.errors import NetworkError, Refused
from andon.station.hub.client import Hub
from andon.units import Digest


def test_names_are_one_step_of_a_path_whatever_they_hold() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(503)

    client = httpx.Client(base_url="http://hub", transport=httpx.MockTransport(answer))
    hub = Hub(client, "../line 1?x=/ü#")
    odd = Digest("a/../b")
    for ask in (
        hub.assignment,
        lambda: hub.blob(odd),
        lambda: hub.received(odd),
        lambda: hub.send(odd, b"x", 0, 1),
        lambda: hub.manifest(odd),
        lambda: hub.package_files(odd, replace(graphs.manifest(), golden={})),
    ):
        with pytest.raises((NetworkError, Refused)):
            ask()
    assert asked == [
        "/api/stations/..%2Fline%201%3Fx%3D%2F%C3%BC%23/assignment",
        "/api/blobs/a%2F..%2Fb",
        "/api/uploads/a%2F..%2Fb",
        "/api/blobs/a%2F..%2Fb",
        "/api/packages/a%2F..%2Fb/files/manifest.json",
        "/api/packages/a%2F..%2Fb/files/model.onnx",
    ]
