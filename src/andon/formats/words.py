"""What names of folders, files and labels mean: clean, bad, for training, for testing, or a concept."""

import re

from andon.domain.datasets import Split
from andon.formats.entries import Options

BAD_WORDS = frozenset(
    {"bad", "ng", "nok", "not good", "nio", "fail", "reject", "defect", "defects", "defective"}
    | {"anomaly", "anomalies", "anomalous", "abnormal"}
)
"""Names that mean "there is a defect" without saying which."""

NEUTRAL_WORDS = frozenset(
    {"images", "image", "imgs", "img", "data", "datas", "dataset", "pictures", "photos"}
)
"""Folder names that say nothing about what the images show."""

SPLIT_WORDS = {
    "train": Split.TRAIN,
    "training": Split.TRAIN,
    "val": Split.STOP,
    "valid": Split.STOP,
    "validation": Split.STOP,
    "stop": Split.STOP,
    "calibration": Split.CALIBRATION,
    "test": Split.TEST,
    "testing": Split.TEST,
}


def words_of(name: str) -> str:
    """Lower case, with ``-``, ``_`` and runs of spaces as one space."""
    return re.sub(r"[-_\s]+", " ", name).strip().casefold()


def is_clean(name: str, options: Options) -> bool:
    """Whether ``name`` means "without defect"."""
    return words_of(name) in {words_of(word) for word in options.clean}


def is_bad(name: str) -> bool:
    """Whether ``name`` means "with a defect", without saying which."""
    return words_of(name) in BAD_WORDS


def concept_of(name: str, options: Options) -> str | None:
    """The concept that ``name`` stands for; None where it means clean."""
    if is_clean(name, options):
        return None
    return options.defect if is_bad(name) else name


def split_of(name: str) -> Split | None:
    """What a folder called ``name`` (train, test-images, ...) is for."""
    return SPLIT_WORDS.get(words_of(name).split(" ")[0])


def split_among(folders: tuple[str, ...]) -> Split | None:
    """What the innermost folder that says so is for."""
    return next((split for folder in reversed(folders) if (split := split_of(folder))), None)


def says_nothing(folder: str) -> bool:
    """Whether a folder's name is about order, not about what can be seen."""
    return words_of(folder) in NEUTRAL_WORDS or split_of(folder) is not None


def class_folder(folders: tuple[str, ...]) -> str | None:
    """The innermost folder that can name a class."""
    return next((folder for folder in reversed(folders) if not says_nothing(folder)), None)
