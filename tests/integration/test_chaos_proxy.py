"""The bad network of the line tests keeps its promises: what it is told to do to bytes, it does."""

import socket
import threading
from collections.abc import Iterator

import pytest
from simulators.chaos_proxy import AWAY, FINE, ChaosProxy, Weather, chaos_proxy

PATIENCE = 10.0


@pytest.fixture
def proxy() -> Iterator[ChaosProxy]:
    """In front of a server that sends back whatever it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        with chaos_proxy(server.getsockname()[1]) as made:
            yield made


def echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        try:
            while piece := connection.recv(4096):
                connection.sendall(piece)
        except OSError:
            return


def connected(proxy: ChaosProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def received(connection: socket.socket, length: int) -> bytes:
    """Up to ``length`` bytes, fewer where the connection ended before."""
    content = b""
    while len(content) < length and (piece := connection.recv(length - len(content))):
        content += piece
    return content


def test_in_fine_weather_every_byte_passes(proxy: ChaosProxy) -> None:
    sent = bytes(range(256)) * 400
    with connected(proxy) as connection:
        threading.Thread(target=connection.sendall, args=(sent,)).start()
        assert received(connection, len(sent)) == sent
    assert proxy.cuts == 0


def test_a_connection_is_cut_after_its_bytes(proxy: ChaosProxy) -> None:
    proxy.change(Weather(cut_after=1000))
    with connected(proxy) as connection:
        connection.sendall(b"a" * 600)
        assert len(received(connection, 600)) == 600
        connection.sendall(b"a" * 600)
        assert len(received(connection, 600)) < 600
    assert proxy.cuts == 1


def test_away_is_a_reset_for_those_who_live_and_those_who_come(proxy: ChaosProxy) -> None:
    with connected(proxy) as connection:
        connection.sendall(b"here")
        assert received(connection, 4) == b"here"
        proxy.change(AWAY)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionResetError), connected(proxy) as late:
        late.recv(1)
    proxy.change(FINE)
    with connected(proxy) as again:
        again.sendall(b"back")
        assert received(again, 4) == b"back"


def test_half_open_passes_nothing_until_the_weather_clears(proxy: ChaosProxy) -> None:
    proxy.change(Weather(half_open=True))
    with connected(proxy) as connection:
        connection.sendall(b"waits")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(5)
        connection.settimeout(PATIENCE)
        proxy.change(FINE)
        assert received(connection, 5) == b"waits"


def test_bits_turn_where_they_are_told_to(proxy: ChaosProxy) -> None:
    proxy.change(Weather(flip_every=100))
    with connected(proxy) as connection:
        connection.sendall(bytes(250))
        content = received(connection, 250)
    assert [place for place, byte in enumerate(content) if byte] == [99, 199]
    assert proxy.flipped == 2
