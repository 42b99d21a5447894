"""A plant without pixels: verdicts, what people said of them, and the truth that only the simulator knows.

Lines drift, models age, operators err and answer only a part of what they are shown, the audit's share
changes, pictures do not come, second looks lag behind.  What a hub would see of it comes out as
``Inspected`` and ``Judged``.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.domain.feedback import Queue
from andon.domain.inspections import Verdict
from andon.domain.quality import SECOND_LOOK_SHARE, Inspected, Judged, contradicts

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

CONCEPTS = ("dent", "scratch")
ORDER = (Verdict.PASS, Verdict.REVIEW, Verdict.REJECT)


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """What a plant does; shares are 0..1, ranges are drawn from once for each station and day.

    Attributes:
        stations, days, releases: releases follow one another in time, on all stations at once.
        parts: of one station and day.
        defective: share of parts with a defect.
        passed: share of the defective parts that the model lets pass; rejected: of the good ones that it
            rejects. Both drift over days.
        reviewed: share of either kind that goes to review.
        audit: probability with which a pass is shown to people, by release.
        answered: share of what is shown that people answer; the worse the day, the fewer.
        misses, alarms: share of the defective parts people take for good, and of the good for defective.
        pictured: share of the parts drawn for a second look whose picture came.
        looked: share of the second looks due that happened; what people judged wrongly first, as it is
            where pictures are chosen for labelling because people or the model were unsure of them.
    """

    stations: int = 2
    days: int = 6
    releases: int = 2
    parts: int = 1500
    defective: tuple[float, float] = (0.03, 0.08)
    passed: tuple[float, float] = (0.1, 0.3)
    rejected: tuple[float, float] = (0.01, 0.05)
    reviewed: float = 0.05
    audit: tuple[float, ...] = (0.1, 0.2)
    answered: tuple[float, float] = (0.4, 1.0)
    misses: tuple[float, float] = (0.02, 0.15)
    alarms: tuple[float, float] = (0.005, 0.03)
    pictured: tuple[float, float] = (0.5, 1.0)
    looked: float = 1.0


@dataclass(frozen=True, slots=True)
class Plant:
    """What happened.

    Attributes:
        inspected, judged: what a hub sees.
        escapes, overkill: (station, release, day, concept) -> parts, as they really were.
    """

    inspected: tuple[Inspected, ...]
    judged: tuple[Judged, ...]
    escapes: Mapping[tuple[str, str, str, str], int]
    overkill: Mapping[tuple[str, str, str, str], int]


def simulate_plant(settings: PlantSettings, seed: int) -> Plant:
    """A plant of ``settings``; the same for the same seed."""
    draw = np.random.default_rng(seed)
    shifts = []
    for station in range(settings.stations):
        for day in range(settings.days):
            release = day * settings.releases // settings.days
            name = (f"ST-{station + 1}", f"plant@{release + 1}", f"2026-03-{day + 1:02d}")
            shifts.append(_shift(settings, draw, name, settings.audit[release % len(settings.audit)]))
    return Plant(
        tuple(each for shift in shifts for each in shift.inspected),
        tuple(each for shift in shifts for each in shift.judged),
        sum((shift.escapes for shift in shifts), Counter()),
        sum((shift.overkill for shift in shifts), Counter()),
    )


@dataclass(frozen=True, slots=True)
class _Shift:
    inspected: tuple[Inspected, ...]
    judged: tuple[Judged, ...]
    escapes: Counter[tuple[str, str, str, str]]
    overkill: Counter[tuple[str, str, str, str]]


def _shift(
    settings: PlantSettings, draw: np.random.Generator, name: tuple[str, str, str], audit: float
) -> _Shift:
    """One station on one day; ``name`` is station, release and day."""
    number, trouble = settings.parts, draw.random()
    defective = draw.random(number) < _between(settings.defective, trouble)
    concept = draw.integers(0, len(CONCEPTS), number)
    verdict = _verdicts(settings, draw, defective)
    shown = np.where(verdict == ORDER.index(Verdict.PASS), audit, 1.0)
    answered = draw.random(number) < shown * _between(settings.answered, 1 - trouble)
    misses, alarms = draw.uniform(*settings.misses), draw.uniform(*settings.alarms)
    said = np.where(defective, draw.random(number) >= misses, draw.random(number) < alarms)
    stopped = verdict != ORDER.index(Verdict.PASS)
    due = np.where(said != stopped, 1.0, SECOND_LOOK_SHARE)
    drawn = draw.random(number) < due
    pictured = drawn & (draw.random(number) < draw.uniform(*settings.pictured))
    looked = _first(pictured & answered, said != defective, settings.looked)
    judged = tuple(
        Judged(
            part=f"{name[0]}/{name[2]}/{n}",
            station=name[0],
            part_type="",
            day=name[2],
            release=name[1],
            verdict=(one := ORDER[verdict[n]]),
            probability=float(shown[n]),
            queue=_QUEUES[one],
            said=bool(said[n]),
            checked=bool(defective[n]) if looked[n] else None,
            check_probability=float(due[n]) if drawn[n] else 0.0,
            concepts=(CONCEPTS[concept[n]],) if contradicts(one, bool(said[n])) or looked[n] else (),
            pictured=bool(pictured[n]),
        )
        for n in np.flatnonzero(answered)
    )
    escapes = defective & ~stopped
    overkill = ~defective & (verdict == ORDER.index(Verdict.REJECT))
    mistakes = (_by_concept(name, concept, wrong) for wrong in (escapes, overkill))
    return _Shift(_inspected(name, verdict), judged, *mistakes)


def _first(due: Flags, wrong: Flags, share: float) -> Flags:
    """A ``share`` of the parts that are due, those that people judged wrongly first."""
    ordered = np.flatnonzero(due)[np.argsort(~wrong[due], kind="stable")]
    looked = np.zeros(len(due), dtype=bool)
    looked[ordered[: round(share * len(ordered))]] = True
    return looked


def _between(ends: tuple[float, float], place: float) -> float:
    return ends[0] + place * (ends[1] - ends[0])


_QUEUES = {Verdict.PASS: Queue.AUDIT, Verdict.REVIEW: Queue.REVIEW, Verdict.REJECT: Queue.REJECT}


def _verdicts(settings: PlantSettings, draw: np.random.Generator, defective: Flags) -> NDArray[np.int64]:
    """(N,) places in ``ORDER``."""
    passed = np.where(defective, draw.uniform(*settings.passed), 1 - draw.uniform(*settings.rejected))
    verdict = np.where(draw.random(len(defective)) < passed, 0, 2)
    verdict[draw.random(len(defective)) < settings.reviewed] = 1
    return verdict


def _inspected(name: tuple[str, str, str], verdict: NDArray[np.int64]) -> tuple[Inspected, ...]:
    parts = np.bincount(verdict, minlength=len(ORDER))
    return tuple(
        Inspected(name[0], "", name[2], name[1], one, int(number))
        for one, number in zip(ORDER, parts, strict=True)
    )


def _by_concept(
    name: tuple[str, str, str], concept: NDArray[np.int64], wrong: Flags
) -> Counter[tuple[str, str, str, str]]:
    return Counter({(*name, each): int((wrong & (concept == n)).sum()) for n, each in enumerate(CONCEPTS)})
