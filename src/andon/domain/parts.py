"""Parts: physical items. Rates, splits, bounds and gates count parts, never images."""

from andon.domain.images import Image

_SERIAL = "serial="


def part_key(image: Image, group_by: str | None = None) -> str:
    """What tells one part from another.

    ``group_by`` names the metadata that says so (serial, lot, tile, ...).  Without it the serial number
    does; an image without either is a part of its own.
    """
    value = image.origin.value(group_by) if group_by else image.origin.serial
    if value:
        return f"{group_by}={value}" if group_by else serial_key(value)
    return f"image={image.digest}"


def serial_key(serial: str) -> str:
    """The key of the part with this serial: the same on a line, in a data set and in a folder."""
    return _SERIAL + serial


def part_name(key: str) -> str:
    """What people and plants call a part: its serial, else its key."""
    return key.removeprefix(_SERIAL)


def asked_keys(text: str) -> tuple[str, str]:
    """The keys somebody may mean who writes a serial, or a key such as ``name=7.png``."""
    return text, serial_key(text)
