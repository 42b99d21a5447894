"""Calibrations: pixels per millimetre from a known length."""

from andon.domain.calibrations import Calibration
from andon.domain.serial import to_json
from andon.errors import InvalidInput
from andon.services.workspaces import Workspace, now
from andon.store import calibrations as stored_calibrations


def add_calibration(
    workspace: Workspace, view: tuple[str, str], pixels: float, millimetres: float
) -> dict[str, object]:
    """Add a calibration version for (station, view).

    Raises:
        InvalidInput: a length is not positive.
    """
    if not (pixels > 0 and millimetres > 0):
        raise InvalidInput(f"a known length of {pixels:g} px = {millimetres:g} mm is not usable")
    method = f"known length {millimetres:g} mm = {pixels:g} px"
    with workspace.database.write() as tx:
        calibration = Calibration(
            station=view[0],
            view=view[1],
            version=stored_calibrations.next_version(tx, *view),
            pixels_per_mm=pixels / millimetres,
            method=method,
            author=workspace.who,
            at=now(),
        )
        stored_calibrations.add(tx, calibration)
    return as_facts(calibration)


def list_calibrations(workspace: Workspace) -> list[dict[str, object]]:
    """The calibration in force of every view."""
    with workspace.database.read() as tx:
        return [as_facts(calibration) for calibration in stored_calibrations.in_force(tx)]


def as_facts(calibration: Calibration) -> dict[str, object]:
    """The calibration as JSON values."""
    facts = to_json(calibration)
    assert isinstance(facts, dict)
    return facts
