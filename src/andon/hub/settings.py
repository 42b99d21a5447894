"""What the hub is told when it starts."""

from dataclasses import dataclass
from pathlib import Path

from andon.errors import Refused
from andon.wire.guard import is_loopback

PORT = 8400
"""Where the hub listens when nothing else is said."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once, passed down.

    Attributes:
        workspace: folder that `andon init` made.
        port: 0 takes any free one.
        who: name written into every row that pages make: one local user, until people have accounts.

    Raises:
        Refused: ``host`` is not an address of this machine alone.
    """

    workspace: Path
    host: str = HOST
    port: int = PORT
    who: str = "local"

    def __post_init__(self) -> None:
        if not is_loopback(self.host):
            raise Refused(
                f"the hub does not listen on {self.host}: whoever reached it could change everything,"
                " because it does not know people and stations yet",
                f"Use {HOST}, and reach it from elsewhere through a tunnel, e.g. `ssh -L`.",
            )
