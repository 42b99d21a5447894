"""`andon station`."""

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.extras import needed


def station(
    name: Annotated[
        str | None, typer.Argument(help="Name of the station; the hub knows it by this.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file; options given beside it are taken instead.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the station's own: spool, images, packages.")
    ] = None,
    hub: Annotated[
        str | None, typer.Option(help="Address of the hub. Default: http://127.0.0.1:8400.")
    ] = None,
    hub_key: Annotated[
        str | None, typer.Option(help="The hub's public key. Default: the hub it meets first is believed.")
    ] = None,
    line: Annotated[str | None, typer.Option(help="Line it stands at. Default: line-1.")] = None,
    camera: Annotated[
        str | None, typer.Option(help="DRIVER:name=value,...; see below. Default: simulated.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="DRIVER:name=value,...; see below. Default: silent.")
    ] = None,
    page_port: Annotated[
        int | None, typer.Option(help="Port of its own page; 0 takes any free one. Default: 8401.", min=0)
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="CPU threads of the engine. Default: 1.", min=1)
    ] = None,
    queue: Annotated[
        int | None, typer.Option(help="Frames that may wait; one beyond is NO-DECISION. Default: 4.", min=1)
    ] = None,
    stall: Annotated[
        float | None, typer.Option(help="Seconds without a frame that are an alarm; 0 never. Default: 10.")
    ] = None,
    min_free: Annotated[
        int | None, typer.Option(help="Bytes of disk kept free for records. Default: 256 MiB.", min=0)
    ] = None,
) -> None:
    """Inspect parts at a line: frames in, one answer for each, every record kept until the hub has it.

    Until a recipe is assigned to it on the hub every part is NO-DECISION. Afterwards it needs no hub to go
    on, also after a restart. SIGTERM or Ctrl-C finish the parts at work and end it.

    Cameras: `folder:folder=PATH,interval=0.2,keep=true` (files that arrive are judged and move to done/),
    `simulated:parts_per_second=20,height=512,width=512,channels=1,defect_rate=0.2,materials=brushed|cast,
    seed=0,pool=240,parts=N,truth=FILE,faults=FILE`. Both take what is known of every part: part_type=,
    view=, plant=, lot=.

    Outputs: `mqtt:host=127.0.0.1,port=1883,username=,password=,heartbeat=1` and `silent` (none).

    The settings file has the same names (page_host, frame_bytes beside), cameras and outputs as tables:
    name = "st-1", folder = "/var/lib/andon", [camera] driver = "folder", folder = "/in".

    Example: andon station st-1 --folder st-1 --hub http://127.0.0.1:8400 --camera folder:folder=/in
    """
    with needed("station"):
        from andon.station.main import serve
        from andon.station.settings import options_from, read_settings
    given = {
        "name": name,
        "folder": folder,
        "hub": hub,
        "hub_key": hub_key,
        "line": line,
        "camera": options_from(camera) if camera else None,
        "output": options_from(output) if output else None,
        "page_port": page_port,
        "threads": threads,
        "queue": queue,
        "stall": stall,
        "min_free": min_free,
    }
    serve(read_settings(settings, given))
