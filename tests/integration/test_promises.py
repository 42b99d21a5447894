"""Promised escape rates: judged as the line judges, refused with the numbers, dropped where they end."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from simulators.brightness_plant import BrightnessPlant, build
from typer.testing import CliRunner, Result

from andon.cli.main import app
from andon.domain.annotations import Polygon
from andon.domain.datasets import DatasetSpec, SnapshotItem, Split
from andon.domain.inspections import Verdict
from andon.domain.loops import Ending, LoopPlan, TurnStep
from andon.domain.models import Costs, Cuts
from andon.domain.presets import preset
from andon.domain.promises import Promise, PromiseWish
from andon.domain.recipes import HealthLimits, Recipe, Rule, Unit
from andon.errors import AndonError, Conflict, InvalidInput, NotFound, NotPossible
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.jobs.turn import Made, Session, _recipe
from andon.runtime.execution import REFERENCE, Executor
from andon.runtime.pixels import Pixels
from andon.runtime.predictions import ModelFailed, Prediction
from andon.services.calibrations import add_calibration
from andon.services.loops import find_plan, note, save_plan, start_turn, stop_turn
from andon.services.models import fastest_inspector, snapshot_of
from andon.services.promises import SLACK, _Bench, _defective
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe
from andon.store import recipes as stored_recipes

WISH = PromiseWish(0.4, 0.9)
"""What a handful of parts can show: (1 - 0.4) ** 5 is 0.08."""

FAILS_AT = 5
"""Runs of the model: the first ones are golden pictures."""

EVERYWHERE = Polygon(((0, 0), (64, 0), (64, 64), (0, 64)))
NOWHERE = Polygon(((0, 0), (1, 0), (1, 1), (0, 1)))


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> BrightnessPlant:
    return build(tmp_path_factory.mktemp("plant"))


@pytest.fixture(scope="module")
def client(plant: BrightnessPlant) -> Iterator[TestClient]:
    hub = create_app(Settings(plant.workspace.folder, who="mara"))
    with TestClient(hub, base_url="http://127.0.0.1", follow_redirects=True) as opened:
        yield opened


def andon(plant: BrightnessPlant, *words: str) -> Result:
    return CliRunner().invoke(app, ["-w", str(plant.workspace.folder), *words])


def why(refused: Result) -> str:
    assert isinstance(refused.exception, AndonError)
    return f"{refused.exception.message}. {refused.exception.todo}"


def made(plant: BrightnessPlant, name: str, **changes: Any) -> Recipe:
    """The next version, by default with cuts that let most pass."""
    loose = {"bright": Cuts(0.95, 0.99), "dark": Cuts(0.95, 0.99)}
    asked = RecipeRequest(name, plant.package.digest, **({"cuts": loose} | changes))
    make_recipe(plant.workspace, asked)
    return find_recipe(plant.workspace, name)


def defective(plant: BrightnessPlant, split: Split) -> list[SnapshotItem]:
    return [item for item in snapshot_of(plant.workspace, plant.package).of(split) if item.concepts()]


def passing(plant: BrightnessPlant, recipe: Recipe, split: Split) -> int:
    """Defective parts that the recipe lets pass, by asking it as ``andon inspect`` does."""
    inspector = fastest_inspector(plant.workspace, recipe, plant.package, str(REFERENCE), 1)
    contents = [plant.workspace.blobs.get(item.blob) for item in defective(plant, split)]
    return sum(inspector.inspect(content).decision.verdict is Verdict.PASS for content in contents)


def kept(recipe: Recipe) -> Promise:
    assert recipe.promise is not None
    return recipe.promise


def test_what_is_promised_is_what_the_recipe_then_does(plant: BrightnessPlant) -> None:
    recipe = made(plant, "promising", promise=WISH)
    promise = kept(recipe)
    assert promise.parts == len(defective(plant, Split.CALIBRATION)) > 4
    assert {cuts.review for cuts in recipe.cuts.values()} == {promise.limit}
    assert passing(plant, recipe, Split.CALIBRATION) == promise.misses
    assert promise.test_parts == len(defective(plant, Split.TEST))
    assert passing(plant, recipe, Split.TEST) == promise.test_misses

    def with_cuts(higher: float) -> Recipe:
        cuts = {name: Cuts(promise.limit + higher, 0.99) for name in recipe.cuts}
        return replace(recipe, promise=None, cuts=cuts)

    as_far = passing(plant, with_cuts(0.9 * SLACK), Split.CALIBRATION)
    assert as_far == promise.misses, "an FP32 variant keeps it, too"
    milder = passing(plant, with_cuts(1.1 * SLACK), Split.CALIBRATION)
    assert milder > promise.misses, "the limit is the least restrictive"
    assert (promise.unseen, promise.undecided, promise.groups) == ((), 0, promise.parts)


def test_too_few_parts_are_refused_with_the_numbers_and_nothing_is_stored(plant: BrightnessPlant) -> None:
    count = len(defective(plant, Split.CALIBRATION))
    refused = andon(plant, "recipes", "make", "refused", "--promise", "1%")
    said = why(refused)
    assert refused.stdout == ""
    assert f"not possible with {count} defective parts; needs 299" in said
    assert "at most 1 % of defective parts pass, with 95 % confidence" in said
    assert andon(plant, "recipes", "show", "refused").exit_code != 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--promise", "1"], "is not a percentage"),
        (["--promise", "one%"], "is not a number"),
        (["--promise", "0%"], "a promise of 0 % escapes"),
        (["--promise", "100%"], "a promise of 100 % escapes"),
        (["--promise", "nan%"], "a promise of nan % escapes"),
        (["--promise", "1%", "--confidence", "100%"], "with 100 % confidence"),
        (["--promise", "1%", "--confidence", "10%"], "with 10 % confidence"),
        (["--confidence", "95%"], "Give --promise, too"),
    ],
)
def test_wrong_wishes_are_refused(plant: BrightnessPlant, options: list[str], said: str) -> None:
    refused = andon(plant, "recipes", "make", "wrong", *options)
    assert said in why(refused)
    assert andon(plant, "recipes", "show", "wrong").exit_code != 0


@pytest.mark.parametrize(
    "changes",
    [
        {"regions": (NOWHERE,)},
        {"ignore": (EVERYWHERE,)},
        {"rules": tuple(Rule(name, min_area=5000.0) for name in ("bright", "dark"))},
        {"rules": tuple(Rule(name, max_count=40) for name in ("bright", "dark"))},
    ],
    ids=["regions", "ignored", "size", "count"],
)
def test_a_promise_holds_for_the_recipe_with_its_rules_not_for_its_cuts_alone(
    plant: BrightnessPlant, changes: dict[str, Any]
) -> None:
    """Faint spots have no place, so that no rule lets them pass; the others do pass."""
    plain = kept(made(plant, "plain", promise=WISH))
    lowest = {name: Cuts(0.02, 1.0) for name in ("bright", "dark")}
    at_lowest = passing(plant, made(plant, "lowest", cuts=lowest, **changes), Split.CALIBRATION)
    if at_lowest > plain.misses:
        with pytest.raises(NotPossible, match=f"with 9 defective parts: {at_lowest} of them pass"):
            made(plant, "tolerant", promise=WISH, **changes)
        return
    tolerant = made(plant, "tolerant", promise=WISH, **changes)
    assert kept(tolerant).limit < plain.limit
    assert passing(plant, tolerant, Split.CALIBRATION) == kept(tolerant).misses


def test_parts_that_are_refused_before_the_model_never_pass_and_are_told(plant: BrightnessPlant) -> None:
    promise = kept(made(plant, "blind", promise=WISH, health=HealthLimits(dark=0.9)))
    assert (promise.undecided, promise.misses) == (promise.parts, 0)


def test_a_stricter_cut_keeps_the_promise_and_all_else_drops_it_and_says_so(plant: BrightnessPlant) -> None:
    first = made(plant, "carried", promise=WISH)
    limit = kept(first).limit
    stricter = {"bright": Cuts(limit / 2, 0.9), "dark": Cuts(limit, 0.2 + limit)}
    second = made(plant, "carried", cuts=stricter)
    assert (second.promise, second.promise_dropped) == (first.promise, "")
    assert made(plant, "carried", cuts=first.cuts).promise == first.promise, "back to where it still holds"

    milder = stricter | {"dark": Cuts(limit + 0.01, 0.99)}
    dropped = made(plant, "carried", cuts=milder)
    assert dropped.promise is None
    assert "version 3 promised that at most 40 %" in dropped.promise_dropped
    assert f"the review cut of 'dark' is above {limit:.4f}" in dropped.promise_dropped
    after = made(plant, "carried", cuts=first.cuts)
    assert (after.promise, after.promise_dropped) == (None, ""), "what was dropped must be asked for again"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rules": (Rule("bright", min_area=1.0),)}, "other rules"),
        ({"regions": (EVERYWHERE,)}, "other regions"),
        ({"ignore": (NOWHERE,)}, "other ignored regions"),
        ({"health": HealthLimits(dark=0.01)}, "other limits of image health"),
        ({"model": "other"}, "another model"),
    ],
)
def test_what_else_judges_ends_a_promise(
    plant: BrightnessPlant, changes: dict[str, Any], said: str
) -> None:
    first = made(plant, "ended", promise=WISH)
    if "model" in changes:
        make_recipe(plant.workspace, RecipeRequest("ended", plant.other.digest, first.cuts))
        second = find_recipe(plant.workspace, "ended")
    else:
        second = made(plant, "ended", cuts=first.cuts, **changes)
    assert second.promise is None and said in second.promise_dropped
    shown = andon(plant, "recipes", "show", "ended")
    assert "promise dropped" in shown.stdout and said in shown.stdout


def test_no_recipe_carries_a_promise_that_its_cuts_break(plant: BrightnessPlant) -> None:
    recipe = made(plant, "guarded", promise=WISH)
    with pytest.raises(InvalidInput, match="keeps its promise"):
        replace(recipe, cuts=recipe.cuts | {"dark": Cuts(kept(recipe).limit + 1e-9, 1.0)})


def fields(plant: BrightnessPlant, name: str, **changes: object) -> dict[str, Any]:
    """The fields that the editor sends."""
    sent: dict[str, Any] = {"name": name, "model": plant.package.digest, "note": "drawn"}
    sent |= {
        "cut_concept": ["bright", "dark"],
        "cut_review": ["0.95", "0.95"],
        "cut_reject": ["0.99", "0.99"],
    }
    return sent | changes


def test_the_page_asks_shows_and_refuses(plant: BrightnessPlant, client: TestClient) -> None:
    refused = client.post("/recipes", data=fields(plant, "asked", promise_rate="1"))
    assert refused.status_code == 422 and "needs 299" in refused.text
    assert client.get("/recipes/asked").status_code == 404
    for wrong in (
        {"promise_rate": "much"},
        {"promise_rate": "140"},
        {"promise_rate": "1", "promise_confidence": "x"},
    ):
        assert client.post("/recipes", data=fields(plant, "asked", **wrong)).status_code == 422

    wish = {"promise_rate": "40", "promise_confidence": "90", "cut_review": ["0.95", "0.1"]}
    page = client.post("/recipes", data=fields(plant, "asked", **wish))
    assert page.status_code == 200, page.text
    promise = kept(find_recipe(plant.workspace, "asked"))
    assert "At most 40 % of defective parts pass, with 90 % confidence" in page.text
    assert f"above {promise.limit:.4f}" in page.text and "independent check" in page.text
    assert "until a promise is given" in page.text and "not corrected for" in page.text
    assert find_recipe(plant.workspace, "asked").cuts["dark"].review == min(0.1, promise.limit)
    assert f"is above {promise.limit:.4f}" in client.get("/drafts?recipe=asked@1").text

    page = client.post("/recipes", data=fields(plant, "asked"))
    assert "It is not the latest" in client.get("/drafts?recipe=asked@1").text
    assert "The promise was dropped" in page.text
    assert "the review cuts of 'bright', 'dark' are above" in unescape(page.text)


def test_a_preview_has_the_cuts_that_keep_the_promise(plant: BrightnessPlant, client: TestClient) -> None:
    without = client.post("/drafts/previews", data=fields(plant, "tried"))
    asked = fields(plant, "tried", promise_rate="40", promise_confidence="90")
    assert client.post("/drafts/previews", data=asked).text != without.text
    few = client.post("/drafts/previews", data=fields(plant, "tried", promise_rate="1"))
    assert few.status_code == 422 and "needs 299" in few.text


def test_programs_ask_for_a_promise_and_cannot_claim_one(
    plant: BrightnessPlant, client: TestClient
) -> None:
    draft = {"name": "told", "model": plant.package.digest, "cuts": {}}
    wish = {"rate": 0.4, "confidence": 0.9}
    answer = client.post("/api/recipes", json=draft | {"promise": wish})
    assert answer.status_code == 201, answer.text
    told = answer.json()["promise"]
    assert told["asked"] == wish and told["parts"] == len(defective(plant, Split.CALIBRATION))
    claimed = draft | {"name": "claimed", "promise": told}
    assert client.post("/api/recipes", json=claimed).status_code == 422
    assert client.post("/api/recipes", json=draft | {"promise": {"rate": 2}}).status_code == 422


def test_a_model_that_fails_here_stops_no_part(
    plant: BrightnessPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory today would count as defective parts that never pass."""
    run = Executor.run

    def fails_once(executor: Executor, fitted: Pixels, asked: list[int] = []) -> Prediction:  # noqa: B006
        asked.append(1)
        if len(asked) == FAILS_AT:
            raise MemoryError
        return run(executor, fitted)

    monkeypatch.setattr(Executor, "run", fails_once)
    with pytest.raises(ModelFailed, match="cannot be judged here, so nothing can be promised"):
        made(plant, "failing-model", promise=WISH)


