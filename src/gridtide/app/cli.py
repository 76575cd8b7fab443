"""The command line. Every import that costs time waits for the command that needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

app = typer.Typer(
    name="gridtide",
    help="Plan, operate and settle the charging and discharging of electric-vehicle fleets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
ScenarioFile = Annotated[Path, typer.Argument(help="The scenario, a TOML file.")]

BAD_INPUT = 2
INTERRUPTED = 130


def _version(asked: bool) -> None:
    if asked:
        import gridtide

        typer.echo(gridtide.__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Plan, operate and settle the charging and discharging of electric-vehicle fleets."""


@app.command()
def run(
    scenario: ScenarioFile,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; default out/NAME of the file.")
    ] = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write tables as CSV too.")] = False,
) -> None:
    """Run a scenario: compare strategies, settle the bill, write the report."""
    from gridtide.app.running import run_and_show

    if run_and_show(scenario, out or Path("out") / scenario.stem, as_json=json, csv=csv):
        raise typer.Exit(INTERRUPTED)


@app.command()
def check(scenario: ScenarioFile, json: Json = False) -> None:
    """List everything that is wrong with a scenario, and run nothing."""
    from gridtide.study import check_strategies, load

    check_strategies(load(scenario))
    _say({"findings": []} if json else f"{scenario}: nothing to mend", json)


@app.command()
def new(
    archetype: Annotated[
        Literal["home", "building", "depot", "campus", "hub"],
        typer.Argument(help="What kind of site to start from."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write; default NAME.toml, never overwritten.")
    ] = None,
) -> None:
    """Write a commented scenario to start from."""
    from gridtide.study import write_starter

    typer.echo(f"wrote {write_starter(archetype, out or Path(f'{archetype}.toml'))}")


@app.command()
def schema(
    what: Annotated[
        Literal["scenario", "problem"], typer.Argument(help="Which file format.")
    ] = "scenario",
) -> None:
    """Print the JSON Schema of a file format."""
    if what == "problem":
        from gridtide.plan import problem_schema as schema_of
    else:
        from gridtide.study import scenario_schema as schema_of
    _say(schema_of(), as_json=True)


@app.command()
def plan(
    problem: Annotated[Path, typer.Argument(help="The planning problem, a JSON file.")],
    json: Json = False,
) -> None:
    """Solve a planning problem that stands alone in a file."""
    from gridtide.plan import plan_file

    answer = plan_file(problem)
    if json:
        _say(answer, as_json=True)
        return
    typer.echo(
        f"{answer['status']}: costs {answer['objective']:.2f}, provably at least "
        f"{answer['lower_bound']:.2f} (gap {answer['gap']:.2g}), "
        f"limits exceeded by {answer['hard_violation_kw']:.2g} kW, {answer['cpu_s']:.2f} s CPU"
    )
    for slack in answer["slacks"]:
        typer.echo(
            f"  {slack['name']} of {slack['entity']}: {slack['amount']:.3g} {slack['unit']}. "
            f"{slack['suggestion']}"
        )


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark; `list` names them.")],
    size: Annotated[int | None, typer.Option(help="Number of vehicles.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 1,
    json: Json = False,
) -> None:
    """Run a benchmark and print what it measured."""
    from gridtide.study.benchmarks import run_benchmark

    result = run_benchmark(name, size=size, seed=seed)
    if json:
        _say(result, as_json=True)
        return
    for key, value in result.items():
        typer.echo(f"{key:>28}  {value:.4g}" if isinstance(value, float) else f"{key:>28}  {value}")


def _say(value: Any, as_json: bool) -> None:
    if not as_json:
        typer.echo(value)
        return
    import json

    typer.echo(json.dumps(value, indent=2))


def _stop_with_findings(error: Exception) -> NoReturn:
    findings = getattr(error, "findings", ())
    if "--json" in sys.argv:
        _say(
            {"findings": [{"where": f.where, "what": f.what, "mend": f.mend} for f in findings]},
            as_json=True,
        )
    for finding in findings:
        typer.echo(str(finding), err=True)
    typer.echo(f"{len(findings)} finding(s); nothing was run or written.", err=True)
    sys.exit(BAD_INPUT)


def main() -> None:
    """Run the command line; findings end with exit code 2, other known errors with 1."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        from gridtide.core import GridtideError, InputError

        if isinstance(error, InputError):
            _stop_with_findings(error)
        if isinstance(error, GridtideError):
            typer.echo(f"{type(error).__name__}: {error}", err=True)
            sys.exit(1)
        raise
