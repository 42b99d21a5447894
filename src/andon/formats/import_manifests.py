"""The manifest of a model from elsewhere, as a person writes it: TOML or JSON."""

import json
import tomllib
from pathlib import Path
from typing import Any

from andon.domain.model_imports import ModelImport
from andon.domain.serial import from_json
from andon.errors import InvalidInput
from andon.formats.files import read_bounded

MAX_BYTES = 2 * 2**20


def read_import_manifest(path: Path) -> ModelImport:
    """Read and check a manifest; the first mistake is told with the way to it.

    Raises:
        NotFound: there is no such file. LimitExceeded: it is larger than ``MAX_BYTES``.
        InvalidInput: it is neither JSON nor TOML by its name, cannot be parsed, or breaks a rule.
        OperatorError: it cannot be read.
    """
    if path.suffix.lower() not in {".json", ".toml"}:
        raise InvalidInput(f"{path.name} is no manifest by its name", "Write it as .toml or .json.")
    content = read_bounded(path, MAX_BYTES)
    try:
        text = content.decode()
        data = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text, **_STRICT)
    except (ValueError, RecursionError) as cause:
        raise InvalidInput(f"{path.name} cannot be parsed: {cause or type(cause).__name__}") from cause
    try:
        return from_json(ModelImport, data)
    except InvalidInput as cause:
        raise InvalidInput(
            f"{path.name}: {cause.message.removeprefix('ModelImport').lstrip(',: ')}",
            "docs/models-from-elsewhere.md explains every key.",
        ) from cause


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name[:40]!r} is there twice")
        found[name] = value
    return found


_STRICT: dict[str, Any] = {"object_pairs_hook": _once}
