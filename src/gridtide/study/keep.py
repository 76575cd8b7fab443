"""Write what a run gave: tables, summary, inputs, report."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gridtide
from gridtide.core import utc
from gridtide.store import write_json, write_table, write_text
from gridtide.study.result import Result


def write_result(result: Result, out: Path, *, csv: bool = False) -> list[Path]:
    """Write a result into a folder, each file whole or not at all.

    ``summary.json`` holds the figures, ``run.json`` how to repeat the run, ``scenario.toml``
    the input, ``report.html`` the report, and a folder per strategy its tables.

    Returns
    -------
    paths
        What was written; the report last.

    Raises
    ------
    StorageError
        If the disk is full or cannot be written; no truncated file is left.
    """
    from gridtide.study.report import write_report

    out.mkdir(parents=True, exist_ok=True)
    written = [
        write_json(out / "summary.json", result.summary()),
        write_json(out / "run.json", provenance(result)),
        write_text(out / "scenario.toml", result.case.source),
    ]
    for name, strategy in result.strategies.items():
        folder = out / name.replace(":", ".")
        folder.mkdir(exist_ok=True)
        for table, columns in strategy.columns.items():
            for suffix in (".parquet", ".csv") if csv else (".parquet",):
                path = folder / f"{table}{suffix}"
                written.append(write_table(path, columns, partial=strategy.partial))
    write_report(result, out / "report.html")
    return [*written, out / "report.html"]


def provenance(result: Result) -> dict[str, Any]:
    """Return what one needs to repeat the run bit for bit."""
    case = result.case
    return {
        "gridtide_version": gridtide.__version__,
        "scenario": case.scenario.name,
        "scenario_sha256": hashlib.sha256(case.source.encode()).hexdigest(),
        "seed": case.scenario.seed,
        "start": utc(case.world.grid.start_s).isoformat(),
        "steps": case.world.grid.n,
        "step_minutes": case.scenario.step_minutes,
        "currency": case.currency,
        "stored_value_per_kwh": case.stored_value_per_kwh,
        "sites": [site.name for site in case.scenario.site],
        "limits": list(case.world.limits.names),
        "notes": list(case.notes),
        "partial": result.partial,
    }
