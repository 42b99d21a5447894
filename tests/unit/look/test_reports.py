"""Reports need nothing but themselves, say how sure they are, and treat every name as text."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from andon.domain.inspections import Verdict
from andon.domain.models import Costs, Cuts, Engine, Interval, Parity, Precision, Variant
from andon.errors import BugError
from andon.look.figures import Chart, Fact, Figure, Picture, figure_of
from andon.look.inspection_report import InspectionReport, Latency, PartRow, render_inspection_report
from andon.look.model_card import CountRow, CutRow, ModelCard, render_model_card
from andon.look.model_report import (
    Breakdown,
    Cell,
    ConfusionRow,
    GroupRow,
    ModelReport,
    Warned,
    render_model_report,
)

HOSTILE = "<script>alert(1)</script>\" onload='x"
PNG = b"\x89PNG\r\n\x1a\n and the rest"
ESCAPES = Interval(2, 61, 0.004, 0.112)
FEW = Interval(0, 6, 0.0, 0.39)
NONE = Interval(0, 0, 0.0, 1.0)
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>scores</text></svg>'


def card(name="flange"):
    return ModelCard(
        name=name,
        digest="a3f9" * 16,
        facts=(Fact("Snapshot", name, exact=True), Fact("Encoder", "mobilenetv2_100")),
        splits=("train", "test"),
        counts=(CountRow("clean", (1200, 412)), CountRow(name, (120, 61))),
        figures=(figure_of("Escapes", ESCAPES, "missed defects"), figure_of("Escapes of dents", FEW)),
        parity=(Parity(Variant(Engine.OPENVINO, Precision.BF16), 64, 0.03, 0.2, (name,), 0.02),),
        cuts=(CutRow(name, Cuts(0.31, 0.62), ESCAPES, Interval(5, 412, 0.004, 0.028)),),
        costs=Costs(100, 5, 1, 0.01),
        charts=(Chart("Scores", SVG, name),),
        misses=(Picture(name, name, PNG, PNG),),
        false_alarms=(Picture("good one", "score 0.9", PNG),),
        limits=(name,),
    )


def report(title="shift 1"):
    return InspectionReport(
        title=title,
        facts=(Fact("Recipe", title),),
        verdicts={Verdict.PASS: 1188, Verdict.REJECT: 61},
        latency=Latency(7.42, 11.2, 1249),
        figures=(figure_of("Escapes", ESCAPES),),
        rejects=(Picture(title, title, PNG, PNG),),
        parts=tuple(PartRow(title, verdict, title, 0.7311, 7.1, title) for verdict in Verdict),
        unlisted=1245,
    )


def model_report(name="flange"):
    return ModelReport(
        name=name,
        digest="a3f9" * 16,
        judged=name,
        facts=(Fact("data set", name),),
        figures=(figure_of("escapes", ESCAPES),),
        warnings=(Warned("too few", name),),
        rules={"too few": "when there are few"},
        cuts={name: Cuts(0.31, 0.62)},
        breakdowns=(
            Breakdown("By concept", (GroupRow(name, ESCAPES, FEW, average_precision=0.5),)),
            Breakdown("By lot", (GroupRow(name, ESCAPES, FEW, NONE),), name),
            Breakdown("By line", (), name),
        ),
        columns=(name, "nothing"),
        confusion=(ConfusionRow(name, (Cell(3, 0.75, True), Cell(1, 0.25, False))),),
        confusion_remarks=(name,),
        charts=(Chart("Scores", SVG, name),),
        misses=(Picture(name, name, PNG, PNG),),
        missed=name,
        false_alarms=(),
        alarmed=name,
        near=(Picture(name, name, PNG, PNG),),
        notes=(name,),
    )


PAGES = pytest.mark.parametrize(
    "page",
    [
        lambda name: render_model_card(card(name)),
        lambda name: render_inspection_report(report(name)),
        lambda name: render_model_report(model_report(name)),
    ],
)


class Elements(HTMLParser):
    """Names and attributes of everything in a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</style>")[1]).split())


@PAGES
def test_hostile_names_stay_text(page):
    elements = Elements(page(HOSTILE)).found
    assert not [tag for tag, _ in elements if tag == "script"]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;" in page(HOSTILE)


