"""Packages for stations: the files that a package's digest covers, by name."""

from pathlib import Path

from andon.errors import NotFound
from andon.runtime.package import MANIFEST
from andon.services.blobs import checked_digest
from andon.services.workspaces import Workspace
from andon.store import models as stored_models


def package_file(workspace: Workspace, digest: str, name: str) -> Path:
    """Where a file of a package is: ``manifest.json`` or one that the manifest lists.

    Whoever fetches it checks it against the manifest, and the manifest against the package's digest.

    Raises:
        InvalidInput: ``digest`` is none.
        NotFound: there is no such package, or no such file of it.
    """
    with workspace.database.read() as tx:
        package = stored_models.get(tx, checked_digest(digest))
    path = workspace.packages / package.digest / name
    if name not in {MANIFEST, *package.manifest.files} or not path.is_file():
        raise NotFound(f"model {package.digest[:12]} has no file {name!r}")
    return path
