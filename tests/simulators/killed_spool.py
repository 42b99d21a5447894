"""A program that writes records into a spool and says each number after it was written; it is killed.

Run as ``python killed_spool.py SPOOL``.
"""

import sys
from dataclasses import replace
from pathlib import Path

from simulators.station_parts import AT, record

from andon.domain.feedback import Chosen, SendReason
from andon.domain.inspections import Inspection, Kept
from andon.station.spool.pictures import StoredBlob
from andon.station.spool.records import Spool
from andon.units import digest_of


def main(path: Path) -> None:
    spool = Spool(path)
    while True:
        written = spool.record(record())
        assert written.capture is not None
        sys.stdout.write(f"{written.capture.sequence}\n")
        sys.stdout.flush()
        if written.capture.sequence % 2:
            spool.settle(*pictured(written))


def pictured(written: Inspection) -> tuple[Inspection, tuple[StoredBlob], None, tuple[()], list[Chosen]]:
    """What is settled: the part with a picture, which is chosen to be sent."""
    assert written.capture is not None
    blob = StoredBlob(digest_of(written.id.encode()), 1, None, 3)
    capture = replace(written.capture, kept=Kept.KEPT, blob=blob.digest, size=1)
    chosen = Chosen(written.id, written.id, SendReason.RANDOM, AT, 0.5)
    return replace(written, capture=capture), (blob,), None, (), [chosen]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
