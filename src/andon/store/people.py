"""Who writes rows."""

from sqlalchemy import Connection, select

from andon.domain.people import AuthorKind, Person
from andon.errors import NotFound
from andon.store.rows import add_new
from andon.store.tables import people
from andon.units import Timestamp


def add(tx: Connection, person: Person, author: str, at: Timestamp) -> bool:
    """Make ``person`` known; False when somebody of that name already is."""
    row = {"name": person.name, "kind": person.kind, "author": author, "at": at}
    return bool(add_new(tx, people, [row], "name"))


def get(tx: Connection, name: str) -> Person:
    """The person called ``name``.

    Raises:
        NotFound: nobody is.
    """
    row = tx.execute(select(people).where(people.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(f"nobody here is called {name!r}")
    return Person(row.name, AuthorKind(row.kind))


def everyone(tx: Connection) -> tuple[Person, ...]:
    """All people, in order of arrival."""
    found = tx.execute(select(people).order_by(people.c.id))
    return tuple(Person(row.name, AuthorKind(row.kind)) for row in found)
