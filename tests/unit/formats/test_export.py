"""What is written in another layout and read again is the same: bytes, concepts, geometry, clean labels."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from andon.blobs.folder import FolderBlobs
from andon.domain.annotations import Box, Geometry, Label, Mask, Polygon, WholeImage
from andon.domain.datasets import Snapshot, SnapshotItem, Split
from andon.domain.images import Shape
from andon.domain.ontologies import Concept
from andon.errors import Conflict, InvalidInput
from andon.formats.entries import Entry, MaskFile, Place
from andon.formats.export import export_items
from andon.formats.pixels import encode_mask, encode_png, image_digest, read_mask
from andon.formats.reading import read_dataset
from andon.formats.run_lengths import RunLengths
from andon.units import Digest, digest_of

HEIGHT, WIDTH = 9, 11
CONCEPTS = ("scratch", "Öl fleck", "dent 3")

Drawn = Box | Polygon | WholeImage | np.ndarray
numbers = st.floats(-5, 20, width=32)
sizes = st.floats(0.125, 20, width=32)
boxes = st.builds(Box, numbers, numbers, sizes, sizes)
polygons = st.builds(Polygon, st.lists(st.tuples(numbers, numbers), min_size=3, max_size=7).map(tuple))
masks = arrays(np.bool_, (HEIGHT, WIDTH)).filter(lambda mask: bool(mask.any()))
anywhere = st.one_of(st.just(WholeImage()), boxes, polygons, masks)
labels = st.lists(st.tuples(st.sampled_from(CONCEPTS), anywhere), max_size=4)
one_mask = st.lists(
    st.tuples(st.sampled_from(CONCEPTS), st.one_of(st.just(WholeImage()), masks)), max_size=1
)


def snapshot_of(
    blobs: FolderBlobs, drawn: Sequence[Sequence[tuple[str, Drawn]]], name: str = "a/{}.png"
) -> Snapshot:
    items = []
    for number, shown in enumerate(drawn):
        pixels = np.full((HEIGHT, WIDTH), number, np.uint8)
        items.append(
            SnapshotItem(
                image=image_digest(pixels),
                blob=blobs.put(encode_png(pixels)),
                name=name.format(number),
                shape=Shape(HEIGHT, WIDTH, 1, 8),
                part=f"serial={number}",
                group=f"tile={number % 2}",
                split=tuple(Split)[number % 4],
                labels=tuple(Label(concept, stored(blobs, place)) for concept, place in shown),
            )
        )
    return Snapshot(Digest("0" * 64), "parts", tuple(Concept(name) for name in CONCEPTS), tuple(items))


def stored(blobs: FolderBlobs, place: Drawn) -> Geometry:
    if isinstance(place, np.ndarray):
        return Mask(blobs.put(encode_mask(place)), int(place.sum()))
    return place


def said(snapshot: Snapshot, blobs: FolderBlobs) -> dict[str, Counter[object]]:
    """Digest of each file -> what is said about it; masks by their pixels."""

    def plain(place: Geometry) -> object:
        return read_mask(blobs.get(place.blob)).tobytes() if isinstance(place, Mask) else place

    return {
        i.blob: Counter((label.concept, plain(label.geometry)) for label in i.labels)
        for i in snapshot.items
    }


def read(folder: Path) -> dict[str, Counter[object]]:
    def plain(place: Place) -> object:
        return place.load().tobytes() if isinstance(place, MaskFile | RunLengths) else place

    entries = list(read_dataset(folder)[1])
    assert all(isinstance(entry, Entry) and entry.clean != bool(entry.labels) for entry in entries)
    return {
        digest_of(entry.path.read_bytes()): Counter(
            (label.concept, plain(label.place)) for label in entry.labels
        )
        for entry in entries
        if isinstance(entry, Entry)
    }


@pytest.mark.parametrize(("layout", "content"), [("coco", labels), ("mvtec", one_mask)])
def test_reading_what_was_written_gives_the_same(layout: str, content: st.SearchStrategy) -> None:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(content, min_size=1, max_size=4))
    def holds(drawn: list[list[tuple[str, Drawn]]]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            blobs = FolderBlobs(Path(scratch) / "blobs")
            snapshot = snapshot_of(blobs, [[], *drawn])
            assert export_items(snapshot, blobs, layout, Path(scratch) / "out") == len(snapshot.items)
            assert read(Path(scratch) / "out") == said(snapshot, blobs)

    holds()


def test_a_mask_with_a_hole_stays_a_mask_with_a_hole(tmp_path: Path) -> None:
    ring = np.zeros((HEIGHT, WIDTH), bool)
    ring[2:7, 2:8] = True
    ring[4, 4] = False
    blobs = FolderBlobs(tmp_path / "blobs")
    for layout in ("coco", "mvtec"):
        snapshot = snapshot_of(blobs, [[], [("scratch", ring)]])
        export_items(snapshot, blobs, layout, tmp_path / layout)
        assert read(tmp_path / layout) == said(snapshot, blobs)


def test_coco_keeps_names_splits_and_what_tells_parts_apart(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    export_items(snapshot_of(blobs, [[], []]), blobs, "coco", tmp_path / "out")
    entries = [entry for entry in read_dataset(tmp_path / "out")[1] if isinstance(entry, Entry)]
    assert [(entry.name, entry.split) for entry in entries] == [
        ("a/0.png", Split.TRAIN),
        ("a/1.png", Split.STOP),
    ]
    assert entries[1].metadata == {"serial": "1", "tile": "1"}


@pytest.mark.parametrize("name", ["same.png", "../{}.png", "/etc/{}.png"])
def test_names_that_collide_or_climb_stay_inside_the_folder(name: str, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    snapshot = snapshot_of(blobs, [[], [], []], name)
    export_items(snapshot, blobs, "coco", tmp_path / "out" / "deep")
    assert read(tmp_path / "out" / "deep") == said(snapshot, blobs)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["deep"]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ([("scratch", WholeImage()), ("dent 3", WholeImage())], "2 labels"),
        ([("scratch", Box(0, 0, 1, 1))], "a box"),
        ([("scratch", Polygon(((0, 0), (1, 0), (1, 1))))], "a polygon"),
        ([("good", WholeImage())], "cannot be a folder"),
        ([("a/b", WholeImage())], "cannot be a folder"),
        ([("..", WholeImage())], "cannot be a folder"),
    ],
)
def test_mvtec_refuses_what_it_cannot_hold_and_writes_nothing(
    shown: list[tuple[str, Drawn]], words: str, tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    with pytest.raises(Conflict, match=words):
        export_items(snapshot_of(blobs, [[], shown]), blobs, "mvtec", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    with pytest.raises(Conflict, match="not empty"):
        export_items(snapshot_of(blobs, [[]]), blobs, "coco", Path(__file__).parent)
    with pytest.raises(InvalidInput, match="no layout 'voc'"):
        export_items(snapshot_of(blobs, [[]]), blobs, "voc", tmp_path / "out")
