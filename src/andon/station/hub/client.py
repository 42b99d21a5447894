"""The hub as a station sees it: a few requests, each an answer or a ``NetworkError``; they block."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from andon.domain.models import Manifest
from andon.domain.serial import canonical, from_json
from andon.domain.stations import StationReport
from andon.errors import InvalidInput, LimitExceeded, NetworkError, Refused
from andon.runtime.graph import MAX_GRAPH_BYTES
from andon.runtime.package import (
    GOLDEN,
    GOLDEN_NAME,
    GRAPH,
    MANIFEST,
    MAX_GOLDEN_BYTES,
    MAX_GOLDEN_IMAGES,
    MAX_MANIFEST_BYTES,
    read_manifest,
)
from andon.trust.assignments import SignedAssignment
from andon.trust.keys import PublicKey
from andon.units import Digest, digest_of
from andon.wire.deliveries import Receipt, ReportAnswer, Upload

T = TypeVar("T")

MAX_ANSWER = 8 * 2**20
MAX_TEMPLATE = 64 * 2**20
JSON = {"content-type": "application/json"}


class HubRefused(Refused):
    """The hub understood a request and will not do it; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str, todo: str = "") -> None:
        super().__init__(message, todo)
        self.status = status


class Hub:
    """One station's requests.

    Every method raises ``NetworkError`` where the hub does not answer, or answers what cannot be
    understood, and ``HubRefused`` where it says no.

    Args:
        client: with the hub's address as its base.
        station: name of this one.
    """

    def __init__(self, client: httpx.Client, station: str) -> None:
        self._client = client
        self._station = station

    def report(self, report: StationReport) -> ReportAnswer:
        """Say how the station is; the answer says which assignment it should run."""
        return self._read(ReportAnswer, "PUT", f"{self._own}/reports", canonical(report))

    def deliver(self, texts: Mapping[str, Sequence[str]]) -> Receipt:
        """Hand over what is named by the fields of a ``Delivery``, each thing as its JSON text."""
        fields = ",".join(f'"{field}":[{",".join(given)}]' for field, given in texts.items())
        return self._read(Receipt, "POST", f"{self._own}/deliveries", f"{{{fields}}}".encode())

    def key(self) -> PublicKey:
        """The key that this hub signs with."""
        told = json.loads(self._fetch("/api/key", MAX_ANSWER))
        if not isinstance(told, dict) or not isinstance(told.get("key"), str):
            raise NetworkError("the hub did not tell its key")
        return PublicKey(told["key"])

    def assignment(self) -> SignedAssignment:
        """What this station should run."""
        return self._read(SignedAssignment, "GET", f"{self._own}/assignment")

    def manifest(self, package: Digest) -> Manifest:
        """What a package is made of. Not verified: its digest is checked with its files."""
        path = f"{_files_of(package)}/{MANIFEST}"
        return read_manifest(self._fetch(path, MAX_MANIFEST_BYTES), package[:12])

    def package_files(self, package: Digest, manifest: Manifest) -> tuple[bytes, dict[str, bytes]]:
        """The graph, and golden images by name.

        Raises:
            Refused: the manifest names what no package has.
        """
        odd = [name for name in manifest.golden if not GOLDEN_NAME.fullmatch(name)]
        if odd or len(manifest.golden) > MAX_GOLDEN_IMAGES:
            raise Refused(f"package {package[:12]} has golden images that no package has")
        base = _files_of(package)
        graph = self._fetch(f"{base}/{GRAPH}", MAX_GRAPH_BYTES)
        golden = {
            name: self._fetch(f"{base}/{GOLDEN}/{_step(name)}", MAX_GOLDEN_BYTES)
            for name in manifest.golden
        }
        return graph, golden

    def blob(self, digest: Digest) -> bytes:
        """The bytes known by a digest.

        Raises:
            Refused: other bytes came.
        """
        content = self._fetch(f"/api/blobs/{_step(digest)}", MAX_TEMPLATE)
        if digest_of(content) != digest:
            raise Refused(f"the hub gave other bytes than those of blob {digest[:12]}")
        return content

    def received(self, digest: Digest) -> Upload:
        """How much of a blob the hub has."""
        return self._read(Upload, "GET", f"/api/uploads/{_step(digest)}")

    def send(self, digest: Digest, piece: bytes, first: int, total: int) -> Upload:
        """Send a piece of a blob, from byte ``first`` of ``total``."""
        headers = {
            "content-range": f"bytes {first}-{first + len(piece) - 1}/{total}",
            "content-type": "application/octet-stream",
        }
        return self._read(Upload, "PUT", f"/api/blobs/{_step(digest)}", piece, headers)

    @property
    def _own(self) -> str:
        return f"/api/stations/{_step(self._station)}"

    def _read(
        self, kind: type[T], method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> T:
        with _network():
            answer = self._client.request(method, path, content=body, headers=headers or JSON)
        _check(answer)
        try:
            return from_json(kind, answer.json())
        except (ValueError, InvalidInput) as cause:
            raise NetworkError(f"the hub answered {path} with something else", "Is it a hub?") from cause

    def _fetch(self, path: str, limit: int) -> bytes:
        with _network(), self._client.stream("GET", path) as answer:
            if not answer.is_success:
                answer.read()
            _check(answer)
            content = bytearray()
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > limit:
                    raise LimitExceeded(f"the hub's {path} has more than {limit} bytes")
            return bytes(content)


def _files_of(package: Digest) -> str:
    return f"/api/packages/{_step(package)}/files"


def _step(name: str) -> str:
    """A name as one step of a path, whatever it holds."""
    return quote(name, safe="")


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise NetworkError(f"the hub answered {answer.status_code}", "Its log says why.")
    try:
        told = answer.json()
        message, todo = str(told["message"]), str(told.get("todo", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        message, todo = f"the hub answered {answer.status_code} {answer.reason_phrase}", ""
    raise HubRefused(answer.status_code, message, todo)


@contextmanager
def _network() -> Iterator[None]:
    """Turns what httpx raises into ``NetworkError``."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as cause:
        raise NetworkError(
            f"the hub does not answer: {cause or type(cause).__name__}",
            "Look whether the hub runs, and at the network to it.",
        ) from cause
