"""Recipes: versions, drafts judged on history, history judged anew."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from andon.domain.serial import to_json
from andon.hub.requests import LARGEST, Limit, workspace_of
from andon.services.previews import preview_recipe
from andon.services.recipes import (
    RecipeRequest,
    as_facts,
    ask_rescoring,
    list_recipes,
    make_recipe,
    show_recipe,
    versions_of,
)

router = APIRouter(prefix="/api/recipes", tags=["recipes"])

Version = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("")
def index(request: Request, limit: Limit = 50) -> list[dict[str, Any]]:
    """Recipe versions, newest first."""
    return list_recipes(workspace_of(request), limit)


@router.post("", status_code=201)
def add(request: Request, draft: RecipeRequest) -> dict[str, Any]:
    """Store a draft as the next version of its name."""
    return make_recipe(workspace_of(request), draft)


@router.post("/previews")
def preview(request: Request, draft: RecipeRequest) -> dict[str, Any]:
    """What a draft would have decided on the newest stored inspections of its model; nothing is stored."""
    return preview_recipe(workspace_of(request), draft).as_json()


@router.get("/{name}")
def versions(request: Request, name: str) -> list[dict[str, Any]]:
    """All versions of a recipe, newest first."""
    return [as_facts(recipe) for recipe in versions_of(workspace_of(request), name)]


@router.get("/{name}/versions/{version}")
def show(request: Request, name: str, version: Version) -> dict[str, Any]:
    """One version."""
    return show_recipe(workspace_of(request), f"{name}@{version}")


@router.post("/{name}/versions/{version}/rescorings", status_code=202)
def rescore(request: Request, name: str, version: Version) -> dict[str, Any]:
    """Ask that all stored inspections of the model are judged anew; the answer is the job that does it.

    Stored verdicts stay, new rows are added.
    """
    told: dict[str, Any] = to_json(ask_rescoring(workspace_of(request), f"{name}@{version}"))
    return told
