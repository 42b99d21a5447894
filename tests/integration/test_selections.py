"""What is labelled next: picked from what has no label, proposed by the model, labelled by people."""

from dataclasses import replace
from pathlib import Path

import pytest
from simulators.label_plant import CUTS, LabelPlant, add_pictures, build, label
from simulators.records import capture, record

from andon.domain.annotations import AnnotationState, Box, Label, Polygon
from andon.domain.feedback import Answer, Queue, Review
from andon.domain.gates import Purpose, is_held
from andon.domain.images import Image
from andon.domain.inspections import Verdict
from andon.domain.jobs import JobKind
from andon.domain.parts import part_key, serial_key
from andon.domain.selections import LabelOutcome, Pick, PickReason, SelectionSettings
from andon.errors import NotFound, NotPossible
from andon.services.holdouts import hold_part
from andon.services.labels import Drawn, LabelWork, label_sheet, save_labels
from andon.services.selections import (
    ask_selection,
    find_selection,
    label_needs,
    list_selections,
    make_selection,
    usual_seconds,
    waiting_pictures,
    worth,
)
from andon.services.workspaces import create_workspace, new_id, now
from andon.store import annotations as stored_annotations
from andon.store import inspections as stored_inspections
from andon.store import reviews as stored_reviews
from andon.store import selections as stored_selections
from andon.worker.kinds import do

FIVE = SelectionSettings(minutes=5, seconds=20, control=0.2)


@pytest.fixture
def plant(tmp_path: Path) -> LabelPlant:
    return build(tmp_path)


def inspected(plant: LabelPlant, image: Image, verdict: Verdict, answer: Answer | None = None) -> None:
    """A line judged the picture, and perhaps somebody said what he thinks of that."""
    number = plant.waiting.index(image) + 1
    made = record(
        "st-1", number, verdict, image=image.digest, part=part_key(image), package=plant.package.digest,
        recipe="plates", capture=capture("st-1", number),
    )  # fmt: skip
    with plant.workspace.database.write() as tx:
        stored_inspections.add(tx, [made], "station/st-1")
        if answer:
            said = Review(new_id(), made.id, answer, Queue.PICKED, "olga", now(), concept=None)
            stored_reviews.add(tx, [said])


def finish(
    plant: LabelPlant, pick: Pick, labels: tuple[Drawn, ...], selection: str, seconds: float = 6
) -> None:
    save_labels(plant.workspace, LabelWork(pick.image, labels, selection=selection, seconds=seconds))


def test_a_selection_keeps_its_budget_and_can_be_read_again(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, FIVE)
    assert (len(made.picks), made.looked_at, made.seconds) == (15, 24, 20)
    assert [pick.position for pick in made.picks] == list(range(15))
    assert sum(pick.reason is PickReason.CONTROL for pick in made.picks) == 3
    assert {pick.image for pick in made.picks} <= {image.digest for image in plant.waiting}
    assert find_selection(plant.workspace, made.id[:13]) == made
    ((listed, far),) = list_selections(plant.workspace, None, 10).rows
    assert (listed.id, listed.picks, far.pictures, far.waiting) == (made.id, (), 15, 15)


def test_a_selection_that_was_asked_for_by_a_key_is_made_once(plant: LabelPlant) -> None:
    key = new_id()
    first, second = (make_selection(plant.workspace, FIVE, key=key) for _ in range(2))
    assert first == second and first.id == key
    assert len(list_selections(plant.workspace, None, 10).rows) == 1


def test_the_same_records_give_the_same_pictures(plant: LabelPlant) -> None:
    first, second = (make_selection(plant.workspace, FIVE) for _ in range(2))
    assert first.picks == second.picks
    other = make_selection(plant.workspace, replace(FIVE, seed=8))
    control = [{p.image for p in one.picks if p.reason is PickReason.CONTROL} for one in (first, other)]
    assert control[0] != control[1]


def test_what_is_reckoned_once_is_kept_and_may_be_deleted(plant: LabelPlant) -> None:
    first = make_selection(plant.workspace, FIVE)
    kept = list((plant.workspace.features / plant.package.digest).glob("*.npz"))
    assert kept
    kept[0].write_bytes(b"damaged")
    again = make_selection(plant.workspace, FIVE)
    assert again.picks == first.picks
    assert len(list((plant.workspace.features / plant.package.digest).glob("*.npz"))) == len(kept)


def test_a_model_without_features_selects_all_the_same(tmp_path: Path) -> None:
    made = make_selection(build(tmp_path, features=False).workspace, FIVE)
    assert len(made.picks) == 15


