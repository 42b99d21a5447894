"""Which packages a station keeps on its disk, which it lets go of, and when."""

import errno
import shutil
from pathlib import Path

import pytest
from simulators.hub_twin import HubTwin
from simulators.station_scene import packaged
from simulators.switching_station import LIMITS, Station, play, runnable

from andon.blobs.files import PARTIAL
from andon.domain.inspections import Verdict
from andon.domain.stations import AlarmCode, Assignment
from andon.errors import OperatorError
from andon.runtime.package import LoadedPackage, load_package
from andon.station.hub.packages import named, named_before, spent, tidy
from andon.station.spool.records import Spool
from andon.units import Digest

ONE, TWO, THREE, FOUR = range(4)
A, B = Digest("a" * 64), Digest("b" * 64)

Packages = tuple[LoadedPackage, ...]


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    """Four packages of the hub's, in the order in which they are used."""
    (tmp_path / "hub").mkdir()
    return tuple(packaged(tmp_path / "hub", name) for name in ("one", "two", "three", "four"))


class Told:
    """A hub that tells the station which packages to run, to go back to, and to judge beside with."""

    def __init__(self, hub: HubTwin, packages: Packages) -> None:
        self.hub = hub
        self.packages = packages

    def __call__(self, runs: int, back: int | None = None, shadow: int | None = None) -> Assignment:
        new = runnable(self.packages[runs], runs + 1)
        others = [None if one is None else runnable(self.packages[one], one + 1) for one in (back, shadow)]
        watch = None if back is None else LIMITS
        more = {"fallback": others[0], "shadow": others[1], "watch": watch}
        return self.hub.assign(new.recipe, new.variants, **more)

    async def in_turn(self, station: Station, *numbers: int) -> None:
        """The station runs one after the other."""
        for runs in numbers:
            self(runs)
            await station.follow(runs + 1)

    def named(self, *numbers: int) -> set[str]:
        return {self.packages[number].digest for number in numbers}


def on_disk(station: Station) -> set[str]:
    return {path.name for path in (station.folder / "packages").iterdir()}


def test_an_assignment_names_what_it_runs_goes_back_to_and_judges_beside_with(
    hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)
    assert named(told(TWO, back=ONE, shadow=THREE)) == told.named(ONE, TWO, THREE)
    assert named(told(TWO)) == told.named(TWO)


def test_the_one_before_is_the_last_that_named_other_packages(hub: HubTwin, packages: Packages) -> None:
    told = Told(hub, packages)
    first, second = told(ONE), told(TWO, back=ONE)
    assert named_before(None, first, None) == frozenset(), "a new station"
    assert named_before(None, first, frozenset({A})) == {A}, "what ran could not be read after a restart"
    assert named_before(first, second, frozenset({A})) == told.named(ONE)
    assert named_before(second, told(TWO, back=ONE), frozenset({A})) == {A}, "another policy alone"
    assert named_before(second, told(ONE, back=TWO), None) is None, "an older program did not write it down"


def test_only_packages_whole_or_in_part_are_let_go_of() -> None:
    names = [A, B, f".{A}{PARTIAL}", f".{B}{PARTIAL}", "notes.txt", ".partial", A[:-1], f"{A}.old"]
    assert spent(names, {B}) == (f".{A}{PARTIAL}", A)
    assert spent(names, {A, B}) == ()


