"""A station without a clock for benchmarks of the loop: it judges as stations do, as fast as it can.

What it hands to the hub is what a station hands over: records, pictures of what is kept, and what operators
said of rejects, reviews and the audit sample.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from andon.domain.feedback import Review
from andon.domain.images import Origin, Shape
from andon.domain.inspections import Capture, Inspection, Kept, Verdict
from andon.domain.parts import serial_key
from andon.domain.stations import KeepPolicy
from andon.errors import NotFound
from andon.formats.pixels import encode_png
from andon.runtime.inspector import Inspector
from andon.services.ingest import deliver
from andon.services.models import fastest_inspector, find_package
from andon.services.recipes import find_recipe
from andon.services.workspaces import Workspace, new_id, now
from andon.simulate.line import SimulatedPart
from andon.simulate.operators import PersonSettings, answer_of
from andon.station.spool.keeping import Keep, keep
from andon.wire.deliveries import Delivery

STATION = "bench"
BATCH = 100


@dataclass
class Truths:
    """The parts that passed, by serial; annotators and judges are told, models are not."""

    parts: dict[str, SimulatedPart] = field(default_factory=dict)

    def part(self, serial: str) -> SimulatedPart:
        """Raises ``NotFound`` for a part that did not pass."""
        if serial not in self.parts:
            raise NotFound(f"no part {serial!r} passed")
        return self.parts[serial]


@dataclass
class QuickLine:
    """One station; ``policy`` says what it keeps, all of which it sends."""

    workspace: Workspace
    policy: KeepPolicy
    operator: PersonSettings
    truths: Truths = field(default_factory=Truths)
    sequence: int = 0

    def run(self, recipe: str, parts: Iterable[SimulatedPart]) -> dict[str, Verdict]:
        """Judge ``parts`` by ``NAME@VERSION`` and hand everything over; serial -> verdict."""
        inspector, said = inspector_of(self.workspace, recipe), {}
        waiting = iter(parts)
        while batch := list(islice(waiting, BATCH)):
            records = list(self._records(recipe, inspector, batch))
            reviews = tuple(self._reviews(records))
            receipt = deliver(
                self.workspace, STATION, Delivery(tuple(record for record, _ in records), reviews)
            )
            if receipt.refused:
                raise RuntimeError(f"the hub refused: {receipt.refused[0]}")
            said |= {record.name: record.decision.verdict for record, _ in records}
        return said

    def _records(
        self, recipe: str, inspector: Inspector, parts: Sequence[SimulatedPart]
    ) -> Iterator[tuple[Inspection, Keep]]:
        found = find_recipe(self.workspace, recipe)
        for part in parts:
            self.truths.parts[part.serial] = part
            self.sequence += 1
            outcome = inspector.inspect(part.pixels)
            draws = np.random.default_rng([self.operator.seed, self.sequence]).random(2)
            kept = keep(outcome.decision, self.policy, (float(draws[0]), float(draws[1])))
            record = Inspection(
                id=new_id(),
                at=now(),
                part=serial_key(part.serial),
                image=outcome.image(),
                name=part.serial,
                recipe=found.name,
                recipe_version=found.version,
                package=found.package,
                variant=str(inspector.variant),
                decision=outcome.decision,
                findings=outcome.findings,
                scores=outcome.scores,
                milliseconds=outcome.milliseconds,
                capture=self._capture(part, kept, outcome.health),
            )
            yield record, kept

    def _capture(self, part: SimulatedPart, kept: Keep, health: Mapping[str, float]) -> Capture:
        height, width = part.pixels.shape[:2]
        content = encode_png(part.pixels) if kept.image else b""
        return Capture(
            station=STATION,
            sequence=self.sequence,
            origin=Origin(
                line=STATION, station=STATION, serial=part.serial, lot=part.lot, captured_at=now()
            ),
            shape=Shape(height, width, 1 if part.pixels.ndim == 2 else part.pixels.shape[2], 8),
            kept=Kept.KEPT if kept.image else Kept.NOT_KEPT,
            blob=self.workspace.blobs.put(content) if kept.image else None,
            size=len(content),
            audit=kept.audit,
            health=health,
        )

    def _reviews(self, records: Iterable[tuple[Inspection, Keep]]) -> Iterator[Review]:
        for record, kept in records:
            if kept.queue is None:
                continue
            defective = bool(self.truths.part(record.name).defects)
            answer = answer_of(record.name, record.decision.verdict, defective, self.operator)
            if answer is not None:
                yield Review(new_id(), record.id, answer, kept.queue, "operator", now())


def inspector_of(workspace: Workspace, recipe: str) -> Inspector:
    """The recipe's model on its fastest engine, one thread."""
    found = find_recipe(workspace, recipe)
    return fastest_inspector(workspace, found, find_package(workspace, found.package), None, threads=1)
