"""Image bytes to verdict against a bare loop: OpenCV's decode and resize, and the engine's own call."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from andon.domain.models import Cuts, Engine, InputSpec, Manifest, OutputSpec, Precision, Variant
from andon.domain.recipes import Recipe
from andon.domain.runs import Family, TrainSettings
from andon.formats.pixels import image_digest
from andon.runtime import graph
from andon.runtime.execution import REFERENCE, Executor, available
from andon.runtime.inspector import Inspector
from andon.runtime.package import LoadedPackage, load_package, write_package
from andon.runtime.pixels import fit
from andon.runtime.scoring import golden_scores
from andon.units import Digest
from benchmarks import report

LIMIT = 1.25
CONCEPTS = ("scratch", "dent")
THREADS = 2
IMAGES = 8
SEED = 7


SHARED = Path(os.environ.get("ANDON_SHARED", Path(__file__).parents[2] / "shared"))
WEIGHTS = SHARED / "weights" / "mobilenetv2_100.safetensors"
"""Used where they are: in a trained encoder rounding stays small, and golden images reproduce."""


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row runtime", description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="measured images of each loop")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[256, 512], help="sides of the network input"
    )
    chosen = parser.parse_args(arguments)
    rows: list[report.Row] = []
    for side in chosen.sizes:
        with tempfile.TemporaryDirectory() as folder:
            package = built(Path(folder), side)
            files = [encoded(image) for image in textures(side, IMAGES)]
            rows += [measured(package, variant, files, chosen.rounds) for variant in available()]
    report.save("runtime", rows)
    sys.stdout.write(report.table("runtime", rows) + "\n")
    return 0 if all(float(str(row["ratio"])) <= LIMIT for row in rows) else 1


@dataclass(frozen=True)
class Samples:
    ours: list[float]
    bare: list[float]
    hashing: list[float]
    stages: dict[str, list[float]]
    findings: list[int]


def measured(package: LoadedPackage, variant: Variant, files: Sequence[bytes], rounds: int) -> report.Row:
    samples = interleaved(package, variant, files, rounds)
    median, p95 = report.summarise(samples.ours)
    bare, bare_p95 = report.summarise(samples.bare)
    ratios = np.array(samples.ours) / np.array(samples.bare)
    side = package.manifest.input.height
    stages = {name: round(float(np.median(values)), 3) for name, values in samples.stages.items()}
    return {
        "what": f"{variant}, {THREADS} threads, {side}x{side} from {side * 5 // 4}x{side * 5 // 4} PNG",
        "median_ms": round(median, 3),
        "p95_ms": round(p95, 3),
        "peer_median_ms": round(bare, 3),
        "peer_p95_ms": round(bare_p95, 3),
        "ratio": round(float(np.median(ratios)), 3),
        "limit": LIMIT,
        "stages_ms": stages,
        "image_digest_ms": round(float(np.median(samples.hashing)), 3),
        "rounds": rounds,
        "note": f"bare {bare:.2f} ms, {min(samples.findings)}-{max(samples.findings)} findings",
    }


def interleaved(package: LoadedPackage, variant: Variant, files: Sequence[bytes], rounds: int) -> Samples:
    """Both loops on the same file after each other, taking turns in who is first; no ratio across files."""
    bare = bare_loop(package.graph, variant)
    inspector = Inspector(package, recipe_for(package), variant, THREADS)
    samples = Samples([], [], [], {}, [])
    for content in files:
        assert np.allclose(bare(content), list(inspector.inspect(content).scores.values()), atol=0.02)
    for turn in range(rounds):
        content = files[turn % len(files)]
        if turn % 2:
            samples.bare.append(timed(lambda content=content: bare(content)))
        samples.ours.append(timed(lambda content=content: outcomes.append(inspector.inspect(content))))
        if not turn % 2:
            samples.bare.append(timed(lambda content=content: bare(content)))
        outcome = outcomes.pop()
        for stage, milliseconds in outcome.stages.items():
            samples.stages.setdefault(stage, []).append(milliseconds)
        samples.findings.append(len(outcome.findings))
        samples.hashing.append(timed(lambda pixels=outcome.pixels: image_digest(pixels)))
    return samples


outcomes: list = []


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def bare_loop(checked: graph.CheckedGraph, variant: Variant) -> Callable[[bytes], np.ndarray]:
    """The peer: what one writes who needs nothing but the scores; settings as the engines document them."""
    call = (
        onnxruntime_call(checked, THREADS)
        if variant.engine is Engine.ONNXRUNTIME
        else openvino_call(checked, variant, THREADS)
    )
    size = (checked.input.width, checked.input.height)

    def judge(content: bytes) -> np.ndarray:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
        return call(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)[np.newaxis])

    return judge


def onnxruntime_call(checked: graph.CheckedGraph, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(checked.content, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["scores", "maps"], {"image": batch})[0][0]


def openvino_call(
    checked: graph.CheckedGraph, variant: Variant, threads: int
) -> Callable[[np.ndarray], np.ndarray]:
    import openvino

    core = openvino.Core()
    model = core.read_model(checked.content)
    model.reshape([1, checked.input.height, checked.input.width, checked.input.channels])
    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "bf16" if variant.precision is Precision.BF16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = core.compile_model(model, "CPU", hints)
    return lambda batch: compiled(batch, share_inputs=True, share_outputs=True)["scores"][0]


def built(folder: Path, side: int) -> LoadedPackage:
    """The fast segment family before training, with a level at which its maps show a few regions."""
    from andon.training.export import export
    from andon.training.models.families import FAMILIES
    from andon.training.trained import TrainedModel, keep

    weights = str(WEIGHTS) if WEIGHTS.is_file() else "none"
    settings = TrainSettings(weights=weights, height=side, width=side, threads=THREADS)
    taken = InputSpec(side, side, 3, 8)
    plan = FAMILIES[Family.SEGMENT]
    import torch

    torch.manual_seed(SEED)
    network = plan.build(settings, len(CONCEPTS), taken, WEIGHTS.is_file())
    given = OutputSpec(CONCEPTS, maps=True, map_stride=plan.stride, score_floor=0.0)
    trained = TrainedModel(folder / "weights", settings, CONCEPTS, taken, given, 0, 0, "", {}, ())
    keep(trained, network.state_dict())
    _, given = export(trained, folder / "model.onnx")
    content = (folder / "model.onnx").read_bytes()
    golden = textures(side, 1)[0]
    maps = Executor(graph.check(content, taken, given), REFERENCE, THREADS).run(fit(golden, taken)).maps
    given = replace(given, map_level=float(np.quantile(maps, 0.998)))
    checked = graph.check(content, taken, given)
    manifest = Manifest(
        name="benchmark",
        family=Family.SEGMENT,
        encoder=settings.encoder,
        input=taken,
        output=given,
        snapshot=Digest("0" * 64),
        settings_digest=Digest("0" * 64),
        seed=SEED,
        code_version="",
        files={},
        golden=golden_scores(checked, [("golden.png", golden)]),
    )
    write_package(folder / "package", manifest, content, {"golden.png": encoded(golden)})
    return load_package(folder / "package")


def recipe_for(package: LoadedPackage) -> Recipe:
    return Recipe("benchmark", 1, None, package.digest, dict.fromkeys(CONCEPTS, Cuts(0.0, 0.7)))


def textures(side: int, count: int) -> list[np.ndarray]:
    """Brushed grey surfaces with a few dark spots, in colour, a quarter larger than the network's input."""
    random = np.random.default_rng(SEED)
    large = side * 5 // 4
    images = []
    for _ in range(count):
        rows = random.normal(140, 12, (large, 1)) + random.normal(0, 6, (large, large))
        image = np.clip(cv2.GaussianBlur(rows, (5, 1), 0), 0, 255).astype(np.uint8)
        for x, y, radius in random.integers(8, large // 2, (3, 3)):
            cv2.circle(image, (int(2 * x) % large, int(2 * y) % large), int(radius) // 8 + 2, 40, -1)
        images.append(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    return images


def encoded(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
