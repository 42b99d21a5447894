"""Drift of what parts look like to the model, from pictures that came back as drawn by chance.

The first ``BATCH`` pictures after a release give the centre, the next as many the reference: how far
pictures lie from the centre.  Given the centre, the reference and the latest batch are alike where nothing
changes, so ``analysis.drift.compare`` holds for their distances.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from andon.analysis.drift import Drift, compare, distances
from andon.domain.images import Image
from andon.services.features import seen_by
from andon.services.models import find_package, open_package
from andon.services.workspaces import Workspace
from andon.store import feedback as stored_feedback
from andon.store.paging import Cut
from andon.units import Digest, Timestamp

BATCH = 50
"""Pictures that are compared with as many."""

FEWEST = 3 * BATCH
"""Centre, reference, and one batch to compare."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures of ``station``, drawn by chance from ``since`` on, as the model ``package`` sees them."""

    station: str
    since: Timestamp
    package: Digest

    def count(self, workspace: Workspace) -> tuple[int, int]:
        """How many there are, and how many of them whole batches use up."""
        with workspace.database.read() as tx:
            number = stored_feedback.count_random(tx, self.station, self.since)
        return number, number // BATCH * BATCH

    def drift(self, workspace: Workspace) -> Drift | None:
        """The latest whole batch against the reference; None where some pictures cannot be described.

        Raises:
            NotFound: the model is not recorded. DamagedPackage: its files are not what they were.
            ModelFailed: the engine failed. OperatorError: what was found cannot be kept.
        """
        _, used = self.count(workspace)
        with workspace.database.read() as tx:
            batches = [
                stored_feedback.random_images(tx, self.station, self.since, Cut(start, BATCH))
                for start in (0, BATCH, used - BATCH)
            ]
        features = self._features(workspace, [image for batch in batches for image in batch])
        rows = [[features[i.digest] for i in batch if i.digest in features] for batch in batches]
        if min(len(row) for row in rows) < BATCH:
            return None
        centre, reference, latest = (np.stack(row) for row in rows)
        return compare(distances(centre, reference), distances(centre, latest), used // BATCH - 2)

    def _features(self, workspace: Workspace, images: Sequence[Image]) -> Mapping[Digest, np.ndarray]:
        loaded = open_package(workspace, find_package(workspace, self.package))
        seen = seen_by(workspace, loaded, images, lambda *_: None)
        return {digest: one.features for digest, one in seen.items()}
