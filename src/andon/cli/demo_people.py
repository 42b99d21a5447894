"""The people of the demo's plant: operators at the station's own page, an annotator at the hub.

What they are told of a part is what is true of it; they err, and leave things, at a stated rate.
"""

import csv
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import reduce
from html import unescape
from io import StringIO
from pathlib import Path

import httpx

from andon.domain.annotations import Mask
from andon.domain.feedback import Answer
from andon.domain.gates import CaseSource, Gate
from andon.domain.inspections import Verdict
from andon.domain.parts import serial_key
from andon.domain.quality import Found
from andon.errors import NotFound
from andon.services.images import Signature, settle_concepts
from andon.services.labels import Drawn, LabelWork, label_sheet, save_labels
from andon.services.quality import found_parts
from andon.services.selections import find_selection
from andon.services.workspaces import Workspace, now
from andon.simulate.line import Line, SimulatedPart
from andon.simulate.operators import PersonSettings, answer_of, labels_of
from andon.simulate.settings import LineSettings
from andon.units import Digest

HTTP_SECONDS = 20.0
PAUSE_SECONDS = 0.1
LOOKING, DRAWING = 6.0, 8.0
"""Seconds that a picture, and every outline on it, take the annotator."""

MOST_LOOKS = 500

_OF_LINES = (CaseSource.HISTORY, CaseSource.AUDIT)

_PART = re.compile(r'class="held-part">([^<]*)</strong>')
_VERDICT = re.compile(r'class="verdict verdict-([A-Z-]+)"')
_NEXT = re.compile(r'href="/\?part=([^"#]+)#held" data-following')


class LineTruth:
    """What is true of the parts that passed the simulated camera; stations and hub never read it.

    Args:
        path: the file that the camera alone writes.
        settings: of the camera's line. pool: how many different parts it shows.
    """

    def __init__(self, path: Path, settings: LineSettings, pool: int) -> None:
        self._path = path
        self._line = Line(settings)
        self._pool = pool
        self._rows: dict[str, tuple[int, bool]] = {}

    def is_defective(self, serial: str) -> bool:
        """Raises ``NotFound`` for a serial that the camera never showed."""
        return self._row(serial)[1]

    def part(self, serial: str) -> SimulatedPart:
        """The part as it was drawn, with its masks, under the serial it had on the line.

        Raises:
            NotFound: the camera never showed it.
        """
        drawn = self._line.part((self._row(serial)[0] - 1) % self._pool)
        return replace(drawn, serial=serial)

    def all(self) -> dict[str, bool]:
        """Key of every part that passed so far -> whether it is defective."""
        self._read()
        return {serial_key(serial): defective for serial, (_, defective) in self._rows.items()}

    def _row(self, serial: str) -> tuple[int, bool]:
        if serial not in self._rows:
            self._read()
        if serial not in self._rows:
            raise NotFound(f"no part {serial!r} passed the camera")
        return self._rows[serial]

    def _read(self) -> None:
        if not self._path.exists():
            return
        text = self._path.read_text(encoding="utf-8")
        for row in csv.DictReader(StringIO(text[: text.rfind("\n") + 1])):
            self._rows[row["serial"]] = (int(row["number"]), bool(row["concepts"]))


@dataclass(frozen=True, slots=True)
class Card:
    """What lies on the desk of the station's page."""

    inspection: str
    serial: str
    verdict: Verdict
    following: str | None


def read_card(answer: httpx.Response) -> Card | None:
    """The part that the page shows as waiting; None where nothing waits."""
    inspection = answer.headers.get("x-part", "")
    part, verdict = _PART.search(answer.text), _VERDICT.search(answer.text)
    if not inspection or part is None or verdict is None:
        return None
    following = _NEXT.search(answer.text)
    serial = unescape(part[1]).split()[-1]
    return Card(inspection, serial, Verdict(verdict[1]), following[1] if following else None)


