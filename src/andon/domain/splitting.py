"""Dealing groups of images to train, stop, calibration and test: pure, seeded, stratified by concept."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from andon.domain.datasets import Split, SplitRule
from andon.errors import Conflict, NotPossible

CLEAN = ""
"""Stands for "no defect" where groups are stratified by what they show."""

PRIORITY = (Split.TRAIN, Split.CALIBRATION, Split.TEST, Split.STOP)
"""Who gets the first of very few defects: without STOP one can still train (the last step counts)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image to be dealt: its name, the group that must stay together, and the concepts on it."""

    name: str
    group: str
    concepts: frozenset[str]


def deal(
    candidates: Sequence[Candidate], rule: SplitRule, before: Mapping[str, Split] | None = None
) -> Mapping[str, Split]:
    """Assign groups to splits: group key -> split.

    Groups are dealt rarest concept first, each to the split that still lacks most of that concept; ties
    go by a hash of seed and key, so the outcome does not depend on the order of ``candidates``.  With a
    split file that only knows train and test, its train groups are dealt to train, stop and calibration;
    groups the file does not name are left out.  Groups that ``before`` names stay where they were, unless a
    split file speaks.

    Raises:
        NotPossible: there is nothing to deal.
        Conflict: a split file puts images of one group into two splits.
    """
    if not candidates:
        raise NotPossible("there are no labelled images to split", "Import images with labels first.")
    groups = _concepts_by_group(candidates)
    if not rule.fixed:
        return _deal_groups(groups, _shares(rule, PRIORITY), rule.seed, before or {})
    fixed = _fixed(candidates, rule.fixed)
    if set(fixed.values()) & {Split.STOP, Split.CALIBRATION}:
        return fixed
    trainable = {key: groups[key] for key, split in fixed.items() if split is Split.TRAIN}
    shares = _shares(rule, [split for split in PRIORITY if split is not Split.TEST])
    return fixed | _deal_groups(trainable, shares, rule.seed, {})


def _concepts_by_group(candidates: Iterable[Candidate]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        found[candidate.group] |= candidate.concepts or {CLEAN}
    return {key: frozenset(concepts) for key, concepts in found.items()}


def _fixed(candidates: Iterable[Candidate], fixed: Mapping[str, Split]) -> dict[str, Split]:
    assigned: dict[str, Split] = {}
    for candidate in candidates:
        split = fixed.get(candidate.name)
        if split is None:
            continue
        before = assigned.setdefault(candidate.group, split)
        if before is not split:
            raise Conflict(
                f"the split file puts images of group {candidate.group!r} into {before} and {split}",
                "Split by this key, or choose another --group-by.",
            )
    if not assigned:
        raise NotPossible(
            "the split file names none of the images",
            "Its paths must be those that `andon images list` shows.",
        )
    return assigned


def _shares(rule: SplitRule, splits: Sequence[Split]) -> dict[Split, float]:
    total = sum(rule.fractions.get(split, 0.0) for split in splits)
    if total <= 0:
        raise NotPossible("the split fractions leave nothing to train on")
    shares = {split: rule.fractions.get(split, 0.0) / total for split in splits}
    return {split: share for split, share in shares.items() if share > 0}


def _deal_groups(
    groups: Mapping[str, frozenset[str]],
    shares: Mapping[Split, float],
    seed: int,
    before: Mapping[str, Split],
) -> dict[str, Split]:
    frequency = Counter(concept for concepts in groups.values() for concept in concepts)
    wanted = {
        concept: {split: share * count for split, share in shares.items()}
        for concept, count in frequency.items()
    }

    def rarest(key: str) -> str:
        return min(groups[key], key=lambda concept: (frequency[concept], concept))

    def turn(key: str) -> tuple[bool, int, str, bytes]:
        return key not in before, frequency[rarest(key)], rarest(key), _shuffled(seed, key)

    order = sorted(groups, key=turn)
    assigned: dict[str, Split] = {}
    for key in order:
        chosen = before.get(key) or _neediest(wanted[rarest(key)], shares)
        assigned[key] = chosen
        for concept in groups[key]:
            wanted[concept][chosen] = wanted[concept].get(chosen, 0.0) - 1
    return assigned


def _neediest(need: Mapping[Split, float], shares: Mapping[Split, float]) -> Split:
    """The split that lacks the largest fraction of its share; the first in PRIORITY among equals."""
    return max(shares, key=lambda split: need[split] / shares[split])


def _shuffled(seed: int, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
