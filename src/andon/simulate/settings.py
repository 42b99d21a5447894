"""What a simulated line is asked to make, and what goes wrong around it."""

from dataclasses import dataclass
from enum import StrEnum

from andon.errors import InvalidInput
from andon.units import Timestamp

MIN_SIDE = 96
MAX_SIDE = 4096
_FIRST_SHIFT = Timestamp("2026-01-05T06:00:00.000000Z")


class DisturbanceKind(StrEnum):
    """What shifts; the comment states the unit of ``Disturbance.amount``.

    LIGHT: change of gain (-0.3 is 30 % darker). FOCUS: blur radius (sigma) and SHIFT: camera moved to
    the right, both in fractions of the image's shorter side. TURN: camera turned, degrees. DUST: added
    specks per part. DEAD_PIXELS: share of the sensor's pixels. LOT_TEXTURE: roughness added to the
    material, 1 doubles it.
    """

    LIGHT = "light"
    FOCUS = "focus"
    SHIFT = "shift"
    TURN = "turn"
    DUST = "dust"
    DEAD_PIXELS = "dead-pixels"
    LOT_TEXTURE = "lot-texture"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing that shifts by an amount, from a time on.

    Attributes:
        amount: full size, in the unit stated at :class:`DisturbanceKind`.
        start: seconds after the line's start at which it begins.
        ramp: seconds it takes to reach the full amount; 0 is a step.
        end: seconds at which it is gone again; None: it stays.

    Raises:
        InvalidInput: a time is negative, or it ends before it starts.
    """

    kind: DisturbanceKind
    amount: float
    start: float = 0.0
    ramp: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if self.start < 0 or self.ramp < 0 or (self.end is not None and self.end < self.start):
            raise InvalidInput(f"the times of the disturbance {self.kind.value!r} are not in order")
        if not abs(self.amount) < 1e6:
            raise InvalidInput(f"the amount of the disturbance {self.kind.value!r} is not a usable number")

    def level(self, seconds: float) -> float:
        """Its size ``seconds`` after the line's start, in the unit of ``amount``."""
        if seconds < self.start or (self.end is not None and seconds >= self.end):
            return 0.0
        if self.ramp == 0:
            return self.amount
        return self.amount * min(1.0, (seconds - self.start) / self.ramp)


@dataclass(frozen=True, slots=True)
class Emergence:
    """A kind of defect that nobody has seen before a time.

    Attributes:
        concept: name from :data:`andon.simulate.defects.DEFECTS`.
        start: seconds after the line's start; before it, the kind is never drawn.
        share: of the defective parts from then on that have it, 0..1; how many are defective stays.

    Raises:
        InvalidInput: the time is negative, or the share is none.
    """

    concept: str
    start: float
    share: float = 0.5

    def __post_init__(self) -> None:
        if not self.start >= 0 or not 0 <= self.share <= 1:
            raise InvalidInput(f"the start or the share of the new defect {self.concept!r} is not possible")


@dataclass(frozen=True, slots=True)
class LineSettings:
    """A line. Equal settings make equal parts, to the last byte, on one machine and library version.

    Attributes:
        materials: names from :data:`andon.simulate.materials.MATERIALS`; lots take turns through them.
        height, width: pixels of every picture.
        channels: 3 (RGB) or 1 (grey).
        defect_rate: share of parts with at least one defect, 0..1.
        parts_per_lot: parts of one lot share tone and texture.
        parts_per_second: pace of the line; gives capture times and the time of disturbances.
        started_at: capture time of part 0.
        emerging: kinds of defects that begin later; until then the materials are without them.

    Raises:
        InvalidInput: a value is outside of what can be drawn.
    """

    materials: tuple[str, ...] = ("brushed",)
    height: int = 256
    width: int = 256
    channels: int = 3
    defect_rate: float = 0.2
    parts_per_lot: int = 50
    parts_per_second: float = 5.0
    started_at: Timestamp = _FIRST_SHIFT
    seed: int = 0
    disturbances: tuple[Disturbance, ...] = ()
    emerging: tuple[Emergence, ...] = ()

    def __post_init__(self) -> None:
        if not all(MIN_SIDE <= side <= MAX_SIDE for side in (self.height, self.width)):
            raise InvalidInput(
                f"simulated parts of {self.width}x{self.height} pixels cannot be drawn",
                f"Use sides of {MIN_SIDE} to {MAX_SIDE} pixels.",
            )
        if self.channels not in (1, 3):
            raise InvalidInput(f"pictures of {self.channels} channels cannot be drawn", "Use 1 or 3.")
        if not 0 <= self.defect_rate <= 1:
            raise InvalidInput(f"a defect rate of {self.defect_rate:g} is not between 0 and 1")
        if self.parts_per_lot < 1 or not 0 < self.parts_per_second < 1e6 or self.seed < 0:
            raise InvalidInput("parts per lot, pace and seed of a simulated line must be positive")
        if not self.materials:
            raise InvalidInput("a simulated line needs at least one material")
