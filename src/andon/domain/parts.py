"""Parts: physical items. Rates, splits, bounds and gates count parts, never images."""

from andon.domain.images import Image


def part_key(image: Image, group_by: str | None = None) -> str:
    """What tells one part from another.

    ``group_by`` names the metadata that says so (serial, lot, tile, ...).  Without it the serial number
    does; an image without either is a part of its own.
    """
    value = image.origin.value(group_by) if group_by else image.origin.serial
    if value:
        return f"{group_by or 'serial'}={value}"
    return f"image={image.digest}"
