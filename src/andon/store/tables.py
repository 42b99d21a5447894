"""The tables. Migrations alone build them; a test compares what they built with what stands here.

Digests, times and names are text that sorts by its bytes on both databases.  ``id`` columns are given in
order of arrival and are what lists are paged by.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

WORDS: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Text compared by its bytes, whatever language the server speaks."""

SERIAL: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits on both; SQLite numbers rows by itself only where the type is called INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", SERIAL, primary_key=True)


def _words(name: str, *arguments: ForeignKey, optional: bool = False) -> Column[str]:
    return Column(name, WORDS, *arguments, nullable=optional)


def _optional(*names: str) -> tuple[Column[str], ...]:
    return tuple(_words(name, optional=True) for name in names)


def _whole(name: str, *arguments: ForeignKey, optional: bool = False) -> Column[int]:
    return Column(name, SERIAL, *arguments, nullable=optional)


def _who_and_when() -> tuple[Column[str], Column[str]]:
    return _words("author"), _words("at")


people = Table(
    "people", metadata, _id(), _words("name"), _words("kind"), *_who_and_when(), UniqueConstraint("name")
)

ontologies = Table(
    "ontologies", metadata, _id(), _whole("version"), *_who_and_when(), UniqueConstraint("version")
)

concepts = Table(
    "concepts",
    metadata,
    Column("version", SERIAL, ForeignKey("ontologies.version"), primary_key=True, autoincrement=False),
    Column("position", SERIAL, primary_key=True, autoincrement=False),
    _words("name"),
    _words("kind"),
    _words("severity"),
    _words("definition"),
    _words("parent", optional=True),
    UniqueConstraint("version", "name"),
)

images = Table(
    "images",
    metadata,
    _id(),
    _words("digest"),
    _words("blob"),
    _words("name"),
    _whole("size"),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("bit_depth", Integer, nullable=False),
    *_optional("plant", "line", "station", "view", "part_type", "serial", "lot", "captured_at"),
    _words("extra"),
    *_who_and_when(),
    UniqueConstraint("digest"),
    Index(None, "blob"),
    *(Index(None, by, "id") for by in ("part_type", "line", "station", "lot", "serial", "captured_at")),
)
"""One row a picture; ``extra`` is the metadata without a column, as JSON."""

image_sources = Table(
    "image_sources",
    metadata,
    _id(),
    _words("source"),
    _whole("image_id", ForeignKey("images.id")),
    _words("name"),
    _words("blob"),
    *_who_and_when(),
    UniqueConstraint("source", "image_id", "name"),
    Index(None, "image_id"),
    Index(None, "blob"),
)
"""Where pictures came from: a picture imported from two sources, or under two names, has two rows."""

annotations = Table(
    "annotations",
    metadata,
    _id(),
    _words("annotation"),
    _whole("revision"),
    _whole("image_id", ForeignKey("images.id")),
    _words("concept", optional=True),
    _words("geometry"),
    _words("state"),
    *_who_and_when(),
    UniqueConstraint("annotation", "revision"),
    Index(None, "image_id", "annotation", "revision"),
)
"""Every revision of every annotation; the highest is in force."""

image_labels = Table(
    "image_labels",
    metadata,
    Column("image_id", SERIAL, ForeignKey("images.id"), primary_key=True, autoincrement=False),
    Column("concept", WORDS, primary_key=True),
    Index(None, "concept", "image_id"),
)
"""Projection of ``annotations``: concepts accepted on an image now; "" stands for accepted clean."""

