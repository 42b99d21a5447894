"""Packages on disk: one folder with manifest, graph and golden images; measurements lie beside the digest.

manifest.json         states everything; its canonical bytes are what the package digest covers
model.onnx            listed in the manifest with its digest
golden/NAME.png       listed in the manifest with its digest
card.html             beside: written and rewritten without changing the digest
attestations/*.json   beside: parity, evaluation
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from andon.blobs.files import PARTIAL, disk_errors, sync_folder, write_durably, write_partial
from andon.domain.models import MANIFEST_FORMAT, Manifest, format_of
from andon.domain.serial import canonical, from_json, to_json
from andon.errors import Conflict, DamagedPackage, InvalidInput, OperatorError, UnsupportedVersion
from andon.runtime import graph
from andon.runtime.graph import CheckedGraph
from andon.units import Digest, digest_of, is_digest

MANIFEST = "manifest.json"
GRAPH = "model.onnx"
GOLDEN = "golden"
CARD = "card.html"
ATTESTATIONS = "attestations"

MAX_MANIFEST_BYTES = 4 * 2**20
MAX_GOLDEN_IMAGES = 64
MAX_GOLDEN_BYTES = 64 * 2**20
"""Of one golden image."""

MAX_FEATURES = 16_384
"""Of one image."""

GOLDEN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.png")


@dataclass(frozen=True, slots=True)
class LoadedPackage:
    """A package whose every byte was checked against its digest.

    Attributes:
        golden: file name -> PNG bytes, as listed in ``manifest.golden``.
    """

    folder: Path
    digest: Digest
    manifest: Manifest
    graph: CheckedGraph
    golden: Mapping[str, bytes]


def package_digest(manifest: Manifest) -> Digest:
    """SHA-256 of the manifest's canonical bytes; through its list of files it covers everything listed."""
    return digest_of(_canonical(manifest))


def write_package(folder: Path, manifest: Manifest, content: bytes, golden: Mapping[str, bytes]) -> Digest:
    """Write a package durably: built beside, made durable, renamed. Writing the same again changes nothing.

    Args:
        folder: what the package becomes; its parent must exist.
        manifest: ``files`` is filled in here, whatever it says.
        content: the ONNX file.
        golden: PNG bytes for every key of ``manifest.golden``.

    Returns:
        The package's digest.

    Raises:
        DamagedPackage: the graph or the golden images are such that no station would load the package.
        Conflict: the folder already holds something else.
        DiskFull: no space is left.
        OperatorError: the folder cannot be written.
    """
    sealed = seal(manifest, content, golden)
    graph.check(content, sealed.input, sealed.output)
    digest = package_digest(sealed)
    if folder.exists():
        _refuse_other(folder, digest)
        return digest
    beside = folder.with_name(f".{folder.name}{PARTIAL}")
    with disk_errors(folder):
        try:
            _write_all(beside, sealed, content, golden)
            beside.rename(folder)
            sync_folder(folder.parent)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    return digest


def seal(manifest: Manifest, content: bytes, golden: Mapping[str, bytes]) -> Manifest:
    """The manifest with the digests of all its files: what the package digest is computed from.

    Raises:
        DamagedPackage: golden images and manifest do not belong together.
    """
    files = {GRAPH: digest_of(content)}
    files |= {f"{GOLDEN}/{name}": digest_of(png) for name, png in sorted(golden.items())}
    sealed = replace(manifest, files=files)
    _check_manifest(sealed)
    return sealed


def load_package(folder: Path, expected_digest: Digest | None = None) -> LoadedPackage:
    """Read a package and check every byte of it.

    Args:
        folder: as :func:`write_package` wrote it.
        expected_digest: what a recipe or an assignment asks for; None takes any intact package.

    Raises:
        DamagedPackage: a file is missing, altered, truncated, a link, or too large; the graph holds
            something no engine may see; or the package is another one than expected.
        UnsupportedVersion: the manifest is of a newer format.
    """
    manifest = _read_manifest(folder)
    digest = package_digest(manifest)
    if expected_digest is not None and digest != expected_digest:
        raise DamagedPackage(
            f"package {folder.name} has the digest {digest[:12]}, expected {expected_digest[:12]}",
            "Fetch the package again from where it was made.",
        )
    content = _read_listed(folder, GRAPH, manifest, graph.MAX_GRAPH_BYTES)
    golden = {
        name: _read_listed(folder, f"{GOLDEN}/{name}", manifest, MAX_GOLDEN_BYTES)
        for name in manifest.golden
    }
    checked = graph.check(content, manifest.input, manifest.output)
    return LoadedPackage(folder, digest, manifest, checked, MappingProxyType(golden))


def attach(folder: Path, path: str, content: bytes) -> None:
    """Put a file beside what the digest covers (``CARD`` or ``attestations/NAME.json``), durably.

    Raises:
        DiskFull: no space is left.
        OperatorError: the folder cannot be written.
    """
    write_durably(folder / path, content)


def _canonical(manifest: Manifest) -> bytes:
    """What a package lacks is not described, as before it was known, so that its digest stays."""
    described = to_json(manifest)
    if not manifest.output.features:
        del described["output"]["features"]
    if manifest.origin is None:
        del described["origin"]
    return canonical(described)


