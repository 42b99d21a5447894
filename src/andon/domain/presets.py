"""Named settings: one for everyday use of each family, and a ``tiny`` one that tests train in seconds."""

from collections.abc import Mapping
from dataclasses import replace

from andon.domain.runs import Augmentation, Family, TrainSettings
from andon.errors import InvalidInput, NotFound

_CALM = Augmentation(shift=0.03, rotation=3.0, perspective=0.01, light_add=0.05, noise=0.01)

# Chips and breaks lie at the edge of a part. Where pictures are moved further, those leave the view: on
# folds of the Magnetic Tile training list AP 0.97 instead of 0.93, IoU 0.69 instead of 0.55.
_STEADY = Augmentation(shift=0.02, rotation=3.0, perspective=0.01)

_TINY = TrainSettings(
    family=Family.SEGMENT,
    weights="none",
    height=64,
    width=64,
    batch=8,
    steps=60,
    threads=1,
    learning_rate=2e-3,
)

MOST_PIXELS = 8192

RANGES = (
    ("minutes", 0.01, 1e6),
    ("steps", 1, 1e9),
    ("batch", 1, 1024),
    ("learning_rate", 1e-8, 10),
    ("threads", 1, 256),
    ("seed", 0, 2**63 - 1),
    ("defect_share", 0, 1),
    ("crop", 0, 1),
    ("regression", 1, 100),
)
"""Lowest and highest value of each number."""

PRESETS: Mapping[str, TrainSettings] = {
    "unet": TrainSettings(family=Family.UNET, weights="none", height=512, width=512, batch=8),
    "unet-tiny": replace(_TINY, family=Family.UNET, learning_rate=5e-3),
    "segment": TrainSettings(family=Family.SEGMENT, augmentation=_STEADY),
    "segment-tiny": replace(_TINY, family=Family.SEGMENT, encoder="test_efficientnet", augmentation=_CALM),
    # At 1e-3 a pre-trained encoder with held norms unlearns (aliens: AUROC 0.5); at 3e-4 it does not.
    "classify": TrainSettings(family=Family.CLASSIFY, crop=0.0, learning_rate=3e-4, augmentation=_STEADY),
    "classify-tiny": replace(
        _TINY, family=Family.CLASSIFY, encoder="test_efficientnet", augmentation=_CALM, crop=0.0
    ),
    "patches": TrainSettings(family=Family.PATCHES),
    "patches-tiny": replace(_TINY, family=Family.PATCHES, encoder="test_efficientnet"),
}


def preset(name: str) -> TrainSettings:
    """The settings called ``name``.

    Raises:
        NotFound: no preset has that name.

    """
    if name not in PRESETS:
        raise NotFound(f"there is no preset {name!r} (known: {', '.join(PRESETS)})")
    return PRESETS[name]


GENTLE = 0.5
"""Of the usual learning rate, where training begins at a model that knows its work already."""


def fine_tuned(settings: TrainSettings, start: str) -> TrainSettings:
    """The same settings for a fine-tune that begins at the package ``start``."""
    return replace(settings, start=start, learning_rate=GENTLE * settings.learning_rate)


def checked(settings: TrainSettings) -> TrainSettings:
    """The same settings, when a run can be made with them.

    Raises:
        InvalidInput: a value lies outside of what is possible; the sentence says what is.

    """
    sides = (settings.height, settings.width)
    if any(side % 32 or not 32 <= side <= MOST_PIXELS for side in sides):
        raise InvalidInput(
            f"an input of {settings.height}x{settings.width} is not possible",
            f"Both sides must be multiples of 32, 32 to {MOST_PIXELS}.",
        )
    for name, low, high in RANGES:
        value = getattr(settings, name)
        if value is not None and not low <= value <= high:
            raise InvalidInput(
                f"{name.replace('_', ' ')} {value} is not possible", f"Give {low:g} to {high:g}."
            )
    return settings
