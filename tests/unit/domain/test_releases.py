"""A release as a value: which settings are possible, how it is stored, and how it stands as a whole."""

from dataclasses import replace

import pytest
from simulators.two_waves import SETTINGS, release

from andon.domain.feedback import SendPolicy
from andon.domain.releases import Release, ReleaseSettings, ReleaseState, ReleaseStep, state_of
from andon.domain.serial import from_json, to_json
from andon.domain.stations import KeepPolicy
from andon.errors import InvalidInput


@pytest.mark.parametrize(
    "wrong",
    [
        {"shadow_parts": -1},
        {"shadow_seconds": 0.0},
        {"shadow_flips": 1.5},
        {"shadow_passes": 1.5},
        {"deadline": 0.0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="not possible"):
        ReleaseSettings(**wrong)  # type: ignore[arg-type]


def test_a_release_comes_back_as_it_was() -> None:
    made = release(settings=replace(SETTINGS, keep=KeepPolicy(0.2), send=SendPolicy(), deadline=30.0))
    assert from_json(Release, to_json(made)) == made
    assert made.stations == ("ST-1", "ST-2", "ST-3")


def test_a_release_stands_as_its_worst_station_once_none_is_on_its_way() -> None:
    done, back_, stopped = ReleaseStep.DONE, ReleaseStep.ROLLED_BACK, ReleaseStep.STOPPED
    assert state_of([done, back_, ReleaseStep.WAITING]) is ReleaseState.UNDER_WAY
    assert state_of([done, stopped, back_]) is ReleaseState.ROLLED_BACK
    assert state_of([done, stopped]) is ReleaseState.STOPPED
    assert state_of([done, done]) is ReleaseState.DONE
