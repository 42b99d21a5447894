"""What pages say, in each language: one catalogue a language, the same keys in all of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from andon.errors import BugError

LANGUAGES = ("en", "de")
"""Codes of the languages there are; the first one is spoken where nothing better is known."""


@dataclass(frozen=True)
class Words:
    """The texts of one language.

    Attributes:
        texts: key -> text; ``{name}`` in a text is filled in.
    """

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text called ``key`` with its places filled.

        Raises:
            BugError: there is no such text, or a place in it was given no value.
        """
        try:
            return self.texts[key].format(**values)
        except KeyError as cause:
            raise BugError(f"the words of {self.language!r} lack {cause} (text {key!r})") from cause

    def one_of(self, family: str, name: str) -> str:
        """The text ``family.name``, or ``name`` itself where the catalogue does not know it."""
        return self.texts.get(f"{family}.{name}", name)

    def number(self, value: float, digits: int = 0) -> str:
        """``value`` as people here write numbers, with thousands set apart."""
        signs = {",": self.texts["number.thousands"], ".": self.texts["number.point"]}
        return "".join(signs.get(sign, sign) for sign in f"{value:,.{digits}f}")


@cache
def words(language: str) -> Words:
    """The words of ``language``, one of :data:`LANGUAGES`.

    Raises:
        BugError: the language is not one of them.
    """
    if language not in LANGUAGES:
        raise BugError(f"there are no words in {language!r}")
    text = files("andon.look").joinpath("words", f"{language}.json").read_text(encoding="utf-8")
    return Words(language, json.loads(text))


def choose_language(wanted: Iterable[str]) -> str:
    """The first language of ``wanted`` that there is (``de-AT`` counts as ``de``), else the first one."""
    for tag in wanted:
        code = tag.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]
