"""`andon recipes`: cuts, regions and tolerances that make a verdict of findings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from andon.cli.recipe_options import (
    costs_of,
    parse_costs,
    parse_cuts,
    parse_health,
    parse_locate,
    parse_polygons,
    parse_promise,
    parse_rules,
)
from andon.cli.session import (
    Json,
    Limit,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    talk,
    workspace_of,
)
from andon.domain.recipes import Recipe
from andon.domain.serial import from_json
from andon.errors import InvalidInput, NotPossible

if TYPE_CHECKING:
    from andon.domain.models import Cuts, Package
    from andon.services.recipes import RecipeRequest
    from andon.services.workspaces import Workspace

app = typer.Typer(
    help="Decide what rejects a part: cuts, regions, tolerances.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Recipe name, or NAME@VERSION.")]


@app.command()
def make(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Recipe name; making it again adds a version.")],
    model: Annotated[
        str, typer.Option(help="Model digest or its beginning; 'latest' for the newest.")
    ] = "latest",
    cut: Annotated[
        list[str] | None,
        typer.Option(help="CONCEPT=REVIEW,REJECT. Default: the cuts its evaluation suggested. Repeatable."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="CONCEPT:min_area=40,min_length=3,max_count=1,unit=px|mm,severity=minor|major|critical,"
            "within=X Y X Y X Y. Repeatable."
        ),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="Polygon to look in, pixels: 'X Y X Y X Y'. Repeatable.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Polygon to ignore, pixels: 'X Y X Y X Y'. Repeatable.")
    ] = None,
    part_type: Annotated[str | None, typer.Option(help="Part type the recipe is for.")] = None,
    calibration: Annotated[
        str | None, typer.Option(help="STATION/VIEW whose px/mm the rules in mm use.")
    ] = None,
    locate: Annotated[
        str | None,
        typer.Option(
            help="Box on an image that shows every part's same place: "
            "IMAGE:x=10,y=20,width=60,height=40,reach=40,least=0.6. Parts are looked for there first."
        ),
    ] = None,
    health: Annotated[
        str | None,
        typer.Option(help="Images that say nothing: dark=0.02,bright=0.98,blurred=0,stuck=3."),
    ] = None,
    costs: Annotated[
        str | None,
        typer.Option(
            help="escape=100,overkill=5,review=1,defect_percent=1: the cheapest cuts for these, "
            "instead of those suggested."
        ),
    ] = None,
    from_line: Annotated[
        bool,
        typer.Option(
            help="With --costs: the cheapest cuts for what people judged on the line, "
            "instead of for the calibration group."
        ),
    ] = False,
    promise: Annotated[
        str | None,
        typer.Option(
            help="1%: lower the review cuts until at most so many defective parts pass, shown on the "
            "defective parts of the calibration group; refused where there are too few."
        ),
    ] = None,
    confidence: Annotated[
        str | None, typer.Option(help="How sure the promise must be; without it 95%.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why this version exists.")] = "",
    as_json: Json = False,
) -> None:
    """Make a recipe, or its next version, from a model's suggested cuts and the plant's tolerances.

    Example: andon recipes make tiles --rule "Crack:min_length=4" --ignore "0 0 40 0 40 20 0 20"
    """
    from andon.services.drafts import cut_template
    from andon.services.models import find_package
    from andon.services.recipes import RecipeRequest, make_recipe

    workspace = workspace_of(context)
    paid, place = parse_costs(costs), parse_locate(locate)
    package = find_package(workspace, model)
    request = RecipeRequest(
        name=name,
        model=package.digest,
        cuts={},
        rules=parse_rules(rule or []),
        regions=parse_polygons(region or []),
        ignore=parse_polygons(ignore or []),
        part_type=part_type,
        calibration=calibration,
        note=note,
        locate=cut_template(workspace, *place) if place else None,
        health=parse_health(health),
        costs=paid,
        line_chose=from_line,
        promise=parse_promise(promise, confidence),
    )
    cheapest = _cheapest(workspace, package, request)
    request = replace(request, cuts={**cheapest, **parse_cuts(cut or [])})
    if request.promise is None:
        recipe = make_recipe(workspace, request)
    else:
        with progress_bar("promise") as bar:
            recipe = make_recipe(workspace, request, bar.report)
    if as_json:
        print_json(recipe)
        return
    _print_recipe(recipe)
    talk.print(f"Next: andon inspect FOLDER --recipe {name}", soft_wrap=True)


def _cheapest(workspace: "Workspace", package: "Package", request: "RecipeRequest") -> Mapping[str, "Cuts"]:
    from andon.services.evaluations import cheapest_cuts
    from andon.services.line_cuts import LEAST, cheapest_on_line

    paid = request.costs
    if not paid:
        if request.line_chose:
            raise InvalidInput("--from-line needs to know what mistakes cost", "Give --costs, too.")
        return {}
    if not request.line_chose:
        return cheapest_cuts(workspace, package, costs_of(paid))
    with progress_bar("choosing cuts") as bar:
        found = cheapest_on_line(workspace, request, costs_of(paid), bar.report)
    if found is None:
        raise NotPossible(
            f"people judged fewer than {LEAST} defective or {LEAST} good parts that {request.name!r} saw "
            "on the line and this model has not learned from",
            "Judge more of them, or leave --from-line away.",
        )
    talk.print(f"Cuts {found.words}.", soft_wrap=True)
    return found.cuts


def _print_recipe(recipe: dict[str, object]) -> None:
    cuts = recipe["cuts"]
    assert isinstance(cuts, dict)
    print_facts({key: recipe[key] for key in ("name", "version", "package", "part_type", "author", "at")})
    print_table(
        ("concept", "review from", "reject from"),
        [(c, f"{v['review']:.4f}", f"{v['reject']:.4f}") for c, v in cuts.items()],
    )
    rules = recipe["rules"]
    assert isinstance(rules, list)
    for rule in rules:
        print_facts({"rule": {key: value for key, value in rule.items() if value}})
    print_facts(_promise_facts(from_json(Recipe, recipe)))
    if recipe["locate"]:
        print_facts({"locate": recipe["locate"]})
    print_facts({"health": recipe["health"]} | ({"costs": recipe["costs"]} if recipe["costs"] else {}))


def _promise_facts(recipe: Recipe) -> dict[str, object]:
    """What it promises, on what that rests, and what parts say that chose nothing."""
    kept = recipe.promise
    if kept is None:
        return {"promise dropped": recipe.promise_dropped} if recipe.promise_dropped else {}
    unseen = {"not known of": ", ".join(kept.unseen)} if kept.unseen else {}
    return {"promise": kept.asked.words, "rests on": kept.grounds, "check": kept.checked, **unseen}


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a recipe version (the latest by default)."""
    from andon.services.recipes import show_recipe

    recipe = show_recipe(workspace_of(context), name)
    if as_json:
        print_json(recipe)
    else:
        _print_recipe(recipe)


@app.command(name="list")
def list_(context: typer.Context, limit: Limit = 50, as_json: Json = False) -> None:
    """List recipe versions, newest first."""
    from andon.services.recipes import list_recipes

    rows = list_recipes(workspace_of(context), limit)
    if as_json:
        print_json(rows)
        return
    columns = ("name", "version", "package", "author", "at", "note")
    print_table(columns, [[str(row[column])[:26] for column in columns] for row in rows])


@app.command()
def rescore(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Judge all stored inspections of a recipe anew with this version, without running the model.

    Example: andon recipes make tiles --cut "Crack=0.3,0.6" && andon recipes rescore tiles
    """
    from andon.services.recipes import rescore_recipe

    outcome = rescore_recipe(workspace_of(context), name)
    if as_json:
        print_json(outcome)
        return
    changes = outcome.pop("changes")
    print_facts(outcome)
    if isinstance(changes, dict) and changes:
        print_table(("change", "inspections"), sorted(changes.items()))
