"""The command line. Every import that costs time waits for the command that needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

import gridtide

BAD_INPUT = 2
INTERRUPTED = 130

FILE = click.Path(path_type=Path)
as_json = click.option(
    "--json", "json", is_flag=True, help="Print one JSON document on standard output."
)


@click.group()
@click.version_option(gridtide.__version__, message="%(version)s")
def app() -> None:
    """Plan, operate and settle the charging and discharging of electric-vehicle fleets."""


@app.command()
@click.argument("scenario", type=FILE)
@click.option("--out", type=FILE, help="Folder for the results; default out/NAME of the file.")
@as_json
@click.option("--csv", is_flag=True, help="Write tables as CSV too.")
def run(scenario: Path, out: Path | None, json: bool, csv: bool) -> None:
    """Compare strategies, settle the bill, write the report."""
    from gridtide.app.running import run_and_show

    if run_and_show(scenario, out or Path("out") / scenario.stem, as_json=json, csv=csv):
        sys.exit(INTERRUPTED)


@app.command()
@click.argument("scenario", type=FILE)
@as_json
def check(scenario: Path, json: bool) -> None:
    """List everything that is wrong with a scenario, and run nothing."""
    from gridtide.study import check_strategies, load

    check_strategies(load(scenario))
    _say({"findings": []} if json else f"{scenario}: nothing to mend", json)


@app.command()
@click.argument("archetype", type=click.Choice(["home", "building", "depot", "campus", "hub"]))
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
    _say(schema_of(), as_json=True)


@app.command()
@click.argument("problem", type=FILE)
@as_json
def plan(problem: Path, json: bool) -> None:
    """Solve a planning problem that stands alone in a file."""
    from gridtide.plan import plan_file

    answer = plan_file(problem)
    if json:
        _say(answer, as_json=True)
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
@click.option("--size", type=int, help="Number of vehicles.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generator.")
@as_json
def bench(name: str, size: int | None, seed: int, json: bool) -> None:
    """Run a benchmark and print what it measured; `list` names them."""
    from gridtide.study.benchmarks import run_benchmark

    result = run_benchmark(name, size=size, seed=seed)
    if json:
        _say(result, as_json=True)
        return
    for key, value in result.items():
        click.echo(f"{key:>28}  {value:.4g}" if isinstance(value, float) else f"{key:>28}  {value}")


def _say(value: Any, as_json: bool) -> None:
    if not as_json:
        click.echo(value)
        return
    import json

    click.echo(json.dumps(value, indent=2))


def _stop_with_findings(error: Exception) -> NoReturn:
    findings = getattr(error, "findings", ())
    if "--json" in sys.argv:
        _say(
            {"findings": [{"where": f.where, "what": f.what, "mend": f.mend} for f in findings]},
            as_json=True,
        )
    for finding in findings:
        click.echo(str(finding), err=True)
    click.echo(f"{len(findings)} finding(s); nothing was run or written.", err=True)
    sys.exit(BAD_INPUT)


def main() -> None:
    """Run the command line; findings end with exit code 2, other known errors with 1."""
    # Nothing here multiplies large matrices: BLAS threads would only cost 0.1 s at the start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception as error:
        from gridtide.core import GridtideError, InputError

        if isinstance(error, InputError):
            _stop_with_findings(error)
        if isinstance(error, GridtideError):
            click.echo(f"{type(error).__name__}: {error}", err=True)
            sys.exit(1)
        raise
