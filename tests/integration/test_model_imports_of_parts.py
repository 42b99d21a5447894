"""A model from elsewhere and parts with several pictures."""

import json
from pathlib import Path

from journeys.conftest import andon
from simulators import foreign_models as foreign

from andon.domain.datasets import DatasetSpec
from andon.domain.images import ImageFilter
from andon.errors import NotPossible
from andon.formats.tables import MetadataTable
from andon.jobs.import_images import ImportRequest, import_images
from andon.services.datasets import freeze_dataset
from andon.services.workspaces import now


def test_a_clean_picture_of_a_defective_part_is_no_clean_part(tmp_path: Path) -> None:
    """Found before anything is stored, as by the evaluation."""
    workspace = foreign.build(tmp_path).workspace
    foreign.draw(tmp_path / "pairs", 80, seed=5)
    (tmp_path / "parts.csv").write_text(
        "file,serial\n"
        + "".join(
            f"{kind}/{number:03}.png,{number // 2}\n"
            for number in range(80)
            for kind in [("good", "red", "good", "blue")[number % 4]]
        )
    )
    table = MetadataTable(tmp_path / "parts.csv")
    request = ImportRequest(tmp_path / "pairs", "pairs", "mara", now(), table=table)
    import_images(workspace.database, workspace.blobs, request, lambda done, total: None)
    freeze_dataset(workspace, DatasetSpec("pairs", ImageFilter(source="pairs")))
    (tmp_path / "beads.onnx").write_bytes(foreign.classifier().SerializeToString())
    (tmp_path / "beads.json").write_text(json.dumps(foreign.CLASSIFIER))
    files = (tmp_path / "beads.onnx", "--manifest", tmp_path / "beads.json")
    refused = andon("-w", workspace.folder, "models", "import", *files, "--dataset", "pairs")
    assert isinstance(refused.error, NotPossible) and "holds no clean part" in refused.error.message
    assert andon("-w", workspace.folder, "models", "list", "--json").json() == []
