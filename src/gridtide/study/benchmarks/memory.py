"""A day of many vehicles with every meter reading streamed to disk: how much memory it takes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from gridtide.control import run_loop
from gridtide.core import cpu_s
from gridtide.sim import SimPlant
from gridtide.store import TableWriter
from gridtide.study.benchmarks import peak_memory_mb
from gridtide.study.benchmarks.fleet_day import STEPS, GivenPlan, make_world


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Run a day; readings of chargers and of the site go to Parquet as they come."""
    n = size or 1_000_000
    began = cpu_s()
    world = make_world(n, seed)
    with tempfile.TemporaryDirectory() as folder:
        intervals, site = Path(folder) / "intervals.parquet", Path(folder) / "site.parquet"
        with TableWriter(intervals) as charger_rows, TableWriter(site) as site_rows:
            plant = SimPlant(world, charger_rows, site_rows)
            run_loop(plant, GivenPlan(world, seed), world.grid.end_s)
            plant.close()
        written_mb = intervals.stat().st_size / 1e6
        rows, metered_kwh = _read_back(intervals)
    return {
        "vehicles": n,
        "steps": STEPS,
        "cpu_s": cpu_s() - began,
        "rows_written": rows,
        "written_mb": written_mb,
        "metered_kwh": metered_kwh,
        "physical_kwh": float(plant.outcomes.taken.sum() - plant.outcomes.given.sum()),
        "hard_violation_kw": plant.extremes.violation_kw,
        "peak_memory_mb": peak_memory_mb(),
    }


def _read_back(path: Path) -> tuple[int, float]:
    """Rows and net energy of the file, one row group at a time."""
    import pyarrow.compute as pc
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    net_wh = 0
    for group in range(file.num_row_groups):
        part = file.read_row_group(group, columns=["import_wh", "export_wh"])
        net_wh += pc.sum(part["import_wh"]).as_py() - pc.sum(part["export_wh"]).as_py()
    return file.metadata.num_rows, net_wh / 1000.0
