from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.domain.annotations import Box, Polygon
from andon.domain.calibrations import Calibration
from andon.domain.geometry import lies_inside, touches
from andon.domain.inspections import MAX_FINDINGS, Finding, ReasonCode, Verdict
from andon.domain.models import Cuts
from andon.domain.ontologies import Severity
from andon.domain.recipes import Recipe, Rule, Unit, deciding_scores, judge
from andon.domain.serial import from_json, to_json
from andon.errors import InvalidInput, NotPossible
from andon.units import Digest, Timestamp

SCALE = Calibration("s", "top", 1, 4.0, "known length", "local", Timestamp("2026-01-01T00:00:00.000000Z"))
U_SHAPE = Polygon(((0, 0), (30, 0), (30, 30), (20, 30), (20, 10), (10, 10), (10, 30), (0, 30)))


def square(x: float, y: float, side: float) -> Polygon:
    return Polygon(((x, y), (x + side, y), (x + side, y + side), (x, y + side)))


SPOT = Box(10, 10, 4, 4)


def finding(score: float = 0.9, box: Box | None = SPOT, concept: str = "scratch") -> Finding:
    if box is None:
        return Finding(concept, score, None, 10_000, 141, (50, 50))
    centre = (box.x + box.width / 2, box.y + box.height / 2)
    return Finding(concept, score, box, box.width * box.height, max(box.width, box.height), centre)


def recipe(**changes: object) -> Recipe:
    cuts = {"scratch": Cuts(0.3, 0.7), "stain": Cuts(0.3, 0.7)}
    return replace(Recipe("r", 1, None, Digest("0" * 64), cuts), **changes)  # type: ignore[arg-type]


def codes(judged: Recipe, *findings: Finding) -> list[ReasonCode]:
    return [reason.code for reason in judge(judged, findings).reasons]


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.299, Verdict.PASS),
        (0.3, Verdict.REVIEW),
        (0.699, Verdict.REVIEW),
        (0.7, Verdict.REJECT),
        (1.0, Verdict.REJECT),
    ],
)
def test_two_cuts_give_three_verdicts(score: float, verdict: Verdict) -> None:
    assert judge(recipe(), [finding(score)]).verdict is verdict


def test_nothing_found_passes_without_a_reason() -> None:
    assert judge(recipe(), []) == judge(recipe(), [finding(0.1)])
    assert judge(recipe(), []).verdict is Verdict.PASS
    assert judge(recipe(), []).reasons == ()


def test_the_worst_reason_comes_first() -> None:
    assert codes(recipe(), finding(0.4), finding(0.95), finding(0.8)) == [
        ReasonCode.DEFECT,
        ReasonCode.DEFECT,
        ReasonCode.UNCERTAIN,
    ]


def test_a_concept_without_cuts_is_refused_even_out_of_scope() -> None:
    with pytest.raises(InvalidInput, match="no cuts for 'dent'"):
        judge(recipe(ignore=(square(0, 0, 99),)), [finding(concept="dent")])


@pytest.mark.parametrize(
    "cuts", [Cuts(0.7, 0.3), Cuts(-0.1, 0.5), Cuts(float("nan"), 0.5), Cuts(0.1, float("nan"))]
)
def test_impossible_cuts_are_refused(cuts: Cuts) -> None:
    with pytest.raises(InvalidInput, match="cuts of 'scratch'"):
        recipe(cuts={"scratch": cuts})


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_area": -1.0},
        {"min_length": float("nan")},
        {"min_area": float("inf")},
        {"max_count": -1},
        {"max_count": MAX_FINDINGS},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match="'scratch'"):
        Rule("scratch", **wrong)  # type: ignore[arg-type]


def test_small_and_short_findings_are_tolerated() -> None:
    tolerant = recipe(rules=(Rule("scratch", min_area=20, min_length=5),))
    assert codes(tolerant, finding(box=Box(0, 0, 4, 4))) == []
    assert codes(tolerant, finding(box=Box(0, 0, 30, 0.5))) == []
    assert codes(tolerant, finding(box=Box(0, 0, 10, 4))) == [ReasonCode.DEFECT]
    assert codes(tolerant, finding(box=Box(0, 0, 4, 4), concept="stain")) == [ReasonCode.DEFECT]


def test_a_rule_in_millimetres_needs_a_calibration() -> None:
    rule = Rule("scratch", min_length=2, unit=Unit.MILLIMETRE)
    assert codes(recipe(rules=(rule,), calibration=SCALE), finding(box=Box(0, 0, 7.9, 1))) == []
    assert codes(recipe(rules=(rule,), calibration=SCALE), finding(box=Box(0, 0, 8, 1))) == [
        ReasonCode.DEFECT
    ]
    area = Rule("scratch", min_area=1, unit=Unit.MILLIMETRE)
    assert codes(recipe(rules=(area,), calibration=SCALE), finding(box=Box(0, 0, 3.9, 4))) == []
    with pytest.raises(NotPossible, match="millimetres"):
        judge(recipe(rules=(rule,)), [finding()])


