"""A gate on 10,000 stored parts: seconds of re-scoring where only the recipe changed, and the throughput of
a full replay against that of the engines alone.

The workspace holds that many records of a station with findings, a third of them judged by people, and
their pictures.  Re-scoring is what a gate of another recipe of the same model does with them: reading and
judging; the measuring of time and memory in processes of their own, which takes as long however many parts
there are, and the record of the outcome are told apart.  The replay runs two packages over pictures from
the disk; its peer runs the same two engines on the same pictures, decoded and fitted before, and does
nothing else.  They take turns.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from andon.domain.annotations import Annotation, AnnotationState, Box, WholeImage
from andon.domain.datasets import DatasetSpec
from andon.domain.feedback import Answer, Queue, Review
from andon.domain.gates import GateRequest
from andon.domain.images import Image, ImageFilter, Origin, Shape
from andon.domain.inspections import Capture, Decision, Finding, Inspection, Kept, Verdict
from andon.domain.models import Cuts, Manifest, Package, Parity, Variant
from andon.domain.ontologies import Concept, Ontology
from andon.domain.parts import serial_key
from andon.formats.pixels import image_digest
from andon.jobs.gate import _opened, run_gate
from andon.jobs.replay import replay
from andon.runtime.execution import Executor, available
from andon.runtime.package import load_package, write_package
from andon.runtime.pixels import fit
from andon.services.datasets import freeze_dataset
from andon.services.gate_cases import Part, collect_parts
from andon.services.gates import Contest, contest_of
from andon.services.recipes import RecipeRequest, make_recipe
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import annotations, images, inspections, models, ontologies, reviews
from benchmarks import runtime
from benchmarks.report import Row, save, summarise, table

NAME = "gate"
RESCORING_SECONDS = 10.0
SLOWER = 1 / 0.8
"""A replay may take this much longer than its engines alone."""

SIDE = 256
STATION = "ST-1"
BATCH = 500
ROUNDS = 5
TRAINED = 10
"""Parts of the snapshot that both packages name."""


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row gate", description=__doc__)
    parser.add_argument("--parts", type=int, default=10_000, help="stored parts")
    parser.add_argument("--replayed", type=int, default=10_000, help="of them, that the models run on")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to be measured")
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as scratch:
        plant = prepared(Path(scratch), chosen.parts)
        rows = [rescored(plant, chosen.parts), replayed(plant, chosen.replayed)]
    save(NAME, rows)
    sys.stdout.write(table(NAME, rows) + "\n")
    return 0 if all(float(str(row["ratio"])) <= float(str(row["limit"])) for row in rows) else 1


@dataclass(frozen=True)
class Plant:
    """A workspace with recipes of two packages: ``old`` runs, ``cuts`` is of the same model, ``new`` of
    another."""

    workspace: Workspace
    old: str
    cuts: str
    new: str


def rescored(plant: Plant, parts: int) -> Row:
    """Seconds of a whole gate where only the cuts changed."""
    request = GateRequest(plant.cuts, plant.old, history=parts)
    marks: list[float] = []
    samples, whole, cpu = [], [], []

    def report(_done: int, _total: int | None, text: str) -> None:
        if text.startswith("measuring"):
            marks.append(time.perf_counter())
            cpu.append(time.process_time() - began)

    for _ in range(3):
        started, began = time.perf_counter(), time.process_time()
        gate = run_gate(plant.workspace, request, report)
        assert gate.outcome.parts == parts, gate.outcome.parts
        whole.append(time.perf_counter() - started)
        samples.append(marks.pop() - started)
    median, high = summarise(samples)
    return {
        "what": f"re-scoring {parts:,} stored parts by other cuts",
        "median_ms": round(1e3 * median, 1),
        "p95_ms": round(1e3 * high, 1),
        "ratio": round(median / RESCORING_SECONDS, 3),
        "limit": 1.0,
        "cpu_seconds": round(float(np.median(cpu)), 2),
        "whole_gate_seconds": round(float(np.median(whole)), 2),
        "load_average": round(os.getloadavg()[0], 2),
        "note": f"{median:.1f} s of {RESCORING_SECONDS:g}, {np.median(cpu):.1f} s of CPU; with time and "
        f"memory measured and recorded {np.median(whole):.1f} s; load {os.getloadavg()[0]:.1f}",
    }


def replayed(plant: Plant, parts: int) -> Row:
    """Parts a second through both models, against the engines alone."""
    contest = contest_of(plant.workspace, GateRequest(plant.new, plant.old, history=parts))
    asked = collect_parts(plant.workspace, contest.request, contest.package, contest.runs).parts
    opened = _opened(plant.workspace, contest)
    assert not isinstance(opened, str), opened
    ours: list[float] = []
    bare: list[float] = []
    share = max(1, len(asked) // ROUNDS)
    for start in range(0, share * ROUNDS, share):
        some = asked[start : start + share]
        began = time.perf_counter()
        assert len(list(replay(plant.workspace, opened.judges, some, lambda *_: None))) == len(some)
        ours.append((time.perf_counter() - began) / len(some))
        bare.append(engines_alone(plant.workspace, contest, some) / len(some))
    ratio = float(np.median(np.asarray(ours) / np.asarray(bare)))
    median, high = summarise(ours)
    peer, peer_high = summarise(bare)
    return {
        "what": f"full replay of {share * ROUNDS:,} parts through two models, {SIDE}x{SIDE}",
        "median_ms": round(1e3 * median, 3),
        "p95_ms": round(1e3 * high, 3),
        "peer_median_ms": round(1e3 * peer, 3),
        "peer_p95_ms": round(1e3 * peer_high, 3),
        "ratio": round(ratio, 3),
        "limit": SLOWER,
        "variant": str(opened.judges.new.variant),
        "parts_per_second": round(1 / median, 1),
        "engines_per_second": round(1 / peer, 1),
        "load_average": round(os.getloadavg()[0], 2),
        "note": f"{1 / median:.1f} parts/s, engines alone {1 / peer:.1f}/s: {1 / ratio:.2f} of them, "
        f"aim 0.8; load {os.getloadavg()[0]:.1f}",
    }


def engines_alone(workspace: Workspace, contest: Contest, parts: Sequence[Part]) -> float:
    """Seconds of both engines on pictures that are decoded and fitted already, a thread each."""
    packages = [
        load_package(workspace.packages / one.digest) for one in (contest.package, contest.runs) if one
    ]
    taken = packages[0].manifest.input
    contents = [workspace.blobs.get(part.pictures[0].image.blob) for part in parts]
    fitted = [
        fit(cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR_RGB), taken) for one in contents
    ]
    executors = [Executor(package.graph, available_f32(), contest.request.threads) for package in packages]

    def run(executor: Executor) -> None:
        for pixels in fitted:
            executor.run(pixels)

    for executor in executors:
        executor.run(fitted[0])
    with ThreadPoolExecutor(len(executors)) as lanes:
        began = time.perf_counter()
        list(lanes.map(run, executors))
        return time.perf_counter() - began


def available_f32() -> Variant:
    """What a gate takes here: the last FP32 variant is OpenVINO's."""
    return [variant for variant in available() if str(variant).endswith("f32")][-1]


