"""`gridtide pareto`: what one objective of a planning problem costs in another."""

from __future__ import annotations

from pathlib import Path

import click

from gridtide.app.battery_commands import picture_name
from gridtide.app.command import Command, json_option, print_json

OBJECTIVE_NAMES = (
    "cost", "profit", "carbon", "peak", "variance", "valley", "losses", "self_consumption",
    "fairness",
)  # fmt: skip


@click.command(cls=Command)
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--of", default="cost", show_default=True, help="First objective.")
@click.option("--against", required=True, help=f"Second: {', '.join(OBJECTIVE_NAMES)}.")
@click.option(
    "--points", type=click.IntRange(2, 99), default=9, show_default=True, help="How many at most."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=picture_name,
    help="Draw it: a .svg or .png file.",
)
@json_option
def pareto(
    problem: Path, of: str, against: str, points: int, out: Path | None, as_json: bool
) -> None:
    """Trace what one objective of a planning problem costs in another."""
    from gridtide.plan import read_problem_file, trace_front
    from gridtide.study import front_document, front_picture, front_text

    front = trace_front(read_problem_file(problem), of, against, points=points)
    if out is not None:
        front_picture(front, out)
    if as_json:
        print_json(front_document(front))
    else:
        click.echo(front_text(front))
