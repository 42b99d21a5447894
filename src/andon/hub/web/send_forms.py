"""The part of the assignment form that says which pictures travel, as a browser sends it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Form, Query

from andon.domain.feedback import SendPolicy
from andon.errors import InvalidInput
from andon.services.sending import rule_text, rules_of

KEPT, CHOSEN = "kept", "chosen"
"""All that is kept travels, or what the policy chooses."""


@dataclass(frozen=True, slots=True)
class SendForm:
    """What stands in the form; texts as they were typed.

    Attributes:
        sends: ``KEPT`` or ``CHOSEN``.
        wrong: ``yes``, or empty. near: empty: neither nearness nor reviews choose.
        share: percent of all parts. quota, kilobytes: empty: no limit. rules: one a line.
    """

    sends: Annotated[str, Form()] = KEPT
    wrong: Annotated[str, Form()] = ""
    near: Annotated[str, Form()] = ""
    rules: Annotated[str, Form()] = ""
    share: Annotated[str, Form()] = "0"
    quota: Annotated[str, Form()] = ""
    first: Annotated[str, Form()] = "0"
    end: Annotated[str, Form()] = "24"
    kilobytes: Annotated[str, Form()] = ""

    def policy(self) -> SendPolicy | None:
        """The policy that the form says; None where all that is kept travels.

        Raises:
            InvalidInput: a field holds no number where one is due, or no policy can be so.
        """
        if self.sends != CHOSEN:
            return None
        rate = _optional("kB a second", self.kilobytes)
        quota = _optional("pictures a day", self.quota)
        return SendPolicy(
            wrong=bool(self.wrong),
            near=_optional("nearness to a cut", self.near),
            rules=rules_of(self.rules),
            random=_number("share by chance", self.share) / 100,
            quota=None if quota is None else _whole("pictures a day", quota),
            hours=(self._hour("first hour", self.first), self._hour("last hour", self.end)),
            bytes_per_second=None if rate is None else _whole("bytes a second", rate * 1000),
        )

    def fields(self) -> Mapping[str, str]:
        """Every field by its name."""
        return asdict(self)

    @staticmethod
    def _hour(name: str, text: str) -> int:
        return _whole(name, _number(name, text))


@dataclass(frozen=True, slots=True)
class SendAsked:
    """The same as it stands in an address; nothing of it stands there when the form is opened first."""

    sends: Annotated[str | None, Query()] = None
    wrong: Annotated[str, Query()] = ""
    near: Annotated[str, Query()] = ""
    rules: Annotated[str, Query()] = ""
    share: Annotated[str, Query()] = "0"
    quota: Annotated[str, Query()] = ""
    first: Annotated[str, Query()] = "0"
    end: Annotated[str, Query()] = "24"
    kilobytes: Annotated[str, Query()] = ""

    def form(self, usual: SendPolicy | None) -> SendForm:
        """What stands in the address; the form of ``usual`` where nothing does."""
        if self.sends is None:
            return form_of(usual)
        return SendForm(**asdict(self))


def form_of(policy: SendPolicy | None) -> SendForm:
    """The form as a policy has it; with what one would begin with where there is none."""
    shown = policy or SendPolicy()
    rate = shown.bytes_per_second
    return SendForm(
        sends=CHOSEN if policy else KEPT,
        wrong="yes" if shown.wrong else "",
        near="" if shown.near is None else f"{shown.near:g}",
        rules="\n".join(rule_text(rule) for rule in shown.rules),
        share=f"{100 * shown.random:g}",
        quota="" if shown.quota is None else str(shown.quota),
        first=str(shown.hours[0]),
        end=str(shown.hours[1]),
        kilobytes="" if rate is None else f"{rate / 1000:g}",
    )


def _optional(name: str, text: str) -> float | None:
    return _number(name, text) if text.strip() else None


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as cause:
        raise InvalidInput(f"{name}: {text[:40]!r} is no number") from cause


def _whole(name: str, number: float) -> int:
    if not number.is_integer():
        raise InvalidInput(f"{name}: {number:g} is no whole number")
    return int(number)
