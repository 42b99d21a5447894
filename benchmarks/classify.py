"""Good or not, on two easy sets: cookies (the authors' training and test folders) and aliens (half and
half).

The split file of the aliens is made for one-class methods (38 good images to learn from), so a
classifier gets its own: within each class images are ordered by a hash of their name and every second
one is learnt from. All scores come from the exported ONNX file through ONNX Runtime. Aim: AUROC >= 0.99.

    python -m benchmarks --row classify
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from andon.domain.datasets import Split
from andon.domain.presets import preset
from andon.domain.runs import TrainSettings
from andon.formats import pixels
from andon.runtime.pixels import fit
from andon.training.export import export
from andon.training.loop import train
from andon.training.samples import Sample
from benchmarks import report

SHARED = Path(os.environ.get("ANDON_SHARED", Path(__file__).parents[2] / "shared"))
DATA = SHARED / "data"
WEIGHTS = SHARED / "weights" / "mobilenetv2_100.safetensors"
CONCEPT = "defect"
AIM = 0.99

SETTINGS = replace(preset("classify"), weights=str(WEIGHTS), threads=1)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.classify")
    parser.add_argument("--minutes", type=float, default=6.0, help="CPU-minutes for each training")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(argv)
    if not DATA.is_dir() or not WEIGHTS.is_file():
        sys.stdout.write(f"classify: skipped, there is no {DATA} or no {WEIGHTS.name}\n")
        return 1
    rows = [measured(name, found(), options) for name, found in (("cookies", cookies), ("aliens", aliens))]
    report.save("classify", rows)
    sys.stdout.write(report.table("classify", rows) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def measured(name: str, samples: Sequence[Sample], options: argparse.Namespace) -> report.Row:
    values, seconds = [], []
    for seed in range(options.seeds):
        started = time.process_time()
        values.append(auroc(samples, replace(SETTINGS, minutes=options.minutes, seed=seed)))
        seconds.append(time.process_time() - started)
        sys.stderr.write(f"{name} seed {seed}: AUROC {values[-1]:.4f}, {seconds[-1]:.0f} CPU-seconds\n")
    counts = [sum(s.split is split for s in samples) for split in (Split.TRAIN, Split.TEST)]
    met = min(values) >= AIM
    return {
        "what": f"{name}, AUROC on {counts[1]} images after training on {counts[0]}",
        "ours": values,
        "cpu_seconds": seconds,
        "met": met,
        "note": f"{np.mean(values):.4f} (lowest {min(values):.4f}), aim {AIM}: {_word(met)}",
    }


def _word(met: bool) -> str:
    return "met" if met else "NOT MET"


def auroc(samples: Sequence[Sample], settings: TrainSettings) -> float:
    test = [sample for sample in samples if sample.split is Split.TEST]
    with tempfile.TemporaryDirectory() as folder:
        trained = train(samples, (CONCEPT,), settings, Path(folder), lambda *_: None)
        taken, _ = export(trained, Path(folder) / "model.onnx")
        session = onnxruntime.InferenceSession(
            Path(folder) / "model.onnx", providers=["CPUExecutionProvider"]
        )
        scores = [session.run(None, {"image": fit(one.read(), taken)[None]})[0][0, 0] for one in test]
    return float(roc_auc_score([bool(one.labels) for one in test], scores))


def cookies() -> list[Sample]:
    """31 good and 32 cracked to learn from, 14 and 8 to be measured on; the authors' folders."""
    root = DATA / "lookout_cookies"
    folders = (
        (root / "dataset-files" / "training-images", Split.TRAIN),
        (root / "test-images", Split.TEST),
    )
    return [
        sample(path, "anomaly" in path.name, split)
        for folder, split in folders
        for path in sorted(folder.glob("*.jpg"))
    ]


def aliens() -> list[Sample]:
    """58 good and 60 damaged; half of each class to learn from."""
    samples = []
    for folder in ("normal", "anomaly"):
        paths = sorted((DATA / "lookout_aliens" / folder).iterdir(), key=lambda path: hash_of(path.name))
        for position, path in enumerate(paths):
            samples.append(sample(path, folder == "anomaly", Split.TRAIN if position % 2 else Split.TEST))
    return samples


def sample(path: Path, defect: bool, split: Split) -> Sample:
    name = f"{path.parent.name}/{path.name}"
    labels = frozenset({CONCEPT}) if defect else frozenset[str]()
    return Sample(name, name, split, partial(colour, path), labels, located=not defect)


def colour(path: Path) -> NDArray[np.uint8]:
    found = pixels.decode(path.read_bytes())
    return (
        found
        if found.shape[-1] == 3 and found.ndim == 3
        else np.repeat(found.reshape(*found.shape[:2], 1), 3, axis=2)
    )


def hash_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
