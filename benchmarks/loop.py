"""The loop: does it turn to the better, what is choosing worth, how long does a turn take?

    python -m benchmarks --row loop --only turns,labels,tiles,time

``turns``: on simulated plants whose light shifts and that meet a new kind of defect, a first model and
then turn after turn: parts pass, operators answer (and err), pictures are chosen and labelled, a version
is fine-tuned, gated, and runs if it passed; where the gate refuses, an annotator looks at the flips and the
gate asks once more.  Escapes and cost on fresh parts rise at no turn that passed, the
others are refused by the gate, at least one passes, and the last version beats the first.  ``tiles``: the
same with real images in the order of their lots.  ``labels``: the minutes of labelling after which what
runs, fine-tuned, costs at most what it costs fine-tuned on everything, divided by 0.95:
chosen against drawn by chance, on the same plant, at equal minutes; aim: half of them.  ``time``: select,
label, train, gate and release with 2,000 pictures; limit: 30 minutes.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from andon.analysis.before_after import PER, part_costs
from andon.cli.demo_learn import cuts_again, import_folder, learn
from andon.cli.demo_people import Annotator, Labelled
from andon.cli.demo_plan import ANNOTATOR, COSTS, DATASET, NAME, OPERATOR, REVIEW
from andon.domain.gates import Purpose
from andon.domain.inspections import Verdict
from andon.domain.loops import LoopPlan, Turn, TurnStep
from andon.domain.presets import fine_tuned
from andon.domain.selections import SelectionSettings
from andon.domain.stations import KeepPolicy, StationReport
from andon.errors import NotPossible
from andon.jobs.gate import run_gate
from andon.jobs.turn import do_turn
from andon.services.approvals import approve
from andon.services.gates import find_gate
from andon.services.holdouts import hold_part
from andon.services.line_cuts import cheapest_on_line
from andon.services.loops import save_plan, start_turn
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.services.selections import make_selection
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, create_workspace, now, open_workspace
from andon.simulate.folder import write_parts
from andon.simulate.line import SimulatedPart
from benchmarks import magnetic_tile, report
from benchmarks.loop_met import Figures, Turned, is_met
from benchmarks.loop_plants import Plant, SimulatedPlant, Sizes, StartingPlant, TilePlant
from benchmarks.quick_line import STATION, QuickLine, inspector_of

PARTS = ("turns", "labels", "tiles", "time")
SEEDS = (90001, 90002, 90003, 90004, 90005)
"""Of plants on which nothing was chosen or tuned."""

ENOUGH = 0.95
RATIO = 0.5
LIMIT_MINUTES = 30.0
KEEP = KeepPolicy(passes=0.05, audit=0.15)
EVERYTHING = KeepPolicy(passes=1.0, audit=0.15)
FULL = 10_000.0
FINER, GROWTH = 0.25, 2**0.5
"""The first labels of an arm, of the minutes of a turn, and by how much they grow each round."""


def main(arguments: Sequence[str] = ()) -> int:
    chosen = _options().parse_args(arguments)
    sizes = _sizes(chosen)
    rows: list[report.Row] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for part in chosen.only.split(","):
            found: list[report.Row] = []
            for row in _RUNS[part](chosen, sizes, root / part):
                found.append(row)
                if not chosen.tiny:
                    report.save(f"loop_{part}", found)
            rows += found
    sys.stdout.write(report.table("loop", rows) + "\n")
    return 0 if all(row["met"] for row in rows) else 1


@dataclass
class Loop:
    """One plant and its workspace: the product's own services, and a station without a clock."""

    workspace: Workspace
    plant: Plant
    sizes: Sizes
    line: QuickLine

    @property
    def annotator(self) -> Annotator:
        return Annotator(self.workspace, self.line.truths, ANNOTATOR)  # type: ignore[arg-type]

    def learn(self, start: str = "") -> str:
        """A version from everything that is labelled, fine-tuned from the model of version ``start`` if
        there is one, with cuts from the line where it says enough."""
        settings, asked = self.plant.train(), DATASET
        if start:
            begin = find_package(self.workspace, find_recipe(self.workspace, start).package)
            settings = fine_tuned(settings, begin.digest)
            asked = replace(asked, rule=replace(asked.rule, like=begin.manifest.snapshot))
        model = learn(self.workspace, asked, lambda _: settings)
        approve(self.workspace, model, "benchmark")
        request = RecipeRequest(NAME, model, cuts={}, line_chose=True)
        found = cheapest_on_line(self.workspace, request, COSTS, lambda *_: None)
        if found is not None:
            make_recipe(self.workspace, replace(request, cuts=found.cuts))
        return f"{NAME}@{find_recipe(self.workspace, NAME).version}"

    def select(self, minutes: float, control: float = 0.1, seed: int = 0) -> Labelled:
        """Choose what the line sent, and label it."""
        settings = SelectionSettings(None, minutes, self.sizes.seconds, control, "station/", seed)
        return self.annotator.label_selection(make_selection(self.workspace, settings).id)

    def judge(self, recipe: str) -> Figures:
        """What a version does on fresh parts."""
        inspector, verdicts, truth = inspector_of(self.workspace, recipe), [], []
        for part in self.plant.fresh():
            verdicts.append(inspector.inspect(part.pixels).decision.verdict)
            truth.append(bool(part.defects))
        return figures(verdicts, truth)


