"""Calibration: how many pixels a millimetre has in a station's view, versioned."""

from dataclasses import dataclass

from andon.errors import InvalidInput, NotPossible
from andon.units import Timestamp


@dataclass(frozen=True, slots=True)
class Calibration:
    """Pixels per millimetre of one view of one station.

    Attributes:
        method: how it was found, e.g. ``"known length 50 mm = 412 px"`` or ``"target"``.

    Raises:
        InvalidInput: the scale is not a positive finite number.
    """

    station: str
    view: str
    version: int
    pixels_per_mm: float
    method: str
    author: str
    at: Timestamp

    def __post_init__(self) -> None:
        if not 0 < self.pixels_per_mm < 1e6:
            raise InvalidInput(f"a calibration of {self.pixels_per_mm} px/mm is not usable")


def length_in_pixels(length_mm: float, calibration: Calibration | None) -> float:
    """Convert a length.

    Raises:
        NotPossible: there is no calibration; a rule in mm cannot be applied.
    """
    if calibration is None:
        raise NotPossible(
            "a rule is stated in millimetres and this view has no calibration",
            "Run `andon calibrations add`, or state the rule in pixels.",
        )
    return length_mm * calibration.pixels_per_mm
