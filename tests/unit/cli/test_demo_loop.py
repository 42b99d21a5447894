"""What the demo says of its own turn."""

from pathlib import Path
from typing import Any, cast

from simulators.records import T0, package

from andon.cli.demo_loop import Demo, why_not
from andon.cli.demo_plan import AMOUNTS, Size
from andon.domain.gates import Check, Gate, GateOutcome, GateRequest
from andon.domain.loops import Ending, Turn, TurnEvent, TurnStep
from andon.services.workspaces import create_workspace

FIRST = TurnEvent("turn-1", TurnStep.ENDED, Ending.REFUSED, "new escapes: 12 %; allowed: 5 %", "mara", T0)
TURN = Turn("turn-1", "brackets", 1, "the first shift is over", "mara", T0, (FIRST,))


def refused(candidate: str, question: str, measured: str) -> Gate:
    checks = (
        Check("must-catch parts", True, "0 of 3 pass", "none passes"),
        Check(question, False, measured, "at most 10 %", "Label what its flips show."),
    )
    outcome = GateOutcome(checks, None, None, None, (4.0, 4.0), (10**8, 10**8), (), 100, 0)
    return Gate("gate-2", GateRequest(candidate, "brackets@1"), package().digest, outcome, "mara", T0)


def test_where_the_second_gate_refuses_its_reason_is_told_and_not_the_first_ones(tmp_path: Path) -> None:
    workspace = create_workspace(tmp_path / "ws", "mara")[0]
    demo = Demo(workspace, cast(Any, None), AMOUNTS[Size.TINY], quiet=True)
    said = why_not(demo, TURN, refused("brackets@3", "net new rejects", "31 %"))
    assert said == (
        "Refused: brackets@3 against brackets@1, 100 parts; net new rejects. "
        "net new rejects: 31 %; allowed: at most 10 %. Label what its flips show."
    )
    assert why_not(demo, TURN, None) == FIRST.detail, "a turn that came to no gate says why itself"
    workspace.database.close()
