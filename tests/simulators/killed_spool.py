"""A program that writes records into a spool and says each number after it was written; it is killed.

Run as ``python killed_spool.py SPOOL``.
"""

import sys
from pathlib import Path

from simulators.station_parts import record

from andon.station.spool.records import Spool


def main(path: Path) -> None:
    spool = Spool(path)
    while True:
        written = spool.record(record())
        assert written.capture is not None
        sys.stdout.write(f"{written.capture.sequence}\n")
        sys.stdout.flush()
        if written.capture.sequence % 2:
            spool.settle(written)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
