"""Stations that only report: each does at once what it is told, unless a test says otherwise."""

from dataclasses import dataclass, field, replace

from simulators.records import FAST, T0, package, recipe, record, report
from sqlalchemy import Connection, select

from andon.domain.approvals import Approval, ApprovalDecision
from andon.domain.gates import Check, Gate, GateOutcome, GateRequest
from andon.domain.inspections import Verdict
from andon.domain.ontologies import Concept, Ontology
from andon.domain.recipes import Recipe
from andon.domain.stations import Assignment, RolledBack, Runnable, ShadowCount, StationReport
from andon.services.scores import EVALUATION
from andon.services.stations import take_report
from andon.services.workspaces import Workspace, new_id, now
from andon.store import approvals, assignments, gates, inspections, models, ontologies, recipes
from andon.store.tables import inspections as inspection_rows
from andon.store.tables import shadows

NEW = package("better")


def stock(workspace: Workspace) -> tuple[Recipe, Recipe]:
    """Two approved models and a version of one recipe for each; the second one's gate passed."""
    with workspace.database.write() as tx:
        ontologies.add_version(tx, Ontology(1, (Concept("dent"),)), "mara", T0)
        for made in (package(), NEW):
            models.add(tx, made, "mara", T0)
            models.add_attestation(tx, made.digest, EVALUATION, {}, ("mara", T0))
            decision = Approval(made.digest, ApprovalDecision.APPROVED, "agreed", "quentin", T0)
            approvals.add(tx, decision)
        versions = tuple(recipes.add_version(tx, recipe(made)) for made in (package(), NEW))
        add_gate(tx, versions[1])
    return versions[0], versions[1]


def add_gate(tx: Connection, of: Recipe, passed: bool = True, against: str | None = "@1") -> Gate:
    """A gate of a recipe version with one question, against the version that ``against`` names (``@1`` of
    the same recipe); None: against nothing."""
    checks = (Check("new escapes", passed, "0.8 %" if passed else "12 %", "at most 5 %"),)
    outcome = GateOutcome(checks, None, None, None, (4.0, 4.0), (10**8, 10**8), (), 100, 0)
    baseline = f"{of.name}{against}" if against and against.startswith("@") else against
    asked = GateRequest(f"{of.name}@{of.version}", baseline)
    gate = Gate(new_id(), asked, of.package, outcome, "quentin", now())
    gates.add(tx, gate)
    return gate


@dataclass
class ToldStation:
    """A station that runs what it is told from its next report on."""

    workspace: Workspace
    name: str
    obeys: bool = True
    told: Assignment | None = None
    rolled_back: RolledBack | None = None
    dropped: int = 0
    sequence: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    def reports(self) -> int:
        """Say something; the counter that the hub answers."""
        answer = take_report(self.workspace, self.name, self.report())
        with self.workspace.database.read() as tx:
            newest = assignments.latest(tx, self.name)
        if self.obeys and newest != self.told:
            self.told, self.rolled_back = newest, None
        return answer.counter

    def runs(self) -> Runnable | None:
        if self.told is None:
            return None
        return self.told.fallback if self.rolled_back else Runnable(self.told.recipe, self.told.variants)

    def report(self) -> StationReport:
        running, told = self.runs(), self.told
        if running is None or told is None:
            nothing = {"counter": 0, "recipe": "", "recipe_version": 0, "package": None, "variant": ""}
            return report(self.name, at=now(), **nothing, **self.extra)
        shadow = told.shadow and ShadowCount(
            told.shadow.recipe.name, told.shadow.recipe.version, 0, self.dropped
        )
        made = report(
            self.name,
            counter=told.counter,
            recipe=running.recipe.name,
            recipe_version=running.recipe.version,
            package=running.recipe.package,
            rolled_back=self.rolled_back,
            shadow=shadow,
        )
        return replace(made, at=now(), **self.extra)  # type: ignore[arg-type]

    def goes_back(self, reason: str, author: str = "watch") -> None:
        """By itself, before its next report."""
        assert self.told is not None
        assert self.told.fallback is not None
        self.rolled_back = RolledBack(self.told.counter, reason, author, now())

    def judges(self, *verdicts: tuple[Verdict, Verdict | None]) -> None:
        """Parts as they were answered, and as the shadow would have (None: it did not)."""
        running = self.runs()
        assert running is not None
        assert self.told is not None
        with self.workspace.database.write() as tx:
            for main, beside in verdicts:
                self.sequence += 1
                which = {
                    "recipe": running.recipe.name,
                    "recipe_version": running.recipe.version,
                    "package": running.recipe.package,
                    "at": now(),
                }
                made = record(self.name, self.sequence, main, **which)
                inspections.add(tx, [made], f"station/{self.name}")
                if beside is not None and self.told.shadow is not None:
                    add_shadow(tx, made.id, self.told.shadow.recipe, beside)


def add_shadow(tx: Connection, inspection: str, of: Recipe, verdict: Verdict) -> None:
    """What a recipe that judged beside said of a part."""
    which = select(inspection_rows.c.id).where(inspection_rows.c.inspection == inspection)
    row = {
        "inspection_id": tx.execute(which).scalar_one(),
        "recipe_id": recipes.recipe_id(tx, of.name, of.version),
        "variant": str(FAST),
        "verdict": verdict,
        "milliseconds": 4.0,
        "detail": '{"findings": [], "reasons": [], "scores": {}}',
        "author": "station",
        "at": now(),
    }
    tx.execute(shadows.insert(), row)