def test_the_model_proposes_and_is_named(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, minutes=8))
    bright = next(pick for pick in made.picks if pick.image == plant.waiting[2].digest)
    (proposed,) = bright.proposal
    assert proposed.concept == "bright"
    assert isinstance(proposed.geometry, Polygon)
    sheet = label_sheet(plant.workspace, bright.image)
    assert sheet.proposed
    assert [(one.author, one.state) for one in sheet.said] == [
        (f"model/{plant.package.digest[:12]}", AnnotationState.PROPOSED)
    ]
    clean = next(pick for pick in made.picks if pick.image == plant.waiting[0].digest)
    assert clean.proposal == ()
    make_selection(plant.workspace, replace(FIVE, minutes=8))
    assert len(label_sheet(plant.workspace, bright.image).said) == 1


def test_labelled_and_held_pictures_are_not_offered(plant: LabelPlant) -> None:
    golden, said = plant.waiting[0], plant.waiting[1]
    hold_part(plant.workspace, golden.digest, Purpose.GOLDEN, "the reference part")
    label(plant.workspace, said, None)
    near = add_pictures(plant.workspace, "station/st-1", 40, seed=9)
    made = make_selection(plant.workspace, replace(FIVE, minutes=100))
    offered = {pick.image for pick in made.picks}
    assert not {golden.digest, said.digest} & offered
    held = {image.digest for image in near if is_held(part_key(image))}
    assert 0 < len(held) < 40
    assert offered == {i.digest for i in (*plant.waiting[2:], *near)} - held
    only = make_selection(plant.workspace, replace(FIVE, minutes=100, source="station/"))
    assert {pick.image for pick in only.picks} == {image.digest for image in near} - held


def test_what_people_contradicted_comes_first(plant: LabelPlant) -> None:
    missed, alarm, unsure = plant.waiting[4], plant.waiting[6], plant.waiting[8]
    inspected(plant, missed, Verdict.PASS, Answer.MISSED)
    inspected(plant, alarm, Verdict.REJECT, Answer.FALSE_ALARM)
    inspected(plant, unsure, Verdict.PASS, Answer.UNSURE)
    made = make_selection(plant.workspace, replace(FIVE, control=0, minutes=100))
    by_image = {pick.image: pick for pick in made.picks}
    assert by_image[missed.digest].reason is PickReason.WRONG
    assert by_image[alarm.digest].parts["wrong"] == 1.0
    assert by_image[unsure.digest].parts["uncertain"] == 1.0
    quiet = by_image[plant.waiting[12].digest]
    assert by_image[missed.digest].score > quiet.score


def test_verdicts_that_lie_apart_are_a_reason(plant: LabelPlant) -> None:
    clean = plant.waiting[0]
    inspected(plant, clean, Verdict.REJECT)
    made = make_selection(plant.workspace, replace(FIVE, control=0, minutes=100))
    parts = {pick.image: pick.parts for pick in made.picks}
    assert parts[clean.digest]["disagreement"] == 1.0
    assert parts[plant.waiting[4].digest]["disagreement"] == 0.0


def test_pictures_that_may_show_a_critical_defect_say_so(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, control=0, minutes=100))
    parts = {pick.image: pick.parts["must-catch"] for pick in made.picks}
    assert parts[plant.waiting[2].digest] == 1.0  # bright is critical
    assert parts[plant.waiting[3].digest] < 0.1  # dark is not


def test_what_waits_is_said_until_it_is_labelled(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, minutes=1))
    (need,) = label_needs(plant.workspace)
    assert need.what == "3 pictures wait for labels (about 1 min)"
    assert need.link == f"/selections/{made.id}"
    save_labels(plant.workspace, LabelWork(made.picks[0].image, selection=made.id, skipped=True))
    order = [pick.position for pick in waiting_pictures(plant.workspace, made)]
    assert order == [1, 2, 0]
    for pick in made.picks:
        finish(plant, pick, (), made.id)
    assert label_needs(plant.workspace) == ()
    assert waiting_pictures(plant.workspace, made) == ()


def test_later_selections_reckon_with_the_time_people_took(plant: LabelPlant) -> None:
    assert usual_seconds(plant.workspace) == 20
    made = make_selection(plant.workspace, FIVE)
    for pick, seconds in zip(made.picks, (4, 5, 6000), strict=False):
        finish(plant, pick, (), made.id, seconds)
    assert usual_seconds(plant.workspace) == 5
    assert len(make_selection(plant.workspace, SelectionSettings(minutes=1)).picks) == 12


def test_a_picture_that_nobody_timed_says_nothing_of_how_long_pictures_take(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, control=0.0))
    for pick, seconds in zip(made.picks[:6], (12, 12, 0, 0, 0, 0), strict=True):
        finish(plant, pick, (Drawn("dark"),), made.id, seconds)
    assert usual_seconds(plant.workspace) == 12
    found = worth(plant.workspace, [made]).chosen.defects_a_minute
    assert found is not None and found.value == pytest.approx(5.0)


