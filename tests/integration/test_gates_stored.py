"""Gates as rows, on both databases: what is found again, and which one counts."""

from dataclasses import replace

import pytest
from simulators.records import T0, T1, package, record
from simulators.records import recipe as draft
from sqlalchemy import Connection

from andon.domain.gates import CaseSource, Check, Gate, GateCase, GateOutcome, GateRequest, Paired
from andon.domain.images import Image, Shape
from andon.domain.inspections import Verdict
from andon.errors import InvalidInput, NotFound
from andon.store import gates, images, inspections, models, recipes
from andon.store.gates import version_of
from andon.units import Digest, digest_of

OTHER = replace(package(), digest=digest_of(b"better"))


@pytest.fixture
def versions(tx: Connection) -> tuple[str, ...]:
    """Two of one model, one of another."""
    made = []
    for of in (package(), package(), OTHER):
        models.add(tx, of, "mara", T0)
        made.append(recipes.add_version(tx, draft(of)))
    return tuple(f"{one.name}@{one.version}" for one in made)


def gate(identity: str, candidate: str, passed: bool, of: Digest, **changes: object) -> Gate:
    flip = GateCase(
        "serial=1", (digest_of(b"1"),), CaseSource.AUDIT, 20.0, None, Verdict.PASS, Verdict.REVIEW,
        (), ("dent: score 0.5, cut 0.4",), (0.1, 0.5), (), ("dent",),
    )  # fmt: skip
    change = Paired(1.0, 2.0, 30.0, 30, -0.033, 0.02)
    outcome = GateOutcome(
        (Check("escapes", passed, "a", "b", "c"),), change, None, (9.0, 8.5), (4.0, 4.5), (10**8, 10**8),
        (flip,), 31, 1, {"audit": {"old PASS": 1}}, ("told",), (5.0, 6.0), change,
    )  # fmt: skip
    asked = replace(GateRequest(candidate, "brackets@1"), **changes)  # type: ignore[arg-type]
    return Gate(identity, asked, of, outcome, "quentin", T1)


def test_a_gate_is_found_again_as_it_was(tx: Connection, versions: tuple[str, ...]) -> None:
    first = gate("aa-1", versions[1], passed=False, of=package().digest)
    second = gate("ab-2", versions[1], passed=True, of=package().digest)
    third = gate("b-3", versions[2], passed=False, of=OTHER.digest, baseline=None)
    for one in (first, second, third):
        gates.add(tx, one)

    assert gates.get(tx, "aa") == gates.find(tx, "aa-1") == first
    assert gates.find(tx, "aa") is None
    assert gates.latest_of(tx, "brackets", 2) == second
    assert gates.latest_of(tx, "brackets", 1) is None
    assert [gates.has_any(tx, "brackets", version) for version in (1, 2, 3)] == [False, True, True]
    assert gates.latest_of_package(tx, package().digest) == (second,)
    assert gates.page(tx, None, 2).rows == (third, second)
    assert gates.page(tx, None, 5, passed=False).rows == (third, first)
    with pytest.raises(NotFound):
        gates.get(tx, "c")
    with pytest.raises(NotFound):
        gates.add(tx, gate("c-1", "brackets@9", passed=True, of=OTHER.digest))


@pytest.mark.parametrize("text", ["brackets", "@1", "brackets@x", "brackets@1234567890"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        version_of(text)


def test_a_name_may_hold_what_it_likes() -> None:
    assert version_of("line 2@3") == ("line 2", 3)


def test_only_parts_with_pictures_here_are_read_newest_first(
    tx: Connection, versions: tuple[str, ...]
) -> None:
    assert versions
    told = [record("ST-1", number) for number in range(1, 6)]
    inspections.add(tx, told, "station/ST-1")
    for number in (1, 3, 4):
        digest = told[number].image
        assert digest is not None
        image = Image(digest, digest_of(b"file"), "a.png", 4, Shape(32, 32, 1, 8))
        images.add(tx, [image], "station/ST-1", "station/ST-1", T0)

    names = {"brackets"}
    page = inspections.with_pictures(tx, names, None, 2)
    assert page.rows == (told[4], told[3])
    rest = inspections.with_pictures(tx, names, page.next, 2)
    assert (rest.rows, rest.next) == ((told[1],), None)
    assert inspections.with_pictures(tx, {"tiles"}, None, 2).rows == ()
    here = [one.image for one in told if one.image]
    assert images.from_stations(tx, here) == {told[1].image, told[3].image, told[4].image}
