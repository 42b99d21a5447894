"""The form that sends a recipe version to stations."""

from collections.abc import Mapping

from andon.domain.releases import ReleaseSettings
from andon.domain.stations import WatchLimits
from andon.errors import InvalidInput
from andon.services.releases import ReleaseRequest

WAVES = 9
"""Waves that the form offers."""

STATION = "wave of "
"""Before the name of a station: its wave, from 1 on; 0 or nothing leaves it out."""


def usual_form() -> dict[str, str]:
    """What stands in the form before anybody wrote into it; shares in percent, times in minutes."""
    usual = ReleaseSettings()
    return {
        "shadow_parts": str(usual.shadow_parts),
        "shadow_minutes": f"{usual.shadow_seconds / 60:g}",
        "shadow_flips": f"{100 * usual.shadow_flips:g}",
        "shadow_passes": f"{100 * usual.shadow_passes:g}",
        "watch_parts": str(usual.watch.parts),
        "missed": f"{100 * usual.watch.missed:g}",
        "watch_minutes": f"{usual.watch.seconds / 60:g}",
        "factor": f"{usual.watch.factor:g}",
        "undecided": f"{100 * usual.watch.undecided:g}",
        "contradicted": f"{100 * usual.watch.contradicted:g}",
        "p99": "",
        "reason": "",
        "recipe": "",
    }


def request_of(form: Mapping[str, str]) -> ReleaseRequest:
    """What a filled-in form asks for; an empty field is as usual.

    Raises:
        InvalidInput: something is no number, or not possible.
    """
    filled = usual_form() | {name: text for name, text in form.items() if text.strip()}
    watch = WatchLimits(
        seconds=60 * _number(filled, "watch_minutes"),
        factor=_number(filled, "factor"),
        undecided=_number(filled, "undecided") / 100,
        p99=_number(filled, "p99") if filled["p99"] else None,
        contradicted=_number(filled, "contradicted") / 100,
        parts=_whole(filled, "watch_parts"),
        missed=_number(filled, "missed") / 100,
    )
    settings = ReleaseSettings(
        shadow_parts=_whole(filled, "shadow_parts"),
        shadow_seconds=60 * _number(filled, "shadow_minutes"),
        shadow_flips=_number(filled, "shadow_flips") / 100,
        watch=watch,
        shadow_passes=_number(filled, "shadow_passes") / 100,
    )
    return ReleaseRequest(filled["recipe"], _waves(filled), filled["reason"], settings=settings)


def _waves(form: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Stations by wave; numbers that no station has are skipped."""
    waves: dict[int, list[str]] = {}
    for name in form:
        if name.startswith(STATION) and (number := _whole(form, name)) > 0:
            waves.setdefault(number, []).append(name.removeprefix(STATION))
    return tuple(tuple(waves[number]) for number in sorted(waves))


def _whole(form: Mapping[str, str], name: str) -> int:
    try:
        return int(form[name])
    except ValueError as cause:
        raise InvalidInput(f"{name.replace('_', ' ')} {form[name]!r} is not a whole number") from cause


def _number(form: Mapping[str, str], name: str) -> float:
    try:
        return float(form[name])
    except ValueError as cause:
        raise InvalidInput(f"{name.replace('_', ' ')} {form[name]!r} is not a number") from cause
