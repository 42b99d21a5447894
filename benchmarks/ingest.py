"""Ingest: records per second that a hub takes durably through HTTP, against a bare SQLite insert loop.

A hub of its own process takes deliveries of a station: JSON parsed and checked, recipe and model looked up,
places in the sequence kept unique, details compressed, one transaction each on the disk (WAL,
synchronous=FULL) before the receipt.  The peer inserts the very same rows, made ready before, into the same
tables with the same indexes and settings, in as many transactions, and does nothing else.  They take turns.
Goal: at least 500 records a second with clients and hub on two cores.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pysqlite3.dbapi2 as sqlite

from andon.domain.annotations import Box
from andon.domain.images import Origin, Shape
from andon.domain.inspections import (
    Capture,
    Decision,
    Finding,
    Inspection,
    Kept,
    Reason,
    ReasonCode,
    Verdict,
)
from andon.domain.models import (
    Cuts,
    Engine,
    InputSpec,
    Manifest,
    OutputSpec,
    Package,
    Parity,
    Precision,
    Variant,
)
from andon.domain.recipes import Recipe
from andon.domain.runs import Family
from andon.domain.serial import canonical
from andon.services.workspaces import create_workspace, new_id, now
from andon.store import inspections, models, recipes
from andon.units import digest_of
from andon.wire.deliveries import Delivery
from benchmarks.report import Row, save, summarise, table

NAME = "ingest"
AIM = 500.0
"""Records a second."""

FAST = Variant(Engine.OPENVINO, Precision.F32)
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Load:
    """How records come: ``connections`` stations at once, each delivery of ``size`` records."""

    size: int
    connections: int

    @property
    def name(self) -> str:
        """For the result."""
        return f"deliveries of {self.size} records, {self.connections} at once"


LOADS = (Load(20, 4), Load(100, 1), Load(500, 1))


def main(argv: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row ingest", description=__doc__)
    parser.add_argument("--records", type=int, default=6000, help="records of each row of the result")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to be measured")
    chosen = parser.parse_args(argv)
    rows = [measured(chosen.folder, load, chosen.records) for load in LOADS]
    save(NAME, rows)
    sys.stdout.write(table(NAME, rows) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


def measured(folder: Path, load: Load, records: int) -> Row:
    """One row of the result: milliseconds per record of ours and the peer's, taking turns."""
    rounds = max(3, records // (load.size * load.connections))
    ours: list[float] = []
    peer: list[float] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made, bare = prepared(Path(scratch) / "ours"), prepared(Path(scratch) / "peer")
        with hub(made) as address, ThreadPoolExecutor(load.connections) as senders, inserting(bare) as base:
            clients = [httpx.Client(base_url=address, timeout=60) for _ in range(load.connections)]
            for number in range(rounds + 1):
                sent = [delivery(f"ST-{c}", number * load.size, load.size) for c in range(load.connections)]
                bodies = [canonical(one) for one in sent]
                packed = [[row_of(record) for record in one.records] for one in sent]
                started = time.perf_counter()
                taken = list(senders.map(deliver, clients, range(load.connections), bodies))
                elapsed = time.perf_counter() - started
                loop = [insert(base, rows) for rows in packed]
                if number:  # the first round warms both up
                    seconds.append(elapsed)
                    ours += [1e3 * one / load.size for one in taken]
                    peer += [1e3 * one / load.size for one in loop]
    total = rounds * load.size * load.connections
    rate = total / sum(seconds)
    median, high = summarise(ours)
    bare_median, bare_high = summarise(peer)
    ratio = float(np.median(np.asarray(ours) / np.asarray(peer)))
    return {
        "what": load.name,
        "median_ms": round(median, 4),
        "p95_ms": round(high, 4),
        "peer_median_ms": round(bare_median, 4),
        "peer_p95_ms": round(bare_high, 4),
        "ratio": round(ratio, 2),
        "records": total,
        "records_per_second": round(rate, 1),
        "aim_per_second": AIM,
        "met": rate >= AIM,
        "load_average": round(os.getloadavg()[0], 2),
        "note": f"{rate:.0f} records/s, aim {AIM:.0f}: {'met' if rate >= AIM else 'NOT MET'};"
        f" load {os.getloadavg()[0]:.1f}",
    }


def deliver(client: httpx.Client, station: int, body: bytes) -> float:
    """Hand one delivery over; seconds until its receipt, which must accept all."""
    headers = {"content-type": "application/json"}
    started = time.perf_counter()
    answer = client.post(f"/api/stations/ST-{station}/deliveries", content=body, headers=headers)
    elapsed = time.perf_counter() - started
    if answer.status_code != 200 or answer.json()["refused"]:
        raise RuntimeError(f"the hub did not take a delivery: {answer.text[:300]}")
    return elapsed


def insert(base: Any, rows: Sequence[dict[str, object]]) -> float:
    """The bare loop: one transaction with all rows; seconds until it is on the disk."""
    columns = tuple(rows[0])
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO inspections ({', '.join(columns)}) VALUES ({places})"
    values = [tuple(row[column] for column in columns) for row in rows]
    started = time.perf_counter()
    base.execute("BEGIN IMMEDIATE")
    base.executemany(statement, values)
    base.execute("COMMIT")
    return time.perf_counter() - started


def row_of(record: Inspection) -> dict[str, object]:
    """What the hub writes of a record; recipe and model are the first of their tables."""
    values = inspections.pack(record, f"station/{record.capture.station if record.capture else ''}").values
    return {**values, "verdict": str(values["verdict"]), "recipe_id": 1, "package_id": 1}


def prepared(folder: Path) -> Path:
    """A workspace with a model and a recipe."""
    workspace, _ = create_workspace(folder, "benchmark")
    with workspace.database.write() as tx:
        models.add(tx, package(), "benchmark", now())
        cuts = {"dent": Cuts(0.2, 0.5), "scratch": Cuts(0.2, 0.5)}
        draft = Recipe("brackets", 0, None, package().digest, cuts, author="benchmark", at=now())
        recipes.add_version(tx, draft)
    workspace.database.close()
    return folder


def package() -> Package:
    """A model as its row says it."""
    made_of = (digest_of(b"snapshot"), digest_of(b"settings"), 0, "1")
    taken, given = InputSpec(512, 512, 1, 8), OutputSpec(("dent", "scratch"), True)
    manifest = Manifest("brackets", Family.SEGMENT, "", taken, given, *made_of, {}, {})
    return Package(digest_of(b"brackets"), manifest, None, (Parity(FAST, 9, 0.0, 0.0, (), 0.01),))


def delivery(station: str, start: int, size: int) -> Delivery:
    """Records as a line makes them: 1 in 20 is rejected, with more findings and a kept image."""
    return Delivery(tuple(record(station, start + number + 1) for number in range(size)))


def record(station: str, sequence: int) -> Inspection:
    rejected = sequence % 20 == 0
    blob = digest_of(f"{station}/{sequence}".encode())
    score = 0.83 if rejected else 0.031
    found = tuple(
        Finding("dent", score - 0.1 * n, Box(100 + n, 80, 31, 22), 402.5, 35.2, (115.0, 91.0))
        for n in range(3 if rejected else 1)
    )
    reason = Reason(ReasonCode.DEFECT, "dent", "score 0.830, cut 0.500")
    at = now()
    capture = Capture(
        station=station,
        sequence=sequence,
        origin=Origin(line="L1", station=station, serial=f"S{sequence:08}", captured_at=at),
        shape=Shape(512, 512, 1, 8),
        kept=Kept.KEPT if rejected else Kept.NOT_KEPT,
        blob=blob if rejected else None,
        size=181_000 if rejected else 0,
        thumbnail=digest_of(blob.encode()),
        health={"brightness": 0.4137, "sharpness": 0.0213},
        stages={"health": 0.31, "locate": 0.8, "model": 4.13, "rules": 0.05, "record": 1.2},
        program="0.1.0",
        machine="avx2",
    )
    return Inspection(
        id=new_id(),
        at=at,
        part=f"S{sequence:08}",
        image=digest_of(capture.station.encode() + b"%d" % sequence),
        name=f"{sequence:08}.png",
        recipe="brackets",
        recipe_version=1,
        package=package().digest,
        variant=str(FAST),
        decision=Decision(Verdict.REJECT, (reason,)) if rejected else Decision(Verdict.PASS),
        findings=found,
        scores={"dent": score, "scratch": 0.011},
        milliseconds=7.4,
        capture=capture,
    )


@contextmanager
def hub(workspace: Path) -> Iterator[str]:
    """A hub over ``workspace``, on a free port; gives its address."""
    command = [sys.executable, "-m", "andon.hub", "--workspace", str(workspace), "--port", "0"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        first = running.stderr.readline()
        address = next((word for word in first.split() if word.startswith("http://")), None)
        if address is None:
            raise RuntimeError(f"the hub did not start: {first}{running.stderr.read()}")
        wait_for(address)
        yield address
    finally:
        running.terminate()
        running.wait(PATIENCE_SECONDS)
        running.stderr.close()


def wait_for(address: str) -> None:
    """Until the hub answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            httpx.get(f"{address}/api/key").raise_for_status()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def inserting(workspace: Path) -> Iterator[Any]:
    """The peer's connection, with the hub's settings."""
    base = sqlite.connect(str(workspace / "andon.db"), isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    base.execute("PRAGMA foreign_keys=ON")
    try:
        yield base
    finally:
        base.close()
