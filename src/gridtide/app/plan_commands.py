"""`gridtide plan`: solve a planning problem, and verify a plan."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridtide.app.command import FAILED, Group, json_option, print_json

if TYPE_CHECKING:
    from gridtide.plan import Check, Verdict

FILE = click.Path(path_type=Path)
SHOWN = 20
"""Slacks that are printed; JSON has all."""
MARKS = {True: "ok", False: "FAILED", None: "open"}


class _SolveFirst(Group):
    """A group whose first word is a problem to solve, unless it names a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command that solves before arguments that name none."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["solve", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_SolveFirst,
    options_metavar="",
    subcommand_metavar="PROBLEM [--solver NAME] [--out PLAN] [--json] | verify PLAN PROBLEM",
)
def plan() -> None:
    """Solve a planning problem that stands alone in a file, or verify a plan.

    `gridtide plan PROBLEM` solves; it is short for `gridtide plan solve PROBLEM`, which tells
    its options. `gridtide plan verify PLAN PROBLEM` checks a plan that was kept with --out.
    """


@plan.command()
@click.argument("problem", type=FILE)
@click.option(
    "--solver",
    type=click.Choice(["auto", "highs", "price"]),
    default="auto",
    show_default=True,
    help="All vehicles in one linear problem, or coordinated by prices.",
)
@click.option(
    "--gap",
    type=click.FloatRange(min=0),
    default=1e-4,
    show_default=True,
    help="Gap at which coordination by prices stops.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=click.FloatRange(min=0),
    help="Seconds after which the best plan so far is taken; default 20, more for large fleets.",
)
@click.option("--out", type=FILE, help="Keep the plan: a .parquet or .json file.")
@json_option
def solve(
    problem: Path,
    solver: Any,
    gap: float,
    time_limit_s: float | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Solve the problem in a JSON file: a schedule with its certificate."""
    from gridtide.plan import plan_file

    answer = plan_file(problem, solver=solver, gap=gap, time_limit_s=time_limit_s, out=out)
    if as_json:
        print_json(answer)
        return
    click.echo(
        f"{answer['status']}: costs {answer['objective']:.2f}, provably at least "
        f"{answer['lower_bound']:.2f} (gap {answer['gap']:.2g}), "
        f"limits exceeded by {answer['hard_violation_kw']:.2g} kW, {answer['cpu_s']:.2f} s CPU"
    )
    if "bid" in answer:
        click.echo(
            f"  bid for {len(answer['scenarios'])} days: {answer['expected_cost']:.2f} expected, "
            f"{answer['cvar']:.2f} on the dearest; knowing the day would save "
            f"{answer['evpi']:.2f}, a plan for the mean day would cost {answer['vss']:.2f} more"
        )
    click.echo(f"  wear: {answer['wear_model']}")
    for offer in answer.get("reserves", ()):
        click.echo(_offered(offer))
    for note in answer["notes"]:
        click.echo(f"  note: {note}")
    for slack in answer["slacks"][:SHOWN]:
        click.echo(
            f"  {slack['name']} of {slack['entity']}: {slack['amount']:.3g} {slack['unit']}. "
            f"{slack['suggestion']}"
        )
    if (more := len(answer["slacks"]) - SHOWN) > 0:
        click.echo(f"  and {more} more: see --json")
    if out is not None:
        click.echo(f"wrote {out}")


def _offered(offer: dict[str, Any]) -> str:
    """Say what is offered in a block, and what kept it from being more."""
    told = f"  reserve {offer['name']}: {offer['offered_kw']:.3g} kW {offer['direction']}"
    told += f" for {offer['revenue']:.2f}, steps {offer['from_step']} to {offer['to_step']}"
    return told + (f", cut by {offer['cut']}" if offer["cut"] else "")


@plan.command()
@click.argument("plan_file", metavar="PLAN", type=FILE)
@click.argument("problem", type=FILE)
@json_option
def verify(plan_file: Path, problem: Path, as_json: bool) -> int:
    """Check a plan in a file against its problem: feasible, cost and bound as claimed.

    Recomputes all of it from the stored powers and prices, with nothing of the solver; of plans
    with reserve every call from every step, by the stored shares of the vehicles. Exit code 0
    where the plan is verified, 1 where it is not, 2 for files that cannot be read.
    """
    from gridtide.plan import read_plan, read_problem_file, verify_plan

    verdict = verify_plan(read_plan(plan_file), read_problem_file(problem))
    if as_json:
        print_json(_document(verdict))
    else:
        click.echo(_text(verdict))
    return 0 if verdict.verified else FAILED


def _word(verdict: Verdict) -> str:
    return "verified" if verdict.verified else "failed"


def _document(verdict: Verdict) -> dict[str, Any]:
    return {
        "verdict": _word(verdict),
        "cost": _number(verdict.cost),
        "lower_bound": _number(verdict.lower_bound),
        "gap": _number(verdict.gap),
        "checks": [_check_row(check) for check in verdict.checks],
    }


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "passed": check.passed,
        "figure": _number(check.figure),
        "allowed": check.allowed,
        "unit": check.unit,
        "said": check.said,
    }


def _number(value: float) -> float | None:
    """Return a number that JSON knows."""
    return value if math.isfinite(value) else None


def _text(verdict: Verdict) -> str:
    first = f"{_word(verdict)}: "
    if math.isfinite(verdict.cost) and math.isfinite(verdict.lower_bound):
        first += f"costs {verdict.cost:.2f}, proven at least {verdict.lower_bound:.2f} "
        first += f"(gap {verdict.gap:.2g})"
        opens = [check.name for check in verdict.checks if check.passed is None]
        first += f"; not proven here: {', '.join(opens)}" if opens else ""
    else:
        first += "this is no plan of this problem"
    width = max(len(check.name) for check in verdict.checks)
    lines = [f"  {MARKS[c.passed]:6}  {c.name:{width}}  {c.said}" for c in verdict.checks]
    return "\n".join([first, *lines])
