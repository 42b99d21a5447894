"""Reports of models: numbers against hand-counted parts, hostile names, what cannot be reported, paper."""

import json
import re
import socket
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from simulators.report_plant import Photo, build, cut_at, rest_of_the_data
from typer.testing import CliRunner

from andon.cli.main import app
from andon.domain.jobs import JobKind
from andon.domain.requests import ReportJob
from andon.errors import (
    BugError,
    Conflict,
    DamagedPackage,
    InvalidInput,
    MissingProgram,
    NotFound,
    NotPossible,
)
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.look import paper
from andon.services.jobs import claim_job
from andon.services.model_figures import measure
from andon.services.model_reports import Target, make_report
from andon.services.scores import EVALUATION
from andon.services.workspaces import Workspace, now
from andon.store import models as stored_models
from andon.worker.kinds import do

HOSTILE = "<script>alert(1)</script>"
LONG = "überlanger Name, der nicht endet " * 3


def photo(name: str, score: float, label: str, line: str, day: str, **origin: str) -> Photo:
    known = {"line": line, "captured_at": f"2026-03-{day}T10:00:00Z" if day else "", **origin}
    return Photo(f"{name}.png", score, label, origin=known, masked=label == "bright")


TEST = [
    photo("caught", 0.9, "bright", "A", "01"),
    photo("missed", 0.2, "bright", "A", "01"),
    photo("doubtful", 0.5, "bright", "B", "01"),
    photo("mistaken", 0.9, "dark", "B", "02"),
    photo("overkill", -0.8, "good", "A", "02"),
    photo("fine", 0.1, "good", "A", "02"),
    photo("seen twice 1", 0.1, "good", "B", "", serial="S1"),
    photo("seen twice 2", 0.4, "good", "B", "", serial="S1"),
]
"""Cuts 0.3 and 0.6: one escape, one overkill, one defective and one clean part to review."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = build(tmp_path_factory.mktemp("plant"), [*rest_of_the_data(), *TEST])
    cut_at(workspace, 0.3, 0.6)
    return workspace


@pytest.fixture(scope="module")
def page(plant: Workspace) -> str:
    made = make_report(plant, ReportJob("latest"), Target(pdf=False), _silent)
    return made.html.read_text()


def _silent(done: int, total: int | None, text: str) -> None:
    """Nobody looks."""


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("</style>")[1]).split())


def test_rates_are_those_counted_by_hand_in_parts(plant: Workspace) -> None:
    found = measure(plant, "latest", None)
    assert found.source == "the cuts of recipe tiles@1"
    assert len(found.table.parts) == 7  # eight pictures, two of one part
    rates = found.rates
    assert [(r.count, r.of) for r in (rates.escapes, rates.overkill, rates.reviews)] == [
        (1, 4), (1, 3), (1, 3),
    ]  # fmt: skip
    lines = {group.value: group for group in found.groups["line"]}
    assert (lines["A"].rates.escapes.count, lines["A"].rates.escapes.of) == (1, 2)
    assert (lines["B"].rates.escapes.count, lines["B"].rates.escapes.of) == (0, 2)
    assert (lines["A"].rates.overkill.count, lines["A"].rates.overkill.of) == (1, 2)
    assert (lines["B"].rates.reviews.count, lines["B"].rates.reviews.of) == (1, 1)
    assert [(g.value, g.parts) for g in found.groups["day"]] == [
        ("2026-03-01", 3), ("2026-03-02", 3), (None, 1),
    ]  # fmt: skip
    assert "lot" not in found.groups and "part type" not in found.groups
    assert found.confusion.counts.tolist() == [[2, 0, 1], [1, 0, 0], [1, 1, 1]]


def test_the_page_says_the_same_and_what_is_not_known(page: str) -> None:
    text = words(page)
    assert "7 test parts (4 defective, 3 good; 8 images)" in text
    assert "judged by the cuts of recipe tiles@1" in text
    assert "A 50.0 % 1 of 2, at most 97.5 %" in text
    assert "By part type, lot Nothing is known: no image of the test group names its part type or" in text
    assert "1 of 4 defective parts that passed" in text
    assert "2 of 3 good parts that were rejected or sent to review" in text
    assert "shows bright; passed; scores bright 0.2" in text
    assert "No test part is taken for dark" not in text  # the overkill is
    assert "All 3 parts with bright whose day is known come from one day (2026-03-01)" in text


def test_mistakes_are_shown_and_nothing_else(page: str) -> None:
    shown = re.findall(r'<span class="title">([^<]+)</span>', page)
    assert shown[:3] == ["missed.png", "overkill.png", "seen twice 2.png"]
    assert set(shown[3:]) == {"doubtful.png", "caught.png", "mistaken.png"}  # caught, the nearest first
    assert shown[3] == "doubtful.png"
    assert page.count('src="data:image/jpeg;base64,') == 2 * len(shown)


def test_fewer_pictures_are_shown_than_there_are_and_it_is_said(plant: Workspace, tmp_path: Path) -> None:
    made = make_report(plant, ReportJob("latest", images=1), Target(tmp_path, pdf=False), _silent)
    text = words(made.html.read_text())
    assert "2 of 3" not in text and "1 of the 2 shown here, of 3 good parts" in text
    assert "seen twice" not in text.split("What is taken for what")[1].split("How it was counted")[0]


def test_paper_needs_nothing_from_outside_and_has_numbered_pages(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_named: object) -> None:
        raise AssertionError("somebody opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refused)
    made = make_report(plant, ReportJob("latest"), Target(tmp_path / "r.pdf"), _silent)
    assert made.html == tmp_path / "r.html" and made.pdf == tmp_path / "r.pdf"
    content = made.pdf.read_bytes()
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S)
    objects = b"".join(_unpacked(stream) for stream in packed)
    assert content.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", objects + content)) >= 2


def _unpacked(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""  # a picture


@pytest.mark.parametrize("source", ["http://127.0.0.1:9/x.png", "file:///etc/hostname", "x.png"])
def test_a_page_that_refers_to_something_else_is_refused(source: str) -> None:
    with pytest.raises(BugError, match="outside of itself"):
        paper.pdf_of(f'<base href="http://127.0.0.1:9/"><p>one</p><img src="{source}">')


def test_charts_on_paper_have_colours_of_their_own() -> None:
    from andon.look.figures import Chart

    chart = Chart("t", '<svg><path stroke="var(--reject, #c32a22)"/></svg>', "d")
    assert paper.on_paper(chart).svg == '<svg><path stroke="#c32a22"/></svg>'


def test_without_pango_the_page_is_written_and_one_line_says_what_to_install(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Any:
        raise MissingProgram("a PDF needs the library Pango", "Install it: apt-get install libpango-1.0-0")

    monkeypatch.setattr(paper, "_weasyprint", missing)
    (tmp_path / "report.pdf").write_bytes(b"of last year")
    command = ["-w", str(plant.folder), "models", "report", "--out", str(tmp_path)]
    asked = CliRunner().invoke(app, command)
    assert isinstance(asked.exception, MissingProgram) and asked.exception.exit_code == 4
    assert (tmp_path / "report.html").is_file() and not (tmp_path / "report.pdf").exists()
    assert re.search(r"PDF\s+none", asked.stdout)


def test_what_a_broken_pango_prints_stays_out_of_the_results(
    plant: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WeasyPrint tells of a missing library on stdout and then raises OSError; so does this one."""
    (tmp_path / "weasyprint").mkdir()
    (tmp_path / "weasyprint" / "__init__.py").write_text(
        "print('could not import'); raise OSError('pango')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)
    command = [
        "-w",
        str(plant.folder),
        "models",
        "report",
        "--json",
        "--images",
        "0",
        "--out",
        str(tmp_path),
    ]
    asked = CliRunner().invoke(app, command)
    assert isinstance(asked.exception, MissingProgram) and "Pango" in asked.exception.message
    assert json.loads(asked.stdout)["pdf"] is None


def test_a_page_alone_leaves_other_files_alone(plant: Workspace, tmp_path: Path) -> None:
    (tmp_path / "tiles.pdf").write_bytes(b"a drawing")
    make_report(plant, ReportJob("latest", images=0), Target(tmp_path / "tiles.html", pdf=False), _silent)
    assert (tmp_path / "tiles.pdf").read_bytes() == b"a drawing"
    with pytest.raises(InvalidInput, match="none is wanted"):
        make_report(plant, ReportJob("latest"), Target(tmp_path / "tiles.pdf", pdf=False), _silent)
    assert (tmp_path / "tiles.pdf").read_bytes() == b"a drawing"


def test_the_command_prints_figures_as_json(plant: Workspace, tmp_path: Path) -> None:
    command = ["-w", str(plant.folder), "models", "report", "--no-pdf", "--json", "--out", str(tmp_path)]
    told = json.loads(CliRunner().invoke(app, command).stdout)
    assert told["rates"]["escapes"]["count"] == 1 and told["pdf"] is None and told["group"] == "test"
    assert {row["concept"] for row in told["concepts"]} == {"bright", "dark"}
    assert told["groups"]["lot"] == [] and told["warnings"]


def test_a_recipe_may_be_named_and_anothers_is_refused(tmp_path: Path) -> None:
    plant = build(tmp_path, [*rest_of_the_data(), *TEST[:2]])
    cut_at(plant, 0.3, 0.6)
    assert measure(plant, "latest", "tiles@1").recipe is not None
    with pytest.raises(NotFound):
        measure(plant, "latest", "tiles@9")
    with plant.database.read() as tx:
        package = stored_models.latest(tx)
    other = replace(package, digest=package.digest[::-1])
    with plant.database.write() as tx:
        stored_models.add(tx, other, "mara", now())
    _copy_evaluation(plant, package, other)
    with pytest.raises(Conflict, match="is of model"):
        measure(plant, other.digest, "tiles@1")
    assert measure(plant, other.digest, None).recipe is None


def _copy_evaluation(workspace: Workspace, of: Any, to: Any) -> None:
    with workspace.database.write() as tx:
        found = [a for a in stored_models.attestations(tx, of.digest) if a.kind == EVALUATION][-1]
        stored_models.add_attestation(tx, to.digest, EVALUATION, dict(found.facts), ("mara", now()))


def test_a_file_of_another_kind_is_not_taken_for_a_folder(plant: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(InvalidInput, match=r"neither \.html nor \.pdf"):
        make_report(plant, ReportJob("latest"), Target(tmp_path / "mine.txt"), _silent)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    made = make_report(plant, ReportJob("latest"), Target(tmp_path / "week.47", pdf=False), _silent)
    assert made.html == tmp_path / "week.47" / "report.html"


def test_a_package_that_is_gone_leaves_no_folder_behind(tmp_path: Path) -> None:
    workspace = build(tmp_path, [*rest_of_the_data(), *TEST[:2]])
    folder = workspace.packages / _digest(workspace)
    folder.rename(tmp_path / "gone")
    with pytest.raises(DamagedPackage):
        make_report(workspace, ReportJob("latest"), Target(), _silent)
    assert not folder.exists()


def _digest(workspace: Workspace) -> str:
    """Of the one package whose files are there."""
    return next(path.name for path in workspace.packages.iterdir())


def test_an_unevaluated_model_is_refused_and_so_are_scores_that_were_not_kept(tmp_path: Path) -> None:
    workspace = build(tmp_path, [*rest_of_the_data(), *TEST[:2]])
    with workspace.database.read() as tx:
        package = stored_models.latest(tx)
    new = replace(package, digest=package.digest[::-1])
    with workspace.database.write() as tx:
        stored_models.add(tx, new, "mara", now())
    with pytest.raises(NotPossible, match="was never evaluated") as refused:
        measure(workspace, new.digest, None)
    assert refused.value.todo == f"Run `andon models evaluate {new.digest[:12]}` first."
    _copy_evaluation(workspace, package, new)
    with workspace.database.write() as tx:
        found = [a for a in stored_models.attestations(tx, new.digest) if a.kind == EVALUATION][-1]
        old = {name: value for name, value in found.facts.items() if name != "scores"}
        stored_models.add_attestation(tx, new.digest, EVALUATION, old, ("mara", now()))
    with pytest.raises(NotPossible, match="kept no scores") as refused:
        measure(workspace, new.digest, None)
    assert f"andon models evaluate {new.digest[:12]}" in refused.value.todo


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        (TEST[5:6], "The test group has no defective part: nothing can be said about misses."),
        (TEST[:1], "None of the 1 defective parts passed."),
        (TEST[:1], "The test group has no good part: nothing can be said about false alarms."),
        (TEST[5:6], "All 1 good parts passed."),
    ],
)
def test_a_single_image_is_enough_for_a_report(photos: list[Photo], said: str, tmp_path: Path) -> None:
    workspace = build(tmp_path, [*rest_of_the_data(), *photos])
    cut_at(workspace, 0.3, 0.6)
    made = make_report(workspace, ReportJob("latest"), Target(), _silent)
    assert said in words(made.html.read_text())
    assert made.pdf is not None and made.pdf.stat().st_size


