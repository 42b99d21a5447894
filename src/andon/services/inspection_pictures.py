"""The picture of a stored inspection, wherever it is kept."""

from pathlib import Path

from andon.domain.inspections import Inspection
from andon.errors import NotFound
from andon.formats.pixels import decode
from andon.services.inspections import results_folder
from andon.services.jobs import find_job
from andon.services.pictures import thumbnail
from andon.services.report_pages import overlay_path
from andon.services.workspaces import Workspace
from andon.store import images as stored_images
from andon.store import inspections as stored_inspections


def picture_of_inspection(workspace: Workspace, inspection_id: str) -> bytes:
    """The picture of a stored inspection as a small PNG: its image, else what the station or job kept.

    Raises:
        NotFound: there is no such inspection, or no picture of it is left.
    """
    with workspace.database.read() as tx:
        inspection = stored_inspections.get(tx, inspection_id)
        images = [inspection.image] if inspection.image is not None else []
        known = stored_images.by_digests(tx, images)
    blobs = [image.blob for image in known.values()]
    if inspection.capture is not None:
        blobs += [b for b in (inspection.capture.blob, inspection.capture.thumbnail) if b is not None]
    for blob in blobs:
        if workspace.blobs.has(blob):
            return thumbnail(decode(workspace.blobs.get(blob)))
    drawn = _overlay_of_job(workspace, inspection)
    if drawn is None:
        raise NotFound(f"no picture of inspection {inspection.id[:12]} was kept")
    return thumbnail(decode(drawn.read_bytes()))


def _overlay_of_job(workspace: Workspace, inspection: Inspection) -> Path | None:
    if inspection.job is None:
        return None
    folder = results_folder(workspace, find_job(workspace, inspection.job))
    path = overlay_path(folder, inspection.name)
    return path if path.resolve().is_relative_to(folder.resolve()) and path.is_file() else None
