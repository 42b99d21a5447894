"""A hub in memory that keeps a hub's promises to a station: signs, receipts, wants blobs, can be away."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from andon.domain.inspections import Inspection, Shadow
from andon.domain.serial import canonical, from_json
from andon.domain.stations import Assignment, KeepPolicy
from andon.trust.assignments import sign
from andon.trust.keys import SigningKey
from andon.units import Timestamp, digest_of
from andon.wire.deliveries import shadow_id

AT = Timestamp("2026-11-21T00:00:00.000000Z")


@dataclass
class HubTwin:
    """What the hub knows.

    Attributes:
        refuse: names of parts whose records it never takes.
        unreadable: names of parts for which it refuses a whole delivery, as a hub of another version would.
        away: answers 503. deaf: so many receipts are lost on their way, after it took what came.
        cut: answers 503 to so many pieces of blobs, after it took half of each.
    """

    packages: Path
    key: SigningKey = field(default_factory=lambda: SigningKey(Ed25519PrivateKey.generate()))
    records: dict[str, Inspection] = field(default_factory=dict)
    reviews: dict[str, Any] = field(default_factory=dict)
    chosen: dict[str, Any] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    shadows: dict[str, Shadow] = field(default_factory=dict)
    blobs: dict[str, bytearray] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    signed: dict[str, str] | None = None
    counter: int = 0
    refuse: set[str] = field(default_factory=set)
    unreadable: set[str] = field(default_factory=set)
    away: bool = False
    deaf: int = 0
    cut: int = 0
    deliveries: int = 0
    address: str = ""

    def assign(self, recipe: Any, variants: Any, station: str = "st-1", **more: Any) -> Assignment:
        """Sign a new assignment; the next report's answer tells of it."""
        counter = more.pop("counter", self.counter + 1)
        told = {"keep": KeepPolicy(), "deadline": 2000.0, **more}
        assignment = Assignment(station, counter, recipe, tuple(variants), author="me", at=AT, **told)
        self.signed = json.loads(canonical(sign(assignment, self.key)))
        self.counter = counter
        return assignment

    def sequences(self) -> list[int]:
        return sorted(record.capture.sequence for record in self.records.values() if record.capture)

    def answer(self, method: str, path: str, body: bytes, content_range: str) -> tuple[int, Any]:
        if self.away:
            return 503, {"message": "away", "todo": ""}
        steps = path.strip("/").split("/")
        match (method, *steps[1:]):
            case ("GET", "key"):
                return 200, {"key": self.key.public.text}
            case ("PUT", "stations", _, "reports"):
                self.reports.append(json.loads(body))
                return 200, {"counter": self.counter}
            case ("GET", "stations", _, "assignment"):
                return (200, self.signed) if self.signed else (404, {"message": "none", "todo": ""})
            case ("POST", "stations", _, "deliveries"):
                if any(record["part"] in self.unreadable for record in json.loads(body).get("records", ())):
                    return 422, {"message": "field odd: this field is not known here", "todo": ""}
                return self._receipt(self._take(json.loads(body)))
            case ("GET", "packages", digest, "files", *rest):
                return 200, (self.packages / digest).joinpath(*rest).read_bytes()
            case ("GET", "uploads", digest):
                return 200, {"received": len(self.blobs.get(digest, b"")), "complete": False}
            case ("GET", "blobs", digest):
                return 200, bytes(self.blobs[digest])
            case ("PUT", "blobs", digest):
                return self._piece(digest, body, content_range)
        return 404, {"message": path, "todo": ""}

    def _receipt(self, told: dict[str, Any]) -> tuple[int, Any]:
        if not self.deaf:
            return 200, told
        self.deaf -= 1
        return 503, {"message": "lost on its way", "todo": ""}

    def _take(self, delivery: dict[str, Any]) -> dict[str, Any]:
        self.deliveries += 1
        accepted, refused, wanted = [], [], []
        for data in delivery.get("records", ()):
            record = from_json(Inspection, data)
            assert record.capture is not None
            if record.part in self.refuse:
                refused.append({"id": record.id, "reason": "never"})
                continue
            self.records.setdefault(record.id, record)
            accepted.append(record.id)
            for digest in (record.capture.blob, record.capture.thumbnail):
                if digest and digest not in self.blobs:
                    wanted.append(digest)
        for data in delivery.get("reviews", ()):
            self.reviews[data["id"]] = data
            accepted.append(data["id"])
        for data in delivery.get("chosen", ()):
            if data["inspection"] in self.records:
                self.chosen[data["id"]] = data
                accepted.append(data["id"])
        for inspection in delivery.get("given_up", ()):
            if inspection in self.records:
                self.given_up.append(inspection)
                accepted.append(inspection)
        for data in delivery.get("shadows", ()):
            if data["inspection"] in self.records:
                shadow = from_json(Shadow, data)
                self.shadows[shadow_id(shadow)] = shadow
                accepted.append(shadow_id(shadow))
        return {"accepted": accepted, "refused": refused, "wanted": wanted}

    def _piece(self, digest: str, body: bytes, content_range: str) -> tuple[int, Any]:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", content_range)
        assert found is not None
        first, total = map(int, found.groups())
        held = self.blobs.setdefault(digest, bytearray())
        if first > len(held):
            return 409, {"message": "a piece is missing", "todo": ""}
        if self.cut:
            self.cut -= 1
            held[first:] = body[: len(body) // 2]
            return 503, {"message": "cut", "todo": ""}
        held[first:] = body
        complete = len(held) == total and digest_of(bytes(held)) == digest
        return 200, {"received": len(held), "complete": complete}


@contextmanager
def hub_twin(packages: Path) -> Iterator[HubTwin]:
    """The twin behind a port of the loopback."""
    twin = HubTwin(packages)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            with lock:
                ranged = self.headers.get("content-range", "")
                status, told = twin.answer(self.command, self.path, body, ranged)
            content = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = handle_any

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    twin.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield twin
    finally:
        server.shutdown()
        server.server_close()
