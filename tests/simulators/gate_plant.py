"""A plant with a model that runs, and fitted or spoiled ones that shall replace it; parts of 64 x 64.

A part shows a bright spot, a dark one, or none.  A model is what logistic regression makes of the
brightness of 16 x 16 cells, as an ONNX graph: small enough to fit in a moment, and large enough to learn
noise by heart where the labels are noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from simulators.graphs import CONCEPTS, INPUT, png
from simulators.records import identity

from andon.domain.datasets import DatasetSpec
from andon.domain.feedback import Answer, Queue, Review
from andon.domain.gates import Holdout, Purpose
from andon.domain.images import Image, ImageFilter, Origin, Shape
from andon.domain.inspections import Capture, Inspection, Kept, Verdict
from andon.domain.models import Costs, Manifest, OutputSpec, Package, Parity
from andon.domain.parts import serial_key
from andon.domain.runs import Family
from andon.formats.pixels import image_digest
from andon.jobs.import_images import ImportRequest, import_images
from andon.runtime import graph
from andon.runtime.execution import REFERENCE
from andon.runtime.inspector import Inspector
from andon.runtime.package import load_package, write_package
from andon.runtime.pixels import fit as fitted
from andon.runtime.scoring import golden_scores
from andon.services.datasets import freeze_dataset
from andon.services.evaluations import evaluate_model
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections
from andon.store import models as stored_models
from andon.store import reviews as stored_reviews
from andon.units import Digest

COSTS = Costs(escape=50.0, overkill=5.0, review=1.0, defect_rate=0.05)
CELL = 4
STATION = "ST-1"
AUDIT = 0.25
WEAK, STRONG = (45, 90), (95, 110)
"""How far spots are from the middle, grey values."""
Floats = NDArray[np.float64]


def part(random: np.random.Generator, defect: str | None, strengths: tuple[int, int] = WEAK) -> np.ndarray:
    """(64, 64) uint8: rough grey, with a spot of 12 x 12 pixels where there is a defect."""
    pixels = 127 + random.integers(-40, 41, (64, 64)).astype(np.int16)
    if defect is not None:
        top, left = random.integers(0, 52, 2)
        strength = int(random.integers(*strengths))
        pixels[top : top + 12, left : left + 12] += strength if defect == "bright" else -strength
    return np.asarray(pixels.clip(0, 255), np.uint8)


def some_parts(
    count: int, seed: int, strengths: tuple[int, int] = WEAK
) -> list[tuple[np.ndarray, str | None]]:
    """Half of them good, the others bright and dark in turn."""
    random = np.random.default_rng(seed)
    kinds = (None, "bright", None, "dark")
    return [(part(random, kinds[number % 4], strengths), kinds[number % 4]) for number in range(count)]


def features(pixels: np.ndarray) -> Floats:
    """(512,) how far each cell is above and below the middle."""
    cells = pixels.reshape(64 // CELL, CELL, 64 // CELL, CELL).mean(axis=(1, 3)).ravel() / 255 - 0.5
    return np.concatenate([cells.clip(0), (-cells).clip(0)])


@dataclass(frozen=True)
class Weights:
    """Of a linear model: (512, 2) and (2,), concepts in the order of ``CONCEPTS``."""

    slopes: Floats
    offsets: Floats


def learn(parts: Sequence[tuple[np.ndarray, str | None]], noise: float = 0.0, seed: int = 0) -> Weights:
    """Logistic regression by gradient descent; ``noise`` is the share of labels that are turned round."""
    x = np.stack([features(pixels) for pixels, _ in parts]) * 20
    y = np.array([[shown == concept for concept in CONCEPTS] for _, shown in parts], float)
    turned = np.random.default_rng(seed).random(y.shape) < noise
    y = np.where(turned, 1 - y, y)
    slopes, offsets = np.zeros((512, 2)), np.full(2, -1.0)
    for _ in range(1500):
        gap = 1 / (1 + np.exp(-(x @ slopes + offsets))) - y
        slopes -= 0.5 * (x.T @ gap / len(x) + 1e-4 * slopes)
        offsets -= 0.5 * gap.mean(axis=0)
    return Weights(slopes * 20, offsets)


def scores(weights: Weights, pixels: np.ndarray) -> Floats:
    """(2,) what the graph of these weights says."""
    return np.asarray(1 / (1 + np.exp(-(features(pixels) @ weights.slopes + weights.offsets))))


def onnx_of(weights: Weights) -> onnx.ModelProto:
    """The same as a graph."""
    constants = {
        "full": np.array(255, np.float32),
        "half": np.array(0.5, np.float32),
        "slopes": weights.slopes.astype(np.float32),
        "offsets": weights.offsets.astype(np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["numbers", "full"], ["unit"]),
        helper.make_node("AveragePool", ["unit"], ["pooled"], kernel_shape=[CELL] * 2, strides=[CELL] * 2),
        helper.make_node("Sub", ["pooled", "half"], ["centred"]),
        helper.make_node("Flatten", ["centred"], ["flat"]),
        helper.make_node("Relu", ["flat"], ["above"]),
        helper.make_node("Neg", ["flat"], ["turned"]),
        helper.make_node("Relu", ["turned"], ["below"]),
        helper.make_node("Concat", ["above", "below"], ["cells"], axis=1),
        helper.make_node("MatMul", ["cells", "slopes"], ["product"]),
        helper.make_node("Add", ["product", "offsets"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    built = helper.make_graph(
        nodes,
        "cells",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 64, 64, 1])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def collapsed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights as INT8 with a scale chosen for one wild value, as a careless calibration does: all round to
    nothing, and every part scores alike."""
    spoiled = onnx.ModelProto()
    spoiled.CopyFrom(model)
    for tensor in spoiled.graph.initializer:
        if tensor.name == "slopes":
            values = onnx.numpy_helper.to_array(tensor)
            scale = np.abs(values).max() * 300 / 127
            quantised = np.round(values / scale).clip(-127, 127).astype(np.int8)
            tensor.CopyFrom(onnx.numpy_helper.from_array(quantised.astype(np.float32) * scale, "slopes"))
    return spoiled