def test_a_limit_is_what_pages_show_of_it(plant: BrightnessPlant, client: TestClient) -> None:
    promise = kept(made(plant, "typed", promise=WISH))
    shown = f"{promise.limit:.4f}"
    assert float(shown) == promise.limit
    cuts = {"cut_review": [shown, shown]}
    client.post("/recipes", data=fields(plant, "typed", **cuts))
    assert find_recipe(plant.workspace, "typed").promise == promise


def test_a_calibration_that_changes_meanwhile_is_not_promised_for(plant: BrightnessPlant) -> None:
    add_calibration(plant.workspace, ("st-1", "top"), 100.0, 10.0)

    def measured_anew(done: int, total: int | None, text: str) -> None:
        if done == 1:
            add_calibration(plant.workspace, ("st-1", "top"), 200.0, 10.0)

    request = RecipeRequest(
        "measured",
        plant.package.digest,
        {"bright": Cuts(0.9, 0.95), "dark": Cuts(0.9, 0.95)},
        rules=(Rule("bright", min_length=0.001, unit=Unit.MILLIMETRE),),
        calibration="st-1/top",
        promise=WISH,
    )
    with pytest.raises(Conflict, match="the calibration changed while the promise"):
        make_recipe(plant.workspace, request, measured_anew)
    with pytest.raises(NotFound):
        find_recipe(plant.workspace, "measured")


