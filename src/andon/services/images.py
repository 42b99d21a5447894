"""Images: what an import writes, one transaction each, and lists of what is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from andon.domain.annotations import Annotation, AnnotationState, Geometry, WholeImage
from andon.domain.images import Image, ImageFilter
from andon.domain.jobs import JobKind
from andon.domain.ontologies import Concept, Ontology
from andon.domain.serial import canonical
from andon.domain.splitting import CLEAN
from andon.errors import NotFound
from andon.services.workspaces import new_id, now
from andon.store import annotations as stored_annotations
from andon.store import images as stored_images
from andon.store import jobs as stored_jobs
from andon.store import ontologies as stored_ontologies
from andon.store.database import Database
from andon.units import Digest, Timestamp, digest_of


@dataclass(frozen=True, slots=True)
class Statement:
    """What an import says about an image: a concept with its place, or None for clean.

    Attributes:
        identity: tells statements about one image apart, the same each time it is imported.
    """

    concept: str | None
    geometry: Geometry
    identity: str

    def annotation(self, image: Digest, who: "Signature") -> Annotation:
        """The first revision of an accepted annotation, with an id that follows from what it says."""
        identity = digest_of(f"{image}\n{self.identity}".encode())[:32]
        return Annotation(
            identity, 1, image, self.concept, self.geometry, AnnotationState.ACCEPTED, who.author, who.at
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when, for every row of an import; ``source`` is where the images come from."""

    source: str
    author: str
    at: Timestamp


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job will be when something is written."""

    job: str
    done: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image whose file is in the blob store, and what is said about it; nothing said: unlabelled."""

    image: Image
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """What became of some images.

    Attributes:
        known: pictures that were there already, perhaps under another name or from another source.
        left_out: image name -> reason; nothing was written about these.
    """

    new: int = 0
    known: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


def clean_statement() -> Statement:
    """Looked at and found without defect."""
    return Statement(None, WholeImage(), "clean")


def statement(concept: str, geometry: Geometry, mask_digest: Digest | None = None) -> Statement:
    """A concept and its place.

    ``mask_digest`` covers a mask's pixels: the bytes of a PNG change with the library that wrote it.
    """
    place = mask_digest or canonical(geometry).decode()
    return Statement(concept, geometry, f"{concept}\n{type(geometry).__name__}\n{place}")


def settle_concepts(
    database: Database, names: Iterable[str], may_add: bool, who: Signature
) -> tuple[str, ...]:
    """See that ``names`` are concepts: an empty ontology is defined by them. Gives the names added.

    Raises:
        NotFound: a name is no concept and ``may_add`` is not set.
        Conflict: two names are one but for case and space.
    """
    with database.write() as tx:
        ontology = stored_ontologies.current(tx)
        missing = ontology.missing(names)
        if not missing:
            return ()
        if ontology.concepts and not may_add:
            raise _unknown(ontology, missing)
        extended = ontology.extended(Concept(name) for name in missing)
        stored_ontologies.add_version(tx, extended, who.author, who.at)
    return missing


def begin_import(database: Database, who: Signature, total: int, job: str | None = None) -> str:
    """The id of the job that imports this source: ``job``, the one that was interrupted, or a new one."""
    with database.write() as tx:
        job = job or _inline_job(tx, who)
        stored_jobs.progress(tx, job, 0, total)
    return job


def _inline_job(tx: Connection, who: Signature) -> str:
    job = stored_jobs.running_for(tx, JobKind.IMPORT_IMAGES, who.source)
    if job is None:
        job = stored_jobs.start(tx, new_id(), JobKind.IMPORT_IMAGES, who.source, (who.author, who.at))
    return job.id


def finish_import(database: Database, job: str, outcome: str) -> None:
    """Say that all files were dealt with."""
    with database.write() as tx:
        stored_jobs.finish(tx, job, outcome, now())


def add_images(database: Database, images: Sequence[Labelled], who: Signature, step: Step) -> Added:
    """Add images with their labels, all or none; adding them again changes nothing.

    The blobs must be stored before.  An image that has labels keeps them: where an import says something
    else about it, it is left out, so that no truth is overwritten and none is doubled.
    """
    with database.write() as tx:
        accepted, left_out = _without_contradictions(tx, images)
        outcome = stored_images.add(tx, [item.image for item in accepted], who.source, who.author, who.at)
        present = _annotation_ids(tx, accepted)
        new = {
            annotation.id: annotation
            for item in accepted
            for statement in item.statements
            if (annotation := statement.annotation(item.image.digest, who)).id not in present
        }
        stored_annotations.add(tx, list(new.values()))
        stored_jobs.progress(tx, step.job, step.done)
    return Added(outcome.new, outcome.known, left_out)


def _unknown(ontology: Ontology, missing: Sequence[str]) -> NotFound:
    known = ", ".join(ontology.names)
    others = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
    return NotFound(
        f"label {missing[0]!r}{others} not in the ontology (known: {known})",
        "Add what is missing with --add-concepts, or correct the labels.",
    )


def _without_contradictions(
    tx: Connection, images: Sequence[Labelled]
) -> tuple[list[Labelled], dict[str, str]]:
    """Those images about which nothing else is said, in the records or further up in ``images``."""
    stored = stored_annotations.current(tx, [item.image.digest for item in images])
    said = {image: {a.id: a.concept for a in annotations} for image, annotations in stored.items()}
    accepted: list[Labelled] = []
    left_out: dict[str, str] = {}
    anyone = Signature("", "", Timestamp(""))
    for item in images:
        image = item.image.digest
        says = {s.annotation(image, anyone).id: s.concept for s in item.statements}
        before = said.get(image) or says
        if not says.keys() <= before.keys():
            concepts = ", ".join(sorted({concept or "clean" for concept in before.values()}))
            left_out[item.image.name] = f"the same picture is labelled otherwise already ({concepts})"
            continue
        said[image] = before
        accepted.append(item)
    return accepted, left_out


def _annotation_ids(tx: Connection, images: Sequence[Labelled]) -> set[str]:
    stored = stored_annotations.current(tx, [item.image.digest for item in images])
    return {annotation.id for annotations in stored.values() for annotation in annotations}


def list_images(
    database: Database, query: ImageFilter, after: int | None, limit: int
) -> tuple[list[dict[str, object]], int | None]:
    """A page of images with their accepted labels, and what to ask the next page with."""
    with database.read() as tx:
        page = stored_images.page(tx, query, after, limit)
        labels = stored_annotations.labels(tx, [image.digest for image in page.rows])
    return [_line(image, labels.get(image.digest)) for image in page.rows], page.next


def _line(image: Image, labels: frozenset[str] | None) -> dict[str, object]:
    shape = image.shape
    shown = "unlabelled" if labels is None else ", ".join(sorted(labels - {CLEAN})) or "clean"
    return {
        "image": image.digest[:12],
        "name": image.name,
        "size": f"{shape.width}x{shape.height}x{shape.channels} {shape.bit_depth} bit",
        "labels": shown,
        "part_type": image.origin.part_type,
        "serial": image.origin.serial,
        "lot": image.origin.lot,
        "captured_at": image.origin.captured_at,
        "extra": dict(image.origin.extra),
    }
