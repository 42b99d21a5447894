"""Tables of what models are made from: people, concepts, pictures, labels, data sets, runs; and of jobs."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, UniqueConstraint

from andon.store.tables.columns import (
    SERIAL,
    WORDS,
    identity,
    metadata,
    optional,
    who_and_when,
    whole,
    words,
)

people = Table(
    "people", metadata, identity(), words("name"), words("kind"), *who_and_when(), UniqueConstraint("name")
)

ontologies = Table(
    "ontologies", metadata, identity(), whole("version"), *who_and_when(), UniqueConstraint("version")
)

concepts = Table(
    "concepts",
    metadata,
    Column("version", SERIAL, ForeignKey("ontologies.version"), primary_key=True, autoincrement=False),
    Column("position", SERIAL, primary_key=True, autoincrement=False),
    words("name"),
    words("kind"),
    words("severity"),
    words("definition"),
    words("parent", optional=True),
    UniqueConstraint("version", "name"),
)

images = Table(
    "images",
    metadata,
    identity(),
    words("digest"),
    words("blob"),
    words("name"),
    whole("size"),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("bit_depth", Integer, nullable=False),
    *optional("plant", "line", "station", "view", "part_type", "serial", "lot", "captured_at"),
    words("extra"),
    *who_and_when(),
    UniqueConstraint("digest"),
    Index(None, "blob"),
    *(Index(None, by, "id") for by in ("part_type", "line", "station", "lot", "serial", "captured_at")),
)
"""One row a picture; ``extra`` is the metadata without a column, as JSON."""

image_sources = Table(
    "image_sources",
    metadata,
    identity(),
    words("source"),
    whole("image_id", ForeignKey("images.id")),
    words("name"),
    words("blob"),
    *who_and_when(),
    UniqueConstraint("source", "image_id", "name"),
    Index(None, "image_id"),
    Index(None, "blob"),
)
"""Where pictures came from: a picture imported from two sources, or under two names, has two rows."""

annotations = Table(
    "annotations",
    metadata,
    identity(),
    words("annotation"),
    whole("revision"),
    whole("image_id", ForeignKey("images.id")),
    words("concept", optional=True),
    words("geometry"),
    words("state"),
    *who_and_when(),
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
    identity(),
    words("name"),
    whole("version"),
    words("spec"),
    *who_and_when(),
    UniqueConstraint("name", "version"),
)

snapshots = Table(
    "snapshots",
    metadata,
    identity(),
    words("digest"),
    whole("dataset_id", ForeignKey("datasets.id")),
    whole("images"),
    words("counts"),
    *who_and_when(),
    UniqueConstraint("digest", "dataset_id"),
    Index(None, "dataset_id", "id"),
)
"""``digest`` is that of the manifest and also of the blob that holds it."""

runs = Table(
    "runs",
    metadata,
    identity(),
    words("run"),
    words("snapshot"),
    words("settings"),
    words("code_version"),
    *who_and_when(),
    UniqueConstraint("run"),
    Index(None, "snapshot"),
)

run_endings = Table(
    "run_endings",
    metadata,
    identity(),
    whole("run_id", ForeignKey("runs.id")),
    words("state"),
    whole("steps", optional=True),
    words("package", optional=True),
    words("reason", optional=True),
    *who_and_when(),
    Index(None, "run_id", "id"),
)
"""How runs ended; a run without one is running, or was killed."""

run_metrics = Table(
    "run_metrics",
    metadata,
    identity(),
    whole("run_id", ForeignKey("runs.id")),
    whole("step"),
    Column("seconds", Float(53), nullable=False),
    words("points"),
    words("worst", optional=True),
    Index(None, "run_id", "id"),
)
"""Points of a curve in the order they were measured; their author is the run's."""

jobs = Table(
    "jobs",
    metadata,
    identity(),
    words("job"),
    words("kind"),
    words("subject"),
    words("state"),
    whole("done"),
    whole("total", optional=True),
    words("outcome"),
    words("finished_at", optional=True),
    *who_and_when(),
    *optional("request", "worker", "heartbeat_at"),
    whole("attempts", optional=True),
    *optional("caption", "usage"),
    UniqueConstraint("job"),
    Index(None, "kind", "subject", "state"),
    Index(None, "state", "id"),
)
"""Progress, for reading while it goes on; what a job made stands in rows of its own."""

job_events = Table(
    "job_events",
    metadata,
    identity(),
    whole("job_id", ForeignKey("jobs.id")),
    words("kind"),
    words("text"),
    *who_and_when(),
    Index(None, "job_id", "id"),
)
"""What happened to a job and what it said: queued, claimed, cancellation, retry, log lines."""
