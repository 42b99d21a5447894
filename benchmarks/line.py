"""A line: from frame to verdict against the engine's own call in the same run, and whether all books agree.

Hub, worker, station, broker and a PLC are programs of their own; parts pass at 20 a second (512x512 grey),
and after each answer the PLC's side calls the same graph bare, with as many threads as the station has, so
that both feel what the machine does beside them.  Goal: the 99th percentile from frame to verdict at most
is twice the engine's, and offered = answered = recorded on the hub, none twice, the spool empty.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from andon.domain.inspections import Inspection, ReasonCode
from andon.domain.models import Engine, Precision, Variant
from andon.runtime.package import load_package
from andon.runtime.telemetry import forbid
from benchmarks import report, runtime

LIMIT = 2.0
PARTS = 10_000
RATE = 20.0
SIDE, INPUT = 512, 256
WARM = 100
DEADLINE = 200.0
THREADS = 1
PATIENCE = 30.0
"""Seconds without an answer after which the run has failed."""

LEARNING = ("--family", "unet", "--size", f"{INPUT}x{INPUT}", "--learning-rate", "0.003", "--batch", "4")
"""The network of ``make demo``, trained long enough to find few places instead of noise."""


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row line", description=__doc__)
    parser.add_argument("--parts", type=int, default=PARTS, help="parts after the first ones")
    parser.add_argument("--rate", type=float, default=RATE, help="parts a second")
    chosen = parser.parse_args(arguments)
    forbid()
    sys.path.append(str(report.ROOT / "tests"))  # the programs and the PLC of the line tests
    with tempfile.TemporaryDirectory() as folder:
        row = measured(learned(Path(folder) / "learned"), Path(folder) / "line", chosen)
    report.save("line", [row])
    sys.stdout.write(report.table("line", [row]) + "\n")
    return 0 if float(str(row["ratio"])) <= LIMIT and not row["contradictions"] else 1


def learned(folder: Path) -> Path:
    """A workspace with a small model and its recipe; what it learned does not matter to its speed."""
    folder.mkdir()
    parts, workspace = folder / "parts", folder / "workspace"
    drawn = ("--count", "60", "--size", f"{SIDE}x{SIDE}", "--grey", "--defect-rate", "0.4")
    andon("simulate", parts, *drawn)
    andon("init", workspace)
    within = ("-w", workspace)
    andon(*within, "images", "import", parts, "--source", "parts")
    andon(*within, "datasets", "freeze", "brackets")
    andon(*within, "train", "brackets", *LEARNING, "--steps", "60")
    andon(*within, "models", "evaluate", "latest")
    andon(*within, "recipes", "make", "brackets")
    return workspace


def andon(*arguments: str | Path) -> None:
    program = [sys.executable, "-c", "from andon.cli.main import run; run()", *map(str, arguments)]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measured(workspace: Path, folder: Path, chosen: argparse.Namespace) -> report.Row:
    from simulators.line_books import contradictions
    from simulators.line_plant import running
    from simulators.line_station import Line

    folder.mkdir()
    line = Line(rate=chosen.rate, side=SIDE, channels=1, pool=60, queue=4, threads=THREADS)
    with running(workspace, folder, line, deadline=DEADLINE) as plant:
        package = load_package(next((plant.station.data / "packages").iterdir()))
        engine, precision = plant.hub.report()["variant"].split("/")
        variant = Variant(Engine(engine), Precision(precision))
        bare = interleaved(plant.heard, bare_call(package, variant), chosen.parts + WARM)
        plant.stop_parts()
        books = plant.books()
        found = contradictions(books, DEADLINE)
        judged = [record for record in books.stored if record.scores or is_late(record)][WARM:]
    ours = [record.milliseconds for record in judged]
    median, p95 = report.summarise(ours)
    p99, engine_p99 = float(np.percentile(ours, 99)), float(np.percentile(bare, 99))
    late = sum(is_late(record) for record in judged)
    counts = f"offered {len(books.offered)}, answered {len(books.heard)}, on the hub {len(books.stored)}"
    return {
        "what": f"{len(judged)} parts at {chosen.rate:g}/s, {SIDE}x{SIDE} grey, {variant}, p99 to p99",
        "median_ms": round(median, 3),
        "p95_ms": round(p95, 3),
        "p99_ms": round(p99, 3),
        "peer_median_ms": round(report.summarise(bare)[0], 3),
        "peer_p99_ms": round(engine_p99, 3),
        "ratio": round(p99 / engine_p99, 3),
        "limit": LIMIT,
        "stages_p99_ms": stages(judged),
        "offered": len(books.offered),
        "answered": len(books.heard),
        "recorded": len(books.stored),
        "late": late,
        "contradictions": found,
        "note": f"p99 {p99:.1f} ms, engine {engine_p99:.1f} ms; {counts}; late {late}",
    }


def interleaved(heard: Callable[[], int], call: Callable[[], object], parts: int) -> list[float]:
    """Milliseconds of the bare call, once after each answer."""
    samples: list[float] = []
    first = seen = heard()
    last = time.monotonic()
    while seen - first < parts:
        if heard() == seen:
            if time.monotonic() - last > PATIENCE:
                raise TimeoutError(f"the line gave no answer for {PATIENCE:g} s")
            time.sleep(0.001)
            continue
        seen, last = heard(), time.monotonic()
        samples.append(runtime.timed(call))
    return samples[WARM:]


def bare_call(package: runtime.LoadedPackage, variant: Variant) -> Callable[[], object]:
    """The graph of the station on one of its golden images, with nothing around the engine."""
    import cv2

    from andon.formats.pixels import decode
    from andon.runtime.pixels import fit

    cv2.setNumThreads(1)
    batch = fit(decode(next(iter(package.golden.values()))), package.manifest.input)[np.newaxis]
    if variant.engine is Engine.ONNXRUNTIME:
        call = runtime.onnxruntime_call(package.graph, THREADS)
    else:
        call = runtime.openvino_call(package.graph, variant, THREADS)
    return lambda: call(batch)


def is_late(record: Inspection) -> bool:
    return any(reason.code is ReasonCode.LATE for reason in record.decision.reasons)


def stages(records: Sequence[Inspection]) -> dict[str, float]:
    """99th percentile of each step that the station timed, milliseconds."""
    found: dict[str, list[float]] = {}
    for record in records:
        for name, value in (record.capture.stages if record.capture else {}).items():
            found.setdefault(name, []).append(value)
    return {name: round(float(np.percentile(values, 99)), 3) for name, values in found.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
