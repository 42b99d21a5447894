"""A real Mosquitto on a loopback port, which can be killed and come back on the same one."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulators.programs import Program, free_port, listens, until

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
"""Where the broker is; None on a machine without one."""

SETTINGS = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 100000
"""

RIGHTS = """\
user root
acl_file {rights}
"""
"""Without them a broker that root starts is somebody else and could not read the file."""


class Broker:
    """Starts at once; ``restart`` brings it back after ``kill``, without what it knew.

    Nobody may say anything in the topics ``denied``.
    """

    def __init__(self, folder: Path, denied: Sequence[str] = ()) -> None:
        assert PROGRAM is not None
        self.port = free_port()
        settings = folder / "mosquitto.conf"
        rights = folder / "rights"
        rights.write_text("topic readwrite #\n" + "".join(f"topic deny {topic}\n" for topic in denied))
        text = SETTINGS.format(port=self.port)
        settings.write_text(text + RIGHTS.format(rights=rights) if denied else text)
        self.program = Program("mosquitto", [PROGRAM, "-c", str(settings)], folder / "mosquitto.log")
        self.restart()

    def restart(self) -> None:
        self.program.start()
        until("the broker listens", lambda: listens(self.port))

    def kill(self) -> None:
        self.program.kill()


@contextmanager
def broker(folder: Path, denied: Sequence[str] = ()) -> Iterator[Broker]:
    made = Broker(folder, denied)
    try:
        yield made
    finally:
        made.kill()
