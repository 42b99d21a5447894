"""Charts are plain SVG in the palette's colours, whatever the numbers and the names are."""

from xml.etree import ElementTree

import pytest

from andon.domain.inspections import Verdict
from andon.domain.models import Cuts
from andon.domain.runs import MetricPoint
from andon.errors import BugError
from andon.plots.histogram import Scores, score_histogram
from andon.plots.palette import Palette, palette_from
from andon.plots.precision_recall import PrecisionRecall, precision_recall
from andon.plots.tradeoff import TradeoffPoint, tradeoff_curve
from andon.plots.training import training_curves

VERDICTS = {verdict: f"#0000{place:02d}" for place, verdict in enumerate(Verdict)}
PALETTE = Palette("#111111", "#222222", "#333333", "#444444", VERDICTS, ("#aa0001", "#aa0002"))
CUTS = Cuts(0.31, 0.62)
HOSTILE = "<script>alert('1')</script>"


def drawn(svg):
    """All text in the chart; raises where it is not well-formed XML."""
    tree = ElementTree.fromstring(svg)
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [node for node in tree.iter() if node.tag.endswith(("script", "image", "foreignObject"))]
    return " ".join(text for node in tree.iter() for text in [node.text or ""])


def test_the_histogram_shows_counts_cuts_and_the_concepts_colour():
    svg = score_histogram(Scores("scratch", 1, [0.7, 0.8, 0.9], [0.1] * 40), CUTS, PALETTE)
    text = drawn(svg)
    assert "with scratch (n = 3)" in text and "without scratch (n = 40)" in text
    assert "review 0.31" in text and "reject 0.62" in text
    assert "#aa0002" in svg and VERDICTS[Verdict.REJECT] in svg


def test_the_histogram_is_drawn_without_cuts_and_without_parts():
    text = drawn(score_histogram(Scores("dent", 0, [], []), None, PALETTE))
    assert "with dent (n = 0)" in text and "review" not in text


def test_the_tradeoff_names_both_errors_and_the_cuts():
    points = [TradeoffPoint(0.0, 0.0, 1.0), TradeoffPoint(0.5, 0.2, 0.1), TradeoffPoint(1.0, 1.0, 0.0)]
    text = drawn(tradeoff_curve(points, CUTS, PALETTE))
    assert all(word in text for word in ("escapes", "overkill", "review 0.31", "reject 0.62"))
    assert "review" not in drawn(tradeoff_curve(points, None, PALETTE))


def test_training_curves_keep_losses_and_metrics_apart():
    points = [MetricPoint(step, float(step), {"loss": 1 / (1 + step), "stop_ap": 0.5}) for step in range(4)]
    text = drawn(training_curves(points, PALETTE))
    assert all(word in text for word in ("loss", "metric", "stop_ap", "step"))
    assert "metric" not in drawn(training_curves([MetricPoint(0, 0.0, {"loss": 1.0})], PALETTE))
    assert drawn(training_curves([], PALETTE))


def test_the_cuts_stand_on_the_curves_and_curves_without_cuts_have_no_marks():
    curve = PrecisionRecall(
        "dent", 0, ((0.0, 1.0), (1.0, 0.5)), {"review": (0.9, 0.6), "reject": (0.4, 0.9)}
    )
    svg = precision_recall([curve], PALETTE)
    text = drawn(svg)
    assert 'fill="black"' not in svg and "#000" not in svg.replace("#0000", "")  # unseen in the dark
    assert "review cut" in text and "reject cut" in text
    plain = PrecisionRecall("dent", 0, ((0.0, 1.0), (1.0, 0.5)))
    assert "cut" not in drawn(precision_recall([plain], PALETTE))


def test_precision_and_recall_name_every_concept():
    curves = [
        PrecisionRecall(name, place, [(0, 1), (1, 0.5)]) for place, name in enumerate(("dent", "stain"))
    ]
    assert {"dent", "stain"} <= set(drawn(precision_recall(curves, PALETTE)).split())


def test_names_from_outside_stay_text():
    svg = score_histogram(Scores(HOSTILE, 0, [0.5], [0.5]), CUTS, PALETTE)
    assert "<script" not in svg and HOSTILE in drawn(svg)
    assert "<script" not in precision_recall([PrecisionRecall(HOSTILE, 0, [(0, 1), (1, 0)])], PALETTE)


def test_the_same_numbers_give_the_same_chart():
    scores = Scores("scratch", 0, [0.7, 0.8], [0.1, 0.2])
    assert score_histogram(scores, CUTS, PALETTE) == score_histogram(scores, CUTS, PALETTE)


def test_a_palette_comes_from_tokens_and_misses_none():
    tokens = dict.fromkeys(("text", "muted", "line", "surface", "pass", "reject", "review"), "#000001")
    tokens |= {"no-decision": "#000002", "concept-1": "#000003", "concept-2": "#000004"}
    palette = palette_from(tokens)
    assert palette.verdicts[Verdict.NO_DECISION] == "#000002"
    assert [palette.hue(place) for place in range(3)] == ["#000003", "#000004", "#000003"]
    with pytest.raises(BugError, match="review"):
        palette_from({name: colour for name, colour in tokens.items() if name != "review"})
