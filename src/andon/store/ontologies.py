"""The ontology, version by version."""

from sqlalchemy import Connection, func, select

from andon.domain.ontologies import Concept, ConceptKind, Ontology, Severity
from andon.errors import Conflict, NotFound
from andon.store.tables import concepts, ontologies
from andon.units import Timestamp


def current(tx: Connection) -> Ontology:
    """The ontology in force; version 0, without concepts, before the first."""
    version = tx.execute(select(func.max(ontologies.c.version))).scalar()
    return Ontology(0) if version is None else get(tx, version)


def get(tx: Connection, version: int) -> Ontology:
    """One version of the ontology.

    Raises:
        NotFound: there is no such version.
    """
    if tx.execute(select(ontologies.c.id).where(ontologies.c.version == version)).scalar() is None:
        raise NotFound(f"the ontology has no version {version}")
    found = tx.execute(select(concepts).where(concepts.c.version == version).order_by(concepts.c.position))
    return Ontology(
        version,
        tuple(
            Concept(row.name, ConceptKind(row.kind), Severity(row.severity), row.definition, row.parent)
            for row in found
        ),
    )


def add_version(tx: Connection, ontology: Ontology, author: str, at: Timestamp) -> None:
    """Put ``ontology`` in force; its version must be the one after the current.

    Raises:
        Conflict: somebody else made that version meanwhile.
    """
    expected = current(tx).version + 1
    if ontology.version != expected:
        raise Conflict(
            f"ontology version {ontology.version} cannot be added, version {expected} is next",
            "Read the current ontology and repeat the change.",
        )
    tx.execute(ontologies.insert(), {"version": ontology.version, "author": author, "at": at})
    rows = [
        {
            "version": ontology.version,
            "position": position,
            "name": concept.name,
            "kind": concept.kind,
            "severity": concept.severity,
            "definition": concept.definition,
            "parent": concept.parent,
        }
        for position, concept in enumerate(ontology.concepts)
    ]
    if rows:
        tx.execute(concepts.insert(), rows)
