import string
from importlib.resources import files
from pathlib import Path

import pytest

from andon.domain.feedback import Answer, Queue
from andon.domain.inspections import ReasonCode, Verdict
from andon.domain.stations import AlarmCode
from andon.errors import BugError
from andon.look.words import LANGUAGES, choose_language, words
from andon.station.state.alarms import Case


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    english, other = words("en").texts, words(language).texts
    assert sorted(other) == sorted(english)
    assert not [key for key, text in other.items() if not text.strip()]
    assert {key: places(text) for key, text in other.items()} == {
        key: places(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_words(language: str) -> None:
    texts = words(language).texts
    wanted = [f"verdict.{verdict.value}" for verdict in Verdict]
    wanted += [f"page.shift.{verdict.value.lower()}" for verdict in Verdict]
    wanted += [f"reason.{code.value}" for code in ReasonCode]
    wanted += [f"alarm.{code.value}{end}" for code in AlarmCode for end in ("", ".todo")]
    wanted += [f"alarm.{case.value}" for case in Case]
    wanted += [f"answer.{answer.value}{end}" for answer in Answer for end in ("", ".help")]
    wanted += [f"queue.{queue.value}" for queue in Queue]
    assert not [key for key in wanted if key not in texts]


def test_languages_differ_where_it_matters() -> None:
    english, german = words("en").texts, words("de").texts
    same = [key for key in english if key.endswith((".todo", ".help")) and english[key] == german[key]]
    assert not same
    assert words("de")("page.part") == "Teil"


def test_numbers_are_written_as_people_there_do() -> None:
    assert words("en").number(4812) == "4,812"
    assert words("de").number(4812) == "4.812"
    assert words("de").number(1234.56, 1) == "1.234,6"


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["de"], "de"),
        (["de-AT;q=0.9", "en"], "de"),
        (["fr", " EN-gb "], "en"),
        (["../../x"], "en"),
        ([], "en"),
    ],
)
def test_the_first_language_there_is_counts(wanted: list[str], chosen: str) -> None:
    assert choose_language(wanted) == chosen


def test_what_is_not_in_the_catalogue_is_a_bug() -> None:
    with pytest.raises(BugError, match="no-such-text"):
        words("en")("no-such-text")
    with pytest.raises(BugError, match="part"):
        words("en")("held.part")
    with pytest.raises(BugError, match="fr"):
        words("fr")
    assert words("en").one_of("status", "a word of its own") == "a word of its own"


FAMILIES = (
    "verdict.", "reason.", "alarm.", "answer.", "queue.", "status.", "page.shift.", "keys.", "pictures."
)  # fmt: skip
"""Keys that are put together from a state's name."""


def test_no_text_is_left_over() -> None:
    folder = Path(str(files("andon.station")))
    used = "".join(path.read_text() for end in ("py", "j2") for path in folder.rglob(f"*.{end}"))
    asked = (key for key in words("en").texts if not key.startswith((*FAMILIES, "number.")))
    assert not [key for key in asked if f'"{key}"' not in used and f"'{key}'" not in used]
