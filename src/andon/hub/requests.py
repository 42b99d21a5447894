"""What handlers need of a request: the open workspace, and parameters that every list has."""

from typing import Annotated, cast

from fastapi import Query, Request

from andon.services.workspaces import Workspace

LARGEST = 2**63 - 1
"""Numbers of rows; beyond, no database has one."""

After = Annotated[int | None, Query(ge=0, le=LARGEST, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=500, description="At most this many rows.")]


def workspace_of(request: Request) -> Workspace:
    """The workspace this hub serves."""
    return cast(Workspace, request.app.state.workspace)
