"""Tables of the loop: what comes back, what is picked for labelling, gates, releases, signals, turns."""

from sqlalchemy import Column, Float, ForeignKey, Index, Table, UniqueConstraint

from andon.store.tables.columns import identity, metadata, who_and_when, whole, words

feedback = Table(
    "feedback",
    metadata,
    identity(),
    words("chosen"),
    whole("inspection_id", ForeignKey("inspections.id")),
    words("reason"),
    Column("probability", Float(53), nullable=False),
    words("detail"),
    *who_and_when(),
    UniqueConstraint("chosen"),
    Index(None, "inspection_id"),
    Index(None, "reason", "id"),
    Index(None, "at"),
)
"""Parts whose pictures stations send, and why."""

shadows = Table(
    "shadows",
    metadata,
    identity(),
    whole("inspection_id", ForeignKey("inspections.id")),
    whole("recipe_id", ForeignKey("recipes.id")),
    words("variant"),
    words("verdict"),
    Column("milliseconds", Float(53), nullable=False),
    words("detail"),
    *who_and_when(),
    UniqueConstraint("inspection_id", "recipe_id"),
    Index(None, "recipe_id", "id"),
)
"""What a recipe that judged beside said of a part; ``detail`` is JSON: reasons, findings, scores."""

lost_images = Table(
    "lost_images",
    metadata,
    identity(),
    whole("inspection_id", ForeignKey("inspections.id")),
    *who_and_when(),
    UniqueConstraint("inspection_id"),
)
"""Kept pictures that a station gave up before they were sent; nobody waits for them."""

holdouts = Table(
    "holdouts",
    metadata,
    identity(),
    words("part"),
    words("purpose"),
    whole("held"),
    words("reason"),
    *who_and_when(),
    Index(None, "part", "purpose", "id"),
    Index(None, "purpose", "id"),
)
"""Parts that are held back from training for gates; the latest row of part and purpose counts."""

gates = Table(
    "gates",
    metadata,
    identity(),
    words("gate"),
    whole("recipe_id", ForeignKey("recipes.id")),
    whole("baseline_id", ForeignKey("recipes.id"), optional=True),
    whole("passed"),
    words("request"),
    words("outcome"),
    *who_and_when(),
    UniqueConstraint("gate"),
    Index(None, "recipe_id", "id"),
)
"""What gates found; ``request`` and ``outcome`` are JSON."""

selections = Table(
    "selections",
    metadata,
    identity(),
    words("selection"),
    words("package", ForeignKey("packages.digest")),
    words("settings"),
    Column("seconds", Float(53), nullable=False),
    whole("looked_at"),
    *who_and_when(),
    UniqueConstraint("selection"),
)

picks = Table(
    "picks",
    metadata,
    identity(),
    whole("selection_id", ForeignKey("selections.id")),
    whole("position"),
    whole("image_id", ForeignKey("images.id")),
    words("reason"),
    Column("score", Float(53), nullable=False),
    words("parts"),
    words("proposal"),
    UniqueConstraint("selection_id", "position"),
    UniqueConstraint("selection_id", "image_id"),
    Index(None, "image_id"),
)
"""Pictures of selections, in order; their author and time are the selection's."""

labellings = Table(
    "labellings",
    metadata,
    identity(),
    whole("selection_id", ForeignKey("selections.id")),
    whole("image_id", ForeignKey("images.id")),
    words("outcome"),
    Column("seconds", Float(53), nullable=False),
    *who_and_when(),
    Index(None, "selection_id", "image_id", "id"),
)
"""That somebody labelled a picture of a selection, and how long it took."""

releases = Table(
    "releases",
    metadata,
    identity(),
    words("release"),
    whole("recipe_id", ForeignKey("recipes.id")),
    words("gate", ForeignKey("gates.gate")),
    words("waves"),
    words("settings"),
    words("reason"),
    *who_and_when(),
    UniqueConstraint("release"),
    Index(None, "recipe_id"),
)

release_events = Table(
    "release_events",
    metadata,
    identity(),
    whole("release_id", ForeignKey("releases.id")),
    words("station", ForeignKey("stations.name")),
    words("step"),
    words("reason"),
    *who_and_when(),
    Index(None, "release_id", "station", "id"),
    Index(None, "station", "id"),
)
"""Steps of releases, station by station; the latest of a station counts."""

signals = Table(
    "signals",
    metadata,
    identity(),
    words("kind"),
    words("plan"),
    words("station"),
    Column("value", Float(53), nullable=False),
    Column("limit", Float(53), nullable=False),
    whole("n"),
    whole("raised"),
    words("detail"),
    *who_and_when(),
    Index(None, "kind", "plan", "station", "id"),
)
"""Looks at what is monitored; the latest of kind, plan and station counts."""

plans = Table(
    "plans",
    metadata,
    identity(),
    words("name"),
    whole("version"),
    words("body"),
    *who_and_when(),
    UniqueConstraint("name", "version"),
)
"""What turns of the loop do; the latest version of a name counts."""

turns = Table(
    "turns",
    metadata,
    identity(),
    words("turn"),
    whole("plan_id", ForeignKey("plans.id")),
    words("cause"),
    *who_and_when(),
    UniqueConstraint("turn"),
    Index(None, "plan_id", "id"),
)

turn_events = Table(
    "turn_events",
    metadata,
    identity(),
    whole("turn_id", ForeignKey("turns.id")),
    words("step"),
    words("subject"),
    words("detail"),
    *who_and_when(),
    Index(None, "turn_id", "id"),
)
"""Steps of turns, in order."""
