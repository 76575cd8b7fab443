"""`gridtide battery`: cell models, ageing, efficiency, plausibility of telemetry."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from gridtide.app.command import Group, json_option, print_json


def picture_name(
    _context: click.Context, _option: click.Parameter, path: Path | None
) -> Path | None:
    """Let only names of pictures pass."""
    if path is not None and path.suffix not in (".svg", ".png"):
        raise click.BadParameter("name a file that ends in .svg or .png")
    return path


POSITIVE = click.FloatRange(min=0.0, min_open=True)


@click.group(cls=Group)
def battery() -> None:
    """Know what a battery loses: by time, by use, in conversion."""


@battery.command()
@json_option
def models(as_json: bool) -> None:
    """List the cell models with what they were tested on."""
    from gridtide.battery import model_cards

    cards = model_cards()
    if as_json:
        print_json([_card_row(card) for card in cards])
        return
    for card in cards:
        click.echo(f"{card.name:18} {card.title} ({card.chemistry})")
        click.echo(f"{'':18} {card.source}")
        for limit in card.limits:
            click.echo(f"{'':18} - {limit}")


def _card_row(card: Any) -> dict[str, Any]:
    row = asdict(card)
    ranges = ("calendar_c", "cycling_c", "soc", "depth", "charge_c", "discharge_c", "tested_years")
    return {
        "name": row.pop("name"),
        "chemistry": row.pop("chemistry"),
        "source": row.pop("source"),
        "range": {key: row.pop(key) for key in ranges},
        "has_resistance": row.pop("has_resistance"),
        **row,
    }


@battery.command()
@click.option("--model", required=True, help="Cell model; `gridtide battery models` lists them.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    help="CSV of hour, soc, temperature_c for a period that repeats.",
)
@click.option("--soc", type=float, help="Storage at this state of charge [0..1].")
@click.option(
    "--daily-cycle",
    type=(float, float),
    metavar="MAX MIN",
    help="Every day from MAX down to MIN (8 to 12 h) and back (18 to 22 h).",
)
@click.option("--temperature", type=float, help="With --soc or --daily-cycle [°C]; default 25.")
@click.option("--years", type=float, default=10.0, show_default=True, help="How long.")
@json_option
def age(
    model: str,
    profile: Path | None,
    soc: float | None,
    daily_cycle: tuple[float, float] | None,
    temperature: float | None,
    years: float,
    as_json: bool,
) -> None:
    """Age a battery: capacity and resistance year by year."""
    if daily_cycle is not None and daily_cycle[0] < daily_cycle[1]:
        raise click.UsageError("--daily-cycle takes the higher state of charge first: MAX MIN.")
    from gridtide.battery import age as age_it
    from gridtide.battery import cell_model, daily_cycle_soc, read_profile_csv

    given = [profile is not None, soc is not None, daily_cycle is not None]
    if sum(given) != 1:
        raise click.UsageError("Give one of --profile, --soc and --daily-cycle.")
    if profile is not None:
        if temperature is not None:
            raise click.UsageError("The temperature stands in the profile already.")
        read = read_profile_csv(profile)
        aged = age_it(model, read.soc, read.temperature_c, step_h=read.step_h, years=years)
    else:
        levels = [soc] * 24 if soc is not None else daily_cycle_soc(*(daily_cycle or (1.0, 0.0)))
        aged = age_it(model, levels, 25.0 if temperature is None else temperature, years=years)
    answer = {
        "model": model,
        "years": [int(y) if y == int(y) else y for y in aged.years.tolist()],
        "q": aged.q[0].tolist(),
        "r": None if aged.r is None else aged.r[0].tolist(),
        "efc": aged.efc[0].tolist(),
        "loss_calendar": aged.loss_calendar[0].tolist(),
        "loss_cycle": aged.loss_cycle[0].tolist(),
        "outside_range": aged.outside_range(),
        "starts_at": cell_model(model).card.starts_at,
        "notes": list(aged.notes),
    }
    if as_json:
        print_json(answer)
        return
    _show_ageing(answer, float(aged.years_to()[0]))


def _show_ageing(answer: dict[str, Any], end_years: float) -> None:
    start = answer["starts_at"]
    of = "the new capacity" if start == 1.0 else f"the start, which is {start:.0%} of new"
    click.echo(f"{answer['model']}, relative to {of}")
    click.echo(f"{'year':>6} {'capacity':>9} {'lost: time':>11} {'use':>8} {'cycles':>8}")
    columns = (answer[key] for key in ("years", "q", "loss_calendar", "loss_cycle", "efc"))
    for year, q, calendar, cycle, efc in zip(*columns, strict=True):
        click.echo(f"{year:>6} {q:>9.2%} {calendar:>11.2%} {cycle:>8.2%} {efc:>8.0f}")
    if answer["r"] is not None:
        click.echo(f"resistance after {answer['years'][-1]} years: {answer['r'][-1]:.2f} of new")
    if end_years < float("inf"):
        click.echo(f"80 % are reached after {end_years:.1f} years")
    for note in answer["notes"]:
        click.echo(f"NOTE: {note}")
    if answer["outside_range"]:
        told = ", ".join(answer["outside_range"])
        click.echo(f"EXTRAPOLATED: outside the tests of this model in {told}")


@battery.command()
@click.option("--capacity", type=float, default=60.0, show_default=True, help="Battery [kWh].")
@click.option("--power", type=float, default=11.0, show_default=True, help="Charger [kW].")
@click.option("--temperature", type=float, default=20.0, show_default=True, help="Cells [°C].")
@click.option("--years", type=int, default=10, show_default=True, help="How long.")
@click.option(
    "--pack-price", type=float, default=120.0, show_default=True, help="Pack [currency/kWh]."
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    callback=picture_name,
    help="Draw it: a .svg or .png file.",
)
@json_option
def compare(
    capacity: float,
    power: float,
    temperature: float,
    years: int,
    pack_price: float,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Tell whether V2G hurts the battery: four uses over years, a band over all cell models."""
    from gridtide.study import compare_uses, uses_document, uses_picture, uses_text

    compared = compare_uses(
        capacity_kwh=capacity,
        power_kw=power,
        temperature_c=temperature,
        years=years,
        pack_price_per_kwh=pack_price,
    )
    if picture is not None:
        uses_picture(compared, picture)
    if as_json:
        print_json(uses_document(compared))
    else:
        click.echo(uses_text(compared))


