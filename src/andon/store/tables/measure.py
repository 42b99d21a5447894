"""Tables of what is shipped and what it does: packages, recipes, stations, inspections, reviews."""

from sqlalchemy import Column, Float, ForeignKey, Index, LargeBinary, Table, UniqueConstraint

from andon.store.tables.columns import identity, metadata, optional, who_and_when, whole, words

packages = Table(
    "packages",
    metadata,
    identity(),
    words("digest"),
    words("name"),
    words("run", optional=True),
    words("manifest"),
    words("parity"),
    *who_and_when(),
    UniqueConstraint("digest"),
)

attestations = Table(
    "attestations",
    metadata,
    identity(),
    words("package", ForeignKey("packages.digest")),
    words("kind"),
    words("facts"),
    *who_and_when(),
    Index(None, "package", "id"),
)
"""What was measured on a package; beside it, so that its digest does not depend on it."""

calibrations = Table(
    "calibrations",
    metadata,
    identity(),
    words("station"),
    words("view"),
    whole("version"),
    Column("pixels_per_mm", Float(53), nullable=False),
    words("method"),
    *who_and_when(),
    UniqueConstraint("station", "view", "version"),
)

recipes = Table(
    "recipes",
    metadata,
    identity(),
    words("name"),
    whole("version"),
    words("part_type", optional=True),
    words("package", ForeignKey("packages.digest")),
    words("body"),
    *who_and_when(),
    UniqueConstraint("name", "version"),
)

inspections = Table(
    "inspections",
    metadata,
    identity(),
    words("inspection"),
    words("part"),
    words("image", optional=True),
    words("name"),
    whole("recipe_id", ForeignKey("recipes.id"), optional=True),
    whole("package_id", ForeignKey("packages.id"), optional=True),
    words("variant"),
    words("verdict"),
    Column("milliseconds", Float(53), nullable=False),
    words("job", optional=True),
    Column("detail", LargeBinary, nullable=False),
    *who_and_when(),
    words("station", optional=True),
    whole("sequence", optional=True),
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
    identity(),
    words("blob"),
    words("inspection", ForeignKey("inspections.inspection")),
    *who_and_when(),
    UniqueConstraint("blob", "inspection"),
    Index(None, "inspection"),
)
"""Kept images whose file is still to come; the row goes when the picture stands in ``images``."""

rescorings = Table(
    "rescorings",
    metadata,
    identity(),
    whole("inspection_id", ForeignKey("inspections.id")),
    whole("recipe_id", ForeignKey("recipes.id")),
    words("verdict"),
    words("reasons"),
    *who_and_when(),
    UniqueConstraint("inspection_id", "recipe_id"),
    Index(None, "recipe_id"),
)
"""Later judgements of stored findings by other recipe versions; the inspection stays as it was."""

approvals = Table(
    "approvals",
    metadata,
    identity(),
    words("package", ForeignKey("packages.digest")),
    words("decision"),
    words("reason"),
    *who_and_when(),
    Index(None, "package", "id"),
)
"""Who let a package go to stations, or took that back ("approved", "withdrawn"); the latest row counts."""

stations = Table(
    "stations",
    metadata,
    identity(),
    words("name"),
    words("line"),
    *who_and_when(),
    *optional("report", "reported_at"),
    UniqueConstraint("name"),
)
"""Stations as they made themselves known; ``report`` is the last thing each said of itself."""

assignments = Table(
    "assignments",
    metadata,
    identity(),
    words("station", ForeignKey("stations.name")),
    whole("counter"),
    whole("recipe_id", ForeignKey("recipes.id")),
    words("payload"),
    words("signature"),
    *who_and_when(),
    UniqueConstraint("station", "counter"),
    Index(None, "recipe_id"),
)
"""What stations were told to run; the highest counter of a station counts."""

reviews = Table(
    "reviews",
    metadata,
    identity(),
    words("review"),
    whole("inspection_id", ForeignKey("inspections.id")),
    words("answer"),
    words("queue"),
    words("concept", optional=True),
    words("note"),
    *who_and_when(),
    UniqueConstraint("review"),
    Index(None, "inspection_id", "id"),
    Index(None, "answer", "id"),
)
"""What people said of inspections; the latest of an inspection counts."""
