"""The demo's loop: a shift on the line, what comes back, a turn of the loop, a release, a second shift."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from andon.cli.demo_learn import cuts_again
from andon.cli.demo_line import RunningLine
from andon.cli.demo_people import Annotator, Labelled, Operator, at_work
from andon.cli.demo_plan import ANNOTATOR, COSTS, DATASET, NAME, OPERATOR, REVIEW, STATION, Amount
from andon.cli.demo_quality import COLUMNS, Estimated, estimates
from andon.cli.demo_table import as_json, before_and_after, sentence, table_of
from andon.cli.session import print_table, progress_bar, talk
from andon.domain.gates import Gate
from andon.domain.jobs import JobState
from andon.domain.loops import LoopPlan, Turn, TurnStep
from andon.domain.releases import ENDED_STEPS, ReleaseEvent
from andon.domain.selections import Selection
from andon.errors import OperatorError
from andon.services.approvals import approve
from andon.services.gates import ask_gate, find_gate, sentence_of
from andon.services.jobs import find_job
from andon.services.loops import find_turn, go_on, job_of_turn, save_plan, start_turn
from andon.services.release_progress import progress
from andon.services.releases import ReleaseRequest
from andon.services.releases import release as make_release
from andon.services.selections import ask_selection, find_selection, list_selections
from andon.services.workspaces import Workspace

LOOK_SECONDS = 0.5
JOB_SECONDS, RELEASE_SECONDS = 1800.0, 420.0
"""A job, or a release, that takes longer is said to, and the demo goes on without it."""


@dataclass
class Demo:
    """What all steps work on, and how many seconds each took; ``quiet``: tables are not printed."""

    workspace: Workspace
    line: RunningLine
    amount: Amount
    quiet: bool
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, words: str) -> Iterator[None]:
        """Say what begins, and note how long it took."""
        talk.print(f"\n{words}", style="bold", soft_wrap=True)
        begun = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - begun, 1)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show a table to people."""
        if not self.quiet:
            print_table(columns, rows)


def go_round(demo: Demo) -> dict[str, object]:
    """One round of the loop on a line that runs; what became of it, as JSON values."""
    amount = demo.amount
    annotator = Annotator(demo.workspace, demo.line.truth, ANNOTATOR)
    with demo.step("first shift", "Parts pass; the light shifts, then a new kind of defect appears"):
        operator = run_shift(demo, "first shift", lambda n: n >= amount.first, amount.first)
    with demo.step("second looks", "What is known of escapes and overkill, beside what is true?"):
        looked = annotator.look_again()
        say_labelled(looked)
        estimated = show_estimates(demo)
    with demo.step("selection", f"Which pictures are worth {amount.minutes:g} minutes of labelling?"):
        chosen = select(demo)
    with demo.step("labelling", "An annotator labels them"):
        labelled = annotator.label_selection(chosen.id)
        say_labelled(labelled)
    with demo.step("turn", "A turn of the loop: freeze, train, evaluate, recipe, gate"):
        made = turn(demo)
        gate = show_gate(demo, made)
    if gate is not None and not gate.outcome.passed:
        with demo.step("second gate", "Refused: were operators wrong? An annotator looks at every flip"):
            say_labelled(annotator.look_at_flips(gate))
            gate = gate_again(demo, gate)
    released = None
    if gate is not None and gate.outcome.passed:
        with demo.step("approval", "The gate passed: a person approves, the release begins"):
            released = release(demo, made, gate)
    else:
        talk.print(f"No release: {why_not(demo, made, gate)}", soft_wrap=True)
    with demo.step("second shift", "The line goes on: shadow, switch, watch"):
        steps = run_release(demo, released, amount.second)
    with demo.step("estimates", "What is known now, of both versions?"):
        say_labelled(annotator.look_again())
        estimated = show_estimates(demo)
    with demo.step("table", "Both models on the same fresh parts, against what is true"):
        compared = table(demo, made, gate)
    made = find_turn(demo.workspace, made.id)
    return {
        "answers": {answer.value: count for answer, count in operator.said.items()},
        "unanswered": len(operator.left),
        "selected": len(chosen.picks),
        "looked_at": chosen.looked_at,
        "second_looks": asdict(looked),
        "labelled": asdict(labelled),
        "estimates": [estimate.as_json() for estimate in estimated],
        "gate": _gate_json(gate),
        "turn": [{"step": e.step.value, "subject": e.subject, "detail": e.detail} for e in made.events],
        "release": [{"step": event.step.value, "reason": event.reason} for event in steps],
        "before_after": compared,
    }


