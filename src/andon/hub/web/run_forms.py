"""The form that starts a training: what `andon train` offers, simple things first."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from andon.domain.presets import PRESETS
from andon.domain.runs import Augmentation, Family, TrainSettings
from andon.errors import InvalidInput

FAMILIES = {
    Family.SEGMENT: "Fast; learns from masks and labels, shows where a defect is.",
    Family.UNET: "The classic U-Net; needs masks, slower, shows where a defect is.",
    Family.CLASSIFY: "Learns from labels alone; says that there is a defect, not where.",
    Family.PATCHES: "Learns from clean images alone, ten or more; shows where a picture differs.",
}

OWN_WEIGHTS = "file"


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which training pictures are changed; ``on`` when it is used."""

    name: str
    words: str
    on: bool


CHANGES = {
    "flip_horizontal": "mirror left to right (off where print must read)",
    "flip_vertical": "mirror top to bottom (off where print must read)",
    "shift": "shift",
    "rotation": "rotate",
    "perspective": "tilt",
    "light_add": "lighter and darker",
    "light_multiply": "stronger and weaker light",
    "contrast": "contrast",
    "gain": "colour balance",
    "blur": "blur",
    "noise": "noise",
}


def preset_of(family: str) -> TrainSettings:
    """The usual settings of a family; of the fast one where ``family`` names none."""
    return PRESETS[family] if family in list(Family) else PRESETS[Family.SEGMENT]


def changes_of(settings: TrainSettings) -> tuple[Change, ...]:
    """The changes of training pictures, each on or off; off ones that the preset lacks are left out."""
    usual = PRESETS[settings.family].augmentation
    return tuple(
        Change(name, words, bool(getattr(settings.augmentation, name)))
        for name, words in CHANGES.items()
        if getattr(usual, name)
    )


def settings_of(form: Mapping[str, str]) -> TrainSettings:
    """The settings that a filled-in form asks for; an empty field is as usual for the family.

    Raises:
        InvalidInput: a field is not a number where one is needed, or the family is none.
    """
    family = form.get("family", "")
    if family not in list(Family):
        raise InvalidInput(f"{family!r} is no family of models", f"Families: {', '.join(Family)}.")
    usual = PRESETS[family]
    decided_by_steps = form.get("length") == "steps"
    return replace(
        usual,
        encoder=form.get("encoder", "").strip() or usual.encoder,
        weights=_weights(form, usual),
        height=_whole(form, "height", usual.height),
        width=_whole(form, "width", usual.width),
        batch=_whole(form, "batch", usual.batch),
        learning_rate=_number(form, "learning_rate", usual.learning_rate),
        minutes=_number(form, "minutes", usual.minutes),
        steps=_whole(form, "steps", 0) if decided_by_steps else None,
        seed=_whole(form, "seed", usual.seed),
        threads=_whole(form, "threads", usual.threads),
        defect_share=_number(form, "defect_share", usual.defect_share),
        crop=_number(form, "crop", usual.crop),
        augmentation=_augmentation(form, usual.augmentation),
    )


def _weights(form: Mapping[str, str], usual: TrainSettings) -> str:
    chosen = form.get("weights") or usual.weights
    if chosen != OWN_WEIGHTS:
        return chosen
    path = form.get("weights_file", "").strip()
    if not path:
        raise InvalidInput(
            "no file of weights is named", "Name a .safetensors or .pth file on this machine."
        )
    return path


def _augmentation(form: Mapping[str, str], usual: Augmentation) -> Augmentation:
    """A box that is not ticked does not arrive; ``changes`` says that the boxes were there."""
    if "changes" not in form:
        return usual
    off = {
        field.name: type(getattr(usual, field.name))(0)
        for field in fields(Augmentation)
        if f"change_{field.name}" not in form
    }
    return replace(usual, **off)


def _whole(form: Mapping[str, str], name: str, usual: int) -> int:
    text = form.get(name, "").strip()
    if not text:
        return usual
    try:
        return int(text)
    except ValueError as cause:
        raise InvalidInput(f"{name.replace('_', ' ')} {text!r} is not a whole number") from cause


def _number(form: Mapping[str, str], name: str, usual: float) -> float:
    text = form.get(name, "").strip()
    if not text:
        return usual
    try:
        return float(text)
    except ValueError as cause:
        raise InvalidInput(f"{name.replace('_', ' ')} {text!r} is not a number") from cause