def _check_manifest(manifest: Manifest) -> None:
    wanted = {GRAPH, *(f"{GOLDEN}/{name}" for name in manifest.golden)}
    if set(manifest.files) != wanted:
        odd = sorted(set(manifest.files) ^ wanted)[0]
        raise _damaged(f"lists {odd!r} in only one of its files and its golden images")
    if not 1 <= len(manifest.golden) <= MAX_GOLDEN_IMAGES:
        raise _damaged(f"has {len(manifest.golden)} golden images; 1 to {MAX_GOLDEN_IMAGES} are allowed")
    for name, scores in manifest.golden.items():
        if not GOLDEN_NAME.fullmatch(name):
            raise _damaged(f"names the golden image {name[:60]!r}; only plain PNG names are allowed")
        if len(scores) != len(manifest.output.concepts):
            raise _damaged(f"states {len(scores)} scores for {name!r}, not one for each concept")
    if not all(is_digest(digest) for digest in manifest.files.values()):
        raise _damaged("holds a digest that is none")
    _check_origin(manifest)
    _check_specs(manifest)


def _check_origin(manifest: Manifest) -> None:
    foreign = manifest.origin is not None
    if manifest.format != format_of(manifest.family):
        raise _damaged(f"states the format {manifest.format}, which is not that of {manifest.kind}")
    if foreign != (manifest.family is None):
        raise _damaged("states either no family, or one for a model that was trained elsewhere")


def _check_specs(manifest: Manifest) -> None:
    taken, given = manifest.input, manifest.output
    concepts = given.concepts
    if not concepts or len(set(concepts)) != len(concepts):
        raise _damaged("names no concept, or one twice")
    if min(taken.height, taken.width) < 1 or taken.channels not in {1, 3} or taken.bit_depth not in {8, 16}:
        raise _damaged("states an input that is no image")
    if given.map_stride < 1 or taken.height % given.map_stride or taken.width % given.map_stride:
        raise _damaged(f"states the map stride {given.map_stride}, which does not divide its input")
    if not (0 < given.map_level <= 1 and 0 <= given.score_floor <= 1):
        raise _damaged("states a map level or score floor outside 0 to 1")
    if not 0 <= given.features <= MAX_FEATURES:
        raise _damaged(f"states {given.features} features; 0 to {MAX_FEATURES} are allowed")


def _read_manifest(folder: Path) -> Manifest:
    manifest = read_manifest(_read(folder, MANIFEST, MAX_MANIFEST_BYTES), folder.name)
    _check_manifest(manifest)
    return manifest


def read_manifest(content: bytes, name: str) -> Manifest:
    """The manifest of the package called ``name``, as it is written; its digest is another matter.

    Raises:
        DamagedPackage: it is no manifest.
        UnsupportedVersion: it is of a newer format.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as cause:
        raise _damaged("is not JSON; it was truncated or altered") from cause
    version = data.get("format") if isinstance(data, dict) else None
    if isinstance(version, int) and version > MANIFEST_FORMAT:
        raise UnsupportedVersion(
            f"package {name} has the format {version}, this Andon reads up to {MANIFEST_FORMAT}",
            "Install a newer Andon.",
        )
    try:
        return from_json(Manifest, data)
    except InvalidInput as cause:
        raise _damaged(f"does not describe a package: {cause.message}") from cause


def _read_listed(folder: Path, path: str, manifest: Manifest, limit: int) -> bytes:
    content = _read(folder, path, limit)
    if digest_of(content) != manifest.files[path]:
        raise DamagedPackage(
            f"{path} in package {folder.name} was altered or truncated",
            "Fetch the package again from where it was made.",
        )
    return content


def _read(folder: Path, path: str, limit: int) -> bytes:
    """A plain file's bytes; no link is followed, neither the file nor the folders inside the package."""
    full = folder / path
    inside = [step for step in (full, *full.parents) if folder in step.parents]
    if any(step.is_symlink() for step in inside):
        raise DamagedPackage(f"{path} in package {folder.name} is a link; packages hold plain files only")
    try:
        if not full.is_file():
            raise DamagedPackage(f"{path} is missing in package {folder.name}")
        size = full.stat().st_size
        if size > limit:
            raise DamagedPackage(f"{path} in package {folder.name} has {size} bytes, the limit is {limit}")
        return full.read_bytes()
    except OSError as cause:
        raise OperatorError(f"{path} in package {folder.name} cannot be read: {cause.strerror}") from cause


def _write_all(folder: Path, manifest: Manifest, content: bytes, golden: Mapping[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / GOLDEN).mkdir()
    (folder / ATTESTATIONS).mkdir()
    write_partial(folder / GRAPH, content)
    for name, png in golden.items():
        write_partial(folder / GOLDEN / name, png)
    write_partial(folder / MANIFEST, _canonical(manifest))
    sync_folder(folder / GOLDEN)
    sync_folder(folder)


def _refuse_other(folder: Path, digest: Digest) -> None:
    if load_package(folder).digest != digest:
        raise Conflict(f"{folder} already holds another package", "Choose another folder.")


def _damaged(what: str) -> DamagedPackage:
    return DamagedPackage(f"the package's manifest {what}")
