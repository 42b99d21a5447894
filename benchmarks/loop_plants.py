"""Plants of the loop's benchmarks: what they learn from first, what passes by, what judges them."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from andon.cli.demo_learn import LEARNED_DEFECTS
from andon.cli.demo_plan import AMOUNTS, EARLIER, LATER, Size
from andon.domain.runs import TrainSettings
from andon.formats.pixels import decode
from andon.simulate.line import Line, SimulatedPart
from andon.simulate.settings import LineSettings
from andon.units import Timestamp
from benchmarks import magnetic_tile


@dataclass(frozen=True)
class Sizes:
    """How much of everything; see the options of ``benchmarks.loop``."""

    first: int
    golden: int
    passing: int
    turns: int
    fresh: int
    side: int
    input: int
    steps: int
    batch: int
    minutes: float
    seconds: float
    threads: int

    def train(self, usual: TrainSettings) -> TrainSettings:
        """``usual`` with these steps and sides."""
        sides = {"height": self.input, "width": self.input, "threads": self.threads}
        return replace(usual, **sides, steps=self.steps, batch=self.batch)


class Plant(Protocol):
    """Where parts come from; every part has a serial of its own."""

    name: str

    def train(self) -> TrainSettings:
        """How its models are trained."""
        ...

    def golden(self) -> Sequence[SimulatedPart]:
        """The labelled ones that are held for gates from the beginning."""
        ...

    def first(self) -> Sequence[SimulatedPart]:
        """The labelled ones that the first model learns from."""
        ...

    def passing(self, turn: int) -> Sequence[SimulatedPart]:
        """What passes before turn ``turn``, from 1."""
        ...

    def fresh(self) -> Iterator[SimulatedPart]:
        """What models are judged on; nobody learns from it."""
        ...


class SimulatedPlant:
    """The line of ``make demo`` with another seed: in its first shift it darkens and meets a new defect."""

    def __init__(self, seed: int, sizes: Sizes) -> None:
        self.name = f"simulated plant {seed}"
        self._seed = seed
        self._sizes = sizes
        self._amount = replace(AMOUNTS[Size.NORMAL], side=sizes.side, first=sizes.passing)

    def train(self) -> TrainSettings:
        return self._sizes.train(self._amount.train())

    def golden(self) -> Sequence[SimulatedPart]:
        return self._earlier(self._sizes.first, self._sizes.golden)

    def first(self) -> Sequence[SimulatedPart]:
        return self._earlier(0, self._sizes.first)

    def passing(self, turn: int) -> Sequence[SimulatedPart]:
        line, count = self._line(self._amount.line()), self._sizes.passing
        return list(line.parts((turn - 1) * count, count))

    def fresh(self) -> Iterator[SimulatedPart]:
        return self._line(self._amount.after()).parts(LATER, self._sizes.fresh)

    def _earlier(self, begin: int, count: int) -> Sequence[SimulatedPart]:
        return list(self._line(self._amount.before(LEARNED_DEFECTS)).parts(EARLIER + begin, count))

    def changed(self, count: int) -> Sequence[SimulatedPart]:
        """Parts that pass after everything has changed."""
        return list(self._line(self._amount.after()).parts(0, count))

    def _line(self, settings: LineSettings) -> Line:
        return Line(replace(settings, seed=self._seed))


class StartingPlant(SimulatedPlant):
    """The same plant with a quarter of the first labels, and a network that begins at weights where there
    are any: without them a few hundred steps are short of training, not of labels."""

    def __init__(self, seed: int, sizes: Sizes) -> None:
        super().__init__(seed, replace(sizes, first=max(20, sizes.first // 4)))

    def train(self) -> TrainSettings:
        return self._sizes.train(with_weights())


def with_weights() -> TrainSettings:
    """The fast family with the weights of ``magnetic_tile``'s own benchmark, where they are there."""
    return magnetic_tile.SETTINGS if magnetic_tile.WEIGHTS.exists() else AMOUNTS[Size.NORMAL].train()


class TilePlant:
    """Magnetic tiles of the training list, tile by tile; the test list judges.

    A tile gives several pictures, which pass one after the other: what comes next always differs from what
    was learned from, as lots do.  Tiles are numbered by their defect; they come in an order that was drawn
    once.  Of those that come after the first batch three of ten lots are held as golden:
    without 60 defective parts no candidate can show that it is not worse.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.name = "magnetic tiles in lot order"
        with (magnetic_tile.ROOT / "groups.csv").open() as lines:
            self._lots = {line["file"]: line["group"] for line in csv.DictReader(lines)}
        split = json.loads((magnetic_tile.ROOT / "split.json").read_text())
        self._test: list[str] = split["test"][: sizes.fresh]
        arriving = sorted(split["train"], key=lambda name: (_drawn(self._lots[name]), name))
        self._first = arriving[: sizes.first]
        later = arriving[sizes.first :]
        self._golden = [name for name in later if _is_golden(self._lots[name])]
        rest = [name for name in later if not _is_golden(self._lots[name])]
        self._sizes = sizes
        size = min(sizes.passing, max(1, len(rest) // sizes.turns))
        self._turns = [rest[number * size : (number + 1) * size] for number in range(sizes.turns)]

    def train(self) -> TrainSettings:
        return self._sizes.train(with_weights())

    def golden(self) -> Sequence[SimulatedPart]:
        return list(self._tiles(self._golden))

    def first(self) -> Sequence[SimulatedPart]:
        return list(self._tiles(self._first))

    def passing(self, turn: int) -> Sequence[SimulatedPart]:
        return list(self._tiles(self._turns[turn - 1]))

    def fresh(self) -> Iterator[SimulatedPart]:
        return self._tiles(self._test)

    def _tiles(self, names: Sequence[str]) -> Iterator[SimulatedPart]:
        """Those whose mask is empty although they are called defective have no place; they are left out."""
        for name in names:
            path = magnetic_tile.ROOT / name
            is_good = name.startswith("MT_Free/")
            mask = None if is_good else magnetic_tile.mask_of(path.with_suffix(".png"))
            if mask is not None and not mask.any():
                continue
            defects = () if mask is None else ((magnetic_tile.CONCEPT, mask),)
            yield self._part(path, defects, self._lots[name])

    @staticmethod
    def _part(path: Path, defects: tuple, lot: str) -> SimulatedPart:  # type: ignore[type-arg]
        pixels = decode(path.read_bytes())
        return SimulatedPart(
            index=0,
            pixels=pixels if pixels.ndim == 2 else pixels[..., 0],
            defects=defects,
            material="tile",
            part_type="TILE",
            serial=path.stem,
            lot=lot,
            captured_at=Timestamp("2026-01-05T06:00:00.000000Z"),
        )


def _is_golden(lot: str) -> bool:
    return int(_drawn(f"golden {lot}")[:8], 16) % 10 < 3


def _drawn(lot: str) -> str:
    return hashlib.sha256(f"lot {lot}".encode()).hexdigest()
