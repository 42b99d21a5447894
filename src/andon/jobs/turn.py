"""A turn of the loop: freeze, train, evaluate, recipe, gate, approval, release, what to label next.

Each step is a row when it is made; a turn that was killed is done again from the first step without one.
A step that was made twice because its row was lost gives the same again: the same data give the same
snapshot, a training goes on or is found finished, a recipe version says which turn made it, and a selection
has the turn's id.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from andon.blobs.locks import alone
from andon.domain.approvals import ApprovalDecision
from andon.domain.datasets import DatasetSpec
from andon.domain.gates import Check, GateRequest
from andon.domain.loops import Ending, LoopPlan, Turn, TurnStep
from andon.domain.models import Costs, Package
from andon.domain.presets import fine_tuned
from andon.domain.recipes import Recipe, lowered
from andon.domain.runs import TrainSettings
from andon.errors import Conflict, NotPossible, Refused, TrainingDiverged, UserError
from andon.jobs.gate import run_gate
from andon.jobs.train import train_model
from andon.services.approvals import approvals_of, approve
from andon.services.datasets import freeze_dataset, load_snapshot
from andon.services.evaluations import evaluate_model, suggested_cuts
from andon.services.line_cuts import cheapest_on_line
from andon.services.loops import find_plan, find_turn, lock_of, note, release_of
from andon.services.models import find_package
from andon.services.recipes import RecipeRequest, find_recipe, make_recipe, versions_of
from andon.services.releases import ReleaseRequest, release
from andon.services.runs import checkpoint_of, finished_run
from andon.services.selections import make_selection
from andon.services.turn_approvals import promises_less, standing
from andon.services.workspaces import Workspace

Report = Callable[[int, int | None, str], None]
"""Told how much is done, of how much, and what is being done."""

MOST_REASONS = 3
"""Questions that a refused turn tells in full; all stand on the page of its gate."""

VARIANT = "onnxruntime/f32"
"""What cuts and figures of the model are measured on."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a step has to hand."""

    workspace: Workspace
    plan: LoopPlan
    turn: Turn
    report: Report

    @property
    def baseline(self) -> Recipe | None:
        """The recipe version that ran when the turn began."""
        name = self.turn.subject(TurnStep.STARTED)
        return find_recipe(self.workspace, name) if name else None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a step: what it gave, in words what it did, and whether the turn ends with it.

    ``waits``: the step could not be made yet, and a person must do something first.
    ``why``: the turn ends, where that takes more words than the step.
    """

    subject: str
    detail: str
    ending: Ending | None = None
    waits: bool = False
    why: str = ""


def do_turn(workspace: Workspace, turn: str, report: Report) -> Turn:
    """Make the steps of a turn that are still to be made, until it ends or waits for a person.

    A step that cannot be made (no defect in the data, a model that does not fit, ...) ends the turn with
    the reason.  What whoever runs the machine can mend (a full disk, a network that is away) does not: the
    same call goes on.

    Raises:
        NotFound: there is no such turn. Conflict: another process does it.
        OperatorError, NetworkError: as the steps say.
    """
    found = find_turn(workspace, turn)
    plan = find_plan(workspace, found.plan, found.plan_version)
    with alone(lock_of(workspace, found), f"turn {found.id[:13]}"):
        for step, make in STEPS.items():
            found = find_turn(workspace, found.id)
            if found.ended:
                return found
            if found.of(step) is not None:
                continue
            made = _made(Session(workspace, plan, found, _captioned(report, step)), make)
            if made.waits:
                return found
            if find_turn(workspace, found.id).ended:
                return find_turn(workspace, found.id)  # by hand, meanwhile
            found = _noted(workspace, found, step, made)
    return found


def _captioned(report: Report, step: TurnStep) -> Report:
    return lambda done, total, text: report(done, total, f"{step}: {text}" if text else str(step))


def _made(session: Session, make: Callable[[Session], Made]) -> Made:
    try:
        session.report(0, None, "")
        return make(session)
    except (UserError, Refused, TrainingDiverged) as flaw:
        return Made("", f"{flaw.message}. {flaw.todo}".rstrip(), Ending.FAILED)


def _noted(workspace: Workspace, turn: Turn, step: TurnStep, made: Made) -> Turn:
    end = (TurnStep.ENDED, made.ending or "", made.why or made.detail)
    if made.ending is Ending.FAILED:
        return note(workspace, turn, (TurnStep.ENDED, Ending.FAILED, f"{step}: {made.detail}"))
    if step is TurnStep.ENDED:
        return note(workspace, turn, end)
    steps = [(step, made.subject, made.detail), end]
    return note(workspace, turn, *(steps if made.ending else steps[:1]))


def _freeze(session: Session) -> Made:
    spec = _growing(session, session.plan.dataset)
    frozen = freeze_dataset(session.workspace, spec, session.report)
    wrong = sum(item.regression for item in frozen.snapshot.items)
    words = f"{len(frozen.snapshot.items):,} labelled images, {wrong} of them judged wrongly on a line"
    return Made(frozen.snapshot.digest, words)


def _growing(session: Session, spec: DatasetSpec) -> DatasetSpec:
    """Parts that the running model has learned from stay in their groups."""
    baseline, rule = session.baseline, spec.rule
    if baseline is None or rule.fixed or rule.split_by:
        return spec
    known = find_package(session.workspace, baseline.package).manifest.snapshot
    return replace(spec, rule=replace(rule, like=known))


def _train(session: Session) -> Made:
    workspace, snapshot = session.workspace, session.turn.subject(TurnStep.FROZEN)
    settings, how = _settings(session)
    done = finished_run(workspace, load_snapshot(workspace, snapshot).digest, settings)
    if done is not None and done.package is not None:
        return Made(done.package, f"{how}; run {done.id[:8]} has done that already, {done.steps} steps")
    trained = train_model(workspace, snapshot, settings, session.report)
    return Made(trained.digest, f"{how}; run {trained.run[:8]}, {trained.steps} steps")


def _settings(session: Session) -> tuple[TrainSettings, str]:
    plan, baseline = session.plan, session.baseline
    if not plan.fine_tune or baseline is None:
        return plan.train, "trained anew"
    try:
        checkpoint_of(session.workspace, find_package(session.workspace, baseline.package))
    except NotPossible as gone:
        return plan.train, f"trained anew, because {gone.message}"
    begun = replace(fine_tuned(plan.train, baseline.package), steps=plan.fine_tune)
    return begun, f"fine-tuned from model {baseline.package[:12]}"


def _evaluate(session: Session) -> Made:
    model = session.turn.subject(TurnStep.TRAINED)
    evaluation = evaluate_model(session.workspace, model, VARIANT, session.plan.costs, session.report)
    facts = evaluation.facts()
    words = [f"{name} {facts[name]}" for name in ("escapes", "overkill") if name in facts]
    return Made(model, "; ".join(words) or "no test group to measure it with")


def _recipe(session: Session) -> Made:
    workspace, plan, turn = session.workspace, session.plan, session.turn
    package = find_package(workspace, turn.subject(TurnStep.TRAINED))
    baseline, mark, paid = (
        session.baseline,
        f"turn {turn.id}",
        f"cuts of least cost for {_paid(plan.costs)}",
    )
    made = _version_with(workspace, plan.name, mark)
    if made is not None:
        ended = f"; it promises nothing: {made.promise_dropped}" if made.promise_dropped else ""
        return Made(f"{plan.name}@{made.version}", f"{paid}{ended}")
    request, words = _with_cuts(session, _request(plan, package, baseline, mark), package)
    if baseline is not None and _is_same(baseline, request):
        same = f"the data gave the model and the cuts of {turn.subject(TurnStep.STARTED)}; label more first"
        return Made("", same, Ending.SAME)
    version, kept = _made_promising(session, request)
    return Made(f"{plan.name}@{version}", f"{paid}, {words}{kept}")


def _is_same(baseline: Recipe, request: RecipeRequest) -> bool:
    """Whether the version that runs is asked for again; the same model can promise the same."""
    again = baseline.promise is not None and request.promise == baseline.promise.asked
    cuts = lowered(request.cuts, baseline.promise) if again and baseline.promise else request.cuts
    return (baseline.package, baseline.cuts) == (request.model, cuts)


def _made_promising(session: Session, request: RecipeRequest) -> tuple[str, str]:
    """The new version, and what became of the promise of the one that runs."""
    workspace = session.workspace
    if request.promise is None:
        return str(make_recipe(workspace, request)["version"]), ""
    try:
        made = make_recipe(workspace, request, session.report)
    except NotPossible as cannot:
        made = make_recipe(workspace, replace(request, promise=None), follows=session.baseline)
        return str(made["version"]), f"; it promises nothing, because {cannot.message}"
    return str(made["version"]), f"; lowered where that was needed so that {request.promise.words}"


def _with_cuts(session: Session, request: RecipeRequest, package: Package) -> tuple[RecipeRequest, str]:
    """The request with the cuts of a new version, and what chose them."""
    workspace, costs = session.workspace, session.plan.costs
    found = cheapest_on_line(workspace, request, costs, session.report)
    if found is None:
        chosen = dict(suggested_cuts(workspace, package))
        return replace(request, cuts=chosen), "chosen by the calibration group"
    return replace(request, cuts=dict(found.cuts), line_chose=True), found.words


def _version_with(workspace: Workspace, name: str, mark: str) -> Recipe | None:
    """The version of a recipe that this turn has made already."""
    try:
        versions = versions_of(workspace, name)
    except UserError:
        return None  # there is no such recipe yet
    return next((recipe for recipe in versions if recipe.note == mark), None)


def _request(plan: LoopPlan, package: Package, baseline: Recipe | None, mark: str) -> RecipeRequest:
    """As the version that runs, with the new model; of the rules those for what it can find."""
    paid = _numbers(plan.costs)
    asked = RecipeRequest(name=plan.name, model=package.digest, cuts={}, note=mark, costs=paid)
    if baseline is None:
        return asked
    place = baseline.calibration
    return replace(
        asked,
        rules=tuple(rule for rule in baseline.rules if rule.concept in package.manifest.output.concepts),
        regions=baseline.regions,
        ignore=baseline.ignore,
        part_type=baseline.part_type,
        locate=baseline.locate,
        health=baseline.health,
        calibration=f"{place.station}/{place.view}" if place is not None else None,
        promise=baseline.promise.asked if baseline.promise is not None else None,
    )


def _numbers(costs: Costs) -> Mapping[str, float]:
    return {
        "escape": costs.escape,
        "overkill": costs.overkill,
        "review": costs.review,
        "defect_percent": 100 * costs.defect_rate,
    }


def _paid(costs: Costs) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in _numbers(costs).items())


def _gate(session: Session) -> Made:
    plan, turn = session.plan, session.turn
    request = GateRequest(
        candidate=turn.subject(TurnStep.RECIPE),
        baseline=turn.subject(TurnStep.STARTED) or None,
        limits=plan.gate,
        review=plan.review,
        costs=plan.costs,
        threads=plan.train.threads,
        reason=f"plan {plan.name!r} (version {plan.version}, by {plan.author}) says so",
    )
    gate = run_gate(session.workspace, request, session.report, job=turn.id)
    if gate.outcome.passed:
        return Made(gate.id, f"passed {len(gate.outcome.checks)} checks on {gate.outcome.parts:,} parts")
    failed = [check for check in gate.outcome.checks if not check.passed]
    names = ", ".join(check.name for check in failed) or "nothing was checked"
    return Made(gate.id, f"refused: {names}", Ending.REFUSED, why=_reason(failed))


def _reason(failed: Sequence[Check]) -> str:
    """What a gate measured where it refused, the first questions in full, and what to do first."""
    words = [f"{check.name}: {check.measured}; allowed: {check.allowed}" for check in failed[:MOST_REASONS]]
    if len(failed) > MOST_REASONS:
        words.append(f"and {len(failed) - MOST_REASONS} more, see the gate")
    todo = next((check.todo for check in failed if check.todo), "See the gate.")
    return ". ".join([*words, todo])


def _approve(session: Session) -> Made:
    workspace, plan, turn = session.workspace, session.plan, session.turn
    model = find_package(workspace, turn.subject(TurnStep.TRAINED)).digest
    decided = approvals_of(workspace, model)
    if decided and decided[-1].decision is ApprovalDecision.APPROVED:
        return Made(model, f"by {decided[-1].author}: {decided[-1].reason}")
    gate = standing(workspace, turn).gate
    if gate is None:
        return Made("", "waits for a person", waits=True)  # the page of the turn says for what
    words = f"gate {gate.id[:13]} passed, and plan {plan.name!r} (version {plan.version}, by {plan.author})"
    try:
        approved = approve(workspace, model, f"{words} lets that be enough")
    except Refused as ungated:
        return Made("", f"{ungated.message}. {ungated.todo}", waits=True)
    return Made(model, f"by the plan: {approved.reason}")


def _release(session: Session) -> Made:
    plan, recipe = session.plan, session.turn.subject(TurnStep.RECIPE)
    if not plan.stations:
        return Made("", "the plan names no station; release it by hand")
    unseen = _unseen(session) if _was_approved_before(session) else ""
    if unseen:
        words = f"its model was approved before this turn, and nobody has looked at {unseen}"
        return Made("", f"{words}; release it by hand")
    earlier = release_of(session.workspace, recipe)
    if earlier is not None:
        return Made(earlier.id, f"on its way to {', '.join(earlier.stations)}, as asked for before")
    reason = f"turn of {plan.name!r}: {session.turn.cause}"
    asked = ReleaseRequest(
        recipe, plan.stations, reason, session.turn.subject(TurnStep.GATED), plan.release
    )
    try:
        made = release(session.workspace, asked)
    except Conflict as busy:
        return Made("", f"{busy.message}. {busy.todo}", waits=True)
    return Made(made.id, f"on its way to {', '.join(made.stations)}")


def _unseen(session: Session) -> str:
    """What a person has to look at though the model is approved."""
    with session.workspace.database.read() as tx:
        is_lost = promises_less(tx, session.turn)
    if is_lost:
        return "the promise that ends with it"
    return "" if session.plan.approves else "the new cuts"


def _was_approved_before(session: Session) -> bool:
    """Whether no person has decided since the gate: the model is the old one, and only its cuts are new."""
    gated, model = session.turn.of(TurnStep.GATED), session.turn.subject(TurnStep.TRAINED)
    decided = approvals_of(session.workspace, find_package(session.workspace, model).digest)
    return gated is not None and bool(decided) and decided[-1].at < gated.at


def _select(session: Session) -> Made:
    model = session.turn.subject(TurnStep.TRAINED)
    settings = replace(session.plan.selection, package=model)
    try:
        made = make_selection(session.workspace, settings, session.report, key=session.turn.id)
    except NotPossible as nothing:
        return Made("", nothing.message)
    return Made(made.id, f"{len(made.picks)} pictures to label next, of {made.looked_at:,} looked at")


def _end(session: Session) -> Made:
    recipe = session.turn.subject(TurnStep.RECIPE)
    if session.turn.subject(TurnStep.RELEASED):
        return Made("", f"{recipe} is on its way to the stations", Ending.RELEASED)
    return Made("", f"{recipe} is made and approved", Ending.MADE)


STEPS: Mapping[TurnStep, Callable[[Session], Made]] = {
    TurnStep.FROZEN: _freeze,
    TurnStep.TRAINED: _train,
    TurnStep.EVALUATED: _evaluate,
    TurnStep.RECIPE: _recipe,
    TurnStep.GATED: _gate,
    TurnStep.APPROVED: _approve,
    TurnStep.RELEASED: _release,
    TurnStep.SELECTED: _select,
    TurnStep.ENDED: _end,
}
"""In the order in which they are made."""
