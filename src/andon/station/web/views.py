"""What the page shows, in words of its language: made of the live state, with nothing left to decide."""

from dataclasses import dataclass
from datetime import datetime

from andon.domain.annotations import Box
from andon.domain.calibrations import Calibration, length_in_pixels
from andon.domain.feedback import Answer, Queue
from andon.domain.images import Shape
from andon.domain.inspections import Inspection, Reason, Verdict
from andon.domain.parts import part_name
from andon.domain.stations import AlarmCode
from andon.look.words import Words
from andon.station.spool.reviews import HeldPart
from andon.station.state.alarms import Raised
from andon.station.state.line import LineState, percentile
from andon.station.web.release_views import BackView, back_view, recipe_text, shadow_text
from andon.units import Timestamp

MAX_REASONS = 2
"""Reasons that are named; the others are counted."""

MAX_MARKS = 12
MAX_CHIPS = 40
LABEL_HEIGHT = 0.05
LABEL_WIDTH = 0.026
"""Of a letter; both as shares of the picture's width."""
WAITING = "WAITING"
HUES = 8
GIGABYTE = 1e9
COUNTED = (Verdict.PASS, Verdict.REJECT, Verdict.REVIEW, Verdict.NO_DECISION)
_HEARD = ("ok", "none")


@dataclass(frozen=True, slots=True)
class MarkView:
    """A finding on the picture, in its pixels; ``hue`` is 1 to 8.

    Attributes:
        at: where the label begins, x and its base line y.
        box: x, y, width, height. outline: points around it as SVG writes them; empty where only the box is
            known any more.
    """

    label: str
    at: tuple[float, float]
    hue: int
    box: tuple[float, float, float, float]
    outline: str


@dataclass(frozen=True, slots=True)
class PartView:
    """One part. ``verdict`` is the code, ``word`` what people read; ``picture`` is empty without one."""

    id: str
    part: str
    verdict: str
    word: str
    reasons: tuple[str, ...]
    time: str
    picture: str
    width: int
    height: int
    marks: tuple[MarkView, ...]


@dataclass(frozen=True, slots=True)
class ChipView:
    """One part in the strip."""

    id: str
    part: str
    verdict: str
    label: str


