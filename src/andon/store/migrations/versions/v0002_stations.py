"""Jobs that wait for a worker, stations and what they run, records of their parts, people's answers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"

WORDS: TypeEngine[str] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL: TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add what is new; existing rows stay as they are."""
    _inspections()
    _awaited_images()
    _run_metrics()
    _jobs()
    _job_events()
    _approvals()
    _stations()
    _assignments()
    _reviews()


def _inspections() -> None:
    for column in ("recipe_id", "package_id"):
        op.execute(f"ALTER TABLE inspections ALTER COLUMN {column} DROP NOT NULL")
    op.add_column("inspections", sa.Column("station", WORDS, nullable=True))
    op.add_column("inspections", sa.Column("sequence", SERIAL, nullable=True))
    op.create_index("uq_inspections_station", "inspections", ["station", "sequence"], unique=True)
    op.create_index(op.f("ix_inspections_station_id"), "inspections", ["station", "id"])


def _awaited_images() -> None:
    op.create_table(
        "awaited_images",
        sa.Column("id", SERIAL, nullable=False),
        *_words("blob", "inspection", "author", "at"),
        sa.ForeignKeyConstraint(
            ["inspection"], ["inspections.inspection"], name=op.f("fk_awaited_images_inspection")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awaited_images")),
        sa.UniqueConstraint("blob", "inspection", name=op.f("uq_awaited_images_blob_inspection")),
    )
    op.create_index(op.f("ix_awaited_images_inspection"), "awaited_images", ["inspection"])


def _run_metrics() -> None:
    op.add_column("run_metrics", sa.Column("worst", WORDS, nullable=True))


def _jobs() -> None:
    for name in ("request", "worker", "heartbeat_at"):
        op.add_column("jobs", sa.Column(name, WORDS, nullable=True))
    op.add_column("jobs", sa.Column("attempts", SERIAL, nullable=True))
    for name in ("caption", "usage"):
        op.add_column("jobs", sa.Column(name, WORDS, nullable=True))
    op.create_index("ix_jobs_state_id", "jobs", ["state", "id"])


def _job_events() -> None:
    op.create_table(
        "job_events",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("job_id", SERIAL, nullable=False),
        *_words("kind", "text", "author", "at"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    op.create_index(op.f("ix_job_events_job_id_id"), "job_events", ["job_id", "id"])


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", SERIAL, nullable=False),
        *_words("package", "decision", "reason", "author", "at"),
        sa.ForeignKeyConstraint(["package"], ["packages.digest"], name=op.f("fk_approvals_package")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(op.f("ix_approvals_package_id"), "approvals", ["package", "id"])


def _stations() -> None:
    op.create_table(
        "stations",
        sa.Column("id", SERIAL, nullable=False),
        *_words("name", "line", "author", "at"),
        sa.Column("report", WORDS, nullable=True),
        sa.Column("reported_at", WORDS, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stations")),
        sa.UniqueConstraint("name", name=op.f("uq_stations_name")),
    )


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("station", WORDS, nullable=False),
        sa.Column("counter", SERIAL, nullable=False),
        sa.Column("recipe_id", SERIAL, nullable=False),
        *_words("payload", "signature", "author", "at"),
        sa.ForeignKeyConstraint(["station"], ["stations.name"], name=op.f("fk_assignments_station")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipes.id"], name=op.f("fk_assignments_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("station", "counter", name=op.f("uq_assignments_station_counter")),
    )
    op.create_index(op.f("ix_assignments_recipe_id"), "assignments", ["recipe_id"])


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("review", WORDS, nullable=False),
        sa.Column("inspection_id", SERIAL, nullable=False),
        *_words("answer", "queue"),
        sa.Column("concept", WORDS, nullable=True),
        *_words("note", "author", "at"),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspections.id"], name=op.f("fk_reviews_inspection_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("review", name=op.f("uq_reviews_review")),
    )
    op.create_index(op.f("ix_reviews_inspection_id_id"), "reviews", ["inspection_id", "id"])
    op.create_index(op.f("ix_reviews_answer_id"), "reviews", ["answer", "id"])


def _words(*names: str) -> tuple[sa.Column[str], ...]:
    return tuple(sa.Column(name, WORDS, nullable=False) for name in names)
