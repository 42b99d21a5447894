"""Checkpoints: the whole state of a run in one file, the finished model in another, both durable."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from andon.blobs.files import write_durably
from andon.errors import InvalidInput, NotFound

STATE = "state.pt"
"""All that decides how the run goes on."""

START = "start.pt"
"""The model of another run, whose weights this one begins with."""

MODEL = "model.pt"
"""The chosen weights with what is needed to use them."""

Content = Mapping[str, Any]


def write(path: Path, content: Content) -> None:
    """Put ``content`` in the place of ``path``, whole or not at all.

    Raises:
        DiskFull: no space is left; what was there before is kept.

    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    write_durably(path, buffer.getvalue())


def read(path: Path) -> Content:
    """Content of a checkpoint; nothing in it is executed.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is truncated or no checkpoint.

    """
    if not path.is_file():
        raise NotFound(f"there is no checkpoint {path}")
    try:
        content: Content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as cause:
        raise InvalidInput(
            f"{path.name} is no checkpoint, or a damaged one", "Start the run in a new folder."
        ) from cause
    return content
