"""What columns are made of: their types, and those that most tables have."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text
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


def identity() -> Column[int]:
    """Given in order of arrival; lists are paged by it."""
    return Column("id", SERIAL, primary_key=True)


def words(name: str, *arguments: ForeignKey, optional: bool = False) -> Column[str]:
    """Text that must be there, unless it is optional."""
    return Column(name, WORDS, *arguments, nullable=optional)


def optional(*names: str) -> tuple[Column[str], ...]:
    """Texts that may be missing."""
    return tuple(words(name, optional=True) for name in names)


def whole(name: str, *arguments: ForeignKey, optional: bool = False) -> Column[int]:
    """A whole number of 64 bits."""
    return Column(name, SERIAL, *arguments, nullable=optional)


def who_and_when() -> tuple[Column[str], Column[str]]:
    """The author of a fact and its time."""
    return words("author"), words("at")