def test_a_part_passes_only_when_none_of_its_images_is_stopped(plant: BrightnessPlant) -> None:
    """Images of one part: a faint defect, a plain one and a clean picture."""
    images = defective(plant, Split.CALIBRATION)
    clean = [
        i for i in snapshot_of(plant.workspace, plant.package).of(Split.CALIBRATION) if not i.concepts()
    ]
    recipe = find_recipe(plant.workspace, "tiles")
    inspector = fastest_inspector(plant.workspace, recipe, plant.package, str(REFERENCE), 1)
    bench = _Bench(plant.workspace, inspector, recipe, lambda *_: None)
    alone = bench.levels([[item] for item in images])
    pairs = [replace(item, part=f"part {number // 2}") for number, item in enumerate(images)]
    turned = [replace(item, part=f"part {number}") for number, item in enumerate(clean)]
    parts = _defective([*pairs, *turned], frozenset({"bright", "dark"}))
    assert len(parts) == (len(images) + 1) // 2 and sum(map(len, parts)) > len(images)
    folded = [alone[number : number + 2].max() for number in range(0, len(alone), 2)]
    assert (bench.levels(parts) >= folded).all() and np.allclose(
        bench.levels(parts)[-1], folded[-1], atol=0.5
    )
    only = _defective(pairs, frozenset({"bright", "dark"}))
    assert bench.levels(only) == pytest.approx(folded)