def prepared(folder: Path, parts: int) -> Plant:
    """Draw, store and record everything."""
    workspace, _ = create_workspace(folder / "ws", "bench")
    with workspace.database.write() as tx:
        concepts = tuple(Concept(name) for name in runtime.CONCEPTS)
        ontologies.add_version(tx, Ontology(1, concepts), "bench", now())
    trained = store_pictures(workspace, range(TRAINED), "trained")
    with workspace.database.write() as tx:
        said = (WholeImage(), AnnotationState.ACCEPTED, "bench", now())
        annotations.add(tx, [Annotation(new_id(), 1, image.digest, None, *said) for image in trained])
    snapshot = freeze_dataset(workspace, DatasetSpec("bench", ImageFilter(source="trained"))).snapshot
    built = runtime.built(folder, SIDE)
    cuts = dict.fromkeys(runtime.CONCEPTS, Cuts(0.0, 0.7))
    names = []
    for seed in (1, 2):
        manifest = replace(built.manifest, snapshot=snapshot.digest, seed=seed)
        package = store_package(workspace, manifest, (built.graph.content, built.golden))
        names.append(make_recipe(workspace, RecipeRequest(f"model-{seed}", package.digest, cuts)))
    same = RecipeRequest("model-1", str(names[0]["package"]), dict.fromkeys(cuts, Cuts(0.1, 0.6)))
    changed = make_recipe(workspace, same)
    for start in range(0, parts, BATCH):
        numbers = range(start, min(start + BATCH, parts))
        record(
            workspace, str(names[0]["package"]), store_pictures(workspace, numbers, f"station/{STATION}")
        )
    return Plant(workspace, "model-1@1", f"model-1@{changed['version']}", "model-2@1")