def figures(verdicts: Sequence[Verdict], truth: Sequence[bool]) -> Figures:
    bad = np.array(truth)
    passed = np.array([verdict is Verdict.PASS for verdict in verdicts])
    cost = part_costs(verdicts, bad, COSTS, REVIEW)
    return Figures(PER * float((passed & bad).mean()), PER * float(cost.mean()))


def begun(root: Path, plant: Plant, sizes: Sizes, policy: KeepPolicy) -> tuple[Loop, str]:
    """A plant with a first model that runs."""
    golden = plant.golden()
    parts = dict(enumerate([*plant.first(), *golden]))
    write_parts(root / "parts", _Shown(parts), range(len(parts)), lambda *_: None)  # type: ignore[arg-type]
    workspace, _ = create_workspace(root / "workspace", "bench")
    import_folder(workspace, root / "parts")
    for part in golden:
        hold_part(workspace, part.serial, Purpose.GOLDEN, "held from the beginning")
    loop = Loop(workspace, plant, sizes, QuickLine(workspace, policy, OPERATOR))
    return loop, loop.learn()


@dataclass(frozen=True)
class _Shown:
    """Parts by number, as ``write_parts`` asks for them."""

    parts: dict[int, SimulatedPart]

    def part(self, index: int) -> SimulatedPart:
        return self.parts[index]


def turns(chosen: argparse.Namespace, sizes: Sizes, root: Path) -> Iterator[report.Row]:
    for seed in SEEDS[: chosen.plants]:
        yield turned(SimulatedPlant(seed, sizes), sizes, root / str(seed))


def tiles(_chosen: argparse.Namespace, sizes: Sizes, root: Path) -> Iterator[report.Row]:
    if not magnetic_tile.ROOT.exists():
        yield {"what": "magnetic tiles in lot order", "met": False, "note": f"no {magnetic_tile.ROOT}"}
        return
    yield turned(TilePlant(sizes), sizes, root)


def turned(plant: Plant, sizes: Sizes, root: Path) -> report.Row:
    """Turn after turn: what runs, and what the gate said of what was made."""
    loop, running = begun(root, plant, sizes, KEEP)
    save_plan(loop.workspace, _plan(plant, sizes))
    words, came, before = [f"{running} runs"], list[Turned](), loop.judge(running)
    for number in range(1, sizes.turns + 1):
        loop.line.run(running, plant.passing(number))
        work = loop.annotator.look_again().and_then(_chosen(loop, number))
        made = _turn(loop.workspace, f"turn {number} of the benchmark")
        better, looked = _decided(loop, made)
        running = better or running
        after = loop.judge(running) if better else before
        came.append(Turned(bool(better), made.subject(TurnStep.ENDED), before, after))
        before = after
        spent = work.and_then(looked).minutes
        words.append(f"turn {number}, {spent:.0f} min: {_said(made, better)}")
        sys.stderr.write(f"{plant.name}: {words[-1]}; {after}\n")
    seen, met = [came[0].before, *(one.after for one in came)], is_met(came)
    escapes, cost = [round(one.escapes, 1) for one in seen], [round(one.cost) for one in seen]
    passes = f"{sum(one.passed for one in came)} of {len(came)} turns passed"
    note = f"escapes {escapes}, cost {cost} per 1,000; {passes}; " + "; ".join(words)
    return {"what": plant.name, "escapes": escapes, "cost": cost, "met": met, "note": _ended(note, met)}


def _chosen(loop: Loop, seed: int) -> Labelled:
    try:
        return loop.select(loop.sizes.minutes, seed=seed)
    except NotPossible:  # everything that came back is labelled
        return Labelled()


