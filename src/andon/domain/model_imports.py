"""What a person says of a model that another program trained: how it is fed, and what its numbers mean."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from andon.errors import InvalidInput

MAX_SIDE = 8192
MAX_OUTPUTS = 16
MAX_CONCEPTS = 256
MAX_CHANNELS = 1024
MAX_EXPECTED = 64
MAX_VALUES = 10_000
"""Numbers of one expected output."""

MAX_TEXT = 500
MAX_NAME = 100


class Colour(StrEnum):
    """What the model's input channels are, in their order. Grey pictures fill all three of RGB and BGR."""

    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"

    @property
    def channels(self) -> int:
        """How many."""
        return 1 if self is Colour.GREY else 3


class Layout(StrEnum):
    """Order of axes: batch, channels, rows, columns; or channels last."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class InputType(StrEnum):
    """What the model's input numbers are. UINT8 takes pixels as they are."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    UINT8 = "uint8"


class Gives(StrEnum):
    """One number a channel for the whole image, or a map of them."""

    SCORES = "scores"
    MAP = "map"


class Values(StrEnum):
    """What the numbers of an output are, and so how they become probabilities.

    PROBABILITIES: taken as they are. SIGMOID: logits, each channel for itself. SOFTMAX: logits over all
    channels, one of which at least says that nothing is wrong. RANGE: any score; ``low`` becomes 0,
    ``high`` becomes 1, what lies beyond is cut off.
    """

    PROBABILITIES = "probabilities"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class ForeignInput:
    """How pixels become the model's input: resized, then (pixel * scale - mean) / std.

    Attributes:
        height, width: in pixels. colour: channels and their order.
        bit_depth: of the pictures, 8 or 16; pixels run from 0 to 255 or 65535 before ``scale``.
        mean, std: one number for each channel, in the model's own order of channels.
        name: of the graph's input; None where it has one only.
    """

    height: int
    width: int
    colour: Colour
    layout: Layout
    dtype: InputType = InputType.FLOAT32
    bit_depth: int = 8
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        for side, value in (("height", self.height), ("width", self.width)):
            if not 1 <= value <= MAX_SIDE:
                raise InvalidInput(f"{side} is {value}; 1 to {MAX_SIDE} pixels are possible")
        if self.bit_depth not in {8, 16}:
            raise InvalidInput(f"bit_depth is {self.bit_depth}; 8 and 16 are possible")
        if not 0 < abs(self.scale) < 1e6:
            raise InvalidInput(f"scale is {self.scale:g}; it multiplies pixels and must not be 0 or huge")
        for what, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers and len(numbers) != self.colour.channels:
                raise InvalidInput(
                    f"{what} has {len(numbers)} numbers; {self.colour} has {self.colour.channels} channels"
                )
        if not all(1e-6 < abs(one) < 1e6 for one in self.std):
            raise InvalidInput("std holds a number that is 0 or huge; pixels are divided by it")
        if self.dtype is InputType.UINT8:
            self._check_plain()

    def _check_plain(self) -> None:
        if self.scale != 1 or self.mean or self.std or self.bit_depth != 8:
            raise InvalidInput("dtype uint8 takes 8-bit pixels as they are: leave scale, mean and std out")


@dataclass(frozen=True, slots=True)
class ForeignOutput:
    """One output of the graph that concepts are read from.

    Attributes:
        good: channels that say that nothing is wrong (a class "good", a background), or that shall reject
            no part. Every other channel belongs to a concept: a defect that is forgotten would escape.
        low, high: where ``values`` is RANGE.
        layout: of a map with four axes.
    """

    name: str
    gives: Gives
    values: Values
    good: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    layout: Layout = Layout.NCHW

    def __post_init__(self) -> None:
        named = f"output {self.name[:40]!r}"
        if self.values is Values.RANGE:
            if self.low is None or self.high is None or not self.low < self.high:
                raise InvalidInput(f"{named} needs low and high, low below high: its values are a range")
        elif self.low is not None or self.high is not None:
            raise InvalidInput(f"{named} states low or high; they belong to values = 'range' alone")
        if self.values is Values.SOFTMAX and not self.good:
            raise InvalidInput(
                f"{named} is a softmax and names no good channel: its shares sum to 1, so every part "
                "would be defective"
            )


@dataclass(frozen=True, slots=True)
class Source:
    """Where a concept is read from: one channel of an output, counted from 0."""

    output: str
    channel: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.channel < MAX_CHANNELS:
            raise InvalidInput(f"channel is {self.channel}; 0 to {MAX_CHANNELS - 1} are possible")


