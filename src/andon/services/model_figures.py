"""The numbers of a model's report: stored scores judged by cuts, joined with where parts come from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from andon.analysis.bounds import interval
from andon.analysis.breakdowns import ConceptCount, Confusion, GroupCount, by_concept, by_value, confusion
from andon.analysis.cautions import (
    Caution,
    KnownPart,
    confused,
    one_value_only,
    parts_unknown,
    seen_before,
    too_few,
    under_represented,
    worse_than_rest,
)
from andon.analysis.cuts import Rates, rates_of, verdicts
from andon.analysis.parts import PartTable
from andon.domain.datasets import Snapshot
from andon.domain.images import Origin
from andon.domain.models import Cuts, Package
from andon.domain.recipes import Recipe
from andon.domain.runs import Family
from andon.domain.serial import to_json
from andon.errors import Conflict, NotPossible
from andon.services.datasets import load_snapshot, thin_groups
from andon.services.models import find_package
from andon.services.recipes import BOUND_IN_VIEW, find_recipe
from andon.services.scores import NEVER, StoredEvaluation, latest_evaluation
from andon.services.truths import defect_names, seen_by
from andon.services.workspaces import Workspace
from andon.store import images as stored_images
from andon.store import recipes as stored_recipes

PART_TYPE, LINE, DAY, LOT = "part type", "line", "day", "lot"
DIMENSIONS = (PART_TYPE, LINE, DAY, LOT)

SUGGESTED = "the cuts that the evaluation suggested"


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's test parts as cuts judge them.

    Attributes:
        cuts: of every concept the model finds. source: in words, where they come from.
        recipe: the version they come from; None: the evaluation suggested them.
        snapshot: that the evaluation scored. known: all its parts.
        table: the test parts, with a column for each defect, found or not.
        decided: (P,) PASS, REVIEW or REJECT by the cuts alone.
        groups: dimension -> counts of the test parts; only dimensions of which something is known.
    """

    package: Package
    evaluation: StoredEvaluation
    cuts: Mapping[str, Cuts]
    source: str
    recipe: Recipe | None
    snapshot: Snapshot
    known: tuple[KnownPart, ...]
    table: PartTable
    decided: np.ndarray
    rates: Rates
    concepts: tuple[ConceptCount, ...]
    groups: Mapping[str, tuple[GroupCount, ...]]
    confusion: Confusion
    cautions: tuple[Caution, ...]

    @property
    def promise(self) -> str:
        """What the recipe promises and rests that on, or why it no longer does, in a line; else empty."""
        if self.recipe is None:
            return ""
        name, kept = f"{self.recipe.name}@{self.recipe.version}", self.recipe.promise
        if kept is not None:
            return f"{name} promises that {kept.asked.words}: {kept.grounds}; {kept.checked}."
        dropped = self.recipe.promise_dropped
        return f"{name} promises nothing: {dropped}." if dropped else ""

    def as_json(self) -> dict[str, object]:
        """All figures as JSON values."""
        return {
            "model": self.package.digest,
            "group": "test",
            "parts": len(self.table.parts),
            "variant": self.evaluation.variant,
            "cuts_from": self.source,
            "cuts": {name: to_json(cuts) for name, cuts in self.cuts.items()},
            "promise": self.promise,
            "rates": to_json(self.rates),
            "concepts": [to_json(count) for count in self.concepts],
            "groups": {name: [to_json(g) for g in self.groups.get(name, ())] for name in DIMENSIONS},
            "confusion": {
                "concepts": list(self.confusion.concepts),
                "counts": self.confusion.counts.tolist(),
            },
            "warnings": [to_json(caution) for caution in self.cautions],
        }


def measure(workspace: Workspace, model: str, recipe: str | None) -> Measured:
    """Judge a model's test parts from the scores that its latest evaluation kept.

    ``model`` is a digest, its beginning, or "latest"; ``recipe`` is NAME or NAME@VERSION whose cuts judge,
    None takes the newest one of the model, else the suggested cuts.

    Raises:
        NotFound: there is no such model or recipe. Conflict: the recipe is another model's.
        NotPossible: the model was never evaluated, kept no scores, or was not tested on any part.
    """
    package = find_package(workspace, model)
    evaluation = _evaluation(workspace, package)
    chosen = _recipe(workspace, package, recipe)
    cuts = dict(evaluation.cuts if chosen is None else chosen.cuts)
    table, every = evaluation.test_table(), {**cuts, **dict.fromkeys(evaluation.unknown, NEVER)}
    decided = verdicts(table, every)
    measured_on = load_snapshot(workspace, str(evaluation.facts.get("snapshot", package.manifest.snapshot)))
    snapshot = seen_by(package.manifest.family, measured_on)
    known = _known_parts(workspace, snapshot)
    groups = dict(_groups(table, decided, known))
    found = confusion(table, every)
    return Measured(
        package=package,
        evaluation=evaluation,
        cuts={name: cuts[name] for name in package.manifest.output.concepts},
        source=SUGGESTED if chosen is None else f"the cuts of recipe {chosen.name}@{chosen.version}",
        recipe=chosen,
        snapshot=snapshot,
        known=known,
        table=table,
        decided=decided,
        rates=rates_of(decided, table.defective),
        concepts=by_concept(table, decided, every),
        groups=groups,
        confusion=found,
        cautions=(
            *_of_the_cuts(evaluation, chosen, snapshot),
            *too_few(known, table.concepts, taught=_is_taught(package)),
            *_of_the_parts(known, snapshot, package.manifest.origin is None),
            *_of_the_verdicts(groups, found),
        ),
    )