@dataclass(frozen=True, slots=True)
class StatusView:
    """Something the station needs; ``well`` tells the shape and colour, ``text`` the word."""

    name: str
    text: str
    well: bool


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm: what is wrong and what to do, in this language; ``detail`` is what a program said."""

    code: str
    title: str
    message: str
    detail: str
    todo: str
    since: str


@dataclass(frozen=True, slots=True)
class CountView:
    """Parts with one verdict."""

    verdict: str
    text: str


@dataclass(frozen=True, slots=True)
class LineView:
    """Everything that moves, but for the held parts. ``state`` colours the edge of the screen."""

    state: str
    shown: str
    type: str
    recipe: str
    back: BackView | None
    live: PartView | None
    strip: tuple[ChipView, ...]
    since: str
    counts: tuple[CountView, ...]
    rate: str
    latency: str
    models: str
    shadow: str
    shed: str
    statuses: tuple[StatusView, ...]
    alarms: tuple[AlarmView, ...]


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """A button: what it says, what it means, and whether it fits this part."""

    answer: str
    label: str
    help: str
    fits: bool


@dataclass(frozen=True, slots=True)
class HeldView:
    """A part that waits, and what can be said of it."""

    part: PartView
    queue: str
    why: str
    choices: tuple[ChoiceView, ...]


def line_view(state: LineState, words: Words, at: Timestamp, monotonic: float) -> LineView:
    """What holds at ``at`` (UTC; shown in the machine's own time zone)."""
    live = state.live
    inspection = None if live is None else live.inspection
    runs = state.assignment
    return LineView(
        state=WAITING if inspection is None else inspection.decision.verdict.value,
        shown=words("page.shown", time=_clock(at)),
        type=(runs.recipe.part_type if runs else None) or "",
        recipe=recipe_text(runs.recipe, words) if runs else words("page.recipe.none"),
        back=back_view(state, words),
        live=None if inspection is None else part_view(inspection, words, state),
        strip=tuple(_chip(part, words) for part in list(state.strip)[-MAX_CHIPS:]),
        since=words("page.shift", time=_clock(state.started_at)[:5]),
        counts=tuple(_count(verdict, state, words) for verdict in COUNTED),
        rate=words("page.rate", rate=words.number(state.per_second(monotonic), 1)),
        latency=_latency(state, words),
        models=_models(state, words),
        shadow=shadow_text(state, words),
        shed=_shed(state, words),
        statuses=_statuses(state, words),
        alarms=tuple(_alarm(alarm, words) for alarm in state.alarms.values()),
    )


def part_view(inspection: Inspection, words: Words, state: LineState) -> PartView:
    """One part, with its picture at ``/pictures/<id>``; marks where the picture's size is known."""
    verdict = inspection.decision.verdict
    shape = inspection.capture.shape if inspection.capture else None
    recent = state.recent.find(inspection.id)
    outlines = recent.outlines if recent is not None else ()
    passed = verdict is Verdict.PASS
    return PartView(
        id=inspection.id,
        part=part_name(inspection.part),
        verdict=verdict.value,
        word=words(f"verdict.{verdict.value}"),
        reasons=_reasons(inspection, words, _calibration(state)),
        time=_clock(inspection.at),
        picture=f"/pictures/{inspection.id}" if shape or recent else "",
        width=shape.width if shape else 0,
        height=shape.height if shape else 0,
        marks=() if shape is None or passed else _marks(inspection, shape, outlines, words),
    )


def held_view(held: HeldPart, words: Words, state: LineState) -> HeldView:
    """One part that waits (or was picked), and what can be said of it."""
    verdict = held.inspection.decision.verdict
    part = part_view(held.inspection, words, state)
    choices = (
        ChoiceView(
            answer.value,
            answer_text(answer, verdict, words),
            words(f"answer.{answer.value}.help"),
            answer_fits(answer, verdict),
        )
        for answer in Answer
    )
    return HeldView(part, held.queue.value, words(f"queue.{held.queue.value}"), tuple(choices))


def answer_fits(answer: Answer, verdict: Verdict) -> bool:
    """Whether an answer fits a verdict: only what passed is missed, only what did not is a false alarm."""
    if answer is Answer.MISSED:
        return verdict is Verdict.PASS
    return verdict is not Verdict.PASS if answer is Answer.FALSE_ALARM else True


def answer_text(answer: Answer, verdict: Verdict, words: Words) -> str:
    """What a button says: of a part that passed, it is the PASS that is confirmed."""
    right = answer is Answer.CONFIRMED and verdict is Verdict.PASS
    return words("answer.confirmed.pass") if right else words(f"answer.{answer.value}")


def picked(inspection: Inspection) -> HeldPart:
    """A part somebody chose from the strip."""
    return HeldPart(Queue.PICKED, inspection)


def _calibration(state: LineState) -> Calibration | None:
    return state.assignment.recipe.calibration if state.assignment else None


def _marks(
    inspection: Inspection, shape: Shape, outlines: tuple[tuple[int, ...], ...], words: Words
) -> tuple[MarkView, ...]:
    """The worst findings; a label that would lie on that of a worse one is left out."""
    concepts = sorted(inspection.scores)
    placed = [
        (found, found.box, outlines[place] if place < len(outlines) else ())
        for place, found in enumerate(inspection.findings)
        if found.box is not None
    ]
    placed.sort(key=lambda entry: -entry[0].score)
    marks: list[MarkView] = []
    taken: list[Box] = []
    for found, box, points in placed[:MAX_MARKS]:
        label = f"{found.concept} {words.number(found.score, 2)}"
        place = _label_place(box, shape, len(label))
        hidden = any(_overlap(place, other) for other in taken)
        taken += [] if hidden else [place]
        hue = concepts.index(found.concept) % HUES + 1 if found.concept in concepts else 1
        outline = " ".join(f"{x},{y}" for x, y in zip(points[::2], points[1::2], strict=True))
        at = (place.x, place.y + place.height)
        marks.append(MarkView("" if hidden else label, at, hue, _sides(box), outline))
    return tuple(marks)


def _label_place(box: Box, shape: Shape, letters: int) -> Box:
    """Above the finding where there is room, else below it; never beyond the picture's edge."""
    width, height = letters * LABEL_WIDTH * shape.width, LABEL_HEIGHT * shape.width
    x = max(0.0, min(box.x, shape.width - width))
    above = box.y - 1.3 * height
    y = above if above > 0 else min(box.y + box.height + 0.3 * height, shape.height - 1.3 * height)
    return Box(x, y, width, height)


def _overlap(one: Box, other: Box) -> bool:
    beside = one.x + one.width < other.x or other.x + other.width < one.x
    return not (beside or one.y + one.height < other.y or other.y + other.height < one.y)


def _sides(box: Box) -> tuple[float, float, float, float]:
    return (box.x, box.y, box.width, box.height)


def _clock(at: Timestamp) -> str:
    """HH:MM:SS of the machine's own time zone: the page stands beside it."""
    return datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone().strftime("%H:%M:%S")


def _reasons(inspection: Inspection, words: Words, calibration: Calibration | None) -> tuple[str, ...]:
    reasons = inspection.decision.reasons
    named = [_reason(reason, inspection, words, calibration) for reason in reasons[:MAX_REASONS]]
    more = len(reasons) - len(named)
    return (*named, *([words("reason.more", count=words.number(more))] if more else ()))


def _reason(reason: Reason, inspection: Inspection, words: Words, calibration: Calibration | None) -> str:
    concept = reason.concept or words("reason.concept.none")
    text = words(f"reason.{reason.code.value}", concept=concept)
    lengths = [
        found.length for found in inspection.findings if found.concept == reason.concept and found.box
    ]
    if not lengths:
        return text
    if calibration is None:
        return f"{text}, {words('reason.length.px', length=words.number(max(lengths)))}"
    millimetres = max(lengths) / length_in_pixels(1.0, calibration)
    return f"{text}, {words('reason.length.mm', length=words.number(millimetres, 1))}"


def _chip(inspection: Inspection, words: Words) -> ChipView:
    verdict = inspection.decision.verdict
    part = part_name(inspection.part)
    label = f"{part}: {words(f'verdict.{verdict.value}')}, {_clock(inspection.at)}"
    return ChipView(inspection.id, part, verdict.value, label)


def _count(verdict: Verdict, state: LineState, words: Words) -> CountView:
    count = words.number(state.parts[verdict])
    return CountView(verdict.value, words(f"page.shift.{verdict.value.lower()}", count=count))


def _latency(state: LineState, words: Words) -> str:
    ordered = sorted(state.latencies)
    if not ordered:
        return ""
    p50, p99 = (words.number(percentile(ordered, share), 1) for share in (0.5, 0.99))
    return words("page.latency", p50=p50, p99=p99, n=words.number(len(ordered)))


def _models(state: LineState, words: Words) -> str:
    runs, live = state.assignment, state.live
    if runs is None:
        return words("page.models.none")
    engine = 0.0
    if live is not None and live.inspection.capture is not None:
        engine = live.inspection.capture.stages.get("engine", 0.0)
    named = {"recipe": runs.recipe.name, "version": runs.recipe.version}
    text = words("page.models.text", package=runs.recipe.package[:4], variant=state.variant, **named)
    if not engine:
        return text
    return f"{text} {words('page.models.engine', milliseconds=words.number(engine, 1))}"


def _shed(state: LineState, words: Words) -> str:
    total = sum(state.shed.values())
    return words("page.shed", count=words.number(total)) if total else ""


def _statuses(state: LineState, words: Words) -> tuple[StatusView, ...]:
    away = AlarmCode.HUB_AWAY in state.alarms
    hub = "away" if away else "ok"
    low = {AlarmCode.DISK_LOW, AlarmCode.DISK_FULL} & set(state.alarms)
    free = words("page.disk.free", free=words.number(state.disk_free / GIGABYTE, 1))
    return (
        StatusView(words("page.camera"), words.one_of("status", state.camera), state.camera == "ok"),
        StatusView(words("page.output"), words.one_of("status", state.output), state.output in _HEARD),
        StatusView(words("page.hub"), words.one_of("status", hub), not away),
        StatusView(
            words("page.spool"), words("page.spool.count", count=words.number(state.spool)), not away
        ),
        *_pictures(state, words),
        StatusView(words("page.disk"), free, not low),
    )


def _pictures(state: LineState, words: Words) -> tuple[StatusView, ...]:
    """Chosen pictures that have not gone yet, and why; nothing where none waits."""
    sending = state.sending
    if sending is None or not sending.waiting:
        return ()
    count = words.number(sending.waiting)
    told = words(f"pictures.{sending.held or 'waiting'}", count=count)
    return (StatusView(words("page.pictures"), told, True),)


def _alarm(alarm: Raised, words: Words) -> AlarmView:
    return AlarmView(
        code=alarm.code.value,
        title=words(f"alarm.{alarm.code.value}"),
        message=alarm.sentence(words),
        detail=alarm.message,
        todo=words(f"alarm.{alarm.code.value}.todo"),
        since=words("page.alarm.since", time=_clock(alarm.since)[:5]),
    )