def _decided(loop: Loop, made: Turn) -> tuple[str, Labelled]:
    """The version of the turn that may run, if any.  Where the gate refused it, somebody looks at the
    flips, chooses the cuts anew by what is known now, and lets the gate ask again: operators err."""
    name, recipe = made.subject(TurnStep.GATED), made.subject(TurnStep.RECIPE)
    if made.subject(TurnStep.APPROVED) or not name:
        return recipe if made.subject(TurnStep.APPROVED) else "", Labelled()
    workspace, gate = loop.workspace, find_gate(loop.workspace, name)
    looked = loop.annotator.look_at_flips(gate)
    again = cuts_again(workspace, recipe)
    asked = run_gate(workspace, replace(gate.request, candidate=again), lambda *_: None)
    if not asked.outcome.passed:
        failed = [f"{check.name}: {check.measured}" for check in asked.outcome.checks if not check.passed]
        sys.stderr.write(f"after a look at {looked.pictures} flips: {'; '.join(failed)}\n")
        return "", looked
    approve(workspace, made.subject(TurnStep.TRAINED), "the gate passed after a look at its flips")
    return again, looked


def _said(made: Turn, better: str) -> str:
    if better:
        return f"{better} passed and runs"
    return made.events[-1].detail.replace("\n", " ")[:300]


def _plan(plant: Plant, sizes: Sizes) -> LoopPlan:
    train = plant.train()
    return LoopPlan(NAME, DATASET, train, COSTS, fine_tune=sizes.steps, review=REVIEW, approves=True)


def _turn(workspace: Workspace, cause: str) -> Turn:
    made = start_turn(workspace, NAME, cause, by_worker=False)
    return do_turn(workspace, made.id, lambda *_: None)


def labels(chosen: argparse.Namespace, sizes: Sizes, root: Path) -> Iterator[report.Row]:
    """A row for each plant, and the median; a plant whose first model is good enough says nothing."""
    ratios = []
    for seed in SEEDS[: chosen.plants]:
        found = needed(StartingPlant(seed, sizes), sizes, root / str(seed), chosen.rounds)
        what = {"what": f"minutes of labels, plant {seed}", "note": str(found)}
        if found.before <= found.goal:
            yield what | {"met": True, "note": f"the first model is good enough: says nothing; {found}"}
            continue
        ratios.append(found.ratio)
        yield what | {"ratio": found.ratio, "limit": RATIO, "met": found.ratio <= RATIO}
    if ratios:
        middle, shown = median(ratios), ", ".join(f"{ratio:.2f}" for ratio in ratios)
        what = {"what": f"minutes of labels to {ENOUGH:.0%} of the full data's cost, median"}
        note = f"chosen by chance: {shown}; aim {RATIO}"
        yield what | {"ratio": middle, "limit": RATIO, "met": middle <= RATIO, "note": note}


@dataclass(frozen=True)
class Needed:
    """What labels did on one plant: cost by minutes in each arm, as far as it went; ``goal`` is enough."""

    before: float
    goal: float
    most: float
    costs: dict[str, dict[float, float]]

    @property
    def ratio(self) -> float:
        """Minutes that chosen labels needed, by those drawn by chance."""
        return self.minutes("chosen") / self.minutes("chance")

    def minutes(self, arm: str) -> float:
        """After which it was enough; ``most``, one step more than there were, where it never was."""
        return next((spent for spent, cost in self.costs[arm].items() if cost <= self.goal), self.most)

    def __str__(self) -> str:
        arms = "; ".join(
            f"{arm} " + ", ".join(f"{spent:.0f} min {cost:.0f}" for spent, cost in costs.items())
            for arm, costs in self.costs.items()
        )
        return f"cost before {self.before:.0f}, enough {self.goal:.0f}; {arms}"


def needed(plant: SimulatedPlant, sizes: Sizes, root: Path, rounds: int) -> Needed:
    """Label more and more, chosen or by chance; what runs is fine-tuned on all of it, every time anew."""
    base, running = begun(root / "base", plant, sizes, EVERYTHING)
    before = base.judge(running).cost
    base.line.run(running, plant.changed(sizes.passing))
    everything = _arm(base, root / "full")
    everything.select(FULL)
    goal = everything.judge(everything.learn(running)).cost / ENOUGH
    sys.stderr.write(f"{plant.name}: cost {before:.0f}, enough is {goal:.0f} per 1,000\n")
    grown = [sizes.minutes * FINER * GROWTH**number for number in range(rounds + 1)]
    found = Needed(before, goal, grown[-1], {"chosen": {}, "chance": {}})
    if before <= goal:
        return found
    for name, control in (("chosen", 0.0), ("chance", 1.0)):
        arm, spent = _arm(base, root / name), 0.0
        for number, minutes in enumerate(grown[:-1]):
            arm.select(minutes - spent, control, seed=number)
            spent, cost = minutes, arm.judge(arm.learn(running)).cost
            found.costs[name][spent] = cost
            sys.stderr.write(f"{plant.name}, {name}, {spent:.0f} min: cost {cost:.0f}\n")
            if cost <= goal:
                break
    return found


