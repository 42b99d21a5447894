"""What a release measures at a station: how the shadow differs, what is expected after the switch, and
the parts of the watch."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from simulators.bracket_releases import AT_ONCE, PASS, REJECT, REVIEW, SETTINGS, begin, needs, steps
from simulators.told_stations import ToldStation

from andon.domain.inspections import Verdict
from andon.domain.releases import ReleaseSettings, ReleaseStep
from andon.domain.stations import WatchLimits
from andon.services.workspaces import Workspace
from andon.store import releases


def test_what_is_expected_comes_from_the_shadow_or_else_from_the_day(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    many = replace(SETTINGS, shadow_parts=30, shadow_flips=1.0, shadow_passes=1.0)
    st = station("ST-1")
    begin(workspace, ("ST-1",), settings=many)
    st.reports()
    st.judges(*[(PASS, REJECT)] * 7, *[(REJECT, PASS)] * 23)
    st.reports()
    assert st.told is not None
    assert st.told.watch is not None
    assert st.told.watch.rejects == 8 / 32
    other = station("ST-2")
    other.judges(*[(PASS, None)] * 28, (REJECT, None), (REVIEW, None))
    begin(workspace, ("ST-2",), settings=replace(many, shadow_parts=0))
    other.reports()
    assert other.told is not None
    assert other.told.watch is not None
    assert other.told.watch.rejects == 3 / 32
    assert other.told.fallback is not None


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        ([(REJECT, REJECT)] * 5 + [(PASS, REVIEW)] * 6 + [(PASS, PASS)] * 49, 6 / 62),
        ([(PASS, PASS)] * 200, 0.01),
    ],
)
def test_a_shadow_that_rejects_more_does_not_set_its_own_limit(
    workspace: Workspace,
    station: Callable[[str], ToldStation],
    judged: list[tuple[Verdict, Verdict]],
    expected: float,
) -> None:
    st = station("ST-1")
    begin(workspace, ("ST-1",), settings=ReleaseSettings(len(judged)))
    st.reports()
    st.judges(*judged)
    st.reports()
    assert st.told is not None
    assert st.told.watch is not None
    assert st.told.watch.rejects == expected


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        ([(REJECT, PASS)] * 12 + [(PASS, PASS)] * 88, "would pass 12 of 12 parts that what runs rejected"),
        ([(PASS, REVIEW)] * 30 + [(REJECT, REJECT)] * 3 + [(PASS, PASS)] * 67, "would not pass 33 of 100"),
    ],
)
def test_by_default_a_model_that_passes_all_or_rejects_far_more_stops_before_the_switch(
    workspace: Workspace,
    station: Callable[[str], ToldStation],
    judged: list[tuple[Verdict, Verdict]],
    words: str,
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",), settings=ReleaseSettings(100))
    st.reports()
    st.judges(*judged)
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}
    assert words in needs(workspace)[0][0]


def test_a_watch_counts_only_parts_that_were_decided(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    few = replace(SETTINGS, shadow_parts=0, watch=WatchLimits(AT_ONCE, parts=3))
    of = begin(workspace, ("ST-1",), settings=few)
    for _ in range(2):
        st.reports()
    st.judges((PASS, None), (PASS, None), (Verdict.NO_DECISION, None))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.WATCHED}
    st.judges((PASS, None))
    st.reports()
    assert steps(workspace, of) == {"ST-1": ReleaseStep.DONE}


def test_too_much_disagreement_stops_it_for_a_person(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",))
    st.reports()
    st.judges((PASS, REJECT), (REJECT, PASS))
    assert st.reports() == 3
    assert steps(workspace, of) == {"ST-1": ReleaseStep.STOPPED}
    assert st.told is not None
    assert (st.told.recipe.version, st.told.shadow) == (1, None)
    assert [st.reports() for _ in range(3)] == [3, 3, 3]


def test_flips_show_what_would_pass_first(
    workspace: Workspace, station: Callable[[str], ToldStation]
) -> None:
    st = station("ST-1")
    of = begin(workspace, ("ST-1",), settings=replace(SETTINGS, shadow_flips=1.0))
    st.reports()
    st.judges((PASS, REJECT), (REJECT, PASS), (PASS, PASS), (PASS, REVIEW), (REVIEW, REVIEW))
    with workspace.database.read() as tx:
        trial = releases.Trial("ST-1", "brackets", 2, of.at)
        found = releases.flips(tx, trial, 9)
        tally = releases.tally(tx, trial)
        assert releases.tally(tx, replace(trial, station="ST-2")).judged == 0
    assert [(flip.main, flip.shadow) for flip in found] == [(REJECT, PASS), (PASS, REVIEW), (PASS, REJECT)]
    assert (tally.judged, tally.disagreeing, tally.rejects, tally.main_rejects) == (5, 3, 3, 2)
