"""Packages and templates on the station's disk: fetched from the hub, verified each time they are used."""

import json
import shutil
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from andon.blobs.folder import FolderBlobs
from andon.domain.serial import canonical, from_json
from andon.domain.stations import Assignment, Runnable
from andon.errors import NotFound, OperatorError, Refused
from andon.runtime.package import load_package, package_digest, seal, write_package
from andon.station.hub.client import Hub
from andon.station.hub.packages import Packages, tidy
from andon.station.inspecting.inspectors import Prepared
from andon.station.inspecting.judgements import Setup
from andon.trust.assignments import SignedAssignment, verify
from andon.trust.keys import PublicKey
from andon.units import Digest


@dataclass(frozen=True, slots=True)
class Library:
    """Where packages and templates lie, and what they are opened with.

    Attributes:
        packages: folder; each package in one named by its digest.
        templates: pictures to locate parts by.
        threads: of the engine.
        hub_key: base64, where somebody told the station; None trusts the hub it meets first.
    """

    packages: Path
    templates: FolderBlobs
    threads: int = 1
    hub_key: str | None = None


class Keeper:
    """The blocking half of what is run: hub and disk; called in threads that may wait."""

    def __init__(self, hub: Hub, library: Library, station: str) -> None:
        self._hub = hub
        self._library = library
        self._station = station

    def stored(self, text: str, key: str, floor: int) -> Assignment:
        """The assignment that ran before a restart.

        Raises:
            Refused: it was altered on the disk, or is not the hub's.
        """
        return verify(from_json(SignedAssignment, json.loads(text)), PublicKey(key), self._station, floor)

    @property
    def told(self) -> str | None:
        """The hub's key, where somebody told the station: it counts more than what it knows."""
        return self._library.hub_key

    def met(self) -> str:
        """The hub's key as the hub says it: believed once, when they first meet."""
        return self._hub.key().text

    def fetch(self, key: str, floor: int) -> tuple[Assignment, str]:
        """The newest assignment, and its signed text to keep."""
        signed = self._hub.assignment()
        return verify(signed, PublicKey(key), self._station, floor), canonical(signed).decode()

    def prepare(self, assignment: Assignment) -> Prepared:
        """Bring to the disk what ``assignment`` runs.

        Raises:
            NetworkError, Refused, OperatorError: as :meth:`setup`.
        """
        return Prepared(assignment, self.setup(Runnable(assignment.recipe, assignment.variants)))

    def setup(self, runnable: Runnable) -> Setup:
        """Bring package and template to the disk, where they are not there and whole.

        Raises:
            NetworkError: the hub is needed and away. Refused: what it gives is not what was signed.
            OperatorError: the disk does not take it.
        """
        recipe = runnable.recipe
        folder = self._library.packages / recipe.package
        try:
            load_package(folder, recipe.package)
        except (Refused, OperatorError):
            self._download(folder, recipe.package)
        template = None if recipe.locate is None else self._template(recipe.locate.template)
        return Setup(
            folder=str(folder),
            package=recipe.package,
            recipe=recipe,
            variants=runnable.variants,
            threads=self._library.threads,
            template=None if template is None else b64encode(template).decode(),
        )

    def tidy(self, kept: Packages) -> None:
        """Remove all packages from the disk but those ``kept``.

        Raises:
            OperatorError: the disk does not let one go.
        """
        tidy(self._library.packages, kept)

    def _download(self, folder: Path, package: Digest) -> None:
        manifest = self._hub.manifest(package)
        graph, golden = self._hub.package_files(package, manifest)
        if package_digest(seal(manifest, graph, golden)) != package:
            raise Refused(
                f"the package that came is not {package[:12]}", "Look at the hub's disk: its files changed."
            )
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_package(folder, manifest, graph, golden)

    def _template(self, digest: Digest) -> bytes:
        try:
            return self._library.templates.get(digest)
        except (NotFound, Refused):
            content = self._hub.blob(digest)
            self._library.templates.path(digest).unlink(missing_ok=True)
            self._library.templates.put(content)
            return content