def _arm(base: Loop, root: Path) -> Loop:
    """A copy of the workspace, from which one arm goes on."""
    base.workspace.database.close()
    shutil.copytree(base.workspace.folder, root)
    base.workspace = open_workspace(base.workspace.folder, "bench")
    return replace(base, workspace=open_workspace(root, "bench"))


def timed(chosen: argparse.Namespace, sizes: Sizes, root: Path) -> Iterator[report.Row]:
    """A turn with many pictures, step by step, in seconds."""
    plant = SimulatedPlant(SEEDS[0], replace(sizes, passing=chosen.images))
    loop, running = begun(root, plant, sizes, EVERYTHING)
    loop.line.run(running, plant.changed(chosen.images))
    _report_station(loop.workspace, running)
    save_plan(loop.workspace, replace(_plan(plant, sizes), stations=((STATION,),)))
    clock, seconds = time.monotonic(), {}
    work = loop.select(sizes.minutes)
    seconds["select and store labels"], clock = time.monotonic() - clock, time.monotonic()
    made = _turn(loop.workspace, "timed")
    seconds["freeze, train, evaluate, gate, release"] = time.monotonic() - clock
    minutes = sum(seconds.values()) / 60
    parts = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    ended = f"{work.pictures} labelled, {made.events[-1].subject}"
    note = f"{minutes:.1f} min of {LIMIT_MINUTES:g} ({parts}); {ended}"
    met = minutes <= LIMIT_MINUTES
    what = f"a turn with {chosen.images} pictures of {sizes.side}x{sizes.side}, {sizes.steps} steps"
    yield {"what": what, "minutes": minutes, "met": met, "note": _ended(note, met)}


def _report_station(workspace: Workspace, recipe: str) -> None:
    """Say for the station that it runs the version, so that a release can go there."""
    found, at = find_recipe(workspace, recipe), now()
    what = (found.name, found.version, found.package, "onnxruntime/f32")
    numbers = ({Verdict.PASS: 1}, 20.0, 5.0, 10.0, 0, 0, 10**11)
    told = StationReport(STATION, STATION, at, at, "bench", 0, *what, *numbers, "ok", "ok")
    take_report(workspace, STATION, told)


def _ended(note: str, met: bool) -> str:
    return f"{note}: {'met' if met else 'NOT MET'}"


_RUNS = {"turns": turns, "labels": labels, "tiles": tiles, "time": timed}


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks --row loop", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--plants", type=int, default=len(SEEDS), help="simulated plants")
    parser.add_argument("--turns", type=int, default=3, help="turns of a plant")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of labelling of an arm")
    parser.add_argument("--first", type=int, default=200, help="labelled parts of the first model")
    parser.add_argument("--golden", type=int, default=160, help="labelled parts that are held for gates")
    parser.add_argument("--passing", type=int, default=2000, help="parts that pass before a turn")
    parser.add_argument("--fresh", type=int, default=1000, help="parts that judge")
    parser.add_argument("--minutes", type=float, default=20.0, help="of an annotator, each turn or round")
    parser.add_argument("--steps", type=int, default=400, help="of a training")
    parser.add_argument("--images", type=int, default=2000, help="pictures of the turn that is timed")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of a training")
    parser.add_argument("--tiny", action="store_true", help="see that it runs; keeps no result")
    return parser


def _sizes(chosen: argparse.Namespace) -> Sizes:
    if chosen.tiny:
        chosen.plants, chosen.turns, chosen.rounds, chosen.images = 1, 1, 1, 60
        return Sizes(
            60, 20, 60, 1, 40, side=96, input=96, steps=6, batch=4, minutes=2.0, seconds=12.0, threads=1
        )
    asked = (chosen.first, chosen.golden, chosen.passing, chosen.turns, chosen.fresh)
    shape = {"side": 256, "input": 192, "steps": chosen.steps, "batch": 12}
    return Sizes(*asked, **shape, minutes=chosen.minutes, seconds=12.0, threads=chosen.threads)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
