"""`gridtide grid`: power flow, frequency events, and how steep a droop may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gridtide.app.battery_commands import picture_name
from gridtide.app.command import Group, json_option, print_json


@click.group(cls=Group)
def grid() -> None:
    """See what a fleet does to a feeder, and to the grid's frequency."""


@grid.command()
@click.option("--case", default="gb-2019", show_default=True, help="What happened.")
@click.option("--ev-mw", type=float, default=0.0, show_default=True, help="Vehicles [MW].")
@click.option("--delay-s", type=float, default=0.5, show_default=True, help="End to end [s].")
@click.option("--lag-s", type=float, default=0.5, show_default=True, help="First-order lag [s].")
@click.option("--window-s", type=float, default=0.0, help="Mean that is measured over [s].")
@click.option("--stairs", type=int, default=0, help="Levels of a droop in whole amperes.")
@click.option("--damping", type=float, help="Load that falls with each Hz [1/Hz]; default: case.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    callback=picture_name,
    help="Draw it: a .svg or .png file.",
)
@json_option
def frequency(
    case: str, damping: float | None, picture: Path | None, as_json: bool, **given: Any
) -> None:
    """Run a frequency event without and with a fleet that answers by droop."""
    from gridtide.grid import Droop, case_named, with_damping
    from gridtide.study import frequency_document, frequency_picture, frequency_text

    found = case_named(case)
    if damping is not None:
        found = with_damping(found, damping)
    fleet = Droop(
        power_mw=given["ev_mw"],
        delay_s=given["delay_s"],
        lag_s=given["lag_s"],
        window_s=given["window_s"],
        stairs=given["stairs"],
    )
    told = frequency_document(found, fleet)
    if picture is not None:
        frequency_picture(found, fleet, picture)
    if as_json:
        print_json(told)
    else:
        click.echo(frequency_text(found, told))


@grid.command()
@click.option("--delay-s", type=float, required=True, help="End to end, 95th percentile [s].")
@click.option("--areas", type=int, default=2, show_default=True, help="1, or 2 that are joined.")
@click.option("--gain", type=float, help="A droop to be judged [pu/Hz of the area].")
@json_option
def margin(delay_s: float, areas: int, gain: float | None, as_json: bool) -> None:
    """Tell how steep a droop may be for its delay; one that is too steep is refused."""
    from dataclasses import asdict

    from gridtide.grid import permit, refuse_steep

    found = permit(delay_s, areas) if gain is None else refuse_steep(gain, delay_s, areas)
    if as_json:
        print_json(asdict(found))
        return
    click.echo(
        f"{found.delay_s:g} s, {found.areas} area(s): unstable above {found.largest_gain:.3f} "
        f"pu/Hz ({found.times_governor:.2f} times the governor's droop, {found.mode} mode); "
        f"permitted up to {found.permitted_gain:.3f}"
    )


@grid.command()
@click.argument("feeder")
@click.option("--steps", type=int, default=96, show_default=True, help="Of a day.")
@click.option("--ev-share", type=float, default=0.0, help="Points with a vehicle that charges.")
@click.option("--ev-kw", type=float, default=7.4, show_default=True, help="Of each vehicle [kW].")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the vehicles.")
@json_option
def flow(feeder: str, steps: int, ev_share: float, ev_kw: float, seed: int, as_json: bool) -> None:
    """Run a three-phase power flow over a day.

    FEEDER is a folder of OpenDSS text with Master.dss, or synthetic:HOUSES[:SEED]. Vehicles are
    synthetic: they charge uncontrolled when they come home in the evening.
    """
    from gridtide.study import feeder_named, flow_document, flow_text

    found = feeder_named(feeder)
    told = flow_document(found, steps=steps, ev_share=ev_share, ev_kw=ev_kw, seed=seed)
    if as_json:
        print_json(told)
    else:
        click.echo(flow_text(told))


@grid.command()
@click.argument("feeder")
@click.option("--ev-share", type=click.FloatRange(0, 1), default=0.6, show_default=True)
@click.option("--ev-kw", type=float, default=7.4, show_default=True, help="Of each charger.")
@click.option("--source-pu", type=click.FloatRange(0.9, 1.1), help="Voltage of the source.")
@click.option("--capacity/--no-capacity", default=True, help="Find the largest share each bears.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the vehicles.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    callback=picture_name,
    help="Draw the voltages: a .svg or .png file.",
)
@json_option
def hosting(
    feeder: str, source_pu: float | None, picture: Path | None, as_json: bool, **given: Any
) -> None:
    """Tell how many vehicles a feeder bears: uncontrolled, V1G, V2G, V2G with volt-var.

    FEEDER is a folder of OpenDSS text with Master.dss, or synthetic:HOUSES[:SEED]. Vehicles are
    synthetic. Plans are made again with smaller limits at the points that help most until a full
    power flow of the planned night finds nothing beyond a limit.
    """
    from dataclasses import replace

    from gridtide.study import feeder_named
    from gridtide.study.hosting import hosting_document
    from gridtide.study.hosting_told import hosting_picture, hosting_text

    found = feeder_named(feeder)
    if source_pu is not None:
        found = replace(found, source_pu=source_pu)
    told = hosting_document(
        found,
        share=given["ev_share"],
        charger_kw=given["ev_kw"],
        seed=given["seed"],
        capacity=given["capacity"],
        watch=lambda text: click.echo(text, err=True),
    )
    if picture is not None:
        hosting_picture(told, picture)
    if as_json:
        print_json(told)
    else:
        click.echo(hosting_text(told))


@grid.command()
@click.argument("name", required=False)
@json_option
def curves(name: str | None, as_json: bool) -> None:
    """List the inverter curves of the grid standards, or tell one."""
    import msgspec

    from gridtide.grid import curve_named
    from gridtide.grid import curves as known

    found = list(known().values()) if name is None else [curve_named(name)]
    if as_json:
        print_json([msgspec.structs.asdict(curve) for curve in found])
        return
    for curve in found:
        mark = "  (unverified)" if curve.unverified else ""
        click.echo(f"{curve.name:28} {curve.standard}, {curve.response_s:g} s{mark}")
        if name is not None:
            for x, y in zip(curve.x, curve.y, strict=True):
                click.echo(f"{x:32.4g} pu  {y:+.3g} pu")
