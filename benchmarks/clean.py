"""Clean images only: a patch memory against anomalib's PatchCore, from 30 good images and from all.

Same encoder, weights file, images and test lists; the seed draws the 30 images, and is the training's.
Our scores come from the exported ONNX file through ONNX Runtime.  Where `anomalib` is missing
(`pip install anomalib`), or all images of a set are learnt, there is no peer: its memory grows with them.

    python -m benchmarks --row clean
"""

import argparse
import csv
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from andon.domain.datasets import Split
from andon.domain.models import ANOMALY
from andon.domain.presets import preset
from andon.runtime.pixels import fit
from andon.training.export import export
from andon.training.loop import train
from andon.training.samples import Sample
from benchmarks import report
from benchmarks.classify import DATA, WEIGHTS, cookies, sample
from benchmarks.magnetic_tile import ROOT as TILES
from benchmarks.magnetic_tile import sample as tile_sample

FEW = 30
SETTINGS = replace(preset("patches"), weights=str(WEIGHTS), threads=1)
MARGIN = 0.01

Judge = Callable[[Sequence[Sample], Sequence[Sample], int], tuple[list[float], dict[str, float]]]
"""Scores of test images after learning from clean ones with a seed, and CPU-seconds of both."""


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.clean")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(argv)
    if not DATA.is_dir() or not WEIGHTS.is_file():
        sys.stdout.write(f"clean: skipped, there is no {DATA} or no {WEIGHTS.name}\n")
        return 1
    sets = (("cookies", cookies), ("aliens", aliens), ("magnetic_tile", tiles))
    rows = [measured(name, found(), FEW, options.seeds) for name, found in sets]
    rows.append(measured("magnetic_tile", tiles(), None, options.seeds))
    peers = [row for row in rows if "peer" in row]
    if peers:
        rows.append(over_all(peers))
    report.save("clean", rows)
    sys.stdout.write(report.table("clean", rows) + "\n")
    return 0 if peers and all(row.get("met", True) for row in rows) else 1


def measured(name: str, samples: Sequence[Sample], few: int | None, seeds: int) -> report.Row:
    clean = [one for one in samples if one.split is Split.TRAIN and not one.labels]
    test = [one for one in samples if one.split is Split.TEST]
    truth = [bool(one.labels) for one in test]
    judges: dict[str, Judge] = {"ours": ours}
    if few is not None and importlib.util.find_spec("anomalib"):
        judges["peer"] = peer
    found: dict[str, list[float]] = {who: [] for who in judges}
    seconds: dict[str, list[dict[str, float]]] = {who: [] for who in judges}
    for seed in range(seeds):
        drawn = np.random.default_rng(seed).permutation(len(clean))[: few or len(clean)]
        learnt = [clean[place] for place in sorted(drawn.tolist())]
        for who, judge in judges.items():
            scores, spent = judge(learnt, test, seed)
            found[who].append(float(roc_auc_score(truth, scores)))
            seconds[who].append(spent)
            sys.stderr.write(f"{name} {len(learnt)} {who} seed {seed}: {found[who][-1]:.4f} {spent}\n")
    means = {who: float(np.mean(values)) for who, values in found.items()}
    words = [f"{who} {means[who]:.3f} ({min(found[who]):.3f}..{max(found[who]):.3f})" for who in found]
    return {
        "what": f"{name}, AUROC on {len(test)} images after {len(drawn)} clean ones",
        **found,
        "cpu_seconds": seconds,
        "note": ", ".join(words),
    }


def over_all(rows: Sequence[report.Row]) -> report.Row:
    """Mean over sets and seeds, and the time of both."""
    means = {who: float(np.mean([row[who] for row in rows])) for who in ("ours", "peer")}
    times = {
        what: [
            float(np.median([seed[what] for row in rows for seed in row["cpu_seconds"][who]]))  # type: ignore[index]
            for who in ("ours", "peer")
        ]
        for what in ("learning", "scoring")
    }
    met = means["ours"] >= means["peer"] + MARGIN
    spent = "; ".join(f"{what} {a:.1f} s against {b:.1f} s" for what, (a, b) in times.items())
    return {
        "what": "mean AUROC",
        "ours": [means["ours"]],
        "peer": [means["peer"]],
        "met": met,
        "note": f"ours {means['ours']:.3f}, peer {means['peer']:.3f}, aim {MARGIN} above: "
        f"{'met' if met else 'NOT MET'}; CPU, median: {spent}",
    }


def ours(
    learnt: Sequence[Sample], test: Sequence[Sample], seed: int
) -> tuple[list[float], dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        trained = train(learnt, (ANOMALY,), replace(SETTINGS, seed=seed), Path(folder), lambda *_: None)
        learning = time.process_time() - began
        taken, _ = export(trained, Path(folder) / "model.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            Path(folder) / "model.onnx", options, providers=["CPUExecutionProvider"]
        )
    images = [fit(pixels(one), taken) for one in test]
    began = time.process_time()
    scores = [float(session.run(None, {"image": image[None]})[0][0, 0]) for image in images]
    return scores, {"learning": learning, "scoring": time.process_time() - began}


def peer(
    learnt: Sequence[Sample], test: Sequence[Sample], seed: int
) -> tuple[list[float], dict[str, float]]:
    from benchmarks import clean_peer

    began = time.process_time()
    model = clean_peer.learn([pixels(one) for one in learnt], str(WEIGHTS), seed)
    learning = time.process_time() - began
    images = [pixels(one) for one in test]
    began = time.process_time()
    scores = [clean_peer.score(model, image) for image in images]
    return scores, {"learning": learning, "scoring": time.process_time() - began}


def pixels(one: Sample) -> NDArray[np.uint8]:
    """(H, W, 1 or 3)."""
    found = one.read()
    return np.asarray(found if found.ndim == 3 else found[..., None], np.uint8)


def aliens() -> list[Sample]:
    """The split for learning from good images alone: 38 of them, and 20 good and 60 damaged to judge."""
    root = DATA / "lookout_aliens"
    lists = json.loads((root / "split.json").read_text())
    return [
        sample(root / name, name.startswith("anomaly/"), split)
        for part, split in (("train", Split.TRAIN), ("test", Split.TEST))
        for name in lists[part]
    ]


def tiles() -> list[Sample]:
    """The tiles of the lists; those that are free teach."""
    with (TILES / "groups.csv").open() as lines:
        groups = {line["file"]: line["group"] for line in csv.DictReader(lines)}
    lists = json.loads((TILES / "split.json").read_text())
    found = [
        tile_sample(name, groups[name], split)
        for part, split in (("train", Split.TRAIN), ("test", Split.TEST))
        for name in lists[part]
    ]
    return [
        replace(one, labels=frozenset({ANOMALY}), masks={}, located=False) if one.labels else one
        for one in found
    ]
