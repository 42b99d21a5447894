"""Inspections on both databases: recorded once, found again, and judged later without being changed."""

from dataclasses import replace

import pytest
from simulators.stored_rows import ME, T0, T1, all_pages, package, recipe
from sqlalchemy import Connection

from andon.domain.annotations import Box
from andon.domain.inspections import Decision, Finding, Inspection, Reason, ReasonCode, Verdict
from andon.errors import Conflict, NotFound
from andon.store import inspections, models, recipes
from andon.units import digest_of


def inspection(number: int, verdict: Verdict, **changes: object) -> Inspection:
    findings = (Finding("dent", 0.1 * number, Box(1, 2, 3, 4), 12.0, 4.0, (2.5, 4.0)),)
    reasons = () if verdict is Verdict.PASS else (Reason(ReasonCode.DEFECT, "dent", "score"),)
    made = Inspection(
        f"{number:08x}-0000", T0, f"serial={number % 3}", digest_of(b"%d" % number), f"{number}.png",
        "tiles", 1, package().digest, "openvino/f32", Decision(verdict, reasons), findings,
        {"dent": 0.1 * number}, 4.5, "job",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_inspections_and_their_later_judgements(tx: Connection) -> None:
    models.add(tx, package(), ME, T0)
    first = recipes.add_version(tx, recipe(package()))
    second = recipes.add_version(tx, first)
    verdicts = [Verdict.PASS, Verdict.REJECT, Verdict.NO_DECISION]
    made = [inspection(n, verdicts[n % 3]) for n in range(6)]
    made[5] = replace(made[5], image=None, job=None, findings=(), scores={})
    assert inspections.add(tx, made[:4], ME) == 4
    assert inspections.add(tx, made, ME) == 2, "an id is recorded once"
    newest = made[::-1]
    page = inspections.page
    assert all_pages(lambda after: page(tx, inspections.Query(), after, 4)) == newest
    for query, expected in (
        (inspections.Query(verdict=Verdict.REJECT), [made[4], made[1]]),
        (inspections.Query(recipe="tiles", part="serial=0"), [made[3], made[0]]),
        (inspections.Query(job="job", package=package().digest), newest[1:]),
        (inspections.Query(since=T1), []),
        (inspections.Query(before=T1), newest),
        (inspections.Query(recipe="cogs"), []),
    ):
        assert list(page(tx, query, None, 9).rows) == expected
    assert inspections.count(tx, inspections.Query()) == dict.fromkeys(verdicts, 2)
    assert inspections.get(tx, "00000003") == made[3]
    with pytest.raises(Conflict, match="several"):
        inspections.get(tx, "0000")
    with pytest.raises(NotFound, match="version 7"):
        inspections.add(tx, [inspection(9, Verdict.PASS, recipe_version=7)], ME)
    decision = Decision(Verdict.REVIEW, (Reason(ReasonCode.UNCERTAIN, "dent", "score 0.3"),))
    assert inspections.add_rescoring(tx, made[3].id, second, decision, (ME, T1))
    assert not inspections.add_rescoring(tx, made[3].id, second, decision, (ME, T1))
    assert inspections.rescorings(tx, made[3].id) == (inspections.Rescoring("tiles", 2, decision, ME, T1),)
    assert inspections.get(tx, made[3].id) == made[3], "history stays as it was"