def _evaluation(workspace: Workspace, package: Package) -> StoredEvaluation:
    short = package.digest[:12]
    evaluation = latest_evaluation(workspace, package)
    if evaluation is None:
        raise NotPossible(
            f"model {short} was never evaluated, so there is nothing to report",
            f"Run `andon models evaluate {short}` first.",
        )
    if evaluation.scores is None:
        raise NotPossible(
            f"the evaluation of model {short} is of an older Andon and kept no scores of single parts",
            f"Run `andon models evaluate {short}` again.",
        )
    if not evaluation.scores.test:
        raise NotPossible(
            f"model {short} was tested on no part, so there is nothing to report",
            "Freeze a data set with a test group, train on it, and evaluate.",
        )
    return evaluation


def _recipe(workspace: Workspace, package: Package, name: str | None) -> Recipe | None:
    if name is None:
        with workspace.database.read() as tx:
            return stored_recipes.newest_of(tx, package.digest)
    recipe = find_recipe(workspace, name)
    if recipe.package != package.digest:
        raise Conflict(
            f"recipe {recipe.name}@{recipe.version} is of model {recipe.package[:12]}, "
            f"not of {package.digest[:12]}",
            "Name a recipe of this model, or report on the other one.",
        )
    return recipe


def _known_parts(workspace: Workspace, snapshot: Snapshot) -> tuple[KnownPart, ...]:
    """Parts of the snapshot; defects and origins of their images united."""
    defects = defect_names(snapshot)
    with workspace.database.read() as tx:
        images = stored_images.by_digests(tx, [item.image for item in snapshot.items])
    shown: dict[str, set[str]] = defaultdict(set)
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    splits = {}
    for item in snapshot.items:
        splits[item.part] = item.split
        shown[item.part] |= item.concepts() & defects
        if item.image in images:
            for name, value in _origin_values(images[item.image].origin):
                values[item.part][name].add(value)
    return tuple(
        KnownPart(
            key, split, frozenset(shown[key]), {n: frozenset(these) for n, these in values[key].items()}
        )
        for key, split in splits.items()
    )


def _origin_values(origin: Origin) -> Iterator[tuple[str, str]]:
    day = origin.captured_at[:10] if origin.captured_at else None
    found = {PART_TYPE: origin.part_type, LINE: origin.line, DAY: day, LOT: origin.lot}
    yield from ((name, value) for name, value in found.items() if value)


def _groups(
    table: PartTable, decided: np.ndarray, known: tuple[KnownPart, ...]
) -> Iterator[tuple[str, tuple[GroupCount, ...]]]:
    by_key = {part.key: part for part in known}
    for name in DIMENSIONS:
        parts = (by_key.get(key) for key in table.parts)
        values = [frozenset() if part is None else part.values.get(name, frozenset()) for part in parts]
        if any(values):
            yield name, by_value(decided, table.defective, values)


def _of_the_cuts(
    evaluation: StoredEvaluation, recipe: Recipe | None, snapshot: Snapshot
) -> Iterator[Caution]:
    if recipe is not None and BOUND_IN_VIEW in recipe.note:
        yield Caution("cuts", f"{recipe.name}@{recipe.version}: {BOUND_IN_VIEW.strip('()').capitalize()}.")
    if recipe is not None and (recipe.rules or recipe.regions or recipe.ignore):
        yield Caution(
            "cuts",
            f"{recipe.name}@{recipe.version} also has regions or tolerances; here its cuts judge alone.",
        )
    if recipe is not None and recipe.promise is not None:
        kept = recipe.promise
        if interval(kept.test_misses, kept.test_parts).low > kept.asked.rate:
            yield Caution(
                "promise", f"{recipe.name}@{recipe.version}: {kept.checked}, more than chance explains."
            )
    yield from (Caution("evaluation", remark) for remark in evaluation.remarks)
    yield from (Caution("split", remark) for remark in thin_groups(snapshot))


def _is_taught(package: Package) -> bool:
    """Whether it learned from the defects of the data set it was measured on."""
    return package.manifest.origin is None and package.manifest.family is not Family.PATCHES


def _of_the_parts(
    known: tuple[KnownPart, ...], snapshot: Snapshot, learned_here: bool
) -> Iterator[Caution]:
    """Of a model that learned elsewhere nothing is said that asks what it learned from."""
    for name in (PART_TYPE, LINE):
        yield from under_represented(known, name, learned_here=learned_here)
    if learned_here:
        for name in DIMENSIONS:
            yield from one_value_only(known, name)
        for name in (DAY, LOT):
            yield from seen_before(known, name)
    yield from parts_unknown(known, len(snapshot.items))


def _of_the_verdicts(groups: Mapping[str, tuple[GroupCount, ...]], found: Confusion) -> Iterator[Caution]:
    for name, counts in groups.items():
        yield from worse_than_rest(counts, name)
    yield from confused(found)
