"""What a line leaves behind, made up: a model, its recipe, records, reviews and reports of a station."""

from dataclasses import replace

from andon.domain.annotations import Box
from andon.domain.feedback import Answer, Queue, Review
from andon.domain.images import Origin, Shape
from andon.domain.inspections import (
    Capture,
    Decision,
    Finding,
    Inspection,
    Kept,
    Reason,
    ReasonCode,
    Verdict,
)
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
from andon.domain.parts import serial_key
from andon.domain.recipes import Recipe
from andon.domain.runs import Family
from andon.domain.stations import Alarm, AlarmCode, StationReport
from andon.units import Digest, Timestamp, digest_of, uuid7

T0 = Timestamp("2026-01-02T03:04:05.000006Z")
T1 = Timestamp("2026-01-03T03:04:05.000006Z")
FAST = Variant(Engine.OPENVINO, Precision.F32)


def package(name: str = "brackets") -> Package:
    """A model with one variant that passed parity and one that did not."""
    made_of = (digest_of(b"snapshot"), digest_of(b"settings"), 0, "1")
    taken, given = InputSpec(32, 32, 1, 8), OutputSpec(("dent",), True)
    manifest = Manifest(name, Family.SEGMENT, "", taken, given, *made_of, {}, {})
    slow = Variant(Engine.ONNXRUNTIME, Precision.BF16)
    good, bad = Parity(FAST, 3, 0.001, 0.01, (), 0.02), Parity(slow, 3, 0.3, 0.01, ("a",), 0.02)
    return Package(digest_of(name.encode()), manifest, "run", (good, bad))


def recipe(of: Package) -> Recipe:
    """A draft for ``of``."""
    return Recipe("brackets", 0, "bracket", of.digest, {"dent": Cuts(0.2, 0.5)}, author="mara", at=T0)


def identity(station: str, sequence: int) -> str:
    """The same UUIDv7 each time it is asked for."""
    return uuid7(
        1_767_000_000_000 + sequence, bytes.fromhex(digest_of(f"{station}/{sequence}".encode()))[:10]
    )


def capture(station: str, sequence: int, **changes: object) -> Capture:
    """Of an image that was not kept."""
    origin = Origin(line="L1", station=station, serial=f"S{sequence}", captured_at=T0)
    made = Capture(
        station, sequence, origin, Shape(32, 32, 1, 8), Kept.NOT_KEPT,
        health={"brightness": 0.4}, stages={"model": 3.5}, program="1", machine="avx2",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def record(station: str, sequence: int, verdict: Verdict = Verdict.PASS, **changes: object) -> Inspection:
    """One part of a station that runs version 1 of the recipe."""
    found = (Finding("dent", 0.7, Box(1, 2, 3, 4), 12.0, 4.0, (2.5, 4.0)),)
    reasons = (
        () if verdict is Verdict.PASS else (Reason(ReasonCode.DEFECT, "dent", "score 0.700, cut 0.5"),)
    )
    made = Inspection(
        identity(station, sequence), T0, serial_key(f"S{sequence}"), digest_of(b"%d" % sequence),
        f"{sequence}.png",
        "brackets", 1, package().digest, str(FAST), Decision(verdict, reasons),
        () if verdict is Verdict.PASS else found, {"dent": 0.1}, 4.5, None, capture(station, sequence),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def without_model(station: str, sequence: int) -> Inspection:
    """A part that nothing could be said of: the station had no recipe."""
    decision = Decision(Verdict.NO_DECISION, (Reason(ReasonCode.NO_MODEL, None, "nothing is assigned"),))
    nothing = {"recipe": "", "recipe_version": 0, "package": Digest(""), "variant": "", "image": None}
    return record(
        station, sequence, Verdict.NO_DECISION, decision=decision, findings=(), scores={}, **nothing
    )


def review(of: str, answer: Answer = Answer.CONFIRMED, number: int = 0) -> Review:
    """One touch of somebody on the line."""
    return Review(identity(of, number), of, answer, Queue.REJECT, "station/ST-1/anna", T1)


def report(station: str, **changes: object) -> StationReport:
    """A station that runs well."""
    made = StationReport(
        station, "L1", T0, T0, "1", 1, "brackets", 1, package().digest, str(FAST),
        {Verdict.PASS: 9, Verdict.REJECT: 1}, 19.8, 6.1, 9.4, 0, 1, 10**11, "ok", "ok",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def stalled(since: Timestamp = T0) -> Alarm:
    """The camera gives no more images."""
    return Alarm(AlarmCode.CAMERA_STALLED, "no image for 5 s", "Look at the cable.", since)