def test_a_few_are_tolerated_and_one_more_makes_all_count() -> None:
    tolerant = recipe(rules=(Rule("scratch", max_count=2),))
    assert codes(tolerant, finding(), finding()) == []
    assert len(codes(tolerant, finding(), finding(), finding(0.4))) == 3
    assert codes(tolerant, finding(), finding(), finding(0.2)) == []


def test_what_has_no_place_is_never_small_nor_out_of_reach() -> None:
    everywhere = recipe(
        rules=(Rule("scratch", min_area=1e9, within=square(0, 0, 1)),),
        regions=(square(0, 0, 1),),
        ignore=(square(0, 0, 1000),),
    )
    assert codes(everywhere, finding(box=None)) == [ReasonCode.DEFECT]


def test_zones_have_tolerances_of_their_own_and_the_strictest_wins() -> None:
    general = Rule("scratch", min_area=100)
    sealing_face = Rule("scratch", min_area=5, within=square(0, 0, 20))
    for rules in ((general, sealing_face), (sealing_face, general)):
        judged = recipe(rules=rules)
        assert codes(judged, finding(box=Box(10, 10, 4, 4))) == [ReasonCode.DEFECT]
        assert codes(judged, finding(box=Box(60, 60, 4, 4))) == []
        assert codes(judged, finding(box=Box(10, 10, 2, 2))) == []


def test_a_finding_that_no_rule_concerns_counts() -> None:
    judged = recipe(rules=(Rule("scratch", min_area=100, within=square(0, 0, 20)),))
    assert codes(judged, finding(box=Box(60, 60, 4, 4))) == [ReasonCode.DEFECT]


def test_severity_of_the_concept_then_of_the_rule() -> None:
    minor = recipe(severities={"scratch": Severity.MINOR})
    assert judge(minor, [finding()]).verdict is Verdict.REVIEW
    assert codes(minor, finding(), finding(0.4)) == [ReasonCode.MINOR_DEFECT, ReasonCode.UNCERTAIN]
    raised = replace(minor, rules=(Rule("scratch", min_length=8, severity=Severity.MAJOR), Rule("scratch")))
    assert codes(raised, finding(box=Box(0, 0, 4, 4))) == [ReasonCode.MINOR_DEFECT]
    assert codes(raised, finding(box=Box(0, 0, 9, 4))) == [ReasonCode.DEFECT]


def test_bands_of_size_have_bands_of_severity() -> None:
    banded = recipe(
        rules=(
            Rule("scratch", min_length=2, severity=Severity.MINOR),
            Rule("scratch", min_length=5, severity=Severity.MAJOR),
        )
    )
    lengths = {1: [], 3: [ReasonCode.MINOR_DEFECT], 6: [ReasonCode.DEFECT]}
    for length, expected in lengths.items():
        assert codes(banded, finding(box=Box(0, 0, length, 1))) == expected


@pytest.mark.parametrize(
    ("box", "inside", "touching"),
    [
        (Box(2, 2, 5, 5), True, True),  # in an arm
        (Box(0, 0, 30, 10), True, True),  # fills the bridge, along the border
        (Box(5, 5, 20, 20), False, True),  # every corner in the U, the notch cuts through
        (Box(12, 15, 5, 5), False, False),  # in the notch
        (Box(10, 15, 10, 5), False, True),  # in the notch, against both arms
        (Box(-5, -5, 60, 60), False, True),  # around it all
        (Box(-5, 2, 60, 2), False, True),  # across, no corner inside
        (Box(40, 40, 5, 5), False, False),
    ],
)
def test_boxes_and_a_concave_polygon(box: Box, inside: bool, touching: bool) -> None:
    assert lies_inside(box, U_SHAPE) is inside
    assert touches(box, U_SHAPE) is touching


def test_the_border_of_the_image_can_be_ignored() -> None:
    """A box at the far edge, with the rounding of a scaled map pixel, lies in a zone up to that edge."""
    zone = Polygon(((90, 0), (100.1, 0), (100.1, 100.1), (90, 100.1)))
    assert lies_inside(Box(91 * 1.001, 91 * 1.001, 9 * 1.001, 9 * 1.001), zone)


def test_a_bow_tie_has_no_inside_where_it_crosses() -> None:
    bow_tie = Polygon(((0, 0), (20, 20), (20, 0), (0, 20)))
    assert not lies_inside(Box(8, 8, 4, 4), bow_tie)
    assert lies_inside(Box(1, 8, 2, 4), bow_tie)
    assert not touches(Box(9, 1, 2, 2), bow_tie)