@PAGES
def test_pages_ask_nobody_for_anything(page):
    text = page("flange")
    assert not re.findall(r"https?://", text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    for tag, attributes in Elements(text).found:
        assert tag not in ("script", "link", "iframe", "object", "base", "form")
        assert attributes.get("src", "data:").startswith("data:")
        assert "href" not in attributes


@PAGES
def test_every_picture_has_words_and_the_page_a_width_for_phones(page):
    elements = Elements(page("flange")).found
    assert all(attributes["alt"] for tag, attributes in elements if tag == "img")
    assert any(attributes.get("name") == "viewport" for tag, attributes in elements if tag == "meta")


def test_rates_come_with_n_and_interval():
    text = words(render_model_card(card()))
    assert "3.3 % 0.4 % to 11.2 % at 95 %, 2 of n = 61" in text
    assert "3.3 %, at most 11.2 % 2 of n = 61" in text
    assert 'title="missed defects"' in render_model_card(card())


def test_a_rate_over_few_parts_says_so():
    text = words(render_model_card(card()))
    assert text.count("n &lt; 30: too few to rely on") == 1
    assert "0 of n = 6 n &lt; 30" in text


def test_a_rate_over_nothing_is_unknown_not_zero():
    empty = ModelCard("flange", "d", (), (), (), (figure_of("Escapes", Interval(0, 0, 0.0, 1.0)),))
    text = words(render_model_card(empty))
    assert "Escapes unknown" in text and "0.0 %" not in text
    without = CutRow("dent", Cuts(0.1, 0.2), None, None)
    assert "not known: no parts to count" in words(
        render_model_card(ModelCard("f", "d", (), (), (), (), cuts=(without,)))
    )


def test_a_figure_that_is_no_count_shows_its_n():
    figure = Figure("Image average precision", 0.9134, 473, 0.87, 0.945)
    text = words(render_model_card(ModelCard("flange", "d", (), (), (), (figure,))))
    assert "91.3 % 87.0 % to 94.5 % at 95 %, n = 473" in text


def test_the_card_shows_parity_costs_and_limits():
    text = words(render_model_card(card()))
    assert "openvino/bf16 failed: the verdict flips on 1 of 64 images, such as flange 0.03" in text
    assert "escape 100, overkill 5, review 1, at an expected defect rate of 1.0 %" in text
    assert "1,200" in text and "Limits flange" in text


def test_verdicts_are_word_and_shape_and_colour():
    page = render_inspection_report(report())
    badges = re.findall(
        r'<span class="verdict verdict-([A-Z-]+)"><svg[^>]*>(.*?)</svg>([A-Z-]+)</span>', page, re.S
    )
    assert {word for _, _, word in badges} == {verdict.value for verdict in Verdict}
    assert all(state == word for state, _, word in badges)
    assert len({shape for _, shape, _ in badges}) == 4
    for verdict in Verdict:
        assert f".verdict-{verdict.value} {{ --state: var(--{verdict.value.lower()}); }}" in page


def test_the_report_counts_parts_and_time():
    text = words(render_inspection_report(report()))
    assert "1,188 PASS" in text and "61 REJECT" in text and "0 NO-DECISION" in text
    assert "median 7.4 ms" in text and "95th percentile 11.2 ms" in text and "n = 1,249" in text
    assert "1,245 more parts are not listed" in text


def test_without_truth_the_report_says_that_it_does_not_know():
    text = words(render_inspection_report(InspectionReport("shift 1", (), {Verdict.PASS: 3})))
    assert "truth of these parts is not known" in text
    assert "Escapes" not in text


def test_pictures_stand_in_the_page():
    page = render_inspection_report(report())
    assert page.count("data:image/png;base64,iVBORw0KGgo") == 2
    with pytest.raises(BugError, match="PNG"):
        render_inspection_report(InspectionReport("s", (), {}, rejects=(Picture("a", "b", b"GIF89a"),)))


@pytest.mark.parametrize(
    "svg", ["<p>no</p>", "<svg><script>1</script></svg>", '<svg><a href="x"></a></svg>']
)
def test_a_chart_is_a_drawing_and_nothing_else(svg):
    with pytest.raises(BugError, match="drawing"):
        Chart("Scores", svg, "")


def test_a_model_report_bounds_escapes_above_and_other_rates_on_both_sides():
    text = words(render_model_report(model_report()))
    assert "flange 3.3 % 2 of 61, at most 11.2 % 0.0 % 0 of 6, 0.0 % to 39.0 % few 0.500" in text
    assert "0.0 % to 39.0 % few no such parts" in text  # by lot: nothing to review


def test_a_model_report_without_warnings_says_that_its_rules_are_silent():
    quiet = words(render_model_report(replace(model_report(), warnings=())))
    assert "Nothing: none of the rules at the end of this report speaks." in quiet
    assert "too few when there are few." in quiet
