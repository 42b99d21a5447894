"""A decoded image with what each of several inspectors would otherwise work out anew."""

from collections.abc import Iterable
from contextlib import suppress

from andon.domain.models import InputSpec
from andon.runtime.health import Health, measure
from andon.runtime.pixels import Pixels, UnfitImage, fit


class Prepared:
    """One image; for any number of threads at a time.

    Args:
        pixels: as :func:`andon.formats.pixels.decode` gives them.
        inputs: of the networks that will look at it: for these the work is done now, and once.  What is
            not named here is worked out when it is asked for, and not kept.
    """

    def __init__(self, pixels: Pixels, inputs: Iterable[InputSpec] = ()) -> None:
        self.pixels = pixels
        self._fitted: dict[InputSpec, Pixels] = {}
        for spec in inputs:
            if spec not in self._fitted:
                with suppress(UnfitImage):
                    self._fitted[spec] = fit(pixels, spec)
        self._health = measure(pixels) if self._fitted else None

    def health(self) -> Health:
        """Its health."""
        return measure(self.pixels) if self._health is None else self._health

    def fitted(self, spec: InputSpec) -> Pixels:
        """What a network takes.

        Raises:
            UnfitImage: as :func:`andon.runtime.pixels.fit`.
        """
        kept = self._fitted.get(spec)
        return fit(self.pixels, spec) if kept is None else kept