coordinate = st.integers(0, 60).map(float)
side = st.integers(1, 25).map(float)
boxes = st.builds(Box, x=coordinate, y=coordinate, width=side, height=side)
findings = st.lists(
    st.builds(
        finding,
        score=st.integers(0, 20).map(lambda step: step / 20),
        box=st.one_of(st.none(), boxes),
        concept=st.sampled_from(["scratch", "stain"]),
    ),
    max_size=8,
)
polygons = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=6).map(
    lambda points: Polygon(tuple(points))
)
rules = st.builds(
    Rule,
    concept=st.sampled_from(["scratch", "stain"]),
    min_area=st.sampled_from([0.0, 40.0, 200.0]),
    min_length=st.sampled_from([0.0, 5.0, 15.0]),
    max_count=st.integers(0, 3),
    within=st.one_of(st.none(), polygons),
    unit=st.sampled_from(Unit),
    severity=st.sampled_from([None, *Severity]),
)
cuts = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
    lambda pair: Cuts(min(pair) / 20, max(pair) / 20)
)
recipes = st.builds(
    recipe,
    cuts=st.fixed_dictionaries({"scratch": cuts, "stain": cuts}),
    rules=st.lists(rules, max_size=4).map(tuple),
    regions=st.lists(polygons, max_size=2).map(tuple),
    ignore=st.lists(polygons, max_size=2).map(tuple),
    severities=st.dictionaries(st.sampled_from(["scratch", "stain"]), st.sampled_from(Severity)),
    calibration=st.just(SCALE),
)
GRAVITY = [Verdict.PASS, Verdict.REVIEW, Verdict.REJECT]


@given(recipes, findings, st.sampled_from(["scratch", "stain"]), st.floats(0, 1), st.floats(0, 1))
def test_lowering_cuts_never_makes_a_verdict_milder(
    judged: Recipe, found: list[Finding], concept: str, review: float, reject: float
) -> None:
    old = judged.cuts[concept]
    lower_reject = old.reject * reject
    lowered = replace(
        judged, cuts={**judged.cuts, concept: Cuts(min(old.review * review, lower_reject), lower_reject)}
    )
    before, after = judge(judged, found).verdict, judge(lowered, found).verdict
    assert GRAVITY.index(after) >= GRAVITY.index(before)


@given(recipes, findings, polygons)
def test_one_more_ignored_region_never_makes_a_verdict_graver(
    judged: Recipe, found: list[Finding], polygon: Polygon
) -> None:
    wider = replace(judged, ignore=(*judged.ignore, polygon))
    assert GRAVITY.index(judge(wider, found).verdict) <= GRAVITY.index(judge(judged, found).verdict)


@given(recipes, findings, st.builds(finding, box=boxes))
def test_one_more_finding_never_makes_a_verdict_milder(
    judged: Recipe, found: list[Finding], more: Finding
) -> None:
    assert GRAVITY.index(judge(judged, [*found, more]).verdict) >= GRAVITY.index(
        judge(judged, found).verdict
    )


@given(recipes, findings, st.randoms())
def test_neither_rules_nor_findings_have_an_order(
    judged: Recipe, found: list[Finding], random: object
) -> None:
    rules_, found_ = list(judged.rules), list(found)
    random.shuffle(rules_)  # type: ignore[attr-defined]
    random.shuffle(found_)  # type: ignore[attr-defined]
    assert judge(replace(judged, rules=tuple(rules_)), found_) == judge(judged, found)


@given(recipes, findings)
def test_stored_findings_give_the_live_verdict_again(judged: Recipe, found: list[Finding]) -> None:
    stored = from_json(tuple[Finding, ...], to_json(tuple(found)))
    read = from_json(Recipe, to_json(judged))
    assert judge(read, stored) == judge(judged, found)


@given(boxes, polygons)
def test_what_lies_inside_also_touches(box: Box, polygon: Polygon) -> None:
    if lies_inside(box, polygon):
        assert touches(box, polygon)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 60), st.integers(1, 9)), max_size=6))
def test_the_deciding_score_is_the_highest_cut_that_stops_the_part(
    found: list[tuple[int, int, int]],
) -> None:
    asked = recipe(
        rules=(Rule("scratch", min_area=16.0, max_count=1, within=square(0, 0, 30)),),
        regions=(square(0, 0, 50),),
        ignore=(square(40, 0, 10),),
    )
    seen = [finding(score / 20, Box(x, 5, side, side)) for score, x, side in found]
    decides = deciding_scores(asked, seen).get("scratch", -1.0)
    for step in range(21):
        cut = replace(asked, cuts={"scratch": Cuts(step / 20, step / 20)})
        assert (judge(cut, seen).verdict is not Verdict.PASS) == (step / 20 <= decides)


def test_what_no_cut_stops_has_no_deciding_score() -> None:
    assert deciding_scores(recipe(), []) == {}
    assert deciding_scores(recipe(ignore=(square(0, 0, 50),)), [finding()]) == {}
    assert deciding_scores(recipe(), [finding(0.1), finding(0.4, concept="stain")]) == {
        "scratch": 0.1, "stain": 0.4,
    }  # fmt: skip
    moved = recipe(ignore=(square(100, 100, 50),))
    assert deciding_scores(moved, [finding()], (-100.0, -100.0)) == {}
