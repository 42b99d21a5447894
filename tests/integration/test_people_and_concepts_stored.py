"""People and the versions of the ontology on both databases."""

import pytest
from simulators.stored_rows import ME, T0, T1
from sqlalchemy import Connection

from andon.domain.ontologies import Concept, ConceptKind, Ontology
from andon.domain.people import LOCAL_USER, AuthorKind, Person
from andon.errors import Conflict, NotFound
from andon.store import ontologies, people


def test_people(tx: Connection) -> None:
    importer = Person("andon import", AuthorKind.IMPORT)
    assert people.add(tx, LOCAL_USER, ME, T0)
    assert not people.add(tx, LOCAL_USER, ME, T1)
    people.add(tx, importer, ME, T0)
    assert people.everyone(tx) == (LOCAL_USER, importer)
    assert people.get(tx, "andon import") == importer
    with pytest.raises(NotFound, match="'eve'"):
        people.get(tx, "eve")


def test_ontology_versions(tx: Connection) -> None:
    assert ontologies.current(tx) == Ontology(0)
    first = Ontology(0).extended([Concept("dent"), Concept("ink", ConceptKind.CONDITION, parent="dent")])
    ontologies.add_version(tx, first, ME, T0)
    second = first.extended([Concept("scratch", definition="a line")])
    ontologies.add_version(tx, second, ME, T1)
    assert ontologies.current(tx) == second
    assert ontologies.get(tx, 1) == first
    with pytest.raises(Conflict, match="version 3 is next"):
        ontologies.add_version(tx, second, ME, T1)
    with pytest.raises(NotFound):
        ontologies.get(tx, 9)
