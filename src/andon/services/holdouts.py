"""Parts that no model learns from: golden and must-catch parts, and a share of what comes from lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from andon.domain.gates import Holdout, Purpose, is_held
from andon.domain.images import Image
from andon.domain.parts import part_key, serial_key
from andon.domain.splitting import CLEAN
from andon.errors import Conflict, InvalidInput, NotFound
from andon.services.workspaces import Workspace, now
from andon.store import annotations as stored_annotations
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.units import Digest

MAX_REASON = 2000

_SERIAL, _IMAGE = "serial=", "image="


def held_images(tx: Connection, images: Sequence[Image]) -> frozenset[Digest]:
    """Those of ``images`` that may not be learned from.

    Their part was held for a purpose, or they came from a line and the key of their part says so.
    """
    said = stored_holdouts.parts(tx)
    from_lines = stored_images.from_stations(tx, [image.digest for image in images])
    return frozenset(
        image.digest
        for image in images
        if part_key(image) in said
        or f"{_IMAGE}{image.digest}" in said
        or (image.digest in from_lines and is_held(part_key(image)))
    )


def hold_part(workspace: Workspace, part: str, purpose: Purpose, reason: str) -> Holdout:
    """Keep a part from training from now on; snapshots that were frozen before stay as they are.

    Args:
        workspace: where it is recorded.
        part: a serial, a key (``serial=...``, ``image=...``), or an image's digest or its beginning.
        purpose: what for.
        reason: why, in a sentence.

    Raises:
        NotFound: no picture of the part is here. Conflict: it is held for that already.
        InvalidInput: there is no reason.
    """
    return _say(workspace, part, purpose, (True, reason))


def release_part(workspace: Workspace, part: str, purpose: Purpose, reason: str) -> Holdout:
    """Hold a part no more for ``purpose``.

    Raises:
        NotFound: no picture of the part is here. Conflict: it is not held for that.
        InvalidInput: there is no reason.
    """
    return _say(workspace, part, purpose, (False, reason))


def _say(workspace: Workspace, part: str, purpose: Purpose, said: tuple[bool, str]) -> Holdout:
    held, reason = said
    if not reason.strip():
        raise InvalidInput("to hold a part, or not to hold it any more, needs a reason", "Say why.")
    if len(reason) > MAX_REASON:
        raise InvalidInput(f"the reason has {len(reason)} characters, at most {MAX_REASON} are kept")
    with workspace.database.write() as tx:
        key = _key(tx, part)
        before = purpose in stored_holdouts.purposes(tx, [key]).get(key, frozenset())
        if before is held:
            raise Conflict(f"part {part!r} is {'held' if held else 'not held'} as {purpose} already")
        holdout = Holdout(key, purpose, held, reason.strip(), workspace.who, now())
        stored_holdouts.add(tx, [holdout])
    return holdout


def _key(tx: Connection, part: str) -> str:
    if part.startswith(_IMAGE):
        return f"{_IMAGE}{stored_images.by_digest(tx, part.removeprefix(_IMAGE)).digest}"
    serial = part.removeprefix(_SERIAL)
    if stored_images.of_serials(tx, [serial]):
        return serial_key(serial)
    try:
        return part_key(stored_images.by_digest(tx, part))
    except NotFound as cause:
        raise NotFound(
            f"there is no picture of a part {part!r}", "Name a serial, or the digest of its picture."
        ) from cause


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part that somebody holds, with its pictures, the first to show; without any where they are gone.

    Attributes:
        labels: concepts on it; empty: accepted clean; None: nobody has labelled it.
    """

    holdout: Holdout
    images: tuple[Image, ...]
    labels: tuple[str, ...] | None


def held_parts(workspace: Workspace, purpose: Purpose | None = None) -> tuple[HeldPart, ...]:
    """All parts that somebody holds, in the order in which they were held."""
    with workspace.database.read() as tx:
        found = [h for h in stored_holdouts.current(tx) if purpose in (None, h.purpose)]
        images = images_of(tx, [holdout.part for holdout in found])
        digests = [image.digest for these in images.values() for image in these]
        labels = stored_annotations.labels(tx, digests)
    return tuple(
        HeldPart(holdout, images[holdout.part], _shown(images[holdout.part], labels)) for holdout in found
    )


def _shown(images: Sequence[Image], labels: Mapping[Digest, frozenset[str]]) -> tuple[str, ...] | None:
    said = [labels[image.digest] for image in images if image.digest in labels]
    return tuple(sorted({name for names in said for name in names if name != CLEAN})) if said else None


def purposes_of(tx: Connection, part: str) -> frozenset[Purpose]:
    """What the part with exactly this key is held for."""
    return stored_holdouts.purposes(tx, [part]).get(part, frozenset())


def images_of(tx: Connection, parts: Sequence[str]) -> Mapping[str, tuple[Image, ...]]:
    """The pictures of parts, by key."""
    serials = [part.removeprefix(_SERIAL) for part in parts if part.startswith(_SERIAL)]
    digests = [Digest(part.removeprefix(_IMAGE)) for part in parts if part.startswith(_IMAGE)]
    found: dict[str, list[Image]] = {part: [] for part in parts}
    for image in stored_images.of_serials(tx, serials):
        found[serial_key(image.origin.serial or "")].append(image)
    for digest, image in stored_images.by_digests(tx, digests).items():
        found[f"{_IMAGE}{digest}"].append(image)
    return {part: tuple(these) for part, these in found.items()}
