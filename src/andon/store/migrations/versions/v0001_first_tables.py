"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

WORDS: TypeEngine[str] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL: TypeEngine[int] = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Build them, referred-to tables first."""
    _calibrations()
    _datasets()
    _images()
    _jobs()
    _ontologies()
    _packages()
    _people()
    _runs()
    _annotations()
    _attestations()
    _concepts()
    _image_labels()
    _image_sources()
    _recipes()
    _run_endings()
    _run_metrics()
    _snapshots()
    _inspections()
    _rescorings()


def _calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("station", WORDS, nullable=False),
        sa.Column("view", WORDS, nullable=False),
        sa.Column("version", SERIAL, nullable=False),
        sa.Column("pixels_per_mm", sa.Float(precision=53), nullable=False),
        sa.Column("method", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        sa.UniqueConstraint(
            "station", "view", "version", name=op.f("uq_calibrations_station_view_version")
        ),
    )


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("version", SERIAL, nullable=False),
        sa.Column("spec", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_datasets_name_version")),
    )


def _images() -> None:
    op.create_table(
        "images",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("blob", WORDS, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("size", SERIAL, nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("bit_depth", sa.Integer(), nullable=False),
        sa.Column("plant", WORDS, nullable=True),
        sa.Column("line", WORDS, nullable=True),
        sa.Column("station", WORDS, nullable=True),
        sa.Column("view", WORDS, nullable=True),
        sa.Column("part_type", WORDS, nullable=True),
        sa.Column("serial", WORDS, nullable=True),
        sa.Column("lot", WORDS, nullable=True),
        sa.Column("captured_at", WORDS, nullable=True),
        sa.Column("extra", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("digest", name=op.f("uq_images_digest")),
    )
    op.create_index(op.f("ix_images_blob"), "images", ["blob"])
    op.create_index(op.f("ix_images_captured_at_id"), "images", ["captured_at", "id"])
    op.create_index(op.f("ix_images_line_id"), "images", ["line", "id"])
    op.create_index(op.f("ix_images_lot_id"), "images", ["lot", "id"])
    op.create_index(op.f("ix_images_part_type_id"), "images", ["part_type", "id"])
    op.create_index(op.f("ix_images_serial_id"), "images", ["serial", "id"])
    op.create_index(op.f("ix_images_station_id"), "images", ["station", "id"])


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("job", WORDS, nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("subject", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("done", SERIAL, nullable=False),
        sa.Column("total", SERIAL, nullable=True),
        sa.Column("outcome", WORDS, nullable=False),
        sa.Column("finished_at", WORDS, nullable=True),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("job", name=op.f("uq_jobs_job")),
    )
    op.create_index(op.f("ix_jobs_kind_subject_state"), "jobs", ["kind", "subject", "state"])


def _ontologies() -> None:
    op.create_table(
        "ontologies",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("version", SERIAL, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ontologies")),
        sa.UniqueConstraint("version", name=op.f("uq_ontologies_version")),
    )


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("run", WORDS, nullable=True),
        sa.Column("manifest", WORDS, nullable=False),
        sa.Column("parity", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint("digest", name=op.f("uq_packages_digest")),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("name", name=op.f("uq_people_name")),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("run", WORDS, nullable=False),
        sa.Column("snapshot", WORDS, nullable=False),
        sa.Column("settings", WORDS, nullable=False),
        sa.Column("code_version", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("run", name=op.f("uq_runs_run")),
    )
    op.create_index(op.f("ix_runs_snapshot"), "runs", ["snapshot"])


def _annotations() -> None:
    op.create_table(
        "annotations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("annotation", WORDS, nullable=False),
        sa.Column("revision", SERIAL, nullable=False),
        sa.Column("image_id", SERIAL, nullable=False),
        sa.Column("concept", WORDS, nullable=True),
        sa.Column("geometry", WORDS, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_annotations_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint("annotation", "revision", name=op.f("uq_annotations_annotation_revision")),
    )
    op.create_index(
        op.f("ix_annotations_image_id_annotation_revision"),
        "annotations",
        ["image_id", "annotation", "revision"],
    )


def _attestations() -> None:
    op.create_table(
        "attestations",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("package", WORDS, nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("facts", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["package"], ["packages.digest"], name=op.f("fk_attestations_package")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attestations")),
    )
    op.create_index(op.f("ix_attestations_package_id"), "attestations", ["package", "id"])


def _concepts() -> None:
    op.create_table(
        "concepts",
        sa.Column("version", SERIAL, autoincrement=False, nullable=False),
        sa.Column("position", SERIAL, autoincrement=False, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("kind", WORDS, nullable=False),
        sa.Column("severity", WORDS, nullable=False),
        sa.Column("definition", WORDS, nullable=False),
        sa.Column("parent", WORDS, nullable=True),
        sa.ForeignKeyConstraint(["version"], ["ontologies.version"], name=op.f("fk_concepts_version")),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_concepts")),
        sa.UniqueConstraint("version", "name", name=op.f("uq_concepts_version_name")),
    )


def _image_labels() -> None:
    op.create_table(
        "image_labels",
        sa.Column("image_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("concept", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_image_labels_image_id")),
        sa.PrimaryKeyConstraint("image_id", "concept", name=op.f("pk_image_labels")),
    )
    op.create_index(op.f("ix_image_labels_concept_image_id"), "image_labels", ["concept", "image_id"])


def _image_sources() -> None:
    op.create_table(
        "image_sources",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("source", WORDS, nullable=False),
        sa.Column("image_id", SERIAL, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("blob", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_image_sources_image_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_image_sources")),
        sa.UniqueConstraint(
            "source", "image_id", "name", name=op.f("uq_image_sources_source_image_id_name")
        ),
    )
    op.create_index(op.f("ix_image_sources_blob"), "image_sources", ["blob"])
    op.create_index(op.f("ix_image_sources_image_id"), "image_sources", ["image_id"])


def _recipes() -> None:
    op.create_table(
        "recipes",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("version", SERIAL, nullable=False),
        sa.Column("part_type", WORDS, nullable=True),
        sa.Column("package", WORDS, nullable=False),
        sa.Column("body", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["package"], ["packages.digest"], name=op.f("fk_recipes_package")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipes")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_recipes_name_version")),
    )


def _run_endings() -> None:
    op.create_table(
        "run_endings",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("run_id", SERIAL, nullable=False),
        sa.Column("state", WORDS, nullable=False),
        sa.Column("steps", SERIAL, nullable=True),
        sa.Column("package", WORDS, nullable=True),
        sa.Column("reason", WORDS, nullable=True),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_endings_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_endings")),
    )
    op.create_index(op.f("ix_run_endings_run_id_id"), "run_endings", ["run_id", "id"])


def _run_metrics() -> None:
    op.create_table(
        "run_metrics",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("run_id", SERIAL, nullable=False),
        sa.Column("step", SERIAL, nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("points", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_metrics_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_metrics")),
    )
    op.create_index(op.f("ix_run_metrics_run_id_id"), "run_metrics", ["run_id", "id"])


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("digest", WORDS, nullable=False),
        sa.Column("dataset_id", SERIAL, nullable=False),
        sa.Column("images", SERIAL, nullable=False),
        sa.Column("counts", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_snapshots_dataset_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("digest", "dataset_id", name=op.f("uq_snapshots_digest_dataset_id")),
    )
    op.create_index(op.f("ix_snapshots_dataset_id_id"), "snapshots", ["dataset_id", "id"])


def _inspections() -> None:
    op.create_table(
        "inspections",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("inspection", WORDS, nullable=False),
        sa.Column("part", WORDS, nullable=False),
        sa.Column("image", WORDS, nullable=True),
        sa.Column("name", WORDS, nullable=False),
        sa.Column("recipe_id", SERIAL, nullable=False),
        sa.Column("package_id", SERIAL, nullable=False),
        sa.Column("variant", WORDS, nullable=False),
        sa.Column("verdict", WORDS, nullable=False),
        sa.Column("milliseconds", sa.Float(precision=53), nullable=False),
        sa.Column("job", WORDS, nullable=True),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_inspections_package_id")),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipes.id"], name=op.f("fk_inspections_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
        sa.UniqueConstraint("inspection", name=op.f("uq_inspections_inspection")),
    )
    op.create_index(op.f("ix_inspections_at_id"), "inspections", ["at", "id"])
    op.create_index(op.f("ix_inspections_job_id"), "inspections", ["job", "id"])
    op.create_index(op.f("ix_inspections_package_id_id"), "inspections", ["package_id", "id"])
    op.create_index(op.f("ix_inspections_part_id"), "inspections", ["part", "id"])
    op.create_index(op.f("ix_inspections_recipe_id_id"), "inspections", ["recipe_id", "id"])
    op.create_index(op.f("ix_inspections_verdict_id"), "inspections", ["verdict", "id"])


def _rescorings() -> None:
    op.create_table(
        "rescorings",
        sa.Column("id", SERIAL, nullable=False),
        sa.Column("inspection_id", SERIAL, nullable=False),
        sa.Column("recipe_id", SERIAL, nullable=False),
        sa.Column("verdict", WORDS, nullable=False),
        sa.Column("reasons", WORDS, nullable=False),
        sa.Column("author", WORDS, nullable=False),
        sa.Column("at", WORDS, nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspections.id"], name=op.f("fk_rescorings_inspection_id")
        ),
        sa.ForeignKeyConstraint(["recipe_id"], ["recipes.id"], name=op.f("fk_rescorings_recipe_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rescorings")),
        sa.UniqueConstraint(
            "inspection_id", "recipe_id", name=op.f("uq_rescorings_inspection_id_recipe_id")
        ),
    )
    op.create_index(op.f("ix_rescorings_recipe_id"), "rescorings", ["recipe_id"])
