"""What goes between the station and its inspector process: orders and judgements as small JSON texts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from andon.domain.annotations import Box
from andon.domain.images import Shape
from andon.domain.inspections import Decision, Finding, Reason, ReasonCode, Verdict
from andon.domain.models import Variant
from andon.domain.recipes import Recipe
from andon.units import Digest

MAX_MESSAGE = 65536
"""Bytes of one message; what is larger lies in the ring."""

WAKE = b"wake"
"""The order to work at normal priority."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an inspector process is set up with.

    Attributes:
        folder: of the package. variants: those it may choose from. template: to locate the part by, base64.
        quiet: start at low priority, until it is woken. beside: work only when nobody else would, always.
    """

    folder: str
    package: Digest
    recipe: Recipe
    variants: tuple[Variant, ...]
    threads: int
    template: str | None = None
    quiet: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One part to judge: ``length`` bytes in ``slot``; an image file where ``shape`` is None.

    A ticket without a slot (-1) asks for a golden image, to show that the inspector still works.
    """

    ticket: int
    slot: int
    length: int
    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the inspector says of one part; as ``runtime.inspector.Outcome`` without pixels.

    ``outlines`` are for the page alone: of each of the first findings the points x, y around it, one after
    the other, in pixels; empty where the place is not known.
    """

    decision: Decision
    scores: Mapping[str, float]
    findings: tuple[Finding, ...]
    milliseconds: float
    stages: Mapping[str, float]
    health: Mapping[str, float]
    outlines: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """The inspector's first words: what it runs."""

    variant: str
    machine: str


def order_text(order: Order) -> bytes:
    """An order as one message."""
    shape = order.shape
    sides = None if shape is None else (shape.height, shape.width, shape.channels, shape.bit_depth)
    return json.dumps((order.ticket, order.slot, order.length, sides)).encode()


def order_from(text: bytes) -> Order:
    """The order that :func:`order_text` wrote."""
    ticket, slot, length, sides = json.loads(text)
    return Order(ticket, slot, length, None if sides is None else Shape(*sides))


def judgement_text(judgement: Judgement) -> bytes:
    """A judgement in few bytes: hundreds of findings are read in less than a millisecond."""
    decision = judgement.decision
    told = {
        "verdict": decision.verdict,
        "reasons": [(r.code, r.concept, r.detail) for r in decision.reasons],
        "scores": dict(judgement.scores),
        "findings": [_row(finding) for finding in judgement.findings],
        "milliseconds": judgement.milliseconds,
        "stages": dict(judgement.stages),
        "health": dict(judgement.health),
        "outlines": judgement.outlines,
    }
    return json.dumps(told, separators=(",", ":"), allow_nan=False).encode()


def judgement_from(text: bytes) -> Judgement:
    """The judgement that :func:`judgement_text` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is not one.
    """
    told: dict[str, Any] = json.loads(text)
    reasons = tuple(Reason(ReasonCode(code), concept, detail) for code, concept, detail in told["reasons"])
    return Judgement(
        decision=Decision(Verdict(told["verdict"]), reasons),
        scores=told["scores"],
        findings=tuple(_finding(row) for row in told["findings"]),
        milliseconds=told["milliseconds"],
        stages=told["stages"],
        health=told["health"],
        outlines=tuple(tuple(points) for points in told["outlines"]),
    )


def _row(finding: Finding) -> tuple[Any, ...]:
    box = finding.box
    sides = None if box is None else (box.x, box.y, box.width, box.height)
    return finding.concept, finding.score, sides, finding.area, finding.length, finding.centroid


def _finding(row: tuple[Any, ...]) -> Finding:
    concept, score, sides, area, length, centroid = row
    box = None if sides is None else Box(*sides)
    return Finding(concept, score, box, area, length, (centroid[0], centroid[1]))
