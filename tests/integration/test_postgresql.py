"""What every database must do: the same stories on SQLite and on a PostgreSQL of our own."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from andon.domain.annotations import Annotation, AnnotationState, Box, Geometry, Mask, Polygon, WholeImage
from andon.domain.calibrations import Calibration
from andon.domain.datasets import DatasetSpec, Snapshot, SnapshotItem, Split, SplitRule
from andon.domain.images import Image, ImageFilter, Origin, Shape
from andon.domain.inspections import Decision, Finding, Inspection, Reason, ReasonCode, Verdict
from andon.domain.jobs import JobKind, JobState
from andon.domain.models import (
    Cuts,
    Engine,
    InputSpec,
    Manifest,
    OutputSpec,
    Package,
    Parity,
    Precision,
    Variant,
)
from andon.domain.ontologies import Concept, ConceptKind, Ontology
from andon.domain.people import LOCAL_USER, AuthorKind, Person
from andon.domain.recipes import Recipe, Rule
from andon.domain.runs import Family, MetricPoint, Run, RunState, TrainSettings
from andon.domain.splitting import CLEAN
from andon.errors import Conflict, InvalidInput, NotFound, UnsupportedVersion
from andon.store import (
    annotations,
    calibrations,
    datasets,
    images,
    inspections,
    jobs,
    models,
    ontologies,
    people,
    recipes,
    runs,
)
from andon.store.database import Database, create_or_upgrade, open_database
from andon.store.images import AddOutcome
from andon.store.tables import metadata
from andon.units import Digest, Timestamp, digest_of

T0 = Timestamp("2026-01-02T03:04:05.000006Z")
T1 = Timestamp("2026-01-03T03:04:05.000006Z")
ME = "local"


def image(number: int, **origin: str) -> Image:
    digest = digest_of(b"%d" % number)
    known = Origin(**{"part_type": "tile", **origin}, extra={"tile": str(number)})  # type: ignore[arg-type]
    return Image(digest, digest_of(digest.encode()), f"a/{number}.png", 10, Shape(4, 5, 1, 8), known)


def package(name: str = "tiles") -> Package:
    manifest = Manifest(
        name, Family.SEGMENT, "mobilenetv2_100", InputSpec(32, 32, 1, 8), OutputSpec(("dent",), True),
        digest_of(b"snapshot"), digest_of(b"settings"), 0, "1", {"graph.onnx": digest_of(b"graph")},
        {"g.png": (0.5,)},
    )  # fmt: skip
    parity = Parity(Variant(Engine.OPENVINO, Precision.F32), 3, 0.001, 0.01, (), 0.02)
    return Package(digest_of(name.encode()), manifest, "run", (parity,))


def recipe(draft_of: Package) -> Recipe:
    rule = Rule("dent", 3.0, within=Polygon(((0, 0), (9, 0), (9, 9))))
    return Recipe("tiles", 0, "tile", draft_of.digest, {"dent": Cuts(0.2, 0.5)}, (rule,), author=ME, at=T0)


def inspection(number: int, verdict: Verdict, **changes: object) -> Inspection:
    findings = (Finding("dent", 0.1 * number, Box(1, 2, 3, 4), 12.0, 4.0, (2.5, 4.0)),)
    reasons = () if verdict is Verdict.PASS else (Reason(ReasonCode.DEFECT, "dent", "score"),)
    made = Inspection(
        f"{number:08x}-0000", T0, f"serial={number % 3}", digest_of(b"%d" % number), f"{number}.png",
        "tiles", 1, package().digest, "openvino/f32", Decision(verdict, reasons), findings,
        {"dent": 0.1 * number}, 4.5, "job",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def all_pages(page: Callable[[int | None], object]) -> list[object]:
    found: list[object] = []
    after: int | None = None
    while True:
        part = page(after)
        found += part.rows  # type: ignore[attr-defined]
        after = part.next  # type: ignore[attr-defined]
        if after is None:
            return found


def test_the_migrations_build_the_declared_tables(database: Database) -> None:
    with database.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_making_again_keeps_everything_and_a_newer_one_is_refused(url: str) -> None:
    create_or_upgrade(url)
    opened = open_database(url)
    with opened.write() as tx:
        people.add(tx, LOCAL_USER, ME, T0)
    create_or_upgrade(url)
    with opened.write() as tx:
        assert people.everyone(tx) == (LOCAL_USER,)
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.close()
    for refused in (create_or_upgrade, open_database):
        with pytest.raises(UnsupportedVersion, match="written by a newer Andon"):
            refused(url)


def test_a_block_that_raises_changes_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as tx:
        people.add(tx, LOCAL_USER, ME, T0)
        raise ZeroDivisionError
    with database.read() as tx:
        assert people.everyone(tx) == ()


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as reader:
        assert people.everyone(reader) == ()
        with database.write() as tx:
            people.add(tx, LOCAL_USER, ME, T0)
        assert people.everyone(reader) == ()
    with database.read() as reader:
        assert people.everyone(reader) == (LOCAL_USER,)


def test_threads_that_add_the_same_images_all_succeed(database: Database) -> None:
    made = [image(n) for n in range(200)]

    def work(source: str) -> int:
        with database.write() as tx:
            return images.add(tx, made, source, ME, T0).new

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, "abcd")) == 200
    with database.read() as tx:
        assert images.sources(tx) == dict.fromkeys("abcd", 200)


def test_people(tx: Connection) -> None:
    importer = Person("andon import", AuthorKind.IMPORT)
    assert people.add(tx, LOCAL_USER, ME, T0)
    assert not people.add(tx, LOCAL_USER, ME, T1)
    people.add(tx, importer, ME, T0)
    assert people.everyone(tx) == (LOCAL_USER, importer)
    assert people.get(tx, "andon import") == importer
    with pytest.raises(NotFound, match="'eve'"):
        people.get(tx, "eve")


def test_ontology_versions(tx: Connection) -> None:
    assert ontologies.current(tx) == Ontology(0)
    first = Ontology(0).extended([Concept("dent"), Concept("ink", ConceptKind.CONDITION, parent="dent")])
    ontologies.add_version(tx, first, ME, T0)
    second = first.extended([Concept("scratch", definition="a line")])
    ontologies.add_version(tx, second, ME, T1)
    assert ontologies.current(tx) == second
    assert ontologies.get(tx, 1) == first
    with pytest.raises(Conflict, match="version 3 is next"):
        ontologies.add_version(tx, second, ME, T1)
    with pytest.raises(NotFound):
        ontologies.get(tx, 9)


def test_images_are_kept_once_and_their_sources_all(tx: Connection) -> None:
    made = [image(n) for n in range(5)]
    twin = replace(made[0], name="b/twin.png", blob=digest_of(b"other file"))
    assert images.add(tx, [*made, twin], "first", ME, T0) == AddOutcome(5, 1)
    assert images.add(tx, made, "first", ME, T1) == AddOutcome(0, 5)
    assert images.add(tx, made[:2], "second", ME, T1) == AddOutcome(0, 2)
    assert images.sources(tx) == {"first": 5, "second": 2}
    assert images.names(tx, [made[0].digest]) == {made[0].digest: ("a/0.png", "b/twin.png")}
    assert images.known_blobs(tx, [twin.blob, digest_of(b"new")]) == {twin.blob: made[0].digest}
    assert images.by_digests(tx, [m.digest for m in made]) == {m.digest: m for m in made}
    assert images.by_digest(tx, made[3].digest[:10]) == made[3]
    with pytest.raises(NotFound, match="no image 'zz'"):
        images.by_digest(tx, "zz")
    assert images.add(tx, [], "first", ME, T0) == AddOutcome(0, 0)


def test_a_short_beginning_of_a_digest_is_refused_when_it_fits_several(tx: Connection) -> None:
    made = [replace(image(n), digest=Digest(f"{n:064x}")) for n in range(2)]
    images.add(tx, made, "s", ME, T0)
    with pytest.raises(Conflict, match="several images begin with '000'"):
        images.by_digest(tx, "000")
    assert images.by_digest(tx, made[1].digest) == made[1]


def test_images_are_filtered_and_paged(tx: Connection) -> None:
    days = [f"2026-01-{day:02}T00:00:00.000000Z" for day in range(1, 21)]
    made = [
        image(n, line=f"l{n % 2}", station=f"s{n % 4}", lot=f"L{n // 5}", captured_at=days[n])
        for n in range(20)
    ]
    images.add(tx, made, "first", ME, T0)
    images.add(tx, made[:3], "second", ME, T0)
    assert all_pages(lambda after: images.page(tx, ImageFilter(), after, 3)) == made
    wanted = {
        ImageFilter(part_type="tile"): made,
        ImageFilter(part_type="cookie"): [],
        ImageFilter(line="l1"): made[1::2],
        ImageFilter(line="l1", station="s3"): made[3::4],
        ImageFilter(lot="L2"): made[10:15],
        ImageFilter(source="second"): made[:3],
        ImageFilter(captured_from=Timestamp(days[4]), captured_before=Timestamp(days[7])): made[4:7],
    }
    for query, expected in wanted.items():
        assert all_pages(lambda after, query=query: images.page(tx, query, after, 2)) == expected
        assert images.count(tx, query) == len(expected)


def annotation(of: Image, concept: str | None, **changes: object) -> Annotation:
    made = Annotation(
        f"{of.name}:{concept}", 1, of.digest, concept, WholeImage(), AnnotationState.ACCEPTED, ME, T0
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_labels_follow_the_revision_in_force(tx: Connection) -> None:
    dented, clean, inked, unseen = made = [image(n) for n in range(4)]
    images.add(tx, made, "s", ME, T0)
    concepts = [Concept("dent"), Concept("ink", ConceptKind.CONDITION)]
    ontologies.add_version(tx, Ontology(1, tuple(concepts)), ME, T0)
    first = annotation(dented, "dent", geometry=Box(1, 2, 3.5, 4))
    added = [first, annotation(clean, None), annotation(inked, None), annotation(inked, "ink")]
    assert annotations.add(tx, added) == 4
    assert annotations.add(tx, added) == 0, "importing again changes nothing"
    assert annotations.labels(tx, [m.digest for m in made]) == {
        dented.digest: {"dent"}, clean.digest: {CLEAN}, inked.digest: {CLEAN, "ink"},
    }  # fmt: skip
    found = {
        flag: [row.digest for row in images.page(tx, ImageFilter(clean=flag), None, 9).rows]
        for flag in (True, False)
    }
    assert found == {True: [clean.digest, inked.digest], False: [dented.digest]}
    assert images.count(tx, ImageFilter(concept="ink")) == 1
    second = replace(first, revision=2, state=AnnotationState.REJECTED, at=T1)
    annotations.add(tx, [second])
    assert annotations.current(tx, [dented.digest, unseen.digest]) == {dented.digest: (second,)}
    assert annotations.history(tx, first.id) == (first, second)
    assert annotations.labels(tx, [dented.digest]) == {}


def test_annotations_that_contradict_what_is_there_are_refused(tx: Connection) -> None:
    one, other = image(1), image(2)
    images.add(tx, [one, other], "s", ME, T0)
    annotations.add(tx, [annotation(one, "dent")])
    with pytest.raises(Conflict, match="another revision 1"):
        annotations.add(tx, [annotation(one, "dent", geometry=Box(0, 0, 1, 1))])
    with pytest.raises(Conflict, match="3 cannot follow"):
        annotations.add(tx, [annotation(one, "dent", revision=3)])
    with pytest.raises(Conflict, match="another image"):
        annotations.add(tx, [annotation(one, "dent", revision=2, image=other.digest)])
    with pytest.raises(NotFound, match="to annotate"):
        annotations.add(tx, [annotation(image(3), "dent")])


def test_rebuilt_labels_equal_those_kept_up_to_date(tx: Connection) -> None:
    dice = random.Random(7)
    made = [image(n) for n in range(30)]
    images.add(tx, made, "s", ME, T0)
    shapes: list[Geometry] = [WholeImage(), Box(0, 0, 1, 1), Polygon(((0, 0), (1, 0), (1, 1))), Mask(T0, 3)]  # type: ignore[arg-type]
    for step in range(300):
        of, concept = dice.choice(made), dice.choice([None, "dent", "ink", "scratch"])
        before = {a.id: a.revision for a in annotations.current(tx, [of.digest]).get(of.digest, ())}
        new = annotation(of, concept, geometry=shapes[step % 4], state=dice.choice(list(AnnotationState)))
        annotations.add(tx, [replace(new, revision=before.get(new.id, 0) + 1)])
    kept = annotations.labels(tx, [m.digest for m in made])
    assert len(kept) > 20
    tx.execute(text("INSERT INTO image_labels SELECT id, 'stray' FROM images"))
    annotations.rebuild_labels(tx)
    assert annotations.labels(tx, [m.digest for m in made]) == kept


def test_snapshots(tx: Connection) -> None:
    def freeze(name: str, number: int) -> Snapshot:
        item = SnapshotItem(
            image(number).digest, image(number).blob, "n", Shape(1, 1, 1, 8), "part", "group", Split.TEST
        )
        return Snapshot(digest_of(b"%d" % number), name, (), (item,))

    for name, number, seed in (("tiles", 1, 0), ("tiles", 1, 0), ("tiles", 2, 1), ("rings", 3, 0)):
        spec = DatasetSpec(name, ImageFilter(part_type="tile"), SplitRule("lot", seed=seed))
        datasets.add_snapshot(tx, spec, freeze(name, number), author=ME, at=T0)
    rows = all_pages(lambda after: datasets.page(tx, after, 2))
    assert [(row.dataset, row.dataset_version) for row in rows] == [
        ("rings", 1),
        ("tiles", 2),
        ("tiles", 1),
    ]  # type: ignore[attr-defined]
    latest = datasets.find(tx, "tiles")
    assert (latest.digest, latest.images) == (digest_of(b"2"), 1)
    assert latest.counts == {"test": {"images": 1, "parts": 1}}
    assert datasets.find(tx, digest_of(b"1")[:8]).digest == digest_of(b"1")
    assert datasets.spec(tx, "tiles").rule.seed == 1
    with pytest.raises(NotFound, match="no data set or snapshot 'cogs'"):
        datasets.find(tx, "cogs")


def test_runs_and_their_curves(tx: Connection) -> None:
    made = [
        Run(f"{n}0-run", digest_of(b"s"), TrainSettings(seed=n), RunState.RUNNING, ME, T0, code_version="1")
        for n in range(3)
    ]
    for run in made:
        runs.start(tx, run)
    runs.finish(tx, made[0].id, steps=90, package=digest_of(b"p"), by=(ME, T1))
    runs.fail(tx, made[1].id, reason="loss is NaN", by=(ME, T1))
    finished = replace(made[0], state=RunState.FINISHED, steps=90, package=digest_of(b"p"), finished_at=T1)
    failed = replace(made[1], state=RunState.FAILED, reason="loss is NaN", finished_at=T1)
    assert all_pages(lambda after: runs.page(tx, after, 2)) == [made[2], failed, finished]
    assert runs.get(tx, "00") == finished
    assert runs.unfinished(tx, digest_of(b"s"), TrainSettings(seed=2)) == made[2]
    assert runs.unfinished(tx, digest_of(b"s"), TrainSettings(seed=0)) is None
    points = [MetricPoint(step, 1.5 * step, {"loss": 1 / step}) for step in (1, 2, 3)]
    runs.add_metrics(tx, made[2].id, points)
    again = MetricPoint(3, 9.0, {"loss": 0.25})
    runs.add_metrics(tx, made[2].id, [again])
    assert runs.metrics(tx, made[2].id) == (*points[:2], again)
    with pytest.raises(InvalidInput, match="not a finite number"):
        runs.add_metrics(tx, made[2].id, [MetricPoint(4, 1.0, {"loss": float("nan")})])
    with pytest.raises(NotFound, match="no run 'nope'"):
        runs.fail(tx, "nope", "reason", (ME, T0))


def test_packages_and_what_was_measured_on_them(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no model yet"):
        models.latest(tx)
    assert models.add(tx, package(), ME, T0)
    assert not models.add(tx, package(), ME, T1)
    models.add(tx, package("rings"), ME, T1)
    assert models.latest(tx) == package("rings")
    assert models.get(tx, package().digest[:12]) == package()
    assert models.page(tx, None, 9).rows == (package("rings"), package())
    models.add_attestation(tx, package().digest, "evaluation", {"ap": 0.5, "of": [1]}, (ME, T0))
    models.add_attestation(tx, package().digest, "benchmark", {"ms": 3.5}, (ME, T1))
    found = models.attestations(tx, package().digest)
    assert [(a.kind, a.facts, a.at) for a in found] == [
        ("evaluation", {"ap": 0.5, "of": [1]}, T0), ("benchmark", {"ms": 3.5}, T1),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        models.add_attestation(tx, digest_of(b"?"), "evaluation", {}, (ME, T0))


def test_calibrations(tx: Connection) -> None:
    for version, scale in ((1, 8.0), (2, 8.25)):
        assert calibrations.next_version(tx, "s1", "top") == version
        calibrations.add(tx, Calibration("s1", "top", version, scale, "target", ME, T0))
    side = Calibration("s1", "side", 1, 3.0, "target", ME, T0)
    calibrations.add(tx, side)
    assert calibrations.latest(tx, "s1", "top").pixels_per_mm == 8.25
    assert [c.view for c in calibrations.in_force(tx)] == ["side", "top"]
    assert calibrations.in_force(tx)[1].version == 2
    with pytest.raises(NotFound, match="no calibration"):
        calibrations.latest(tx, "s2", "top")


def test_recipe_versions(tx: Connection) -> None:
    with pytest.raises(NotFound, match="no model"):
        recipes.add_version(tx, recipe(package()))
    models.add(tx, package(), ME, T0)
    first = recipes.add_version(tx, recipe(package()))
    second = recipes.add_version(tx, replace(first, cuts={"dent": Cuts(0.3, 0.6)}))
    assert (first.version, second.version) == (1, 2)
    assert recipes.latest(tx, "tiles") == second
    assert recipes.get(tx, "tiles", 1) == first
    assert recipes.page(tx, None, 1).rows == (second,)
    for missing in (lambda: recipes.latest(tx, "cogs"), lambda: recipes.get(tx, "tiles", 3)):
        with pytest.raises(NotFound):
            missing()


def test_inspections_and_their_later_judgements(tx: Connection) -> None:
    models.add(tx, package(), ME, T0)
    first = recipes.add_version(tx, recipe(package()))
    second = recipes.add_version(tx, first)
    verdicts = [Verdict.PASS, Verdict.REJECT, Verdict.NO_DECISION]
    made = [inspection(n, verdicts[n % 3]) for n in range(6)]
    made[5] = replace(made[5], image=None, job=None, findings=(), scores={})
    assert inspections.add(tx, made[:4], ME) == 4
    assert inspections.add(tx, made, ME) == 2, "an id is recorded once"
    newest = made[::-1]
    page = inspections.page
    assert all_pages(lambda after: page(tx, inspections.Query(), after, 4)) == newest
    for query, expected in (
        (inspections.Query(verdict=Verdict.REJECT), [made[4], made[1]]),
        (inspections.Query(recipe="tiles", part="serial=0"), [made[3], made[0]]),
        (inspections.Query(job="job", package=package().digest), newest[1:]),
        (inspections.Query(since=T1), []),
        (inspections.Query(before=T1), newest),
        (inspections.Query(recipe="cogs"), []),
    ):
        assert list(page(tx, query, None, 9).rows) == expected
    assert inspections.count(tx, inspections.Query()) == dict.fromkeys(verdicts, 2)
    assert inspections.get(tx, "00000003") == made[3]
    with pytest.raises(Conflict, match="several"):
        inspections.get(tx, "0000")
    with pytest.raises(NotFound, match="version 7"):
        inspections.add(tx, [inspection(9, Verdict.PASS, recipe_version=7)], ME)
    decision = Decision(Verdict.REVIEW, (Reason(ReasonCode.UNCERTAIN, "dent", "score 0.3"),))
    assert inspections.add_rescoring(tx, made[3].id, second, decision, (ME, T1))
    assert not inspections.add_rescoring(tx, made[3].id, second, decision, (ME, T1))
    assert inspections.rescorings(tx, made[3].id) == (inspections.Rescoring("tiles", 2, decision, ME, T1),)
    assert inspections.get(tx, made[3].id) == made[3], "history stays as it was"


def test_jobs(tx: Connection) -> None:
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") is None
    started = jobs.start(tx, "0a", JobKind.INSPECT, "folder", (ME, T0))
    jobs.start(tx, "0b", JobKind.INSPECT, "elsewhere", (ME, T0))
    jobs.progress(tx, "0a", 3, 10)
    jobs.progress(tx, "0a", 4)
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") == replace(started, done=4, total=10)
    jobs.finish(tx, "0a", "10 images", T1)
    jobs.fail(tx, "0b", "disk full", T1)
    assert jobs.running_for(tx, JobKind.INSPECT, "folder") is None
    assert [(j.id, j.state, j.outcome) for j in jobs.page(tx, None, 9).rows] == [
        ("0b", JobState.FAILED, "disk full"), ("0a", JobState.FINISHED, "10 images"),
    ]  # fmt: skip
    assert jobs.get(tx, "0a").finished_at == T1
    with pytest.raises(NotFound):
        jobs.progress(tx, "0c", 1)


def test_two_writers_of_one_id_end_in_a_conflict(database: Database) -> None:
    run = Run("r", digest_of(b"s"), TrainSettings(), RunState.RUNNING, ME, T0)
    with database.write() as tx:
        runs.start(tx, run)
    with pytest.raises(Conflict, match="at the same time"), database.write() as tx:
        runs.start(tx, run)
