"""The planning benchmark: 200 vehicles × 96 quarter hours behind one meter, synthetic.

All are bidirectional; stays of 8 to 60 steps, or the whole day; a site limit and a demand charge
that bind. A checkable result: the plan's own lower bound and violation.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import GridtideError, stream
from gridtide.study.benchmarks import peak_memory_mb


def measure(
    size: int | None, seed: int, *, all_day: bool = False, segments: int = 0
) -> dict[str, Any]:
    """Plan in a fresh process and account for the whole of it.

    Parameters
    ----------
    size
        Vehicles; 200 where None.
    seed
        Of the draw.
    all_day
        Stays of the whole day instead of 8 to 60 steps.
    segments
        Segments of depth that wear is priced by; 0 for a linear price.

    Raises
    ------
    GridtideError
        If planning fails.
    """
    document = problem(size or 200, seed=seed, all_day=all_day, segments=segments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.json"
        path.write_text(json.dumps(document))
        told, used = _plan_in_a_process(path, Path(folder) / "answer.json")
    return {
        "vehicles": len(document["vehicles"]),
        "steps": document["steps"],
        "cpu_s": used.ru_utime + used.ru_stime,
        "solve_cpu_s": told["cpu_s"],
        "peak_memory_mb": peak_memory_mb(used),
        "status": told["status"],
        "objective": told["objective"],
        "gap": told["gap"],
        "wear_model": told["wear_model"],
        "hard_violation_kw": told["hard_violation_kw"],
        "share_of_steps_at_limit": binding_share(document, told),
        "share_of_steps_at_peak": peak_share(document, told),
    }


def _plan_in_a_process(path: Path, answer: Path) -> tuple[dict[str, Any], Any]:
    """Run the command a user would; return its answer and what the system says it used."""
    command = [sys.executable, "-m", "gridtide", "plan", str(path), "--json"]
    with answer.open("wb") as out:
        child = subprocess.Popen(command, stdout=out)  # noqa: S603
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise GridtideError(f"planning ended with exit code {child.returncode}")
    return json.loads(answer.read_text()), used


def problem(
    vehicles: int = 200,
    steps: int = 96,
    seed: int = 1,
    *,
    all_day: bool = False,
    segments: int = 0,
) -> dict[str, Any]:
    """Draw a planning problem in the form of ``gridtide plan``.

    Parameters
    ----------
    vehicles, steps
        Size; steps are quarter hours.
    seed
        Of the draw.
    all_day
        All vehicles stay through the horizon instead of 8 to 60 steps.
    segments
        Price wear by so many segments of depth instead of a linear price.
    """
    draw = stream(seed, "benchmark plan")
    hour = np.arange(steps) / 4.0 % 24.0
    price = (
        0.14 + 0.04 * np.sin((hour - 9.0) / 24.0 * 2 * np.pi) + 0.12 * ((hour >= 16) & (hour < 21))
    )
    price = price + draw.normal(0.0, 0.005, steps)
    base = vehicles * (0.4 + 0.3 * np.sin((hour - 8.0) / 24.0 * 2 * np.pi))
    return {
        "version": 1,
        "start": "2021-08-02T00:00:00Z",
        "step_minutes": 15,
        "steps": steps,
        "price_import_per_kwh": price.tolist(),
        "price_export_per_kwh": (price - 0.02).tolist(),
        "billing": "site",
        "shortfall_price_per_kwh": 10.0,
        "limits": [
            {
                "name": "site",
                "import_kw": 2.5 * vehicles,
                "export_kw": 1.0 * vehicles,
                "base_load_kw": base.tolist(),
                "demand_charge_per_kw": 0.5,
                "members": [f"ev{i}" for i in range(vehicles)],
            }
        ],
        "vehicles": [_vehicle(draw, i, steps, all_day) | _depth(segments) for i in range(vehicles)],
    }


def _depth(segments: int) -> dict[str, Any]:
    """LMO cells at 120 per kWh of pack; doi:10.1109/TPWRS.2017.2733339."""
    if segments == 0:
        return {}
    life = 5.24e-4 * np.linspace(0.0, 1.0, segments + 1) ** 2.03
    prices = 120.0 / 0.93 * segments * np.diff(life)
    return {"wear_price_per_kwh": 0.0, "wear_depth_price_per_kwh": prices.tolist()}


def _vehicle(draw: np.random.Generator, i: int, steps: int, all_day: bool) -> dict[str, Any]:
    longest = min(60, steps)
    stay = int(draw.integers(min(8, longest), longest + 1))
    arrive = int(draw.integers(0, max(steps - stay, 0) + 1))
    if all_day:
        arrive, stay = 0, steps
    capacity, power = float(draw.choice([40.0, 60.0, 77.0])), float(draw.choice([7.4, 11.0, 22.0]))
    arrival = float(draw.uniform(0.2, 0.6))
    wanted = 0.8 * power * 0.93 * stay / 4.0 / capacity
    return {
        "id": f"ev{i}",
        "capacity_kwh": capacity,
        "soc_arrival": arrival,
        "soc_target": min(arrival + float(draw.uniform(0.1, 0.5)), arrival + wanted, 0.9),
        "soc_min": 0.1,
        "soc_max": 1.0,
        "arrive_step": arrive,
        "depart_step": arrive + stay,
        "max_charge_kw": power,
        "max_discharge_kw": power,
        "charge_efficiency": 0.93,
        "discharge_efficiency": 0.93,
        "wear_price_per_kwh": 0.03,
    }


def binding_share(document: dict[str, Any], answer: dict[str, Any]) -> float:
    """Share of the steps in which the site is at its import or export limit.

    Parameters
    ----------
    document
        What :func:`problem` drew.
    answer
        What planning it gave.
    """
    limit = document["limits"][0]
    net = _net_kw(document, answer)
    at = (net > limit["import_kw"] - 1e-4) | (net < -limit["export_kw"] + 1e-4)
    return float(np.mean(at))


def peak_share(document: dict[str, Any], answer: dict[str, Any]) -> float:
    """Share of the steps in which the site is at its own highest import.

    Parameters
    ----------
    document, answer
        As in :func:`binding_share`.
    """
    net = _net_kw(document, answer)
    return float(np.mean(net > net.max() - 1e-4))


def _net_kw(document: dict[str, Any], answer: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Power drawn from the grid on every step [kW], shape (steps,)."""
    planned = [answer["schedule_kw"][vehicle["id"]] for vehicle in document["vehicles"]]
    net = np.asarray(document["limits"][0]["base_load_kw"], dtype=np.float64)
    return net + np.sum(planned, axis=0, dtype=np.float64)