def test_what_choosing_was_worth_is_shown_beside_chance(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, minutes=8, control=0.25))
    index = {image.digest: place for place, image in enumerate(plant.waiting)}
    for pick in made.picks:
        kind = index[pick.image] % 4
        labels = (Drawn("bright"),) if kind in (1, 2) else (Drawn("dark"),) if kind == 3 else ()
        finish(plant, pick, labels, made.id, seconds=12)
    told = worth(plant.workspace, [made])
    assert (told.chosen.labelled, told.control.labelled) == (18, 6)
    assert told.chosen.defective.count + told.control.defective.count == 18
    assert told.control.minutes == pytest.approx(6 * 12 / 60)
    assert told.chosen.corrected.count > 0
    rate = told.chosen.defects_a_minute
    assert rate is not None
    assert rate.low < rate.value == pytest.approx(told.chosen.defective.count / 3.6)
    nothing = worth(plant.workspace, [make_selection(build_more(plant).workspace, FIVE)])
    assert nothing.control.defects_a_minute is None


def build_more(plant: LabelPlant) -> LabelPlant:
    add_pictures(plant.workspace, "more", 20, seed=33)
    return plant


def test_a_worker_does_it(plant: LabelPlant) -> None:
    job = ask_selection(plant.workspace, FIVE)
    assert job.kind is JobKind.SELECT
    told = do(plant.workspace, job, lambda *_: None)
    assert "15 of 24 pictures to label" in told
    assert len(list_selections(plant.workspace, None, 5).rows) == 1


def test_there_must_be_a_model_and_something_to_label(plant: LabelPlant, tmp_path: Path) -> None:
    empty, _ = create_workspace(tmp_path / "empty", "mara")
    with pytest.raises(NotFound, match="no model"):
        make_selection(empty, FIVE)
    for image in plant.waiting:
        label(plant.workspace, image, None)
    with pytest.raises(NotPossible, match="no picture"):
        make_selection(plant.workspace, FIVE)


def test_rows_are_the_same_on_both_databases(tx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The plant's own database is SQLite; the store's queries run on both."""
    assert stored_selections.unlabelled(tx, "station/", 5) == ()
    assert stored_selections.labelled(tx, 5) == ()
    assert stored_selections.latest_seconds(tx, 5) == ()
    assert stored_selections.labellings_of(tx, ["x"]) == ()
    assert stored_selections.inspected(tx, [serial_key("S1")]) == {}
    assert stored_selections.shadowed(tx, ["x"]) == {}
    assert stored_selections.page(tx, None, 5).rows == ()
    assert stored_selections.progress(tx, ["x"])["x"].pictures == 0


def test_labels_of_a_proposal_keep_their_trace(plant: LabelPlant) -> None:
    made = make_selection(plant.workspace, replace(FIVE, minutes=8))
    picks = [pick for pick in made.picks if pick.proposal]
    sheets = [label_sheet(plant.workspace, pick.image) for pick in picks[:3]]
    taken, fixed, refused = (sheet.said[0] for sheet in sheets)
    same = Drawn(taken.concept or "", taken.geometry, taken.id)  # type: ignore[arg-type]
    work = [
        LabelWork(taken.image, (same,), sheets[0].mark, made.id, 5),
        LabelWork(fixed.image, (Drawn("scratch", Box(1, 2, 10, 9), fixed.id),), sheets[1].mark, made.id, 5),
        LabelWork(refused.image, (), sheets[2].mark, made.id, 5),
    ]
    saved = [save_labels(plant.workspace, one) for one in work]
    assert [one.outcome for one in saved] == [LabelOutcome.ACCEPTED, LabelOutcome.FIXED, LabelOutcome.CLEAN]
    with plant.workspace.database.read() as tx:
        stories = [stored_annotations.history(tx, one.id) for one in (taken, fixed, refused)]
        labels = stored_annotations.labels(tx, [one.image for one in (taken, fixed, refused)])
    assert [[step.state.value for step in story] for story in stories] == [
        ["proposed", "accepted"], ["proposed", "accepted"], ["proposed", "rejected"],
    ]  # fmt: skip
    assert [story[0].author for story in stories] == [f"model/{plant.package.digest[:12]}"] * 3
    assert {story[1].author for story in stories} == {"mara"}
    assert (stories[1][1].concept, stories[1][1].geometry) == ("scratch", Box(1, 2, 10, 9))
    assert [labels[one.image] for one in (taken, fixed, refused)] == [
        frozenset({taken.concept}), frozenset({"scratch"}), frozenset({""}),
    ]  # fmt: skip
    assert Label(taken.concept or "", taken.geometry) in picks[0].proposal
    assert CUTS
