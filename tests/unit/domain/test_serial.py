import json
import math
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.domain.annotations import Box, Geometry, Label, Mask, Polygon, WholeImage
from andon.domain.datasets import DatasetSpec, Snapshot, SnapshotItem, Split, SplitRule
from andon.domain.images import ImageFilter, Shape
from andon.domain.inspections import Decision, Finding, Inspection, Reason, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.ontologies import Concept, Ontology, Severity
from andon.domain.recipes import Recipe, Rule
from andon.domain.runs import Run, RunState, TrainSettings
from andon.domain.serial import canonical, from_json, to_json
from andon.errors import Conflict, InvalidInput
from andon.units import Digest, Timestamp

D = Digest("a" * 64)
NOW = Timestamp("2026-01-02T03:04:05.000006Z")
TRIANGLE = Polygon(((0, 0), (1, 0), (1, 1)))
ITEM = SnapshotItem(
    D, D, "a/b.png", Shape(4, 5, 1, 8), "part", "lot", Split.STOP,
    (Label("dent", TRIANGLE), Label("scratch", Mask(D, 3)), Label("ink")),
)  # fmt: skip
VALUES = [
    ITEM,
    Snapshot(D, "tiles", (Concept("dent", severity=Severity.CRITICAL),), (ITEM,)),
    DatasetSpec("d", ImageFilter(clean=True), SplitRule("lot", fixed={"a.png": Split.TEST})),
    Recipe("r", 1, None, D, {"dent": Cuts(0.2, 0.5)}, (Rule("dent", within=TRIANGLE),)),
    Run("id", D, TrainSettings(), RunState.RUNNING, "local", NOW),
    Inspection(
        "id", NOW, "p", None, "n", "r", 1, D, "onnxruntime/f32",
        Decision(Verdict.REJECT, (Reason(ReasonCode.DEFECT, "dent", "score"),)),
        (
            Finding("dent", 0.5, Box(0, 0, 1, 2), 2.0, 2.0, (0.5, 1.0)),
            Finding("ink", 1, None, 0, 0, (0, 0)),
        ),
        {"dent": 0.5}, 3.25,
    ),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_every_value_comes_back_as_it_went(value: Any) -> None:
    assert from_json(type(value), json.loads(canonical(value))) == value


finite = st.floats(allow_nan=False, allow_infinity=False)
sides = st.floats(min_value=1e-3, max_value=1e6)
geometries = st.one_of(
    st.just(WholeImage()),
    st.builds(Box, finite, finite, sides, sides),
    st.lists(st.tuples(finite, finite), min_size=3, max_size=5).map(lambda points: Polygon(tuple(points))),
    st.builds(Mask, st.just(D), st.integers(min_value=0)),
)


@given(geometries)
def test_a_union_is_told_apart_by_its_tag(geometry: Geometry) -> None:
    data = json.loads(json.dumps(to_json(geometry, Geometry)))
    assert data["kind"] == type(geometry).__name__.lower()
    assert from_json(Geometry, data) == geometry


def test_an_optional_dataclass_needs_no_tag() -> None:
    assert to_json(VALUES[5])["findings"][0]["box"] == {"x": 0, "y": 0, "width": 1, "height": 2}


def test_canonical_bytes_do_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": [True, None, "ä"]}) == '{"a":[true,null,"ä"],"b":1}'.encode()
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@dataclass(frozen=True, slots=True)
class Inner:
    count: int
    pair: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Outer:
    inner: tuple[Inner, ...]
    flag: bool = False


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "Outer: expected an object, got []"),
        ({}, "field inner: this field is missing"),
        ({"inner": [], "colour": 1}, "field colour: this field is not known here"),
        ({"inner": {}}, "field inner: expected a list"),
        (
            {"inner": [{"count": 1}, {"count": "2"}]},
            "field inner[1].count: expected a whole number, got '2'",
        ),
        ({"inner": [{"count": True}]}, "field inner[0].count: expected a whole number, got True"),
        ({"inner": [{"count": 1, "pair": [1]}]}, "field inner[0].pair: expected 2 values, got 1"),
        (
            {"inner": [{"count": 1, "pair": [1, math.nan]}]},
            "field inner[0].pair[1]: nan is not a finite number",
        ),
        ({"inner": [{"count": 1, "pair": [1, 10**400]}]}, "field inner[0].pair[1]: expected a number"),
        ({"inner": [], "flag": 1}, "field flag: expected true or false, got 1"),
    ],
)
def test_a_refusal_names_the_field(data: object, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        from_json(Outer, data)
    assert says in refusal.value.message


def test_unknown_enum_values_and_tags_are_refused_with_the_known_ones() -> None:
    label = {"concept": "dent", "geometry": {"kind": "circle"}}
    with pytest.raises(
        InvalidInput, match=r"geometry\.kind: 'circle' is none of wholeimage, box, polygon, mask"
    ):
        from_json(Label, label)
    with pytest.raises(InvalidInput, match=r"severity: 'awful' is none of minor, major, critical"):
        from_json(Concept, {"name": "dent", "severity": "awful"})


def test_the_rules_of_a_type_hold_for_what_is_read() -> None:
    with pytest.raises(InvalidInput, match=r"geometry: a box of 0 x 1 pixels has no area"):
        from_json(
            Label, {"concept": "c", "geometry": {"kind": "box", "x": 0, "y": 0, "width": 0, "height": 1}}
        )
    with pytest.raises(Conflict):
        from_json(Ontology, {"version": 1, "concepts": [{"name": "a"}, {"name": "A"}]})


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"field loss: nan is not a finite number"):
        canonical({"loss": math.nan})
    with pytest.raises(InvalidInput, match="not Unicode"):
        canonical({"name": "\ud800"})
