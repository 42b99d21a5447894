"""Who did it. Until accounts exist there is one local user; every row still names its author."""

from dataclasses import dataclass
from enum import StrEnum


class AuthorKind(StrEnum):
    """What sort of author a row has."""

    PERSON = "person"
    MODEL = "model"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or something, that writes rows. ``name`` is unique."""

    name: str
    kind: AuthorKind = AuthorKind.PERSON


LOCAL_USER = Person("local")
