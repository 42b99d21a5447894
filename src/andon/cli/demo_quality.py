"""The demo's proof of the estimates: what the hub reckons from partial feedback, beside what is true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.cli.demo_plan import COSTS, OPERATOR
from andon.domain.inspections import Inspection, Verdict
from andon.domain.quality import Cohort, Estimate
from andon.domain.serial import to_json
from andon.services.inspection_reports import verdict_of_parts
from andon.services.inspections import of_station
from andon.services.quality import report
from andon.services.workspaces import Workspace

PER = 1000.0
COLUMNS = ("release", "per 1,000 parts", "estimated", "true", "within", "people looked at")


@dataclass(frozen=True, slots=True)
class Estimated:
    """One release version: estimates (None: not known) and the truth, shares of its parts, 0..1."""

    release: str
    parts: int
    escapes: Estimate | None
    overkill: Estimate | None
    true_escapes: float
    true_overkill: float

    def rows(self) -> list[list[str]]:
        """Two lines of the table for people."""
        return [
            self._row("escapes", self.escapes, self.true_escapes),
            self._row("overkill", self.overkill, self.true_overkill),
        ]

    def as_json(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "release": self.release,
            "parts": self.parts,
            "escapes": {"estimate": to_json(self.escapes), "true": self.true_escapes},
            "overkill": {"estimate": to_json(self.overkill), "true": self.true_overkill},
        }

    def _row(self, name: str, estimate: Estimate | None, true: float) -> list[str]:
        where = [f"{self.release} ({self.parts:,} parts)", name]
        if estimate is None:
            return [*where, "not known", f"{PER * true:.0f}", "", "0"]
        within = "yes" if estimate.low <= true <= estimate.high else "no"
        if within == "no" and not estimate.checked:
            within = f"no: operators err, in {OPERATOR.mistakes:.0%} of what they say"
        low, value, high = (PER * share for share in (estimate.low, estimate.value, estimate.high))
        checked = "" if estimate.checked else ", as operators say"
        figure = f"{value:.0f} [{low:.0f}, {high:.0f}]{checked}"
        return [*where, figure, f"{PER * true:.0f}", within, f"{estimate.looked_at:,}"]


def estimates(workspace: Workspace, station: str, truth: Mapping[str, bool]) -> tuple[Estimated, ...]:
    """What is known of every release that ran at ``station``, and what is true of its parts.

    Args:
        workspace: of the hub; nothing else goes into the estimates.
        station: name.
        truth: part key -> whether it is defective, of all parts that passed.
    """
    rows = report(workspace, costs=COSTS).rows.get(Cohort.RELEASE, ())
    by_release: dict[str, list[Inspection]] = {}
    for one in (one for one in of_station(workspace, station) if one.recipe):
        by_release.setdefault(f"{one.recipe}@{one.recipe_version}", []).append(one)
    found = []
    for row in (row for row in rows if row.name in by_release):
        true = _true(by_release[row.name], truth)
        found.append(Estimated(row.name, row.parts, row.escapes, row.overkill, *true))
    return tuple(found)


def _true(records: Sequence[Inspection], truth: Mapping[str, bool]) -> tuple[float, float]:
    """Escapes and overkill, per part."""
    verdicts = verdict_of_parts([one for one in records if one.part in truth])
    escapes = sum(truth[part] and said is Verdict.PASS for part, said in verdicts.items())
    overkill = sum(not truth[part] and said is Verdict.REJECT for part, said in verdicts.items())
    return escapes / max(1, len(verdicts)), overkill / max(1, len(verdicts))
