"""Pages of models whose measurements were noted by another Andon, or hardly at all."""

import pytest
from fastapi.testclient import TestClient
from simulators.records import T0, package

from andon.domain.models import Costs
from andon.domain.serial import to_json
from andon.services.scores import EVALUATION
from andon.services.workspaces import Workspace
from andon.store import models

PAGES = ("/models", f"/models/{package().digest}", f"/drafts?model={package().digest}")


@pytest.mark.parametrize("page", PAGES)
def test_an_evaluation_that_says_nothing_is_none(stocked_hub: TestClient, page: str) -> None:
    assert stocked_hub.get(page).status_code == 200
    assert "Nothing is known of it yet" in stocked_hub.get(PAGES[1]).text


@pytest.mark.parametrize("page", PAGES)
def test_an_older_evaluation_shows_what_it_noted(
    stocked_hub: TestClient, stocked: Workspace, page: str
) -> None:
    costs = to_json(Costs(100.0, 5.0, 1.0, 0.01))
    noted = {
        "variant": "onnxruntime/f32",
        "costs": costs,
        "cuts": {"dent": {"review": 0.25, "reject": 0.5}},
    }
    with stocked.database.write() as tx:
        models.add_attestation(tx, package().digest, EVALUATION, noted, ("mara", T0))
        models.add_attestation(tx, package().digest, EVALUATION, {}, ("mara", T0))
    assert stocked_hub.get(page).status_code == 200
    assert "0.2500" in stocked_hub.get(PAGES[1]).text
