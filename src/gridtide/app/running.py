"""`gridtide run` as a person sees it: progress, the table, the path of the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gridtide.study import Case, Result, load, prepare_folder, print_comparison, run, write_result


def run_and_show(scenario: Path, out: Path, *, as_json: bool, csv: bool) -> Result:
    """Run a scenario, write its results, and show them in words.

    With ``as_json`` the table is left out and everything else goes to standard error.

    Returns
    -------
    Result
        Partial if the run was interrupted; what was recorded until then has been written.
    """
    console = Console(stderr=as_json)
    case = load(scenario)
    prepare_folder(out)
    result = _run_with_progress(case)
    written = write_result(result, out, csv=csv)
    if not as_json:
        print_comparison(result, console)
    if result.partial:
        console.print("[bold]Interrupted: the results are partial, and say so.[/bold]")
    console.print(f"Report: {written[-1]}", soft_wrap=True)
    return result


def _run_with_progress(case: Case) -> Result:
    """Show a bar per strategy on a terminal, a line per strategy elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0)
                if not console.is_terminal:
                    console.print(f"running {name}")
            bars.update(tasks[name], completed=share)

        return run(case, tell)
