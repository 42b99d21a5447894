"""What comes back, what is picked for labelling, gates, releases, signals, and turns of the loop."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0003"
down_revision = "0002"

WORDS: TypeEngine[str] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL: TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add tables; existing rows stay as they are."""
    _feedback()
    _shadows()
    _lost_images()
    _holdouts()
    _gates()
    _selections()
    _picks()
    _labellings()
    _releases()
    _release_events()
    _signals()
    _plans()
    _turns()
    _turn_events()


def _feedback() -> None:
    columns = (*_words("chosen"), _whole("inspection_id"), *_words("reason"), _number("probability"))
    _create(
        "feedback",
        (*columns, *_words("detail", "author", "at")),
        _refer("feedback", "inspection_id", "inspections.id"),
        _unique("feedback", "chosen"),
    )
    _index("feedback", "inspection_id")
    _index("feedback", "reason", "id")
    _index("feedback", "at")


def _shadows() -> None:
    columns = (_whole("inspection_id"), _whole("recipe_id"), *_words("variant", "verdict"))
    _create(
        "shadows",
        (*columns, _number("milliseconds"), *_words("detail", "author", "at")),
        _refer("shadows", "inspection_id", "inspections.id"),
        _refer("shadows", "recipe_id", "recipes.id"),
        _unique("shadows", "inspection_id", "recipe_id"),
    )
    _index("shadows", "recipe_id", "id")


def _lost_images() -> None:
    _create(
        "lost_images",
        (_whole("inspection_id"), *_words("author", "at")),
        _refer("lost_images", "inspection_id", "inspections.id"),
        _unique("lost_images", "inspection_id"),
    )


def _holdouts() -> None:
    columns = (*_words("part", "purpose"), _whole("held"), *_words("reason", "author", "at"))
    _create("holdouts", columns)
    _index("holdouts", "part", "purpose", "id")
    _index("holdouts", "purpose", "id")


def _gates() -> None:
    numbers = (_whole("recipe_id"), _whole("baseline_id", nullable=True), _whole("passed"))
    _create(
        "gates",
        (*_words("gate"), *numbers, *_words("request", "outcome", "author", "at")),
        _refer("gates", "recipe_id", "recipes.id"),
        _refer("gates", "baseline_id", "recipes.id"),
        _unique("gates", "gate"),
    )
    _index("gates", "recipe_id", "id")


def _selections() -> None:
    columns = (*_words("selection", "package", "settings"), _number("seconds"), _whole("looked_at"))
    _create(
        "selections",
        (*columns, *_words("author", "at")),
        _refer("selections", "package", "packages.digest"),
        _unique("selections", "selection"),
    )


def _picks() -> None:
    columns = (_whole("selection_id"), _whole("position"), _whole("image_id"), *_words("reason"))
    _create(
        "picks",
        (*columns, _number("score"), *_words("parts", "proposal")),
        _refer("picks", "selection_id", "selections.id"),
        _refer("picks", "image_id", "images.id"),
        _unique("picks", "selection_id", "position"),
        _unique("picks", "selection_id", "image_id"),
    )
    _index("picks", "image_id")


def _labellings() -> None:
    columns = (_whole("selection_id"), _whole("image_id"), *_words("outcome"), _number("seconds"))
    _create(
        "labellings",
        (*columns, *_words("author", "at")),
        _refer("labellings", "selection_id", "selections.id"),
        _refer("labellings", "image_id", "images.id"),
    )
    _index("labellings", "selection_id", "image_id", "id")


def _releases() -> None:
    columns = (*_words("release"), _whole("recipe_id"), *_words("gate", "waves", "settings", "reason"))
    _create(
        "releases",
        (*columns, *_words("author", "at")),
        _refer("releases", "recipe_id", "recipes.id"),
        _refer("releases", "gate", "gates.gate"),
        _unique("releases", "release"),
    )
    _index("releases", "recipe_id")


def _release_events() -> None:
    columns = (_whole("release_id"), *_words("station", "step", "reason", "author", "at"))
    _create(
        "release_events",
        columns,
        _refer("release_events", "release_id", "releases.id"),
        _refer("release_events", "station", "stations.name"),
    )
    _index("release_events", "release_id", "station", "id")
    _index("release_events", "station", "id")


def _signals() -> None:
    numbers = (_number("value"), _number("limit"), _whole("n"), _whole("raised"))
    _create("signals", (*_words("kind", "plan", "station"), *numbers, *_words("detail", "author", "at")))
    _index("signals", "kind", "plan", "station", "id")


def _plans() -> None:
    columns = (*_words("name"), _whole("version"), *_words("body", "author", "at"))
    _create("plans", columns, _unique("plans", "name", "version"))


def _turns() -> None:
    _create(
        "turns",
        (*_words("turn"), _whole("plan_id"), *_words("cause", "author", "at")),
        _refer("turns", "plan_id", "plans.id"),
        _unique("turns", "turn"),
    )
    _index("turns", "plan_id", "id")


def _turn_events() -> None:
    columns = (_whole("turn_id"), *_words("step", "subject", "detail", "author", "at"))
    _create("turn_events", columns, _refer("turn_events", "turn_id", "turns.id"))
    _index("turn_events", "turn_id", "id")


def _create(name: str, columns: Iterable[sa.Column[object]], *constraints: sa.Constraint) -> None:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}"))
    op.create_table(name, sa.Column("id", SERIAL, nullable=False), *columns, *constraints, key)


def _refer(table: str, column: str, target: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _unique(table: str, *columns: str) -> sa.Constraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _words(*names: str) -> tuple[sa.Column[object], ...]:
    return tuple(sa.Column(name, WORDS, nullable=False) for name in names)


def _whole(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, SERIAL, nullable=nullable)


def _number(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Float(53), nullable=False)
