"""What a line did, counted from the records that reached the hub, against what was true of its parts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from andon.analysis.cuts import Rates, rates_of
from andon.domain.inspections import Inspection
from andon.domain.serial import to_json
from andon.services.inspection_reports import DECIDED, WORST_FIRST, verdict_of_parts
from andon.services.inspections import of_station
from andon.services.workspaces import Workspace


@dataclass(frozen=True, slots=True)
class LineSummary:
    """One run of a line.

    Attributes:
        offered: parts that passed the camera. records: of them on the hub.
        duplicates: records beyond one for a part. missing: parts without a record.
        rates: escapes and overkill over parts, None where no truth is known.
        p50, p95, p99: milliseconds from frame to verdict.
        bytes: of the station's records and images, of the hub's records, and of the hub's pixels.
    """

    offered: int
    verdicts: Mapping[str, int]
    records: int
    duplicates: int
    missing: int
    rates: Rates | None
    p50: float
    p95: float
    p99: float
    bytes: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """The summary as JSON values."""
        return {
            "offered": self.offered,
            "verdicts": dict(self.verdicts),
            "hub_records": self.records,
            "duplicates": self.duplicates,
            "missing": self.missing,
            "escapes": to_json(self.rates.escapes) if self.rates else None,
            "overkill": to_json(self.rates.overkill) if self.rates else None,
            "good_to_review": to_json(self.rates.reviews) if self.rates else None,
            "latency_ms": {"p50": self.p50, "p95": self.p95, "p99": self.p99},
            "bytes": dict(self.bytes),
        }


def summarise_line(
    workspace: Workspace, station: str, truth: Mapping[str, bool], folder: Path
) -> LineSummary:
    """Count what the hub has of ``station``.

    Args:
        workspace: of the hub.
        station: name.
        truth: part key -> whether it is defective, for every part that was offered.
        folder: the station's own, for its size on the disk.
    """
    records = [found for found in of_station(workspace, station) if found.part in truth]
    times = [record.milliseconds for record in records]
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) if times else (0.0, 0.0, 0.0)
    counts = Counter(record.decision.verdict for record in records)
    parts = {record.part for record in records}
    return LineSummary(
        offered=len(truth),
        verdicts={str(verdict): counts[verdict] for verdict in WORST_FIRST},
        records=len(records),
        duplicates=len(records) - len(parts),
        missing=len(truth) - len(parts),
        rates=_rates(records, truth),
        p50=float(p50),
        p95=float(p95),
        p99=float(p99),
        bytes={
            "station": _size(folder),
            "hub_records": sum(path.stat().st_size for path in workspace.folder.glob("andon.db*")),
            "hub_pixels": _size(workspace.blobs.root),
        },
    )


def _rates(records: list[Inspection], truth: Mapping[str, bool]) -> Rates | None:
    parts = verdict_of_parts(records)
    if not parts:
        return None
    return rates_of(
        np.array([DECIDED[verdict] for verdict in parts.values()]),
        np.array([truth[part] for part in parts]),
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
