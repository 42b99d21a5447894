"""Simulated parts on disk: labelled for training, or pictures alone with the truth out of reach."""

import csv

import cv2
import numpy as np
import pytest

from andon.errors import InvalidInput, OperatorError
from andon.simulate.folder import CLEAN_LABEL, write_fresh_parts, write_parts
from andon.simulate.line import Line
from andon.simulate.settings import LineSettings

LINE = Line(LineSettings(("print", "cast"), 96, 96, defect_rate=0.6, parts_per_lot=4, seed=3))


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def quiet(done, total):
    assert 0 < done <= total


def test_the_manifest_has_a_row_for_every_label_and_every_clean_part(tmp_path):
    rows = rows_of(write_parts(tmp_path, LINE, range(12), quiet))
    for index in range(12):
        part = LINE.part(index)
        own = [row for row in rows if row["serial"] == part.serial]
        assert [row["label"] for row in own] == ([concept for concept, _ in part.defects] or [CLEAN_LABEL])
        assert {(row["lot"], row["captured_at"], row["part_type"]) for row in own} == {
            (part.lot, part.captured_at, part.part_type)
        }
    assert {row["label"] for row in rows} > {CLEAN_LABEL}


def test_pictures_and_masks_come_back_as_they_were_drawn(tmp_path):
    for row in rows_of(write_parts(tmp_path, LINE, range(12), quiet)):
        part = LINE.part(int(row["serial"].rsplit("-", 1)[1]))
        picture = cv2.imread(str(tmp_path / row["path"]), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), part.pixels)
        if row["mask"]:
            mask = cv2.imread(str(tmp_path / row["mask"]), cv2.IMREAD_UNCHANGED)
            assert np.array_equal(mask, np.where(dict(part.defects)[row["label"]], 255, 0))


def test_grey_pictures_are_written_grey(tmp_path):
    line = Line(LineSettings(height=96, width=96, channels=1))
    (row,) = rows_of(write_parts(tmp_path, line, range(1), quiet))
    assert cv2.imread(str(tmp_path / row["path"]), cv2.IMREAD_UNCHANGED).ndim == 2


def test_an_inspector_of_fresh_parts_cannot_see_the_truth(tmp_path):
    images, truth = tmp_path / "fresh", tmp_path / "hidden"
    rows = rows_of(write_fresh_parts(images, truth, LINE, range(100, 112), quiet))
    assert sorted(path.name for path in images.rglob("*")) == sorted({row["path"] for row in rows})
    assert all(path.suffix == ".png" for path in images.iterdir())
    assert all((truth / row["mask"]).is_file() for row in rows if row["mask"])


def test_the_truth_may_not_lie_beside_or_around_the_pictures(tmp_path):
    for images, truth in (("a", "a"), ("a", "a/b"), ("a/b", "a")):
        with pytest.raises(InvalidInput, match="lie in each other"):
            write_fresh_parts(tmp_path / images, tmp_path / truth, LINE, range(1), quiet)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(OperatorError, match="images"):
        write_parts(tmp_path, LINE, range(1), quiet)
