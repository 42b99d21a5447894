"""The steps that build the tables. A step that was released is never changed; the next one is added."""

from pathlib import Path

from sqlalchemy import Connection

REVISIONS = ("0001", "0002", "0003")
"""All revisions, oldest first; what a database may say it has."""


def upgrade(tx: Connection) -> None:
    """Take the missing steps, inside the caller's transaction: all of them or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
