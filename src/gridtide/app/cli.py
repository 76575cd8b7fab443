"""The command line. Every import that costs time waits for the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gridtide
from gridtide.app.battery_commands import add_battery_commands

if TYPE_CHECKING:
    from gridtide.core import GridtideError

FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130

FILE = click.Path(path_type=Path)
# The kinds of site that gridtide.fleet.tables.Archetype names, which would take too long to import.
ARCHETYPES = ("home", "building", "depot", "campus", "hub")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)


class _Command(click.Command):
    """A command that tells known errors in words, and as JSON where that was asked for."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; known errors become its exit code."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from gridtide.core import GridtideError

            if not isinstance(error, GridtideError):
                raise
            return _tell(error, as_json=ctx.params.get("as_json", False))


class _App(click.Group):
    command_class = _Command
    group_class = type


@click.group(cls=_App)
@click.version_option(gridtide.__version__, message="%(version)s")
def app() -> None:
    """Plan, operate and settle the charging and discharging of electric-vehicle fleets."""


@app.command()
@click.argument("scenario", type=FILE)
@click.option("--out", type=FILE, help="Folder for the results; default out/NAME of the file.")
@json_option
@click.option("--csv", is_flag=True, help="Write tables as CSV too.")
def run(scenario: Path, out: Path | None, as_json: bool, csv: bool) -> int:
    """Compare strategies, settle the bill, write the report."""
    from gridtide.app.running import run_and_show

    result = run_and_show(scenario, out or Path("out") / scenario.stem, as_json=as_json, csv=csv)
    if as_json:
        _print_json(result.summary())
    return INTERRUPTED if result.partial else 0


@app.command()
@click.argument("scenario", type=FILE)
@json_option
def check(scenario: Path, as_json: bool) -> None:
    """List everything that is wrong with a scenario, and run nothing."""
    from gridtide.study import check_strategies, load

    check_strategies(load(scenario))
    if as_json:
        _print_json({"findings": []})
    else:
        click.echo(f"{scenario}: nothing to mend")


@app.command()
@click.argument("archetype", type=click.Choice(ARCHETYPES))
@click.option("--out", type=FILE, help="File to write; default NAME.toml, never overwritten.")
def new(archetype: Any, out: Path | None) -> None:
    """Write a commented scenario to start from, for a kind of site."""
    from gridtide.study import write_starter

    click.echo(f"wrote {write_starter(archetype, out or Path(f'{archetype}.toml'))}")


@app.command()
@click.argument("what", type=click.Choice(["scenario", "problem"]), default="scenario")
def schema(what: str) -> None:
    """Print the JSON Schema of a file format."""
    if what == "problem":
        from gridtide.plan import problem_schema as schema_of
    else:
        from gridtide.study import scenario_schema as schema_of
    _print_json(schema_of())


@app.command()
@click.argument("problem", type=FILE)
@json_option
def plan(problem: Path, as_json: bool) -> None:
    """Solve a planning problem that stands alone in a file."""
    from gridtide.plan import plan_file

    answer = plan_file(problem)
    if as_json:
        _print_json(answer)
        return
    click.echo(
        f"{answer['status']}: costs {answer['objective']:.2f}, provably at least "
        f"{answer['lower_bound']:.2f} (gap {answer['gap']:.2g}), "
        f"limits exceeded by {answer['hard_violation_kw']:.2g} kW, {answer['cpu_s']:.2f} s CPU"
    )
    for slack in answer["slacks"]:
        click.echo(
            f"  {slack['name']} of {slack['entity']}: {slack['amount']:.3g} {slack['unit']}. "
            f"{slack['suggestion']}"
        )


@app.command()
@click.argument("name")
@click.option("--size", type=click.IntRange(min=1), help="Number of vehicles.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generator.")
@json_option
def bench(name: str, size: int | None, seed: int, as_json: bool) -> None:
    """Run a benchmark and print what it measured; `list` names them."""
    from gridtide.study.benchmarks import run_benchmark

    result = run_benchmark(name, size=size, seed=seed)
    if as_json:
        _print_json(result)
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


add_battery_commands(app)


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2))


def _tell(error: GridtideError, *, as_json: bool) -> int:
    """Tell a known error; return the exit code: 2 for findings, 1 for the rest."""
    from gridtide.core import InputError

    if not isinstance(error, InputError):
        text = f"{type(error).__name__}: {error}"
        if as_json:
            _print_json({"findings": [], "error": text})
        click.echo(text, err=True)
        return FAILED
    if as_json:
        found = [{"where": f.where, "what": f.what, "mend": f.mend} for f in error.findings]
        _print_json({"findings": found})
    for finding in error.findings:
        click.echo(str(finding), err=True)
    click.echo(f"{len(error.findings)} finding(s); nothing was run or written.", err=True)
    return BAD_INPUT


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