def test_a_model_without_a_test_group_is_refused(tmp_path: Path) -> None:
    workspace = build(tmp_path, rest_of_the_data())
    with pytest.raises(NotPossible, match="tested on no part"):
        measure(workspace, "latest", None)


def test_hostile_long_and_foreign_names_stay_text(tmp_path: Path) -> None:
    names = {"bright": HOSTILE, "dark": LONG[:90]}
    every = [*rest_of_the_data(), *TEST]
    renamed = [
        replace(p, label=names.get(p.label, p.label), origin={**p.origin, "lot": f"{HOSTILE}漢字"})
        for p in every
    ]
    workspace = build(tmp_path, renamed, concepts=(HOSTILE, LONG[:90].strip()))
    made = make_report(workspace, ReportJob("latest"), Target(), _silent)
    page = made.html.read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;漢字" in page
    assert not re.search(r"https?://", re.sub(r'xmlns(:xlink)?="[^"]+"', "", page))
    assert "href=" not in page.split("</style>")[1]
    assert made.pdf is not None


@pytest.fixture(scope="module")
def client(plant: Workspace) -> Iterator[TestClient]:
    hub = create_app(Settings(plant.folder, who="mara"))
    with TestClient(hub, base_url="http://127.0.0.1", follow_redirects=True) as opened:
        yield opened


def test_the_hub_asks_a_worker_and_then_shows_both_forms(plant: Workspace, client: TestClient) -> None:
    digest = _digest(plant)
    address = f"/models/{digest}"
    for kind in ("report.html", "report.pdf"):
        (plant.packages / digest / kind).unlink(missing_ok=True)
    assert client.get(f"{address}/report").status_code == 404
    assert f'href="{address}/report' not in client.get(address).text
    assert client.post(f"{address}/reports", data={"images": 5000}).status_code == 422
    assert client.post(f"{address}/reports", data={"images": 2, "recipe": "none"}).status_code == 404
    assert client.post(f"{address}/reports", data={"images": 2, "recipe": " "}).status_code == 200
    claimed = claim_job(plant, "w")
    assert claimed is not None and claimed.job.kind is JobKind.REPORT
    assert "The report is written" in do(plant, claimed.job, _silent)
    shown = client.get(f"{address}/report")
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "What a reviewer would ask about" in shown.text
    saved = client.get(f"{address}/report.pdf")
    assert saved.content.startswith(b"%PDF-")
    assert saved.headers["content-disposition"] == f'attachment; filename="report-{digest[:12]}.pdf"'
    assert f'href="{address}/report"' in client.get(address).text