@battery.command()
@click.argument("telemetry", type=click.Path(path_type=Path))
@click.option("--capacity", type=POSITIVE, required=True, help="Usable capacity [kWh].")
@click.option("--chemistry", default="", help="Chemistry of its circuit, such as nmc.")
@click.option("--cells", type=click.IntRange(min=1), help="Cells in series in the pack.")
@click.option("--charge-kw", type=POSITIVE, default=11.0, show_default=True, help="Most [kW].")
@click.option("--discharge-kw", type=POSITIVE, default=11.0, show_default=True, help="Most [kW].")
@json_option
def doubt(telemetry: Path, as_json: bool, **declared: Any) -> None:
    """Judge the telemetry of one vehicle in a CSV file: verdict and evidence."""
    from gridtide.app.telemetry_verdict import judge_file, verdict_text

    answer = judge_file(telemetry, **declared)
    if as_json:
        print_json(answer)
    else:
        click.echo(verdict_text(answer))


@battery.command()
@click.option("--chemistry", default="nmc", show_default=True, help="nmc, nca, lfp or lmo.")
@click.option("--capacity", type=float, default=60.0, show_default=True, help="Pack [kWh].")
@click.option("--temperature", type=float, default=25.0, show_default=True, help="Cells [°C].")
@click.option("--soc-min", type=float, default=0.25, show_default=True, help="Lower end [0..1].")
@click.option("--soc-max", type=float, default=0.75, show_default=True, help="Upper end [0..1].")
@click.option("--growth", type=float, default=1.0, show_default=True, help="Resistance, 1 is new.")
@click.option(
    "--coulombic", type=float, default=1.0, show_default=True, help="Share of Ah that stays."
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    callback=picture_name,
    help="Draw it: a .svg or .png file.",
)
@json_option
def efficiency(
    chemistry: str,
    capacity: float,
    temperature: float,
    soc_min: float,
    soc_max: float,
    growth: float,
    coulombic: float,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Tell what a kWh loses on its way in and out, by power: cells, DC terminals, plug."""
    from gridtide.battery import RoundTrip, find_circuit
    from gridtide.study import efficiency_rows, efficiency_text, round_trip_picture

    cycle = RoundTrip(
        circuit=find_circuit(chemistry),
        capacity_kwh=capacity,
        temperature_c=temperature,
        soc_min=soc_min,
        soc_max=soc_max,
        growth=growth,
        coulombic=coulombic,
    )
    if picture is not None:
        round_trip_picture(cycle, picture)
    rows = efficiency_rows(cycle)
    if as_json:
        print_json({"chemistry": chemistry, "temperature_c": temperature, "powers": rows})
    else:
        click.echo(efficiency_text(cycle, rows))
