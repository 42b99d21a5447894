"""A second model beside the line: what it costs the answers, and how much it gets to judge.

The line of ``benchmarks.line`` runs in turns with and without a shadow, so that both feel the same machine.
Goal: the 99th percentile from frame to verdict with a shadow at most 1.25 times that without one, each the
median of its turns: one bad moment of the machine fills a queue, and is then all of a turn's percentile.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from andon.domain.inspections import Inspection
from andon.domain.stations import Assignment, KeepPolicy
from andon.runtime.telemetry import forbid
from andon.services.assignments import hub_key, put_in_force, runnable
from andon.services.workspaces import now, open_workspace
from andon.store import assignments, recipes
from benchmarks import report
from benchmarks.line import DEADLINE, RATE, SIDE, THREADS, WARM, is_late, learned

if TYPE_CHECKING:
    from simulators.line_plant import Plant

LIMIT = 1.25
TURNS = 10
PARTS = 400


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row shadow", description=__doc__)
    parser.add_argument("--parts", type=int, default=PARTS, help="parts of a turn")
    parser.add_argument("--turns", type=int, default=TURNS, help="turns, every other with a shadow")
    chosen = parser.parse_args(arguments)
    forbid()
    sys.path.append(str(report.ROOT / "tests"))  # the programs and the PLC of the line tests
    with tempfile.TemporaryDirectory() as folder:
        row = measured(learned(Path(folder) / "learned"), Path(folder) / "line", chosen)
    report.save("shadow", [row])
    sys.stdout.write(report.table("shadow", [row]) + "\n")
    return 0 if float(str(row["ratio"])) <= LIMIT else 1


def measured(workspace: Path, folder: Path, chosen: argparse.Namespace) -> report.Row:
    from simulators.line_plant import running
    from simulators.line_station import Line
    from simulators.programs import until

    folder.mkdir()
    line = Line(rate=RATE, side=SIDE, channels=1, pool=60, queue=4, threads=THREADS)
    turns: dict[bool, list[list[Inspection]]] = {True: [], False: []}
    counts = np.zeros(2, int)
    with running(workspace, folder, line, deadline=DEADLINE) as plant:
        for turn in range(chosen.turns):
            beside = bool(turn % 2)
            counter = told(plant, beside)
            plant.until_running(counter)
            if beside:
                until("the shadow judges", lambda: judged_and_dropped(plant)[0] or plant.lively())
            plant.until_heard(WARM)
            first, before = len(plant.hub.ids()), judged_and_dropped(plant)
            plant.until_heard(chosen.parts)
            counts += judged_and_dropped(plant) - before
            turns[beside].append(plant.hub.records()[first:])
    each = {beside: [percentile(parts) for parts in found] for beside, found in turns.items()}
    with_p99, p99 = median(each[True]), median(each[False])
    parts = {beside: [part for one in found for part in one] for beside, found in turns.items()}
    late, late_alone = (sum(map(is_late, parts[beside])) for beside in (True, False))
    judged, dropped = counts.tolist()
    return {
        "what": f"{len(parts[True])} parts at {RATE:g}/s, {SIDE}x{SIDE} grey, with a shadow and without",
        "p99_ms": round(with_p99, 3),
        "peer_p99_ms": round(p99, 3),
        "ratio": round(with_p99 / p99, 3),
        "limit": LIMIT,
        "late": late,
        "late_alone": late_alone,
        "judged": judged,
        "dropped": dropped,
        "note": f"p99 of turns {_listed(each[True])} ms, alone {_listed(each[False])}; late {late} of"
        f" {len(parts[True])}, alone {late_alone} of {len(parts[False])}; the shadow judged {judged}, left"
        f" out {dropped}",
    }


def told(plant: "Plant", beside: bool) -> int:
    """Assign the plant's recipe, with itself as its shadow or without; the counter."""
    from simulators.line_hub import STATION

    workspace = open_workspace(plant.hub.workspace, "bench")
    with closing(workspace.database), workspace.database.write() as tx:
        runs = runnable(tx, recipes.latest(tx, "brackets"))
        counter = assignments.next_counter(tx, STATION)
        what = (runs.recipe, runs.variants, KeepPolicy(), DEADLINE, "bench", now())
        assignment = Assignment(STATION, counter, *what, shadow=runs if beside else None)
        put_in_force(tx, assignment, hub_key(workspace))
    return counter


def judged_and_dropped(plant: "Plant") -> "np.ndarray[tuple[int], np.dtype[np.int_]]":
    said = plant.hub.report().get("shadow") or {"judged": 0, "dropped": 0}
    return np.array([said["judged"], said["dropped"]], int)


def _listed(milliseconds: Sequence[float]) -> str:
    return ", ".join(f"{one:.0f}" for one in milliseconds)


def percentile(records: Sequence[Inspection]) -> float:
    return float(np.percentile([record.milliseconds for record in records], 99))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