@dataclass(frozen=True, slots=True)
class ForeignConcept:
    """A concept of the ontology, and what the model says of it.

    Without ``score`` the highest pixel of ``map`` is its score; without ``map`` its place is not known.
    """

    name: str
    score: Source | None = None
    map: Source | None = None

    def __post_init__(self) -> None:
        if self.score is None and self.map is None:
            raise InvalidInput(f"concept {self.name[:40]!r} is read from nothing: give score, map or both")

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where it is read from."""
        return tuple(source for source in (self.score, self.map) if source is not None)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the model gives for one picture where it was trained, to find a mistake in all the above.

    Attributes:
        image: name of a picture of the data set.
        output: of the graph; any of its outputs.
        values: all of its numbers as the graph gives them, row by row, for that one picture.
        tolerance: allowed difference, as a share of the largest number of ``values``, 1 at the least.
    """

    image: str
    output: str
    values: tuple[float, ...]
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MAX_VALUES:
            raise InvalidInput(f"values holds {len(self.values)} numbers; 1 to {MAX_VALUES} are possible")
        if not 0 < self.tolerance <= 0.1:
            raise InvalidInput(f"tolerance is {self.tolerance:g}; it lies above 0 and up to 0.1")


@dataclass(frozen=True, slots=True)
class ModelImport:
    """A manifest of a model from elsewhere.

    Attributes:
        name: what the model is called. learned_from: what it learned from, in the person's own words.
        level: probability from which a pixel of a map belongs to a finding.

    Raises:
        InvalidInput: parts of it contradict each other; the message names them.
    """

    name: str
    learned_from: str
    input: ForeignInput
    outputs: tuple[ForeignOutput, ...]
    concepts: tuple[ForeignConcept, ...]
    level: float = 0.5
    expected: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        _check_text("name", self.name, MAX_NAME)
        _check_text("learned_from", self.learned_from, MAX_TEXT)
        if not 0 < self.level < 1:
            raise InvalidInput(f"level is {self.level:g}; it lies between 0 and 1")
        if len(self.expected) > MAX_EXPECTED:
            raise InvalidInput(f"{len(self.expected)} expected outputs; {MAX_EXPECTED} are possible")
        _check_once("output", (output.name for output in self.outputs), MAX_OUTPUTS)
        _check_once("concept", (concept.name for concept in self.concepts), MAX_CONCEPTS)
        self._check_sources()

    def output(self, name: str) -> ForeignOutput:
        """The output called ``name``.

        Raises:
            InvalidInput: there is none.
        """
        for output in self.outputs:
            if output.name == name:
                return output
        raise InvalidInput(f"output {name[:40]!r} is not among the outputs described")

    def channels_of(self, output: str) -> tuple[int, ...]:
        """Channels of an output that concepts are read from or that are good, sorted, each once."""
        used = (source.channel for concept in self.concepts for source in concept.sources)
        owners = (source.output for concept in self.concepts for source in concept.sources)
        mine = {channel for channel, owner in zip(used, owners, strict=True) if owner == output}
        return tuple(sorted(mine | set(self.output(output).good)))

    @property
    def has_maps(self) -> bool:
        """Whether any concept has a place."""
        return any(concept.map is not None for concept in self.concepts)

    def _check_sources(self) -> None:
        taken: Counter[tuple[str, int]] = Counter()
        for concept in self.concepts:
            for source, wanted in ((concept.score, Gives.SCORES), (concept.map, Gives.MAP)):
                if source is None:
                    continue
                output = self.output(source.output)
                if output.gives is not wanted:
                    raise InvalidInput(
                        f"concept {concept.name!r} reads a {wanted} from output {output.name!r}, "
                        f"which gives {output.gives}"
                    )
                taken[source.output, source.channel] += 1
        self._check_taken(taken)

    def _check_taken(self, taken: Counter[tuple[str, int]]) -> None:
        for output in self.outputs:
            for channel in output.good:
                taken[output.name, channel] += 1
            if not any(owner == output.name for owner, _ in taken):
                raise InvalidInput(f"output {output.name!r} is described, and no concept is read from it")
        for (owner, channel), times in taken.items():
            if times > 1:
                raise InvalidInput(
                    f"channel {channel} of output {owner!r} is used {times} times; "
                    "it is good, or of one concept"
                )


def _check_text(what: str, text: str, most: int) -> None:
    if not text.strip() or len(text) > most or not text.isprintable():
        raise InvalidInput(f"{what} must be 1 to {most} printable characters on one line")


def _check_once(what: str, names: Iterable[str], most: int) -> None:
    counts = Counter(names)
    if not 1 <= counts.total() <= most:
        raise InvalidInput(f"{counts.total()} {what}s are described; 1 to {most} are possible")
    for name, times in counts.items():
        if times > 1:
            raise InvalidInput(f"{what} {name[:40]!r} is described {times} times")
