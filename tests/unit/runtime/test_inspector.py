from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulators import graphs

from andon.domain.annotations import Polygon
from andon.domain.calibrations import Calibration
from andon.domain.inspections import ReasonCode, Verdict
from andon.domain.models import Cuts, Variant
from andon.domain.recipes import Recipe, Rule, Unit, judge
from andon.errors import Conflict, DamagedPackage, InvalidInput, NotPossible
from andon.formats.pixels import decode, image_digest
from andon.runtime.execution import REFERENCE, available
from andon.runtime.inspector import Inspector
from andon.runtime.package import LoadedPackage
from andon.runtime.prepared import Prepared
from andon.units import Digest, Timestamp

VARIANTS = pytest.mark.parametrize("variant", available(), ids=str)


@pytest.fixture
def package(tmp_path: Path) -> LoadedPackage:
    return graphs.write_brightness(tmp_path / "package")


def inspector(
    package: LoadedPackage, recipe: Recipe | None = None, variant: Variant = REFERENCE
) -> Inspector:
    return Inspector(package, recipe or graphs.recipe_for(package), variant)


def part_with(level: int) -> bytes:
    """A 128 x 192 part with one 20 x 30 spot of that grey level."""
    pixels = graphs.grey(128, 192)
    pixels[40:60, 90:120] = level
    return graphs.png(pixels)


@VARIANTS
def test_parts_get_their_verdicts(package: LoadedPackage, variant: Variant) -> None:
    station = inspector(package, variant=variant)
    assert station.variant == variant
    expected = {127: Verdict.PASS, 160: Verdict.PASS, 190: Verdict.REVIEW, 230: Verdict.REJECT}
    found = {level: station.inspect(part_with(level)).decision.verdict for level in expected}
    assert found == expected


@VARIANTS
def test_an_outcome_tells_all_it_was_decided_from(package: LoadedPackage, variant: Variant) -> None:
    content = part_with(230)
    outcome = inspector(package, variant=variant).inspect(content)
    (finding,) = outcome.findings
    assert finding.concept == "bright"
    assert finding.score == outcome.scores["bright"] == pytest.approx((230 / 255 - 0.5) * 2, abs=0.01)
    assert outcome.scores["dark"] == pytest.approx(0.004, abs=0.01)
    assert finding.box is not None
    assert finding.centroid == (pytest.approx(105, abs=1.5), pytest.approx(50, abs=1))
    assert (finding.box.width, finding.box.height) == (pytest.approx(30, abs=6), pytest.approx(20, abs=4))
    assert outcome.decision.reasons[0].code is ReasonCode.DEFECT
    assert list(outcome.stages) == ["decode", "health", "fit", "engine", "findings", "judge"]
    assert outcome.milliseconds >= sum(outcome.stages.values())
    assert outcome.image() == image_digest(decode(content))


def test_stored_findings_give_the_same_verdict_under_the_same_recipe(package: LoadedPackage) -> None:
    recipe = graphs.recipe_for(package, rules=(Rule("bright", min_area=300),))
    station = inspector(package, recipe)
    for level in (140, 190, 230, 30):
        outcome = station.inspect(part_with(level))
        assert judge(recipe, outcome.findings) == outcome.decision


def test_ignored_places_and_tolerances_hold_on_the_line(package: LoadedPackage) -> None:
    spot = Polygon(((80, 30), (130, 30), (130, 70), (80, 70)))
    for change in ({"ignore": (spot,)}, {"rules": (Rule("bright", min_length=50),)}):
        recipe = graphs.recipe_for(package, **change)
        assert inspector(package, recipe).inspect(part_with(230)).decision.verdict is Verdict.PASS


TOO_LARGE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", ReasonCode.BAD_IMAGE),
        (b"no image at all", ReasonCode.BAD_IMAGE),
        (graphs.png(graphs.grey())[:60], ReasonCode.BAD_IMAGE),
        (TOO_LARGE, ReasonCode.BAD_IMAGE),
        (graphs.png(np.zeros((64, 64, 3), np.uint8)), ReasonCode.WRONG_PIXELS),
        (graphs.png(np.zeros((64, 64), np.uint16)), ReasonCode.WRONG_PIXELS),
    ],
    ids=["empty", "text", "truncated", "bomb", "colour", "16 bit"],
)
def test_what_cannot_be_judged_is_no_decision_and_the_line_goes_on(
    package: LoadedPackage, content: bytes, code: ReasonCode
) -> None:
    station = inspector(package)
    outcome = station.inspect(content)
    assert outcome.decision.verdict is Verdict.NO_DECISION
    assert [reason.code for reason in outcome.decision.reasons] == [code]
    assert outcome.findings == ()
    assert outcome.scores == {}
    assert station.inspect(part_with(127)).decision.verdict is Verdict.PASS


