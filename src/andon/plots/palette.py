"""The colours a plot is given."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.domain.inspections import Verdict
from andon.errors import BugError


@dataclass(frozen=True)
class Palette:
    """Colours by what they mean; any CSS colour for charts, ``#rrggbb`` for drawing on pixels.

    Attributes:
        concepts: hues in ontology order; used again from the start when there are more concepts.
    """

    text: str
    muted: str
    line: str
    surface: str
    verdicts: Mapping[Verdict, str]
    concepts: tuple[str, ...]

    def hue(self, place: int) -> str:
        """Colour of the concept at ``place`` in the ontology."""
        return self.concepts[place % len(self.concepts)]


def palette_from(tokens: Mapping[str, str]) -> Palette:
    """Sort colours by token name (``text``, ``pass``, ``concept-1``, ...) into a palette.

    Raises:
        BugError: a token is missing.
    """
    concepts = tuple(tokens[name] for name in sorted(tokens) if name.startswith("concept-"))
    try:
        verdicts = {verdict: tokens[verdict.value.lower()] for verdict in Verdict}
        return Palette(
            tokens["text"], tokens["muted"], tokens["line"], tokens["surface"], verdicts, concepts
        )
    except KeyError as cause:
        raise BugError(f"the colour token {cause} is missing") from cause
