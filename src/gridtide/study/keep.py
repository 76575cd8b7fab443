"""Write what a run gave: tables, summary, inputs, report."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import gridtide
from gridtide.core import utc
from gridtide.store import storage_errors, write_json, write_table, write_text
from gridtide.study.result import Result

TABLES = (
    "intervals", "site", "decisions", "sessions", "plans", "schedule", "statement", "wear",
    "services", "activation",
)  # fmt: skip


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

    prepare_folder(out)
    _clear_tables(out)
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


def prepare_folder(out: Path) -> None:
    """Make sure that results can be written, before anything runs.

    Raises
    ------
    StorageError
        If the folder cannot be made or written.
    """
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass


def _clear_tables(out: Path) -> None:
    """Remove the tables of an earlier run, so that none stands beside a summary not its own."""
    with storage_errors(out):
        for table in TABLES:
            for old in out.glob(f"*/{table}.*"):
                if old.suffix in (".parquet", ".csv"):
                    old.unlink()


def provenance(result: Result) -> dict[str, Any]:
    """Return what one needs to repeat the run bit for bit."""
    case = result.case
    return {
        "gridtide_version": gridtide.__version__,
        "scenario": case.scenario.name,
        "scenario_sha256": hashlib.sha256(case.source.encode()).hexdigest(),
        "input_sha256": {name: _sha256(path) for name, path in case.inputs.items()},
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