def store_package(workspace: Workspace, manifest: Manifest, content: tuple) -> Package:
    graph, golden = content
    workspace.packages.mkdir(exist_ok=True)
    made = workspace.packages / "building"
    digest = write_package(made, manifest, graph, golden)
    made.rename(workspace.packages / digest)
    loaded = load_package(workspace.packages / digest)
    parity = tuple(Parity(variant, 1, 0.0, 0.0, (), 1e-3) for variant in available())
    package = Package(digest, loaded.manifest, None, parity)
    with workspace.database.write() as tx:
        models.add(tx, package, "bench", now())
    return package


def store_pictures(workspace: Workspace, numbers: range, source: str) -> list[Image]:
    """JPEG, each with its number drawn, so that no two are the same."""
    surfaces = runtime.textures(SIDE, 4)
    contents, found = [], []
    for number in numbers:
        pixels = surfaces[number % len(surfaces)].copy()
        cv2.putText(pixels, f"{source[0]}{number}", (4, 20), cv2.FONT_HERSHEY_PLAIN, 1, (200, 200, 200))
        contents.append(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    blobs = workspace.blobs.put_many(contents)
    for number, blob, content in zip(numbers, blobs, contents, strict=True):
        seen = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        origin = Origin(serial=f"{source[0]}{number}", station=STATION)
        shape = Shape(seen.shape[0], seen.shape[1], 3, 8)
        found.append(Image(image_digest(seen), blob, f"{number}.jpg", len(content), shape, origin))
    with workspace.database.write() as tx:
        images.add(tx, found, source, source, now())
    return found


def record(workspace: Workspace, package: str, pictures: Sequence[Image]) -> None:
    """What the station wrote down, and what people said of every third part."""
    random = np.random.default_rng(int(pictures[0].digest[:8], 16))
    records, said = [], []
    for image in pictures:
        number = int((image.origin.serial or "")[1:])
        scores = {
            name: float(score) for name, score in zip(runtime.CONCEPTS, random.random(2), strict=True)
        }
        findings = tuple(
            Finding(
                name,
                score * share,
                Box(*random.integers(1, 200, 2).tolist(), 9, 9),
                60.0,
                11.0,
                (20.0, 30.0),
            )
            for name, score in scores.items()
            for share in (1.0, 0.7)
        )
        verdict = Verdict.REJECT if max(scores.values()) >= 0.7 else Verdict.REVIEW
        capture = Capture(
            STATION, number + 1, image.origin, image.shape, Kept.KEPT, image.blob, image.size,
            health={"brightness": 0.5, "sharpness": 0.2}, stages={"engine": 3.0, "decode": 1.0},
        )  # fmt: skip
        records.append(
            Inspection(
                new_id(),
                now(),
                serial_key(image.origin.serial or ""),
                image.digest,
                image.name,
                "model-1",
                1,
                image.digest.__class__(package),
                "openvino/f32",
                Decision(verdict),
                findings,
                scores,
                4.0,
                capture=capture,
            )
        )
        if number % 3 == 0:
            answer = Answer.FALSE_ALARM if number % 2 else Answer.CONFIRMED
            said.append(Review(new_id(), records[-1].id, answer, Queue.REJECT, "olga", now()))
    with workspace.database.write() as tx:
        inspections.add(tx, records, f"station/{STATION}")
        reviews.add(tx, said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
