"""Ontology: the versioned list of concepts (defect types, attributes, conditions) of a workspace."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from andon.errors import Conflict, InvalidInput, NotFound

MAX_CONCEPTS = 1000
MAX_NAME_LENGTH = 100


class Severity(StrEnum):
    """How bad a defect is for the customer, mildest first."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class ConceptKind(StrEnum):
    """Defect: may reject a part. Attribute: what the part is. Condition: harmless, like a pen mark."""

    DEFECT = "defect"
    ATTRIBUTE = "attribute"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class Concept:
    """One thing that can be seen on a part.

    Raises:
        InvalidInput: the name is empty, too long, or holds control characters.
    """

    name: str
    kind: ConceptKind = ConceptKind.DEFECT
    severity: Severity = Severity.MAJOR
    definition: str = ""
    parent: str | None = None

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > MAX_NAME_LENGTH or not self.name.isprintable():
            raise InvalidInput(
                f"concept name {self.name[:40]!r} is not usable",
                f"Use 1 to {MAX_NAME_LENGTH} printable characters.",
            )


@dataclass(frozen=True, slots=True)
class Ontology:
    """The concepts in force from one version on.

    Raises:
        Conflict: two concepts have one name (compared without case and surrounding space).
        NotFound: a parent is named that is not a concept.
        InvalidInput: there are more than ``MAX_CONCEPTS`` concepts.
    """

    version: int
    concepts: tuple[Concept, ...] = ()

    def __post_init__(self) -> None:
        _refuse_duplicates(self.concepts)
        names = {concept.name for concept in self.concepts}
        for concept in self.concepts:
            if concept.parent is not None and concept.parent not in names:
                raise NotFound(f"concept {concept.name!r} has the unknown parent {concept.parent!r}")
        if len(self.concepts) > MAX_CONCEPTS:
            raise InvalidInput(f"an ontology holds at most {MAX_CONCEPTS} concepts")

    @property
    def names(self) -> tuple[str, ...]:
        """Concept names in ontology order."""
        return tuple(concept.name for concept in self.concepts)

    def concept(self, name: str) -> Concept:
        """The concept called ``name``.

        Raises:
            NotFound: no concept has that name.
        """
        for concept in self.concepts:
            if concept.name == name:
                return concept
        known = ", ".join(self.names) or "none yet"
        raise NotFound(f"label {name!r} is not in the ontology (known: {known})")

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of ``names`` that are no concept here, sorted."""
        return tuple(sorted(set(names) - set(self.names)))

    def extended(self, concepts: Iterable[Concept]) -> "Ontology":
        """The next version, with ``concepts`` added.

        Raises:
            Conflict: a name is already taken.
        """
        return Ontology(self.version + 1, self.concepts + tuple(concepts))


def _refuse_duplicates(concepts: Iterable[Concept]) -> None:
    seen: dict[str, str] = {}
    for concept in concepts:
        key = concept.name.strip().casefold()
        if key in seen:
            raise Conflict(
                f"two concepts have one name: {seen[key]!r} and {concept.name!r}",
                "Give one of them another name, or merge them in the source.",
            )
        seen[key] = concept.name