@dataclass
class GatePlant:
    """A workspace whose station runs ``tiles@1``."""

    workspace: Workspace
    snapshot: Digest
    learned: list[tuple[np.ndarray, str | None]]
    number: int = 0

    def recipe(self, name: str, model: onnx.ModelProto, concepts: tuple[str, ...] = CONCEPTS) -> str:
        """Package, evaluate and make a recipe of its suggested cuts: the way every model goes."""
        package = self.package(model, concepts)
        evaluate_model(self.workspace, package.digest, str(REFERENCE), COSTS, silent)
        made = make_recipe(self.workspace, RecipeRequest(name, package.digest, cuts={}))
        return f"{name}@{made['version']}"

    def package(
        self, model: onnx.ModelProto, concepts: tuple[str, ...] = CONCEPTS, run: str | None = None
    ) -> Package:
        """A package that was trained on the plant's snapshot, as far as it says, in ``run``."""
        self.number += 1
        given = OutputSpec(concepts=concepts, maps=False)
        golden = {f"{n}.png": pixels for n, (pixels, _) in enumerate(self.learned[:4])}
        checked = graph.check(model.SerializeToString(), INPUT, given)
        stated = Manifest(
            name=f"cells-{self.number}", family=Family.CLASSIFY, encoder="none", input=INPUT, output=given,
            snapshot=self.snapshot, settings_digest=Digest("2" * 64), seed=self.number, code_version="test",
            files={}, golden=golden_scores(checked, [(n, fitted(p, INPUT)) for n, p in golden.items()]),
        )  # fmt: skip
        built = self.workspace.packages / f"building-{self.number}"
        self.workspace.packages.mkdir(exist_ok=True)
        content = {name: png(pixels) for name, pixels in golden.items()}
        digest = write_package(built, stated, model.SerializeToString(), content)
        built.rename(self.workspace.packages / digest)
        loaded = load_package(self.workspace.packages / digest)
        package = Package(digest, loaded.manifest, run, (Parity(REFERENCE, 20, 1e-6, 0.0, (), 1e-3),))
        with self.workspace.database.write() as tx:
            stored_models.add(tx, package, "mara", now())
        return package

    def add(self, parts: Sequence[tuple[np.ndarray, str | None]], source: str) -> None:
        """Parts that a person labelled, with serials that begin with the name of their source."""
        with self.workspace.database.write() as tx:
            images = [self._image(pixels, f"{source}-{n}") for n, (pixels, _) in enumerate(parts)]
            stored_images.add(tx, images, source, "mara", now())
            self._label(tx, images, [shown for _, shown in parts])

    def hold(self, parts: Sequence[tuple[np.ndarray, str | None]], purpose: Purpose, begin: str) -> None:
        """Parts from a folder that a person labelled, held for gates."""
        self.add(parts, begin)
        with self.workspace.database.write() as tx:
            keys = [serial_key(f"{begin}-{n}") for n in range(len(parts))]
            stored_holdouts.add(tx, [Holdout(k, purpose, True, "agreed", "mara", now()) for k in keys])

    def run(self, parts: Sequence[tuple[np.ndarray, str | None]], answers: float = 1.0) -> None:
        """The station judges parts; people see all that did not pass and a quarter of what did;
        of so many they say what they see."""
        made = find_recipe(self.workspace, "tiles@1")
        package = load_package(self.workspace.packages / made.package)
        inspector = Inspector(package, made, REFERENCE)
        random, said = np.random.default_rng(5), np.random.default_rng(6)
        for sequence, (pixels, shown) in enumerate(parts, start=1):
            outcome = inspector.inspect(pixels)
            passed = outcome.decision.verdict is Verdict.PASS
            audit = AUDIT if passed and random.random() < AUDIT else 0.0
            if passed and not audit:
                continue
            image = self._image(pixels, f"L-{sequence}")
            capture = Capture(
                STATION, sequence, image.origin, image.shape, Kept.KEPT, image.blob, image.size, audit=audit
            )
            record = Inspection(
                identity(STATION, sequence), now(), serial_key(f"L-{sequence}"), image.digest, image.name,
                made.name, made.version, made.package, str(REFERENCE), outcome.decision, outcome.findings,
                outcome.scores, 3.0, capture=capture,
            )  # fmt: skip
            answer = (Answer.MISSED if shown else Answer.CONFIRMED) if passed else (
                Answer.CONFIRMED if shown else Answer.FALSE_ALARM
            )  # fmt: skip
            queue = Queue.AUDIT if passed else Queue(outcome.decision.verdict.lower())
            review = Review(new_id(), record.id, answer, queue, "olga", now(), shown)
            with self.workspace.database.write() as tx:
                stored_images.add(tx, [image], f"station/{STATION}", f"station/{STATION}", now())
                stored_inspections.add(tx, [record], f"station/{STATION}")
                stored_reviews.add(tx, [review] if said.random() < answers else [])

    def _image(self, pixels: np.ndarray, serial: str) -> Image:
        content = png(pixels)
        blob = self.workspace.blobs.put(content)
        shape = Shape(64, 64, 1, 8)
        return Image(
            image_digest(pixels), blob, f"{serial}.png", len(content), shape, Origin(serial=serial)
        )

    def _label(self, tx: object, images: Sequence[Image], shown: Sequence[str | None]) -> None:
        from andon.domain.annotations import Annotation, AnnotationState, WholeImage
        from andon.store import annotations as stored_annotations

        stored_annotations.add(
            tx,  # type: ignore[arg-type]
            [
                Annotation(
                    new_id(), 1, i.digest, concept, WholeImage(), AnnotationState.ACCEPTED, "mara", now()
                )
                for i, concept in zip(images, shown, strict=True)
            ],
        )


def build(root: Path) -> GatePlant:
    """Import and freeze 400 parts, and put the first model, which knows 150 of them, on the station."""
    workspace, _ = create_workspace(root / "ws", "mara")
    learned = some_parts(400, seed=1)
    for number, (pixels, shown) in enumerate(learned):
        path = root / "parts" / (shown or "good") / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels))
    request = ImportRequest(root / "parts", "parts", workspace.who, now(), add_concepts=True)
    import_images(workspace.database, workspace.blobs, request, silent)
    snapshot = freeze_dataset(workspace, DatasetSpec("tiles", ImageFilter(source="parts"))).snapshot
    plant = GatePlant(workspace, snapshot.digest, learned)
    plant.recipe("tiles", onnx_of(learn(learned[:150])))
    plant.hold(some_parts(240, seed=2), Purpose.GOLDEN, "G")
    good = learn(learned)
    seen = [p for p in some_parts(60, 3, STRONG) if p[1] and scores(good, p[0]).max() > 0.9]
    plant.hold(seen[:8], Purpose.MUST_CATCH, "M")
    return plant


def silent(done: int, total: int | None = None, text: str = "") -> None:
    """Nobody looks."""