def run_shift(demo: Demo, name: str, enough: Callable[[int], bool], total: int) -> Operator:
    """Let parts come until ``enough`` says so of how many were answered; an operator answers what waits."""
    operator = Operator(demo.line.page, demo.line.truth.is_defective, OPERATOR)
    with at_work(operator), progress_bar(name) as bar:
        demo.line.resume()
        demo.line.passed(lambda answered: bar.report(answered, total), enough)
        demo.line.pause(lambda: operator.is_idle)
    said = ", ".join(f"{count} {answer}" for answer, count in operator.said.items())
    talk.print(f"Operators said: {said or 'nothing'}; {len(operator.left)} parts were left unanswered.")
    return operator


def show_estimates(demo: Demo) -> tuple[Estimated, ...]:
    """What the hub knows of every release so far, from what people looked at, beside what is true."""
    found = estimates(demo.workspace, STATION, demo.line.truth.all())
    demo.table(COLUMNS, [row for estimate in found for row in estimate.rows()])
    talk.print(f"The same on the page Quality: {demo.line.hub}/quality", soft_wrap=True)
    return found


def select(demo: Demo) -> Selection:
    """Let the worker choose what is worth labelling."""
    job = ask_selection(demo.workspace, demo.amount.selection())
    with progress_bar("choosing") as bar:
        _wait(lambda: _job_ended(demo.workspace, job.id, bar.report), JOB_SECONDS)
    made = find_job(demo.workspace, job.id)
    if made.state is not JobState.FINISHED:
        raise OperatorError(f"choosing pictures ended as {made.state.value}: {made.outcome}")
    newest = list_selections(demo.workspace, None, 1).rows[0][0]
    found = find_selection(demo.workspace, newest.id)
    reasons = sorted({pick.reason.value for pick in found.picks})
    talk.print(f"{len(found.picks)} of {found.looked_at} pictures, because they are: {', '.join(reasons)}.")
    return found


def say_labelled(done: Labelled) -> None:
    """How much work it was, and what is new."""
    added = f" New in the ontology: {', '.join(done.added)}." if done.added else ""
    work = f"{done.pictures} pictures labelled, {done.outlines} outlines: {done.minutes:.0f} minutes."
    talk.print(work + added, soft_wrap=True)


def turn(demo: Demo) -> Turn:
    """One turn on the worker: freeze, train, evaluate, recipe, gate; stops before the approval."""
    amount = demo.amount
    plan = LoopPlan(
        NAME,
        DATASET,
        amount.train(),
        COSTS,
        fine_tune=amount.steps,
        selection=amount.selection(),
        gate=amount.gate,
        review=REVIEW,
        release=amount.release,
        stations=((STATION,),),
    )
    save_plan(demo.workspace, plan)
    begun = start_turn(demo.workspace, NAME, "the first shift is over, and its pictures are labelled")
    found = _followed(demo, begun.id, lambda turn: turn.ended or turn.waits)
    for event in found.events:
        talk.print(f"{event.step.value}: {event.subject[:24]} {event.detail}".rstrip(), soft_wrap=True)
    return found


def show_gate(demo: Demo, found: Turn) -> Gate | None:
    """The gate's questions and answers; None where the turn did not come so far."""
    name = found.subject(TurnStep.GATED)
    return _shown(demo, name) if name else None


def gate_again(demo: Demo, gate: Gate) -> Gate:
    """Cuts chosen anew, and the same gate, after somebody has looked at its flips."""
    again = cuts_again(demo.workspace, gate.request.candidate)
    job = ask_gate(demo.workspace, replace(gate.request, candidate=again))
    with progress_bar("gate") as bar:
        _wait(lambda: _job_ended(demo.workspace, job.id, bar.report), JOB_SECONDS)
    made = find_job(demo.workspace, job.id)
    if made.state is not JobState.FINISHED:
        raise OperatorError(f"the gate ended as {made.state.value}: {made.outcome}")
    return _shown(demo, job.id)


