"""The ontology: what can be seen on parts; one version follows another."""

from andon.domain.ontologies import Concept, Ontology, Severity
from andon.services.workspaces import Workspace, now
from andon.store import ontologies as stored_ontologies


def current_ontology(workspace: Workspace) -> Ontology:
    """The version in force."""
    with workspace.database.read() as tx:
        return stored_ontologies.current(tx)


def add_concept(workspace: Workspace, name: str, severity: Severity = Severity.MAJOR) -> Concept:
    """Add a kind of defect: the next version of the ontology.

    Raises:
        InvalidInput: the name is not usable. Conflict: there is a concept of that name already.
    """
    concept = Concept(" ".join(name.split()), severity=severity)
    with workspace.database.write() as tx:
        following = stored_ontologies.current(tx).extended([concept])
        stored_ontologies.add_version(tx, following, workspace.who, now())
    return concept
