"""`gridtide run` as a person sees it: progress, the table, the path of the report."""

from __future__ import annotations

import json as _json
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gridtide.study import Case, Result, load, print_comparison, run, write_result


def run_and_show(scenario: Path, out: Path, *, as_json: bool, csv: bool) -> bool:
    """Run a scenario, write its results, and show them.

    Returns
    -------
    bool
        True if the run was interrupted; what was recorded until then has been written.
    """
    console = Console(stderr=as_json)
    case = load(scenario)
    result = _run_with_progress(case, console)
    written = write_result(result, out, csv=csv)
    if as_json:
        print(_json.dumps(result.summary(), indent=2))
    else:
        print_comparison(result, console)
    if result.partial:
        console.print("[bold]Interrupted: the results are partial, and say so.[/bold]")
    console.print(f"Report: {written[-1]}", soft_wrap=True)
    return result.partial


def _run_with_progress(case: Case, console: Console) -> Result:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {name: bars.add_task(name, total=1.0) for name in case.scenario.strategy.run}
        result = run(case, lambda name, share: bars.update(tasks[name], completed=share))
        for name in result.strategies:
            bars.update(tasks[name], completed=1.0)
    return result
