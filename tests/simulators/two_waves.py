"""A release of `brackets@2` in two waves as values: the order itself, and what its first station was told
and says."""

from dataclasses import replace

from simulators.records import FAST, package, recipe, report

from andon.domain.recipes import Recipe
from andon.domain.releases import Release, ReleaseSettings
from andon.domain.stations import Assignment, KeepPolicy, StationReport, WatchLimits
from andon.units import Timestamp

BEGAN = Timestamp("2026-03-01T06:00:00.000000Z")
SOON = Timestamp("2026-03-01T06:00:20.000000Z")
LATER = Timestamp("2026-03-01T07:00:00.000000Z")

OLD = replace(recipe(package()), version=1)
NEW = replace(recipe(package("better")), version=2)

SETTINGS = ReleaseSettings(100, 600.0, 0.2, WatchLimits(900.0, parts=5))
WAVES = (("ST-1", "ST-2"), ("ST-3",))


def release(**changes: object) -> Release:
    made = Release("r", "brackets", 2, NEW.package, "g", WAVES, SETTINGS, "fewer escapes", "mara", BEGAN)
    return replace(made, **changes)  # type: ignore[arg-type]


def told(of: Recipe = OLD, counter: int = 7, belongs: str | None = "r", **changes: object) -> Assignment:
    made = Assignment("ST-1", counter, of, (FAST,), KeepPolicy(), 40.0, "mara", BEGAN, release=belongs)
    return replace(made, **changes)  # type: ignore[arg-type]


def says(version: int = 1, counter: int = 7, **changes: object) -> StationReport:
    return report("ST-1", counter=counter, recipe_version=version, **changes)
