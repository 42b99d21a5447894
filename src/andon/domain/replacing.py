"""When a recipe version may take the place of another: it has passed a gate against that one."""

from collections.abc import Iterable, Sequence

from andon.domain.gates import Gate
from andon.errors import Refused


def check_replacement(candidate: str, runs: Iterable[str], gates: Sequence[Gate]) -> None:
    """Whether ``candidate`` has passed a gate against every version that it would replace.

    Args:
        candidate: as ``NAME@VERSION``.
        runs: what it would replace, likewise; itself is nothing to replace, and an empty text is nothing.
        gates: those that count: the latest of the candidate against each baseline.

    Raises:
        Refused: against one of them it has been through no gate, or was refused.
    """
    against = {g.request.baseline or "": g for g in gates if g.request.candidate == candidate}
    for baseline in runs:
        if baseline == candidate:
            continue
        gate = against.get(baseline)
        if gate is None:
            raise Refused(
                f"{baseline} runs there, and no gate has compared recipe {candidate} with it",
                f"Run `andon gates run {candidate} --baseline {baseline}`.",
            )
        if not gate.outcome.passed:
            failed = [check.name for check in gate.outcome.checks if not check.passed]
            raise Refused(
                f"gate {gate.id} refused {candidate}: {', '.join(failed) or 'nothing was checked'}",
                "Look at its flips; what it refused goes to no station.",
            )
