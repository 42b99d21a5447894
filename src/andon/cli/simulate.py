"""`andon simulate`: draw parts with known defects."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.session import Json, print_facts, print_json, progress_bar
from andon.errors import InvalidInput
from andon.simulate.settings import Disturbance, DisturbanceKind, LineSettings


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    count: Annotated[int, typer.Option(help="Number of parts.", min=1, max=1_000_000)] = 200,
    material: Annotated[
        list[str] | None, typer.Option(help="brushed, weave, cast or print. Repeatable: lots take turns.")
    ] = None,
    size: Annotated[str, typer.Option(help="HEIGHTxWIDTH in pixels.")] = "256x256",
    grey: Annotated[bool, typer.Option("--grey", help="One channel instead of colour.")] = False,
    defect_rate: Annotated[float, typer.Option(help="Share of parts with a defect.", min=0, max=1)] = 0.2,
    seed: Annotated[int, typer.Option(help="Same seed, same parts.", min=0)] = 0,
    start: Annotated[int, typer.Option(help="Number of the first part.", min=0)] = 0,
    hide_truth: Annotated[
        Path | None,
        typer.Option(help="Write images only, and what is really on them into this other folder."),
    ] = None,
    disturb: Annotated[
        list[str] | None,
        typer.Option(help="KIND=AMOUNT[@START[+RAMP]], seconds; e.g. light=-0.3@60+30. Repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Draw parts as a camera over a line would see them, with masks of every defect.

    Kinds of disturbance: light, focus, shift, turn, dust, dead-pixels, lot-texture.

    Example: andon simulate parts --count 500 --material cast --seed 7
    """
    from andon.simulate.folder import write_fresh_parts, write_parts
    from andon.simulate.line import Line

    height, _, width = size.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise InvalidInput(f"--size {size!r} is not HEIGHTxWIDTH", "Example: 512x512")
    settings = LineSettings(
        materials=tuple(material or ["brushed"]),
        height=int(height),
        width=int(width),
        channels=1 if grey else 3,
        defect_rate=defect_rate,
        seed=seed,
        disturbances=tuple(_disturbance(text) for text in disturb or []),
    )
    indices = range(start, start + count)
    with progress_bar("drawing") as bar:
        if hide_truth is None:
            table = write_parts(folder, Line(settings), indices, bar.report)
        else:
            table = write_fresh_parts(folder, hide_truth, Line(settings), indices, bar.report)
    facts: dict[str, object] = {"folder": str(folder), "parts": count, "truth": str(table)}
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


def _disturbance(text: str) -> Disturbance:
    kind, _, rest = text.partition("=")
    amount, _, times = rest.partition("@")
    start, _, ramp = times.partition("+")
    try:
        return Disturbance(DisturbanceKind(kind), float(amount), float(start or 0), float(ramp or 0))
    except ValueError as cause:
        known = ", ".join(DisturbanceKind)
        raise InvalidInput(
            f"--disturb {text!r} is not KIND=AMOUNT[@START[+RAMP]]", f"Kinds: {known}."
        ) from cause