@dataclass
class Operator:
    """Somebody who stands at the station: looks at what waits, says what they think, leaves some.

    Attributes:
        page: address of the station's page.
        said: how often each answer was given. left: inspections that nothing is said of.
        is_idle: when they looked last, there was nothing to say.
    """

    page: str
    is_defective: Callable[[str], bool]
    person: PersonSettings
    said: Counter[Answer] = field(default_factory=Counter)
    left: set[str] = field(default_factory=set)
    is_idle: bool = False

    def work(self, stop: threading.Event) -> None:
        """Until stopped; a page that is away for a moment is asked again."""
        with httpx.Client(base_url=self.page, timeout=HTTP_SECONDS) as client:
            while not stop.is_set():
                self.is_idle = not self._looked(client)
                if self.is_idle:
                    stop.wait(PAUSE_SECONDS)

    def _looked(self, client: httpx.Client) -> bool:
        with suppress(httpx.TransportError):
            return self.look(client)
        return False

    def look(self, client: httpx.Client) -> bool:
        """Go through what waits until something is said; whether it was."""
        seen: set[str] = set()
        card = read_card(client.get("/held", params={"language": "en"}))
        while card is not None and card.inspection not in seen:
            seen.add(card.inspection)
            if card.inspection not in self.left and self._say(client, card):
                return True
            if card.following is None:
                return False
            card = read_card(client.get("/held", params={"part": card.following, "language": "en"}))
        return False

    def _say(self, client: httpx.Client, card: Card) -> bool:
        answer = answer_of(card.serial, card.verdict, self.is_defective(card.serial), self.person)
        if answer is None:
            self.left.add(card.inspection)
            return False
        told = client.post("/api/reviews", json={"inspection": card.inspection, "answer": answer.value})
        if told.is_success:
            self.said[answer] += 1
        return told.is_success


@contextmanager
def at_work(operator: Operator) -> Iterator[Operator]:
    """The operator works beside the block; what went wrong there is raised at its end."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "operator") as beside:
        working = beside.submit(operator.work, stop)
        try:
            yield operator
        finally:
            stop.set()
    working.result()


@dataclass(frozen=True, slots=True)
class Labelled:
    """What an annotator did: pictures, outlines drawn, minutes a person takes for them, concepts added."""

    pictures: int = 0
    outlines: int = 0
    minutes: float = 0.0
    added: tuple[str, ...] = ()

    def and_then(self, more: "Labelled") -> "Labelled":
        """Both, one after the other."""
        return Labelled(
            self.pictures + more.pictures,
            self.outlines + more.outlines,
            self.minutes + more.minutes,
            (*self.added, *more.added),
        )


@dataclass(frozen=True, slots=True)
class Annotator:
    """Somebody who sits down with pictures at the hub and draws what is on them.

    A kind of defect that the ontology lacks is added when it is first seen.
    """

    workspace: Workspace
    truth: LineTruth
    person: PersonSettings

    def label_selection(self, selection: str) -> Labelled:
        """Label the pictures of a selection in their order.

        Raises:
            NotFound: there is no such selection, or the camera never showed one of its parts.
        """
        picks = find_selection(self.workspace, selection).picks
        return reduce(Labelled.and_then, (self._label(pick.image, selection) for pick in picks), Labelled())

    def look_again(self) -> Labelled:
        """Label the pictures that were drawn for a second look.

        Raises:
            NotFound: the camera never showed one of the parts.
        """
        due = found_parts(self.workspace, Found.DUE, limit=MOST_LOOKS).rows
        here = [part.image for part in due if part.here and part.image is not None]
        return reduce(Labelled.and_then, (self._label(image, None) for image in here), Labelled())

    def look_at_flips(self, gate: Gate) -> Labelled:
        """Label the pictures of lines on which the two of a gate disagree, for better or worse: what
        operators said of them may be wrong.

        Raises:
            NotFound: the camera never showed one of the parts.
        """
        counted = (case for case in gate.outcome.flips if case.flipped and case.truth is not None)
        images = [i for case in counted if case.source in _OF_LINES for i in case.images]
        return reduce(Labelled.and_then, (self._label(image, None) for image in images), Labelled())

    def _label(self, image: Digest, selection: str | None) -> Labelled:
        who = replace(self.workspace, who="annotator")
        sheet = label_sheet(who, image)
        known = [concept.name for concept in sheet.concepts]
        labels = labels_of(self.truth.part(sheet.image.origin.serial or ""), known, self.person)
        if labels is None:
            save_labels(who, LabelWork(image, selection=selection, skipped=True))
            return Labelled()
        named = {label.concept for label in labels}
        signature = Signature("", who.who, now())
        added = settle_concepts(who.database, named, may_add=True, who=signature)
        drawn = tuple(
            Drawn(label.concept, label.geometry) for label in labels if not isinstance(label.geometry, Mask)
        )
        seconds = LOOKING + DRAWING * len(drawn)
        save_labels(who, LabelWork(image, drawn, sheet.mark, selection, seconds))
        return Labelled(1, len(drawn), seconds / 60, added)