def turned(plant: BrightnessPlant, name: str, before: str) -> Made:
    """The step of a turn that makes the next version, for the plant's other model."""
    costs = Costs(escape=1.0, overkill=50.0, review=20.0, defect_rate=0.001)
    save_plan(plant.workspace, LoopPlan(name, DatasetSpec("tiles"), preset("segment-tiny"), costs))
    turn = start_turn(plant.workspace, name, "by hand", by_worker=False)
    made_before = (TurnStep.TRAINED, plant.other.digest, "")
    turn = note(plant.workspace, turn, made_before)
    started = tuple(
        replace(event, subject=before) if event.step is TurnStep.STARTED else event for event in turn.events
    )
    plan = find_plan(plant.workspace, turn.plan, turn.plan_version)
    try:
        return _recipe(Session(plant.workspace, plan, replace(turn, events=started), lambda *_: None))
    finally:
        stop_turn(plant.workspace, turn.id, "seen")


def test_a_turn_asks_its_version_for_the_same_promise(plant: BrightnessPlant) -> None:
    made(plant, "turning", promise=WISH)
    step = turned(plant, "turning", "turning@1")
    after = find_recipe(plant.workspace, step.subject)
    assert after.package == plant.other.digest and kept(after).asked == WISH
    assert WISH.words in step.detail

    again = turned(plant, "turning", step.subject)
    assert again.ending is Ending.SAME, "the model and the cuts of what runs, lowered as there"


def test_a_turn_says_why_it_cannot_promise_what_ran_did(plant: BrightnessPlant) -> None:
    first = made(plant, "failing", promise=WISH)
    harder = replace(kept(first), asked=PromiseWish(0.01))
    with plant.workspace.database.write() as tx:
        stored_recipes.add_version(tx, replace(first, promise=harder))
    step = turned(plant, "failing", "failing@2")
    after = find_recipe(plant.workspace, step.subject)
    assert after.promise is None and "another model" in after.promise_dropped
    assert "it promises nothing, because" in step.detail and "needs 299" in step.detail

    third = turned(plant, "failing", "failing@2")
    last = find_recipe(plant.workspace, third.subject)
    assert last.version == 4 and "version 2 promised" in last.promise_dropped, "not the latest: what runs"