def _shown(demo: Demo, name: str) -> Gate:
    gate = find_gate(demo.workspace, name)
    rows = [
        ("passed" if check.passed else "REFUSED", check.name, check.measured, check.allowed)
        for check in gate.outcome.checks
    ]
    demo.table(["gate", "question", "measured", "allowed"], rows)
    talk.print(
        f"{gate.outcome.parts} parts replayed, {len(gate.outcome.flips)} to look at: "
        f"{demo.line.hub}/gates/{gate.id}",
        soft_wrap=True,
    )
    return gate


def release(demo: Demo, found: Turn, gate: Gate) -> str:
    """A person approves; the turn goes on to the release, or the person begins it where the turn has ended.

    Gives the release's id.
    """
    reason = "the gate passed, and its flips were looked at"
    approve(demo.workspace, found.subject(TurnStep.TRAINED), reason)
    if found.ended:
        waves = ((STATION,),)
        asked = ReleaseRequest(gate.request.candidate, waves, reason, gate.id, demo.amount.release)
        return make_release(demo.workspace, asked).id
    go_on(demo.workspace)
    return _followed(demo, found.id, lambda turn: turn.ended).subject(TurnStep.RELEASED)


def run_release(demo: Demo, name: str | None, total: int) -> tuple[ReleaseEvent, ...]:
    """The second shift: parts pass while the release ``name`` goes through shadow, switch and watch."""
    begun, least = time.monotonic(), demo.line.answered() + total

    def is_over(answered: int) -> bool:
        late = time.monotonic() - begun > RELEASE_SECONDS
        return answered >= least and (late or not name or _step(demo, name)[-1].step in ENDED_STEPS)

    run_shift(demo, "second shift", is_over, least)
    steps = _step(demo, name) if name else ()
    for event in steps:
        talk.print(f"{event.step.value}: {event.reason}", soft_wrap=True)
    return steps


def table(demo: Demo, found: Turn, gate: Gate | None) -> dict[str, object] | None:
    """Before and after; None where no second version came to the gate."""
    if gate is None:
        return None
    names = found.subject(TurnStep.STARTED), gate.request.candidate
    with progress_bar("judging fresh parts with both") as bar:
        compared = before_and_after(demo.workspace, names, demo.amount, bar.report)
    demo.table(*table_of(compared, names))
    talk.print(sentence(compared), soft_wrap=True)
    return as_json(compared)


def why_not(demo: Demo, found: Turn, gate: Gate | None) -> str:
    """Why nothing is released: what the last gate said, or why the turn came to none."""
    if gate is not None:
        failed = [check for check in gate.outcome.checks if not check.passed]
        words = [f"{check.name}: {check.measured}; allowed: {check.allowed}" for check in failed]
        todo = next((check.todo for check in failed if check.todo), "")
        return " ".join([sentence_of(gate), *(f"{one}." for one in words), todo]).rstrip()
    job = job_of_turn(demo.workspace, found)
    if found.ended or job is None:
        return found.events[-1].detail
    return f"its job ended as {job.state.value}: {job.outcome}"


def _gate_json(gate: Gate | None) -> dict[str, object] | None:
    if gate is None:
        return None
    checks = [
        {"name": check.name, "passed": check.passed, "measured": check.measured, "allowed": check.allowed}
        for check in gate.outcome.checks
    ]
    return {"passed": gate.outcome.passed, "parts": gate.outcome.parts, "checks": checks}


def _step(demo: Demo, release: str) -> tuple[ReleaseEvent, ...]:
    """What happened to a release, first to last."""
    return progress(demo.workspace, release).stations[0].events


def _followed(demo: Demo, turn: str, until: Callable[[Turn], bool]) -> Turn:
    with progress_bar("turn") as bar:

        def ended() -> bool:
            found = find_turn(demo.workspace, turn)
            job = job_of_turn(demo.workspace, found)
            if job is not None:
                bar.report(job.done, job.total, job.caption)
            stands = job is not None and job.state in {JobState.FAILED, JobState.CANCELLED}
            return until(found) or stands

        _wait(ended, JOB_SECONDS)
    return find_turn(demo.workspace, turn)


def _job_ended(workspace: Workspace, job: str, said: Callable[[int, int | None, str], None]) -> bool:
    found = find_job(workspace, job)
    said(found.done, found.total, found.caption)
    return found.state in {JobState.FINISHED, JobState.FAILED, JobState.CANCELLED}


def _wait(ended: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not ended() and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
