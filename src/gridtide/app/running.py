"""`gridtide run` as a person sees it: progress, the table, the path of the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from gridtide.app.progress import watcher
from gridtide.study import Result, load, prepare_folder, print_comparison, run, write_result


def run_and_show(
    scenario: Path, out: Path, *, as_json: bool, csv: bool, quiet: bool = False
) -> Result:
    """Run a scenario, write its results, and show them in words.

    With ``as_json`` the table is left out and everything else goes to standard error. With
    ``quiet`` nothing is told of the progress.

    Returns
    -------
    Result
        Partial if the run was interrupted; what was recorded until then has been written.
    """
    console = Console(stderr=as_json)
    case = load(scenario)
    prepare_folder(out)
    with watcher(Console(stderr=True), quiet=quiet) as watch:
        result = run(case, watch)
    written = write_result(result, out, csv=csv)
    if not as_json:
        print_comparison(result, console)
    if result.partial:
        console.print("[bold]Interrupted: the results are partial, and say so.[/bold]")
    console.print(f"Report: {written[-1]}", soft_wrap=True)
    return result
