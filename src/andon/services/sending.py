"""Which pictures a station sends: the policy in words, as people write it, and as the next assignment."""

import re
from collections.abc import Iterator
from dataclasses import replace

from andon.domain.feedback import SendPolicy, SendRule
from andon.domain.inspections import Verdict
from andon.domain.stations import Assignment
from andon.errors import Conflict, InvalidInput, NotFound
from andon.services.assignments import hub_key, put_in_force
from andon.services.workspaces import Workspace, now
from andon.store import assignments as stored_assignments
from andon.store import stations as stored_stations

MAX_RULES = 20
RULE_FORM = "Write it as concept=scratch low=0.2 high=0.4 verdict=PASS part_type=bracket, as far as asked."

_PAIR = re.compile(r"(\w+)=(.+?)\s*(?=,?\s+\w+=|$)")


def send_by(workspace: Workspace, station: str, policy: SendPolicy | None) -> Assignment:
    """Tell a station which pictures to send from now on; all else stays as it was assigned.

    Raises:
        NotFound: there is no such station, or nothing is assigned to it.
        Conflict: it went back to what ran before, which a new assignment would undo.
        OperatorError: the hub's key cannot be read.
    """
    key = hub_key(workspace)
    with workspace.database.write() as tx:
        known = stored_stations.get(tx, station)
        told = known.assignment
        if told is None:
            raise NotFound(f"nothing is assigned to station {station!r}", "Assign a recipe to it first.")
        back = known.report.rolled_back if known.report else None
        if back is not None and back.counter == told.counter:
            raise Conflict(
                f"{station} left what it was told to run ({back.reason})",
                "Assign what it shall run, with the pictures it shall send.",
            )
        counter = stored_assignments.next_counter(tx, station)
        assignment = replace(told, counter=counter, author=workspace.who, at=now(), send=policy)
        put_in_force(tx, assignment, key)
    return assignment


def words_of(policy: SendPolicy | None) -> str:
    """What a policy sends, in one sentence."""
    if policy is None:
        return "Every picture that is kept."
    return "; ".join(_words(policy)) + "."


def rule_of(text: str) -> SendRule:
    """The rule that a line says, e.g. ``concept=scratch low=0.2 verdict=PASS``.

    Raises:
        InvalidInput: it says something else.
    """
    pairs = _PAIR.findall(text)
    given: dict[str, str] = dict(pairs)
    odd = set(given) - set(SendRule.__dataclass_fields__)
    if odd or len(given) < len(pairs) or _PAIR.sub("", text).strip(" ,"):
        raise InvalidInput(f"the rule {text[:80]!r} cannot be read", RULE_FORM)
    verdict = given.get("verdict")
    if verdict is not None and verdict not in set(Verdict):
        raise InvalidInput(f"{verdict[:40]!r} is no verdict", f"Verdicts: {', '.join(Verdict)}.")
    low, high = (_number(text, given.get(name), usual) for name, usual in (("low", 0.0), ("high", 1.0)))
    verdicts = Verdict(verdict) if verdict else None
    return SendRule(given.get("concept"), low, high, verdicts, given.get("part_type"))


def rules_of(text: str) -> tuple[SendRule, ...]:
    """One rule of each line that says something.

    Raises:
        InvalidInput: a line says no rule, or there are more than ``MAX_RULES``.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_RULES:
        raise InvalidInput(f"{len(lines)} rules are more than {MAX_RULES}")
    return tuple(rule_of(line) for line in lines)


def rule_text(rule: SendRule) -> str:
    """What :func:`rule_of` reads."""
    usual = SendRule()
    names = SendRule.__dataclass_fields__
    values = {name: getattr(rule, name) for name in names if getattr(rule, name) != getattr(usual, name)}
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def _number(text: str, value: str | None, usual: float) -> float:
    try:
        return usual if value is None else float(value)
    except ValueError as cause:
        raise InvalidInput(f"the rule {text[:80]!r} holds no number where one is due", RULE_FORM) from cause


def _words(policy: SendPolicy) -> Iterator[str]:
    yield "Audit samples always"
    if policy.wrong:
        yield "what a person contradicts"
    if policy.near is not None:
        yield f"reviews and scores within {policy.near:g} of a cut"
    for rule in policy.rules:
        yield f"parts with {rule_text(rule) or 'anything'}"
    if policy.random:
        yield f"{100 * policy.random:g} % of all parts by chance"
    if policy.quota is not None:
        yield f"at most {policy.quota:,} a day"
    if policy.hours != (0, 24):
        yield f"from {policy.hours[0]} to {policy.hours[1]} o'clock UTC"
    if policy.bytes_per_second is not None:
        yield f"at most {policy.bytes_per_second / 1000:g} kB a second"