def test_a_package_that_is_being_removed_when_the_power_goes_is_removed_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def killed(folder: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            (folder / "model.onnx").unlink()
            raise OSError("killed here")
        remove(folder, ignore_errors=True)

    for digest in (A, B):
        (tmp_path / digest).mkdir()
        (tmp_path / digest / "model.onnx").write_bytes(b"graph")
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        for _ in range(2):
            with pytest.raises(OperatorError):
                tidy(tmp_path, {B})
    assert {path.name for path in tmp_path.iterdir()} == {B, f".{A}{PARTIAL}"}, "never half under its name"
    tidy(tmp_path, {B})
    assert {path.name for path in tmp_path.iterdir()} == {B}
    assert (tmp_path / B / "model.onnx").read_bytes() == b"graph"


def test_a_station_keeps_what_its_assignment_names_and_the_one_before(
    tmp_path: Path, hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)

    async def act(station: Station) -> None:
        told(ONE)
        await station.follow(1)
        told(TWO, back=ONE)
        await station.follow(2)
        told(TWO, back=ONE, shadow=THREE)
        await station.follow(3)
        assert on_disk(station) == told.named(ONE, TWO, THREE)
        told(THREE, back=TWO)
        await station.follow(4)
        assert on_disk(station) == told.named(ONE, TWO, THREE), "the one before named the first too"
        told(FOUR, back=THREE)
        await station.follow(5)
        assert on_disk(station) == told.named(TWO, THREE, FOUR)
        told(FOUR, back=THREE)
        await station.follow(6)
        assert on_disk(station) == told.named(TWO, THREE, FOUR), "the same packages, told anew"

    play(act, tmp_path / "st", hub)


def test_the_ways_back_by_the_watch_and_from_the_hub_lie_there_without_it(
    tmp_path: Path, hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)

    async def act(station: Station) -> None:
        told(ONE)
        await station.follow(1)
        told(TWO, back=ONE)
        await station.follow(2)
        told(THREE, back=TWO)
        await station.follow(3)
        assert on_disk(station) == told.named(ONE, TWO, THREE)
        hub.away = True
        station.parts(60, Verdict.REJECT)
        await station.way_back.step()
        assert station.runs().recipe.version == 2
        await station.assignments._follow()
        assert on_disk(station) == told.named(ONE, TWO, THREE)

    async def after_a_restart(station: Station) -> None:
        await station.assignments._resume()
        await station.assignments._follow()
        assert (station.runs().recipe.version, station.state.alarms.keys()) == (2, {AlarmCode.ROLLED_BACK})
        assert on_disk(station) == told.named(ONE, TWO, THREE)

    play(act, tmp_path / "st", hub)
    play(after_a_restart, tmp_path / "st", hub)


def test_nothing_is_let_go_of_for_an_assignment_that_is_not_in_force(
    tmp_path: Path, hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)

    async def act(station: Station) -> None:
        await told.in_turn(station, ONE, TWO, THREE)
        assert on_disk(station) == told.named(TWO, THREE)
        told(FOUR)
        station.inspectors.barred = FOUR + 1
        station.assignments.wanted = 4
        assert not await station.assignments._guarded(station.assignments._follow)
        await station.assignments._follow()
        assert station.runs().recipe.version == THREE + 1
        assert on_disk(station) == told.named(TWO, THREE, FOUR)

    play(act, tmp_path / "st", hub)


def test_what_a_killed_station_had_no_time_for_is_done_after_its_restart(
    tmp_path: Path, hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)

    async def before(station: Station) -> None:
        await told.in_turn(station, ONE, TWO)
        shutil.copytree(packages[THREE].folder, station.folder / "packages" / packages[THREE].digest)
        half = station.folder / "packages" / f".{packages[FOUR].digest}{PARTIAL}"
        half.mkdir()
        (half / "model.onnx").write_bytes(b"gra")

    async def after(station: Station) -> None:
        hub.away = True
        await station.assignments._resume()
        await station.assignments._follow()
        assert on_disk(station) == told.named(ONE, TWO)
        for number in (ONE, TWO):
            load_package(station.folder / "packages" / packages[number].digest)

    play(before, tmp_path / "st", hub)
    play(after, tmp_path / "st", hub)


def test_a_station_that_an_older_program_left_lets_go_of_nothing_before_its_next_assignment(
    tmp_path: Path, hub: HubTwin, packages: Packages
) -> None:
    told = Told(hub, packages)

    async def before(station: Station) -> None:
        await told.in_turn(station, ONE, TWO, THREE)
        with station.spool._database.change():
            station.spool._database.run("DELETE FROM facts WHERE name = 'packages-before'")
        shutil.copytree(packages[ONE].folder, station.folder / "packages" / packages[ONE].digest)

    async def after(station: Station) -> None:
        await station.assignments._resume()
        await station.assignments._follow()
        assert on_disk(station) == told.named(ONE, TWO, THREE)
        told(FOUR, back=THREE)
        await station.follow(4)
        assert on_disk(station) == told.named(THREE, FOUR)

    play(before, tmp_path / "st", hub)
    play(after, tmp_path / "st", hub)


def test_a_package_that_cannot_be_let_go_of_alarms_nobody_and_is_tried_again(
    tmp_path: Path, hub: HubTwin, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(hub, packages)

    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path.name == packages[ONE].digest:
            raise PermissionError(errno.EACCES, "not permitted")
        return rename(path, target)

    async def act(station: Station) -> None:
        await told.in_turn(station, ONE, TWO)
        told(THREE)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", refused)
            await station.follow(3)
        assert on_disk(station) == told.named(ONE, TWO, THREE)
        assert (station.runs().recipe.version, station.state.alarms) == (THREE + 1, {})
        station.hand.seconds += 61.0
        await station.follow(3)
        assert on_disk(station) == told.named(TWO, THREE)

    play(act, tmp_path / "st", hub)


def test_what_was_named_before_outlives_a_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    assert spool.facts.packages_before() is None
    spool.facts.keep_assignment("one", 1, 1.5, before=frozenset({A, B}))
    spool.facts.keep_assignment("two", 2, 2.5)
    spool.close()
    again = Spool(tmp_path / "spool.db")
    assert again.facts.packages_before() == {A, B}
    again.close()
