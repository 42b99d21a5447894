"""Joins the parts of the page."""

from dataclasses import dataclass

from andon.station.running.clock import Clock
from andon.station.state.line import LineState
from andon.station.web.app import create_app
from andon.station.web.desk import Desk, Stock
from andon.station.web.live import Live
from andon.station.web.serve import PageServer


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Where the page is, and how it behaves.

    Attributes:
        port: 0 takes any free one.
        operator: name written into every review, until people have accounts.
        patience: seconds without an inference after which ``/health`` answers 503.
    """

    host: str = "127.0.0.1"
    port: int = 0
    operator: str = "operator"
    patience: float = 30.0


def open_page(settings: PageSettings, stock: Stock, state: LineState, clock: Clock) -> PageServer:
    """The page over a running line; it listens from here on, and ``state.page`` is its address.

    Raises:
        Refused: ``host`` is not an address of this machine alone.
        OperatorError: the port is taken.
    """
    live = Live(state, clock, settings.patience)
    desk = Desk(stock, state, clock, settings.operator)
    server = PageServer(create_app(live, desk), live, settings.host, settings.port)
    state.page = server.address
    return server
