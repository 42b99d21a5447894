"""A hub over a workspace with one evaluated, not yet approved model and its recipe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from simulators.records import T0, package, recipe

from andon.domain.ontologies import Concept, Ontology
from andon.hub.main import create_app
from andon.hub.settings import Settings
from andon.services.scores import EVALUATION
from andon.services.workspaces import Workspace, create_workspace
from andon.store import models, ontologies, recipes

HUB = "http://127.0.0.1:8400"


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Workspace]:
    made = create_workspace(tmp_path / "stocked", "mara")[0]
    with made.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
        models.add(tx, package(), "mara", T0)
        models.add_attestation(tx, package().digest, EVALUATION, {}, ("mara", T0))
        recipes.add_version(tx, recipe(package()))
    yield made
    made.database.close()


@pytest.fixture
def stocked_hub(stocked: Workspace) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(stocked.folder)), base_url=HUB) as client:
        yield client
