"""What the simulator writes is what the CSV manifest layout reads."""

import cv2
import numpy as np

from andon.formats.entries import LeftOut, MaskFile, Options
from andon.formats.files import scan
from andon.formats.layouts import csv_manifest
from andon.simulate.folder import write_parts
from andon.simulate.line import Line
from andon.simulate.settings import LineSettings

LINE = Line(LineSettings(("print", "cast"), 96, 96, defect_rate=0.6, parts_per_lot=6, seed=3))


def test_a_written_line_is_read_back_whole(tmp_path):
    write_parts(tmp_path, LINE, range(18), lambda done, total: None)
    listing = scan(tmp_path)
    assert csv_manifest.recognises(listing)
    entries = list(csv_manifest.read(listing, Options()))
    assert not [entry for entry in entries if isinstance(entry, LeftOut)]
    assert len(entries) == 18
    for index, entry in enumerate(sorted(entries, key=lambda entry: entry.metadata["captured_at"])):
        part = LINE.part(index)
        assert [label.concept for label in entry.labels] == [concept for concept, _ in part.defects]
        assert entry.clean == (not part.defects)
        assert entry.metadata["serial"] == part.serial and entry.metadata["lot"] == part.lot
        for label, (_, mask) in zip(entry.labels, part.defects, strict=True):
            assert isinstance(label.place, MaskFile)
            read = cv2.imread(str(label.place.path), cv2.IMREAD_GRAYSCALE) > label.place.cut
            assert np.array_equal(read, mask)
