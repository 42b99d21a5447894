"""Promises of an escape rate: defective parts that were kept from training, judged as the line judges."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from andon.analysis.promises import Tested, least_restrictive
from andon.domain.datasets import SnapshotItem, Split
from andon.domain.inspections import ReasonCode
from andon.domain.models import Cuts, Package, Precision
from andon.domain.promises import Promise, PromiseWish, percent
from andon.domain.recipes import Recipe
from andon.errors import NotPossible
from andon.runtime.execution import REFERENCE
from andon.runtime.inspector import Inspector
from andon.runtime.predictions import ModelFailed
from andon.runtime.scoring import TOLERANCE
from andon.services.models import fastest_inspector, snapshot_of
from andon.services.truths import defect_names, seen_by
from andon.services.workspaces import Workspace

SLACK = TOLERANCE[Precision.F32]
"""Every level is taken so much lower: scores of an FP32 variant that passed parity may be so far away."""

STEPS = 10_000
"""In 1: a limit is rounded down to four decimals, so that a cut typed as shown keeps the promise."""

NOT_OF_PARTS = frozenset({ReasonCode.MODEL_FAILED, ReasonCode.BAD_IMAGE})
"""Reasons of NO-DECISION that lie in this machine or in a file: they say nothing of what the line does."""

Report = Callable[[int, int | None, str], None]


def judge_promise(
    workspace: Workspace, package: Package, draft: Recipe, wish: PromiseWish, report: Report
) -> Promise:
    """What ``draft`` can promise, whatever its own review cuts.

    Each defective part of the model's calibration group goes through the recipe as on the line: image
    health, locating, regions, ignored regions, tolerances.  It passes when none of its images is stopped by
    any concept.  One cut is tested for all concepts together, because an order of trials that these parts
    had a say in would show nothing.  Parts with a defect that the model has no output for count, too.

    Raises:
        NotPossible: these parts cannot show it; the message says how many there are and are needed.
        NotFound: the model's data set, a file of it or the template is missing.
        DamagedPackage, ModelFailed: the model cannot be run here, or fails on one of these parts.
    """
    snapshot = seen_by(package.manifest.family, snapshot_of(workspace, package))
    defects, output = defect_names(snapshot), package.manifest.output
    groups = {split: _defective(snapshot.of(split), defects) for split in (Split.CALIBRATION, Split.TEST)}
    lowest = dict.fromkeys(output.concepts, Cuts(output.score_floor, output.score_floor))
    inspector = fastest_inspector(workspace, replace(draft, cuts=lowest), package, str(REFERENCE), 1)
    bench = _Bench(workspace, inspector, draft, report)
    calibration = bench.levels(groups[Split.CALIBRATION])
    tested = least_restrictive(calibration, output.score_floor, wish.rate, wish.confidence)
    if tested.cut is None:
        raise NotPossible(refusal(tested, wish), _advice(tested, wish))
    limit = _rounded(tested.cut, output.score_floor)
    test = bench.levels(groups[Split.TEST])
    shown = {name for items in groups[Split.CALIBRATION] for item in items for name in item.concepts()}
    return Promise(
        asked=wish,
        parts=tested.parts,
        groups=len({item.group for items in groups[Split.CALIBRATION] for item in items}),
        misses=int((calibration < limit).sum()),
        limit=limit,
        variant=str(REFERENCE),
        test_parts=len(test),
        test_misses=int((test < limit).sum()),
        undecided=int(np.isposinf(calibration).sum()),
        unseen=tuple(name for name in output.concepts if name not in shown),
    )


def _rounded(cut: float, floor: float) -> float:
    """A stricter cut keeps what a milder one does."""
    return max(floor, math.floor(cut * STEPS) / STEPS)


def refusal(tested: Tested, wish: PromiseWish) -> str:
    """Why ``wish`` cannot be promised, with the numbers."""
    parts = f"{tested.parts} defective part{'' if tested.parts == 1 else 's'}"
    asked = f"the promise that {wish.words}, is not possible with {parts}"
    if not tested.misses:
        return f"{asked}; needs {tested.needed}"
    several = f"{tested.misses} of them pass" if tested.misses > 1 else "1 of them passes"
    return (
        f"{asked}: {several} at the lowest cuts, with so many it needs {tested.needed_with_misses}; "
        f"with none, {tested.needed}"
    )


def _advice(tested: Tested, wish: PromiseWish) -> str:
    more = "Label more defective parts for the calibration group (freeze, train), or promise less"
    if tested.misses or not tested.parts or tested.parts >= tested.needed:
        return f"{more}."
    tenths = np.ceil(1000 * tested.lowest_rate) / 10
    can = f"{tested.parts} without a miss can show {tenths:g} % with {percent(wish.confidence)} confidence"
    return f"{more}: {can}."


def _defective(items: Sequence[SnapshotItem], defects: frozenset[str]) -> list[list[SnapshotItem]]:
    """All images of each part that shows a defect on any."""
    parts: defaultdict[str, list[SnapshotItem]] = defaultdict(list)
    for item in items:
        parts[item.part].append(item)
    return [own for own in parts.values() if any(item.concepts() & defects for item in own)]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Judges parts by the recipe, whatever its cuts."""

    workspace: Workspace
    inspector: Inspector
    draft: Recipe
    report: Report

    def levels(self, parts: Sequence[Sequence[SnapshotItem]]) -> np.ndarray:
        """(P,) the highest cut that still stops each part, on any of its images and by any concept."""
        levels = []
        for number, items in enumerate(parts, start=1):
            levels.append(max(self._level(item) for item in items) - SLACK)
            self.report(number, len(parts), "judging defective parts")
        return np.array(levels, dtype=np.float64)

    def _level(self, item: SnapshotItem) -> float:
        outcome = self.inspector.inspect(self.workspace.blobs.get(item.blob))
        failed = [reason for reason in outcome.decision.reasons if reason.code in NOT_OF_PARTS]
        if failed:
            raise ModelFailed(
                f"{item.name} cannot be judged here, so nothing can be promised: {failed[0].detail}"
            )
        found = outcome.deciding(self.draft)
        if found is None:
            return np.inf
        return max(found.values(), default=-np.inf)
