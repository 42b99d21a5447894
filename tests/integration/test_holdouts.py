"""Parts that are held for gates: who said so, and that no snapshot has them."""

from pathlib import Path

import numpy as np
import pytest
from simulators.graphs import png
from sqlalchemy import Connection

from andon.domain.annotations import Annotation, AnnotationState, WholeImage
from andon.domain.datasets import DatasetSpec
from andon.domain.gates import Holdout, Purpose, is_held
from andon.domain.images import Image, ImageFilter, Origin, Shape
from andon.domain.ontologies import Concept, Ontology
from andon.errors import Conflict, InvalidInput, NotFound, NotPossible
from andon.services.datasets import freeze_dataset
from andon.services.holdouts import held_parts, hold_part, purposes_of, release_part
from andon.services.workspaces import Workspace, create_workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import holdouts as stored_holdouts
from andon.store import images as stored_images
from andon.store import ontologies as stored_ontologies
from andon.units import Digest, Timestamp, digest_of

AT = Timestamp("2026-03-01T06:00:00.000000Z")
GOLDEN, MUST = Purpose.GOLDEN, Purpose.MUST_CATCH


def held(part: str, purpose: Purpose = GOLDEN, yes: bool = True) -> Holdout:
    return Holdout(part, purpose, yes, "agreed", "mara", AT)


def test_the_latest_row_of_part_and_purpose_counts(tx: Connection) -> None:
    stored_holdouts.add(tx, [held("a"), held("a", MUST), held("b"), held("a", yes=False), held("c")])
    stored_holdouts.add(tx, [held("c", yes=False), held("c")])

    assert stored_holdouts.current(tx) == (held("a", MUST), held("b"), held("c"))
    assert stored_holdouts.parts(tx) == {"a", "b", "c"}
    assert stored_holdouts.purposes(tx, ["a", "c", "d"]) == {"a": {MUST}, "c": {GOLDEN}}
    assert [one.held for one in stored_holdouts.history(tx, "a")] == [True, True, False]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made, _ = create_workspace(tmp_path / "ws", "mara")
    with made.database.write() as tx:
        stored_ontologies.add_version(tx, Ontology(1, (Concept("crack"),)), "mara", now())
    return made


def add_parts(workspace: Workspace, source: str, serials: range) -> None:
    """Pictures that are labelled clean; their pixels do not matter here."""
    with workspace.database.write() as tx:
        for number in serials:
            content = png_of(number)
            digest = Digest(digest_of(content + b"pixels"))
            image = Image(
                digest,
                workspace.blobs.put(content),
                f"{source}/{number}.png",
                len(content),
                Shape(64, 64, 1, 8),
                Origin(serial=f"P-{number}"),
            )
            stored_images.add(tx, [image], source, "mara", now())
            said = Annotation(new_id(), 1, digest, None, WholeImage(), AnnotationState.ACCEPTED, "mara", AT)
            stored_annotations.add(tx, [said])


def png_of(number: int) -> bytes:
    return png(np.full((64, 64), number % 256, np.uint8))


def frozen_parts(workspace: Workspace) -> tuple[set[str], int, str]:
    frozen = freeze_dataset(workspace, DatasetSpec("tiles", ImageFilter()))
    return {item.part for item in frozen.snapshot.items}, frozen.held, " ".join(frozen.remarks())


def test_a_held_part_is_in_no_snapshot_until_it_is_given_back(workspace: Workspace) -> None:
    add_parts(workspace, "folder", range(10))
    hold_part(workspace, "P-3", GOLDEN, "agreed with quality")
    hold_part(workspace, "P-3", MUST, "customer complaint")

    parts, count, remarks = frozen_parts(workspace)
    assert parts == {f"serial=P-{n}" for n in range(10) if n != 3}
    assert count == 1
    assert "1 labelled parts are kept for gates" in remarks

    release_part(workspace, "serial=P-3", GOLDEN, "not typical")
    assert "serial=P-3" not in frozen_parts(workspace)[0]
    release_part(workspace, "serial=P-3", MUST, "settled")
    assert "serial=P-3" in frozen_parts(workspace)[0]


def test_three_of_ten_parts_from_lines_are_in_no_snapshot(workspace: Workspace) -> None:
    add_parts(workspace, "folder", range(50))
    add_parts(workspace, "station/ST-1", range(100, 200))

    parts, count, _ = frozen_parts(workspace)

    kept = {f"serial=P-{n}" for n in range(100, 200) if is_held(f"serial=P-{n}")}
    assert 10 < len(kept) < 50
    assert count == len(kept)
    assert parts == {f"serial=P-{n}" for n in (*range(50), *range(100, 200))} - kept


def test_nothing_can_be_frozen_where_everything_is_held(workspace: Workspace) -> None:
    add_parts(workspace, "folder", range(1))
    hold_part(workspace, "P-0", GOLDEN, "the only one")
    with pytest.raises(NotPossible, match="not kept for gates"):
        freeze_dataset(workspace, DatasetSpec("tiles", ImageFilter()))


def test_a_part_is_named_by_serial_key_or_picture(workspace: Workspace) -> None:
    add_parts(workspace, "folder", range(2))
    with workspace.database.read() as tx:
        image = stored_images.of_serials(tx, ["P-1"])[0]

    assert hold_part(workspace, image.digest[:12], MUST, "seen at the customer").part == "serial=P-1"
    (part,) = held_parts(workspace, MUST)
    assert [i.digest for i in part.images] == [image.digest]
    assert part.labels == ()
    with workspace.database.read() as tx:
        assert purposes_of(tx, "serial=P-1") == {MUST}
    with pytest.raises(Conflict, match="held as must-catch already"):
        hold_part(workspace, "P-1", MUST, "again")
    with pytest.raises(Conflict, match="not held as golden"):
        release_part(workspace, "P-1", GOLDEN, "again")
    with pytest.raises(InvalidInput, match="reason"):
        hold_part(workspace, "P-0", MUST, " ")
    with pytest.raises(NotFound, match="no picture of a part"):
        hold_part(workspace, "P-77", MUST, "unknown")