datasets = Table(
    "datasets",
    metadata,
    _id(),
    _words("name"),
    _whole("version"),
    _words("spec"),
    *_who_and_when(),
    UniqueConstraint("name", "version"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _id(),
    _words("digest"),
    _whole("dataset_id", ForeignKey("datasets.id")),
    _whole("images"),
    _words("counts"),
    *_who_and_when(),
    UniqueConstraint("digest", "dataset_id"),
    Index(None, "dataset_id", "id"),
)
"""``digest`` is that of the manifest and also of the blob that holds it."""

runs = Table(
    "runs",
    metadata,
    _id(),
    _words("run"),
    _words("snapshot"),
    _words("settings"),
    _words("code_version"),
    *_who_and_when(),
    UniqueConstraint("run"),
    Index(None, "snapshot"),
)

run_endings = Table(
    "run_endings",
    metadata,
    _id(),
    _whole("run_id", ForeignKey("runs.id")),
    _words("state"),
    _whole("steps", optional=True),
    _words("package", optional=True),
    _words("reason", optional=True),
    *_who_and_when(),
    Index(None, "run_id", "id"),
)
"""How runs ended; a run without one is running, or was killed."""

run_metrics = Table(
    "run_metrics",
    metadata,
    _id(),
    _whole("run_id", ForeignKey("runs.id")),
    _whole("step"),
    Column("seconds", Float(53), nullable=False),
    _words("points"),
    _words("worst", optional=True),
    Index(None, "run_id", "id"),
)
"""Points of a curve in the order they were measured; their author is the run's."""

packages = Table(
    "packages",
    metadata,
    _id(),
    _words("digest"),
    _words("name"),
    _words("run", optional=True),
    _words("manifest"),
    _words("parity"),
    *_who_and_when(),
    UniqueConstraint("digest"),
)

attestations = Table(
    "attestations",
    metadata,
    _id(),
    _words("package", ForeignKey("packages.digest")),
    _words("kind"),
    _words("facts"),
    *_who_and_when(),
    Index(None, "package", "id"),
)
"""What was measured on a package; beside it, so that its digest does not depend on it."""

calibrations = Table(
    "calibrations",
    metadata,
    _id(),
    _words("station"),
    _words("view"),
    _whole("version"),
    Column("pixels_per_mm", Float(53), nullable=False),
    _words("method"),
    *_who_and_when(),
    UniqueConstraint("station", "view", "version"),
)

recipes = Table(
    "recipes",
    metadata,
    _id(),
    _words("name"),
    _whole("version"),
    _words("part_type", optional=True),
    _words("package", ForeignKey("packages.digest")),
    _words("body"),
    *_who_and_when(),
    UniqueConstraint("name", "version"),
)

inspections = Table(
    "inspections",
    metadata,
    _id(),
    _words("inspection"),
    _words("part"),
    _words("image", optional=True),
    _words("name"),
    _whole("recipe_id", ForeignKey("recipes.id"), optional=True),
    _whole("package_id", ForeignKey("packages.id"), optional=True),
    _words("variant"),
    _words("verdict"),
    Column("milliseconds", Float(53), nullable=False),
    _words("job", optional=True),
    Column("detail", LargeBinary, nullable=False),
    *_who_and_when(),
    _words("station", optional=True),
    _whole("sequence", optional=True),
    UniqueConstraint("inspection"),
    Index("uq_inspections_station", "station", "sequence", unique=True),
    *(
        Index(None, by, "id")
        for by in ("part", "at", "recipe_id", "package_id", "verdict", "job", "station")
    ),
)
"""One narrow row a part; ``detail`` is compressed JSON: reasons, findings, scores, capture. Recipe and
package are null where a station had none to judge with."""

awaited_images = Table(
    "awaited_images",
    metadata,
    _id(),
    _words("blob"),
    _words("inspection", ForeignKey("inspections.inspection")),
    *_who_and_when(),
    UniqueConstraint("blob", "inspection"),
    Index(None, "inspection"),
)
"""Kept images whose file is still to come; the row goes when the picture stands in ``images``."""

rescorings = Table(
    "rescorings",
    metadata,
    _id(),
    _whole("inspection_id", ForeignKey("inspections.id")),
    _whole("recipe_id", ForeignKey("recipes.id")),
    _words("verdict"),
    _words("reasons"),
    *_who_and_when(),
    UniqueConstraint("inspection_id", "recipe_id"),
    Index(None, "recipe_id"),
)
"""Later judgements of stored findings by other recipe versions; the inspection stays as it was."""

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _words("job"),
    _words("kind"),
    _words("subject"),
    _words("state"),
    _whole("done"),
    _whole("total", optional=True),
    _words("outcome"),
    _words("finished_at", optional=True),
    *_who_and_when(),
    *_optional("request", "worker", "heartbeat_at"),
    _whole("attempts", optional=True),
    *_optional("caption", "usage"),
    UniqueConstraint("job"),
    Index(None, "kind", "subject", "state"),
    Index(None, "state", "id"),
)
"""Progress, for reading while it goes on; what a job made stands in rows of its own."""

job_events = Table(
    "job_events",
    metadata,
    _id(),
    _whole("job_id", ForeignKey("jobs.id")),
    _words("kind"),
    _words("text"),
    *_who_and_when(),
    Index(None, "job_id", "id"),
)
"""What happened to a job and what it said: queued, claimed, cancellation, retry, log lines."""

approvals = Table(
    "approvals",
    metadata,
    _id(),
    _words("package", ForeignKey("packages.digest")),
    _words("decision"),
    _words("reason"),
    *_who_and_when(),
    Index(None, "package", "id"),
)
"""Who let a package go to stations, or took that back ("approved", "withdrawn"); the latest row counts."""

stations = Table(
    "stations",
    metadata,
    _id(),
    _words("name"),
    _words("line"),
    *_who_and_when(),
    *_optional("report", "reported_at"),
    UniqueConstraint("name"),
)
"""Stations as they made themselves known; ``report`` is the last thing each said of itself."""

assignments = Table(
    "assignments",
    metadata,
    _id(),
    _words("station", ForeignKey("stations.name")),
    _whole("counter"),
    _whole("recipe_id", ForeignKey("recipes.id")),
    _words("payload"),
    _words("signature"),
    *_who_and_when(),
    UniqueConstraint("station", "counter"),
    Index(None, "recipe_id"),
)
"""What stations were told to run; the highest counter of a station counts."""

reviews = Table(
    "reviews",
    metadata,
    _id(),
    _words("review"),
    _whole("inspection_id", ForeignKey("inspections.id")),
    _words("answer"),
    _words("queue"),
    _words("concept", optional=True),
    _words("note"),
    *_who_and_when(),
    UniqueConstraint("review"),
    Index(None, "inspection_id", "id"),
    Index(None, "answer", "id"),
)
"""What people said of inspections; the latest of an inspection counts."""