def test_a_size_that_training_never_saw_is_no_decision(tmp_path: Path) -> None:
    taken = replace(graphs.INPUT, source_sizes=((64, 64), (128, 192)))
    station = inspector(graphs.write_brightness(tmp_path / "package", taken))
    assert station.inspect(part_with(127)).decision.verdict is Verdict.PASS
    (reason,) = station.inspect(graphs.png(graphs.grey(100, 100))).decision.reasons
    assert reason.code is ReasonCode.WRONG_SIZE
    assert station.inspect(graphs.png(graphs.grey(100, 100))).image() is not None


@VARIANTS
def test_an_answer_that_is_no_number_is_no_decision(tmp_path: Path, variant: Variant) -> None:
    package = graphs.write_model(tmp_path / "package", graphs.blinded_model(), graphs.manifest())
    station = inspector(package, variant=variant)
    assert station.inspect(part_with(230)).decision.verdict is Verdict.REJECT
    blinded = station.inspect(part_with(255)).decision
    assert blinded.verdict is Verdict.NO_DECISION
    assert blinded.reasons[0].code is ReasonCode.MODEL_FAILED
    assert "NaN" in blinded.reasons[0].detail
    assert station.inspect(part_with(127)).decision.verdict is Verdict.PASS


@VARIANTS
def test_golden_images_that_score_otherwise_stop_the_start(tmp_path: Path, variant: Variant) -> None:
    honest = graphs.manifest()
    golden = {**honest.golden, "spot.png": (0.5, 0.0)}
    package = graphs.write_model(
        tmp_path / "package", graphs.brightness_model(), replace(honest, golden=golden)
    )
    with pytest.raises(DamagedPackage, match=r"spot\.png scores 0\.3"):
        inspector(package, variant=variant)


def test_a_golden_image_the_model_cannot_take_stops_the_start(tmp_path: Path) -> None:
    taken = replace(graphs.INPUT, source_sizes=((100, 100),))
    stated = replace(graphs.manifest(), input=taken)
    package = graphs.write_model(tmp_path / "package", graphs.brightness_model(), stated)
    with pytest.raises(DamagedPackage, match=r"clean\.png cannot be judged"):
        inspector(package)


CALIBRATED = Calibration("s", "v", 1, 2.0, "target", "local", Timestamp(""))


def test_a_recipe_that_cannot_judge_this_package_stops_the_start(package: LoadedPackage) -> None:
    plain = graphs.recipe_for(package)
    millimetres = (Rule("bright", min_area=1, unit=Unit.MILLIMETRE),)
    with pytest.raises(Conflict, match="is for package 000000000000"):
        inspector(package, replace(plain, package=Digest("0" * 64)))
    with pytest.raises(InvalidInput, match="no cuts for 'dark'"):
        inspector(package, replace(plain, cuts={"bright": Cuts(0.3, 0.6)}))
    with pytest.raises(InvalidInput, match=r"below 0\.02 are not kept"):
        inspector(package, replace(plain, cuts={**plain.cuts, "dark": Cuts(0.01, 0.6)}))
    with pytest.raises(NotPossible, match="millimetres"):
        inspector(package, replace(plain, rules=millimetres))
    assert inspector(package, replace(plain, rules=millimetres, calibration=CALIBRATED))


def test_colour_of_16_bits_goes_the_same_way(tmp_path: Path) -> None:
    taken = replace(graphs.INPUT, channels=3, bit_depth=16)
    stated = graphs.manifest(graphs.INPUT)
    golden = {"clean.png": np.full((64, 64, 3), 32767, np.uint16)}
    content = graphs.brightness_model(taken).SerializeToString()
    from andon.runtime.package import load_package, write_package

    manifest = replace(stated, input=taken, golden={"clean.png": (0.0, 0.0)})
    write_package(tmp_path / "deep", manifest, content, {n: graphs.png(p) for n, p in golden.items()})
    package = load_package(tmp_path / "deep")
    spotted = golden["clean.png"].copy()
    spotted[10:20, 10:20] = 60000
    for variant in available():
        outcome = inspector(package, variant=variant).inspect(graphs.png(spotted))
        assert outcome.scores["bright"] == pytest.approx((60000 / 65535 - 0.5) * 2, abs=0.01)


def test_a_prepared_image_is_judged_as_its_file_is(package: LoadedPackage) -> None:
    spec = package.manifest.input
    station = inspector(package)
    odd = np.zeros((50, 40, 3), np.uint8)  # colour, which the network does not take
    for pixels in (decode(part_with(230)), decode(part_with(127)), odd):
        plain = station.inspect(pixels)
        for ready in (Prepared(pixels, [spec, spec]), Prepared(pixels)):
            outcome = station.inspect(ready)
            assert (outcome.decision, outcome.scores) == (plain.decision, plain.scores)
            assert outcome.health == plain.health
