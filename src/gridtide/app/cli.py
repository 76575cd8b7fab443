"""The command line. Every import that costs time waits for the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

import gridtide
from gridtide.app.battery_commands import battery
from gridtide.app.command import FAILED, Group, json_option, print_json
from gridtide.app.grid_commands import grid
from gridtide.app.pareto_command import pareto
from gridtide.app.plan_commands import plan
from gridtide.app.service_commands import service

INTERRUPTED = 130

FILE = click.Path(path_type=Path)
# The kinds of site that gridtide.fleet.tables.Archetype names, which would take too long to import.
ARCHETYPES = ("home", "building", "depot", "campus", "hub", "city")


@click.group(cls=Group)
@click.version_option(gridtide.__version__, message="%(version)s")
def app() -> None:
    """Plan, operate and settle the charging and discharging of electric-vehicle fleets."""


@app.command()
@click.argument("scenario", type=FILE)
@click.option("--out", type=FILE, help="Folder for the results; default out/NAME of the file.")
@json_option
@click.option("--csv", is_flag=True, help="Write tables as CSV too.")
@click.option("--quiet", is_flag=True, help="Tell nothing of the progress.")
def run(scenario: Path, out: Path | None, as_json: bool, csv: bool, quiet: bool) -> int:
    """Compare strategies, settle the bill, write the report."""
    from gridtide.app.running import run_and_show

    folder = out or Path("out") / scenario.stem
    result = run_and_show(scenario, folder, as_json=as_json, csv=csv, quiet=quiet)
    if as_json:
        print_json(result.summary())
    return INTERRUPTED if result.partial else 0


@app.command()
@click.argument("scenario", type=FILE)
@json_option
def check(scenario: Path, as_json: bool) -> None:
    """List everything that is wrong with a scenario, and run nothing."""
    from gridtide.study import check_strategies, load

    check_strategies(load(scenario))
    if as_json:
        print_json({"findings": []})
    else:
        click.echo(f"{scenario}: nothing to mend")


@app.command()
@click.argument("archetype", type=click.Choice(ARCHETYPES))
@click.option("--out", type=FILE, help="File to write; default NAME.toml, never overwritten.")
@click.option("--vehicles", type=click.IntRange(min=1, max=1_000_000), help="Size of a city.")
def new(archetype: Any, out: Path | None, vehicles: int | None) -> None:
    """Write a commented scenario to start from, for a kind of site."""
    from gridtide.study import write_starter

    path = write_starter(archetype, out or Path(f"{archetype}.toml"), vehicles)
    click.echo(f"wrote {path}")


@app.command()
@click.argument("what", type=click.Choice(["scenario", "problem"]), default="scenario")
def schema(what: str) -> None:
    """Print the JSON Schema of a file format."""
    if what == "problem":
        from gridtide.plan import problem_schema as schema_of
    else:
        from gridtide.study import scenario_schema as schema_of
    print_json(schema_of())


@app.command()
@click.argument("name")
@click.option("--vehicles", "--size", "size", type=click.IntRange(min=1), help="How many.")
@click.option("--years", type=click.FloatRange(min=0.1, max=50), help="Years of ageing.")
@click.option("--v2g-share", type=click.FloatRange(min=0, max=1), help="Share that can discharge.")
@click.option(
    "--price-shape",
    type=click.Choice(["flat", "two-peak", "solar", "scarcity"]),
    help="Prices over the day, for planning.",
)
@click.option(
    "--stored-kwh",
    type=click.FloatRange(min=0),
    help="Energy that all vehicles are to hold together from 18 to 20 h, per vehicle of the fleet.",
)
@click.option("--gap", type=click.FloatRange(min=0), help="Gap to plan to; default by size.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generator.")
@json_option
def bench(name: str, size: int | None, seed: int, as_json: bool, **given: Any) -> None:
    """Run a benchmark and print what it measured; `list` names them."""
    from gridtide.study.benchmarks import run_benchmark

    result = run_benchmark(name, size, seed, **given)
    if as_json:
        print_json(result)
        return
    table = result.pop("table", [])
    for key, value in result.items():
        click.echo(f"{key:>28}  {value:.4g}" if isinstance(value, float) else f"{key:>28}  {value}")
    if table:
        _print_table(table)


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows of equal keys in columns as wide as their longest cell."""
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    for row in cells:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


app.add_command(battery)
app.add_command(grid)
app.add_command(pareto)
app.add_command(plan)
app.add_command(service)


def main() -> None:
    """Run the command line; findings end with exit code 2, other known errors with 1."""
    # Nothing here multiplies large matrices: BLAS threads would only cost 0.1 s at the start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = _run_app()
        sys.stdout.flush()
    except OSError as error:
        code = _stop_writing(error)
    sys.exit(code)


def _run_app() -> int:
    try:
        return app(standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED


def _stop_writing(error: OSError) -> int:
    """Tell why nothing more can be written; a reader that has gone is not told."""
    # What is still held back goes nowhere, so that the interpreter's end is quiet too.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        click.echo(f"OSError: {error}", err=True)
    return FAILED
