"""From snapshot to package on both databases: data sets frozen, runs and their curves, models measured."""

from dataclasses import replace

import pytest
from simulators.stored_rows import ME, T0, T1, all_pages, image, package
from sqlalchemy import Connection

from andon.domain.datasets import DatasetSpec, Snapshot, SnapshotItem, Split, SplitRule
from andon.domain.images import ImageFilter, Shape
from andon.domain.runs import MetricPoint, Run, RunState, TrainSettings
from andon.errors import InvalidInput, NotFound
from andon.store import datasets, models, runs
from andon.units import digest_of


def test_snapshots(tx: Connection) -> None:
    def freeze(name: str, number: int) -> Snapshot:
        item = SnapshotItem(
            image(number).digest, image(number).blob, "n", Shape(1, 1, 1, 8), "part", "group", Split.TEST
        )
        return Snapshot(digest_of(b"%d" % number), name, (), (item,))

    for name, number, seed in (("tiles", 1, 0), ("tiles", 1, 0), ("tiles", 2, 1), ("rings", 3, 0)):
        spec = DatasetSpec(name, ImageFilter(part_type="tile"), SplitRule("lot", seed=seed))
        datasets.add_snapshot(tx, spec, freeze(name, number), author=ME, at=T0)
    rows = all_pages(lambda after: datasets.page(tx, after, 2))
    assert [(row.dataset, row.dataset_version) for row in rows] == [
        ("rings", 1),
        ("tiles", 2),
        ("tiles", 1),
    ]  # type: ignore[attr-defined]
    latest = datasets.find(tx, "tiles")
    assert (latest.digest, latest.images) == (digest_of(b"2"), 1)
    assert latest.counts == {"test": {"images": 1, "parts": 1}}
    assert datasets.find(tx, digest_of(b"1")[:8]).digest == digest_of(b"1")
    assert datasets.spec(tx, "tiles").rule.seed == 1
    with pytest.raises(NotFound, match="no data set or snapshot 'cogs'"):
        datasets.find(tx, "cogs")


def test_runs_and_their_curves(tx: Connection) -> None:
    made = [
        Run(f"{n}0-run", digest_of(b"s"), TrainSettings(seed=n), RunState.RUNNING, ME, T0, code_version="1")
        for n in range(3)
    ]
    for run in made:
        runs.start(tx, run)
    runs.finish(tx, made[0].id, steps=90, package=digest_of(b"p"), by=(ME, T1))
    runs.fail(tx, made[1].id, reason="loss is NaN", by=(ME, T1))
    finished = replace(made[0], state=RunState.FINISHED, steps=90, package=digest_of(b"p"), finished_at=T1)
    failed = replace(made[1], state=RunState.FAILED, reason="loss is NaN", finished_at=T1)
    assert all_pages(lambda after: runs.page(tx, after, 2)) == [made[2], failed, finished]
    assert runs.get(tx, "00") == finished
    assert runs.unfinished(tx, digest_of(b"s"), TrainSettings(seed=2)) == made[2]
    assert runs.unfinished(tx, digest_of(b"s"), TrainSettings(seed=0)) is None
    points = [MetricPoint(step, 1.5 * step, {"loss": 1 / step}) for step in (1, 2, 3)]
    runs.add_metrics(tx, made[2].id, points)
    again = MetricPoint(3, 9.0, {"loss": 0.25})
    runs.add_metrics(tx, made[2].id, [again])
    assert runs.metrics(tx, made[2].id) == (*points[:2], again)
    with pytest.raises(InvalidInput, match="not a finite number"):
        runs.add_metrics(tx, made[2].id, [MetricPoint(4, 1.0, {"loss": float("nan")})])
    with pytest.raises(NotFound, match="no run 'nope'"):
        runs.fail(tx, "nope", "reason", (ME, T0))


def test_packages_and_what_was_measured_on_them(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no model yet"):
        models.latest(tx)
    assert models.add(tx, package(), ME, T0)
    assert not models.add(tx, package(), ME, T1)
    models.add(tx, package("rings"), ME, T1)
    assert models.latest(tx) == package("rings")
    assert models.get(tx, package().digest[:12]) == package()
    assert models.page(tx, None, 9).rows == (package("rings"), package())
    models.add_attestation(tx, package().digest, "evaluation", {"ap": 0.5, "of": [1]}, (ME, T0))
    models.add_attestation(tx, package().digest, "benchmark", {"ms": 3.5}, (ME, T1))
    found = models.attestations(tx, package().digest)
    assert [(a.kind, a.facts, a.at) for a in found] == [
        ("evaluation", {"ap": 0.5, "of": [1]}, T0), ("benchmark", {"ms": 3.5}, T1),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        models.add_attestation(tx, digest_of(b"?"), "evaluation", {}, (ME, T0))
