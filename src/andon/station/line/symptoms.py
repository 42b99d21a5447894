"""What the line notices of itself and of its camera, as alarms that come and go."""

from collections import deque
from collections.abc import Mapping

from andon.domain.inspections import Inspection, ReasonCode
from andon.domain.stations import AlarmCode
from andon.errors import AndonError
from andon.station.running.clock import Clock
from andon.station.state.alarms import Case, Raised, Value
from andon.station.state.line import LineState

WINDOW = 20
"""Parts over which lateness, or bad pictures, are an alarm when more than one of them had it."""

BAD_PICTURES = frozenset(
    {
        ReasonCode.BAD_IMAGE,
        ReasonCode.NO_IMAGE,
        ReasonCode.WRONG_SIZE,
        ReasonCode.WRONG_PIXELS,
        ReasonCode.STUCK_IMAGE,
        ReasonCode.DARK_IMAGE,
        ReasonCode.BRIGHT_IMAGE,
        ReasonCode.BLURRED_IMAGE,
    }
)


class Symptoms:
    """Of one line; writes its camera's word and its alarms into the live state."""

    def __init__(self, state: LineState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._late: deque[bool] = deque(maxlen=WINDOW)
        self._bad: deque[bool] = deque(maxlen=WINDOW)

    def camera_works(self) -> None:
        """A picture came."""
        self._state.camera = "ok"
        self._state.clear_alarm(AlarmCode.CAMERA_STALLED)

    def camera_lost(self, cause: AndonError) -> None:
        """It cannot be read now."""
        self._camera("lost", Case.CAMERA_LOST, cause.message, cause.todo)

    def camera_stalled(self, seconds: float) -> None:
        """No picture came for so long."""
        message = f"no picture came for {seconds:g} s"
        self._camera("stalled", Case.CAMERA_STALLED, message, values={"seconds": seconds})

    def camera_ended(self) -> None:
        """It says that no part comes any more."""
        self._camera("ended", Case.CAMERA_ENDED, "the camera gives no more pictures")

    def note(self, told: Inspection) -> None:
        """Parts that were late, and pictures that said nothing, are an alarm when there are several."""
        codes = {reason.code for reason in told.decision.reasons}
        self._late.append(ReasonCode.LATE in codes)
        todo = "Slow the line down, use a smaller model, or give the recipe's station more time."
        self._several(self._late, Case.LATE, "parts were late", todo, {})
        bad = tuple(sorted(codes & BAD_PICTURES))
        self._bad.append(bool(bad))
        what = f"pictures say nothing about the part ({', '.join(bad)})"
        todo = "Look at lens, light, focus and trigger of the camera; such parts are NO-DECISION."
        self._several(self._bad, Case.BAD_IMAGES, what, todo, {"what": bad})

    def _camera(
        self,
        word: str,
        case: Case,
        message: str,
        todo: str = "",
        values: Mapping[str, Value] | None = None,
    ) -> None:
        self._state.camera = word
        todo = todo or "Look at the camera, its cable and its trigger; the station goes on by itself."
        self._state.raise_alarm(Raised(case, message, todo, self._clock.now(), values or {}))

    def _several(
        self, window: deque[bool], case: Case, what: str, todo: str, values: Mapping[str, Value]
    ) -> None:
        """Stands from two cases in the window on, is worded by the newest, and goes with the last."""
        count, parts = sum(window), len(window)
        if count > 1 and window[-1]:
            message = f"{count} of the last {parts} {what}"
            told = {**values, "count": count, "parts": parts}
            self._state.raise_alarm(Raised(case, message, todo, self._clock.now(), told))
        elif not count:
            self._state.clear_alarm(case.code)
