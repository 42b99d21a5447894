"""Releases of the second version of `brackets` in a workspace: begun, carried through, and read back."""

from simulators.records import recipe
from simulators.told_stations import NEW, ToldStation, add_gate

from andon.domain.inspections import Verdict
from andon.domain.releases import Release, ReleaseSettings, ReleaseStep
from andon.domain.stations import WatchLimits
from andon.services.release_progress import release_needs
from andon.services.release_steps import last_steps
from andon.services.releases import ReleaseRequest, release
from andon.services.workspaces import Workspace
from andon.store import recipes, releases

PASS, REJECT, REVIEW = Verdict.PASS, Verdict.REJECT, Verdict.REVIEW

AT_ONCE = 1e-6
SETTINGS = ReleaseSettings(4, 3600.0, 0.25, WatchLimits(AT_ONCE, parts=1))


def begin(workspace: Workspace, *waves: tuple[str, ...], settings: ReleaseSettings = SETTINGS) -> Release:
    return release(workspace, ReleaseRequest("brackets@2", waves, "fewer escapes", settings=settings))


def steps(workspace: Workspace, of: Release) -> dict[str, ReleaseStep]:
    with workspace.database.read() as tx:
        return dict(last_steps(releases.events(tx, of.id)))


def story(workspace: Workspace, of: Release, name: str) -> list[ReleaseStep]:
    with workspace.database.read() as tx:
        return [event.step for event in releases.events(tx, of.id) if event.station == name]


def finish(st: ToldStation) -> None:
    """All that one station has to say and to judge until its release is done there."""
    for _ in range(4):
        st.reports()
        st.judges(*[(PASS, PASS)] * 4)
    st.reports()


def needs(workspace: Workspace) -> list[tuple[str, str]]:
    return [(need.what, need.link) for need in release_needs(workspace)]


def third_version(workspace: Workspace) -> None:
    """It passed gates against both others."""
    with workspace.database.write() as tx:
        made = recipes.add_version(tx, recipe(NEW))
        for against in ("@1", "@2"):
            add_gate(tx, made, against=against)
