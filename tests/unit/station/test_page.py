"""What the station's page answers, and whom."""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from simulators.shown_line import Running, shown_line

from andon.domain.feedback import Answer, Chosen, Queue, SendPolicy, SendReason
from andon.domain.inspections import ReasonCode, Verdict
from andon.domain.serial import from_json
from andon.domain.stations import (
    AlarmCode,
    RollbackCause,
    RolledBack,
    Runnable,
    Sending,
    ShadowCount,
    WatchLimits,
)
from andon.errors import OperatorError, Refused
from andon.formats.pixels import decode
from andon.simulate.settings import LineSettings
from andon.station.hub.rollbacks import alarm_of
from andon.station.running.clock import Clock
from andon.station.state.alarms import Case
from andon.station.state.line import LineState
from andon.station.state.trial import trial_of
from andon.station.web.live import INTERVAL, Live
from andon.station.web.open import PageSettings
from andon.units import Digest, Timestamp

LINE = LineSettings(height=96, width=128, channels=1, defect_rate=0.5)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Running]:
    with shown_line(tmp_path, LINE) as running:
        yield running


@pytest.fixture
def page(line: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=line.line.address, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_foreign_names_and_pages_are_refused(
    line: Running, page: httpx.Client, headers: dict[str, str], status: int
) -> None:
    part = line.do(line.line.part, Verdict.REJECT)
    asked = {"inspection": part.id, "answer": "false-alarm"}
    assert page.post("/api/reviews", json=asked, headers=headers).status_code == status
    assert page.get("/", headers=headers).status_code == status
    assert line.do(line.line.reviews) == []


def test_it_listens_to_this_machine_only(tmp_path: Path) -> None:
    with (
        pytest.raises(Refused, match="does not listen"),
        shown_line(tmp_path / "a", LINE, PageSettings(host="0.0.0.0")),
    ):
        pass


def test_answers_in_two_pieces_do_not_wait_for_each_other(line: Running) -> None:
    """Connections inherit it from the listener."""
    assert line.line.server._listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_taken_port_is_said(tmp_path: Path, line: Running) -> None:
    port = int(line.line.address.rsplit(":", 1)[1])
    with (
        pytest.raises(OperatorError, match="cannot listen"),
        shown_line(tmp_path / "b", LINE, PageSettings(port=port)),
    ):
        pass


def test_a_review_is_on_the_disk_when_it_is_confirmed(line: Running, page: httpx.Client) -> None:
    part = line.do(line.line.part, Verdict.REJECT)
    answer = page.post("/api/reviews", json={"inspection": part.id, "answer": "false-alarm"})
    assert answer.status_code == 201
    (review,) = line.do(line.line.reviews)
    assert (review.inspection, review.answer, review.queue) == (part.id, Answer.FALSE_ALARM, Queue.REJECT)
    assert review.author == "operator"
    assert line.line.state.held == 0


@pytest.mark.parametrize(
    ("verdict", "answer", "status"),
    [
        (Verdict.REJECT, "missed", 409),
        (Verdict.PASS, "false-alarm", 409),
        (Verdict.PASS, "perhaps", 422),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    line: Running, page: httpx.Client, verdict: Verdict, answer: str, status: int
) -> None:
    part = line.do(line.line.part, verdict)
    asked = {"inspection": part.id, "answer": answer}
    assert page.post("/api/reviews", json=asked).status_code == status
    assert line.do(line.line.reviews) == []


def test_a_part_nobody_knows_cannot_be_reviewed(page: httpx.Client) -> None:
    answer = page.post(
        "/api/reviews",
        json={"inspection": "nothing", "answer": "unsure"},
        headers={"cookie": "language=de"},
    )
    assert answer.status_code == 404
    assert "wartet nicht mehr" in answer.json()["message"]
    form = page.post("/reviews", content=b"inspection=%00&answer=nonsense")
    assert form.status_code == 422
    assert page.post("/reviews", content=b"x" * 100_000).status_code == 413


def test_pictures_come_from_memory_and_later_from_the_disk(line: Running, page: httpx.Client) -> None:
    part = line.do(line.line.part, Verdict.REJECT)
    for _ in range(70):
        line.do(line.line.part, Verdict.PASS)
    assert line.line.state.recent.find(part.id) is None
    picture = page.get(f"/pictures/{part.id}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert decode(picture.content).shape[:2] == (96, 128)
    newest = line.line.state.strip[-1]
    assert decode(page.get(f"/pictures/{newest.id}").content).shape[:2] == (96, 128)
    assert page.get("/pictures/nothing").status_code == 404


def test_health_says_why(line: Running, page: httpx.Client) -> None:
    assert page.get("/health").status_code == 503
    assert page.get("/health").json()["state"] == "starting"
    line.do(line.line.part, Verdict.PASS)
    assert page.get("/health").status_code == 200
    line.do(line.line.alarm, Case.CAMERA_STALLED, "no picture came for 10 s", {"seconds": 10})
    answer = page.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"state": "fault", "reason": "no picture came for 10 s", "unheard": 0}


def test_metrics_are_the_numbers_of_the_line(line: Running, page: httpx.Client) -> None:
    for verdict in (Verdict.PASS, Verdict.PASS, Verdict.REJECT):
        line.do(line.line.part, verdict)
    line.do(line.line.alarm, Case.HUB_SILENT, "the hub is away")
    line.line.state.unheard = 7
    answer = page.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *(sample.labels.get(key, "") for key in ("verdict", "code"))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["andon_parts_total", "PASS", ""] == 2
    assert samples["andon_parts_total", "REJECT", ""] == 1
    assert samples["andon_alarm", "", "hub-away"] == 1
    assert samples["andon_alarm", "", "disk-full"] == 0
    assert samples["andon_answers_unheard_total", "", ""] == 7
    assert samples["andon_held_parts", "", ""] == 1
    assert samples["andon_spool_records", "", ""] == 3
    assert samples["andon_running", "", ""] == 1


def test_the_picture_changes_at_most_five_times_a_second() -> None:
    time = 0.0
    clock = Clock(lambda: 1_700_000_000 + time, lambda: time, None, lambda: 0.5)  # type: ignore[arg-type]
    live = Live(LineState("st-04", "line-2", "t", Timestamp("2026-01-05T06:00:00.000000Z")), clock, 30.0)
    first = live.drawn("en")
    time = INTERVAL * 0.99
    assert live.drawn("en") is first
    assert live.drawn("de") is not first
    time = INTERVAL * 1.01
    assert live.drawn("en").number == first.number + 1
    assert INTERVAL >= 1 / 5


def test_alarms_speak_the_language_of_the_page(line: Running, page: httpx.Client) -> None:
    why = (ReasonCode.DARK_IMAGE, ReasonCode.BLURRED_IMAGE)
    values = {"count": 3, "parts": 20, "what": why}
    line.do(line.line.alarm, Case.BAD_IMAGES, "3 of the last 20 pictures say nothing", values)
    (alarm,) = page.get("/api/line?language=de").json()["alarms"]
    reasons = "das Bild ist zu dunkel, das Bild ist unscharf"
    assert alarm["message"] == f"3 der letzten 20 Bilder sagen nichts über das Teil ({reasons})."
    assert "3 of the last 20" not in re.sub(r'title="[^"]*"', "", page.get("/?language=de").text)
    (alarm,) = page.get("/api/line?language=en").json()["alarms"]
    assert alarm["message"].startswith("3 of the last 20 pictures")
    (told,) = line.line.state.report(line.line.clock.now(), 0.0).alarms
    assert (told.code, told.message) == (AlarmCode.BAD_IMAGES, "3 of the last 20 pictures say nothing")


class BareText(HTMLParser):
    """Finds words that do not come out of the catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found += re.findall(r"[A-Za-z]{2,}", data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"title", "alt", "aria-label", "placeholder"}:
                self.found += re.findall(r"[A-Za-z]{2,}", value or "")


@pytest.mark.parametrize("name", ["station.html.j2", "regions.html.j2"])
def test_pages_use_no_bare_text(name: str) -> None:
    text = (files("andon.station.web") / "templates" / name).read_text()
    finder = BareText()
    finder.feed(re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text, flags=re.DOTALL))
    assert set(finder.found) <= {"Andon"}


def test_scripts_hold_no_words_for_people() -> None:
    for script in (files("andon.station.web") / "static").iterdir():
        assert not re.search(r'textContent = ["`]\w|innerText', script.read_text()), script.name


def offered(line: Running) -> None:
    """The newest assignment has a way back, and something judges beside."""
    runs = line.line.state.assignment
    assert runs is not None
    back = Runnable(replace(runs.recipe, version=11), ())
    line.line.state.assignment = replace(runs, fallback=back)
    line.line.state.shadow = ShadowCount("brushed", 13, 1200, 34)


def test_one_touch_asks_in_words_and_goes_back_from_what_was_shown(
    line: Running, page: httpx.Client
) -> None:
    assert 'action="/rollbacks"' not in page.get("/").text
    offered(line)
    shown = page.get("/?language=en").text
    assert "Go back to brushed v11?" in shown
    assert "This station leaves brushed v12" in shown
    answer = page.post("/rollbacks", content=b"counter=3")
    assert answer.status_code == 303
    assert "Going+back+to+brushed+v11" in answer.headers["location"]
    assert line.line.state.asked_back == (3, "operator")
    line.line.state.asked_back = None
    assert page.post("/api/rollbacks", json={"counter": 3}).status_code == 202
    assert line.line.state.asked_back == (3, "operator")


def test_a_page_that_is_behind_goes_back_from_nothing(line: Running, page: httpx.Client) -> None:
    refused = page.post("/api/rollbacks", json={"counter": 3})
    assert (refused.status_code, refused.json()["todo"]) == (
        409,
        "Load the page again and look at what runs now.",
    )
    offered(line)
    assert page.post("/api/rollbacks", json={"counter": 2}).status_code == 409
    stale = page.post("/rollbacks", content=b"counter=2", headers={"cookie": "language=de"})
    assert "Nichts+ist+geschehen" in stale.headers["location"]
    for odd in (b"counter=", b"counter=-1", b"counter=" + b"9" * 40, "counter=٣".encode()):
        assert page.post("/rollbacks", content=odd).status_code == 422
    assert page.post("/rollbacks", content=b"counter=3", headers={"origin": "null"}).status_code == 403
    assert line.line.state.asked_back is None


def test_what_judges_beside_is_on_the_page_and_in_the_metrics(line: Running, page: httpx.Client) -> None:
    offered(line)
    view = page.get("/api/line?language=en").json()
    assert view["shadow"] == "beside it brushed v13: 1,200 judged, 34 left out"
    assert (
        'andon_shadow_parts{line="line-2",outcome="dropped",station="st-04"} 34.0'
        in page.get("/metrics").text
    )
    line.line.state.shadow = ShadowCount("brushed", 13, 0, 34, "the inspector died")
    view = page.get("/api/line?language=en").json()
    assert view["shadow"] == "beside it brushed v13 does not judge: the inspector died"


def test_why_the_station_went_back_stands_in_words(line: Running, page: httpx.Client) -> None:
    fact = RolledBack(3, "told", "watch", line.line.clock.now(), RollbackCause.REJECTS, 31, 40)
    line.line.state.raise_alarm(alarm_of(fact))
    (alarm,) = page.get("/api/line?language=en").json()["alarms"]
    assert (alarm["title"], alarm["message"]) == (
        "Went back",
        "Too many rejects: 31 of 40 parts with the new model.",
    )
    for cause in RollbackCause:
        line.line.state.raise_alarm(alarm_of(replace(fact, cause=cause)))
        for language in ("en", "de"):
            (alarm,) = page.get(f"/api/line?language={language}").json()["alarms"]
            assert "{" not in alarm["message"]


def test_what_people_say_counts_for_or_against_what_was_switched_to(
    line: Running, page: httpx.Client
) -> None:
    offered(line)
    runs = line.line.state.assignment
    assert runs is not None
    line.line.state.trial = trial_of(replace(runs, watch=WatchLimits()), line.line.clock.monotonic(), 0.0)
    part = line.do(line.line.part, Verdict.REJECT)
    page.post("/api/reviews", json={"inspection": part.id, "answer": "false-alarm"})
    assert line.line.state.trial is not None
    seen = line.line.state.trial.seen()
    assert (seen.false_alarms, seen.answered, seen.rejects.of, seen.audited) == (1, 1, 1, 0)
    drawn = line.do(line.line.part, Verdict.PASS, Queue.AUDIT)
    page.post("/api/reviews", json={"inspection": drawn.id, "answer": "missed"})
    seen = line.line.state.trial.seen()
    assert (seen.escaped, seen.audited) == (1, 1)


def test_a_missed_part_that_was_not_kept_is_kept_from_memory_and_chosen(
    line: Running, page: httpx.Client
) -> None:
    shown = line.line
    assert shown.state.assignment is not None
    shown.state.assignment = replace(shown.state.assignment, send=SendPolicy())
    part = line.do(shown.part, Verdict.PASS)
    assert part.capture is not None
    assert part.capture.blob is None
    assert page.post("/api/reviews", json={"inspection": part.id, "answer": "missed"}).status_code == 201
    waiting = line.do(shown.spool.call, shown.spool.spool.waiting, 9)
    (chosen,) = (from_json(Chosen, json.loads(text)) for _, text in waiting.chosen)
    assert (chosen.inspection, chosen.reason) == (part.id, SendReason.WRONG)
    assert chosen.blob is not None
    assert decode(shown.blobs.get(chosen.blob)).shape == (LINE.height, LINE.width)


def test_what_a_person_says_is_kept_also_where_the_picture_cannot_be(
    line: Running, page: httpx.Client, tmp_path: Path
) -> None:
    shown = line.line
    assert shown.state.assignment is not None
    shown.state.assignment = replace(shown.state.assignment, send=SendPolicy())
    part = line.do(shown.part, Verdict.PASS)
    folder = shown.blobs.path(Digest("0" * 64)).parents[1]
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_bytes(b"nothing can be put here")
    assert page.post("/api/reviews", json={"inspection": part.id, "answer": "missed"}).status_code == 201
    waiting = line.do(shown.spool.call, shown.spool.spool.waiting, 9)
    assert (len(waiting.reviews), waiting.chosen) == (1, ())
    assert {AlarmCode.DISK_FULL} == set(shown.state.alarms)
    assert shown.state.shed["images"] == 1


def test_a_confirmed_part_is_not_chosen(line: Running, page: httpx.Client) -> None:
    shown = line.line
    assert shown.state.assignment is not None
    shown.state.assignment = replace(shown.state.assignment, send=SendPolicy())
    part = line.do(shown.part, Verdict.REJECT)
    page.post("/api/reviews", json={"inspection": part.id, "answer": "confirmed"})
    waiting = line.do(shown.spool.call, shown.spool.spool.waiting, 9)
    assert (len(waiting.reviews), waiting.chosen) == (1, ())


def test_the_page_says_how_many_chosen_pictures_wait_and_why(line: Running, page: httpx.Client) -> None:
    assert "wait:" not in page.get("/").text
    line.line.state.sending = Sending(1234, 50, "quota")
    assert "1,234 wait: today&#39;s quota is used up" in page.get("/").text
    for held in ("hours", "bandwidth", ""):
        line.line.state.sending = Sending(2, 0, held)
        assert page.get("/").status_code == 200
