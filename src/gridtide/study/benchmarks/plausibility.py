"""How well false battery telemetry is told from true: detection, delay, false alarms, speed.

Telemetry and attacks are synthetic. Three clean days come first; then the forgery begins, for
each vehicle at a minute of its own while it is plugged in, and lasts four days. Forged reports
change nothing about what the vehicles do.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import Check, Detector, Telemetry
from gridtide.core import cpu_s, stream
from gridtide.study.benchmarks.telemetry_attacks import ATTACKS, Attack
from gridtide.study.benchmarks.telemetry_days import MINUTES, START_S, TelemetryDays

Floats = npt.NDArray[np.float64]

CLEAN_DAYS, FORGED_DAYS, QUIET_DAYS = 3, 4, 30
SEEDS = 3
FIRST_SEED = 1000
"""Seeds up to this one were used to tune the thresholds."""
SPEED_SAMPLES = 20
COORDINATED_MINUTE = 480  # 8 p.m., when most are at home


def measure(size: int | None, seed: int, *, chemistry: str = "nmc") -> dict[str, Any]:
    """Forge, detect and count; then feed clean telemetry and count false alarms.

    Parameters
    ----------
    size
        Vehicles of each fleet; 100 where None. Three fleets are drawn.
    seed
        Of the first fleet, counted from ``FIRST_SEED`` on.
    chemistry
        Of all cells; a key of ``CIRCUITS``.
    """
    n = size or 100
    seeds = [FIRST_SEED + SEEDS * seed + k for k in range(SEEDS)]
    worlds = [_World(n, s, chemistry) for s in seeds]
    rows = [_row(attack, m, worlds) for attack in ATTACKS for m in attack.magnitudes]
    quiet = [_quiet(n, s + 500 * (1 + k), float(k), chemistry) for s in seeds for k in (0, 1)]
    years = sum(q["vehicle_years"] for q in quiet)
    alarms = sum(q["false_alarms"] for q in quiet)
    return {
        "vehicles": n,
        "chemistry": chemistry,
        "fleets": SEEDS,
        "false_alarms": alarms,
        "clean_vehicle_years": years,
        "false_alarms_per_vehicle_year": alarms / years,
        # With none seen, three would be the upper end of a 95 % interval (rule of three).
        "upper_95_per_vehicle_year": (alarms + 1.96 * np.sqrt(alarms) + 3.0) / years,
        "vehicle_samples_per_cpu_s": _speed(min(100_000, 1000 * n), seeds[0]),
        "table": rows,
    }


class _World:
    """A fleet's true reports, and a detector that has seen the clean days."""

    def __init__(self, vehicles: int, seed: int, chemistry: str) -> None:
        days = TelemetryDays(vehicles, seed, chemistry=chemistry)
        self.nameplate = days.nameplate
        self.capacity_kwh = days.packs.capacity_kwh
        detector = Detector(days.nameplate)
        for _ in range(CLEAN_DAYS):
            detector.see(days.next_day())
        self.detector = detector
        self.reports = [days.next_day() for _ in range(FORGED_DAYS)]
        rng = stream(seed, "attacks")
        self.own_minute = np.array([_somewhere(rng, day) for day in self.reports[0].session])
        self.half = rng.permutation(vehicles) < -(-vehicles // 2)


def _somewhere(rng: np.random.Generator, session: npt.NDArray[np.int64]) -> float:
    """Draw a minute in the first half of a stay; NaN where there is none."""
    there = np.flatnonzero(session >= 0)
    return float(there[rng.integers(0, there.size // 2 + 1)]) if there.size else np.nan


def _row(attack: Attack, size: float, worlds: list[_World]) -> dict[str, Any]:
    """One attack at one magnitude over all fleets."""
    parts = [_forge_and_detect(attack, size, world) for world in worlds]
    delay_h, check, risk = (np.concatenate([p[k] for p in parts]) for k in range(3))
    before = sum(p[3] for p in parts)
    found = np.isfinite(delay_h)
    fired = np.bincount(check[found].astype(int), minlength=len(Check))
    first = Check(int(np.argmax(fired))).name if found.any() else "-"
    second = np.sort(fired)[-2]
    return {
        "attack": attack.name,
        "magnitude": size,
        "unit": attack.unit,
        "attacked": int(delay_h.size),
        "doubted_before": before,
        "detected_share": float(found.mean()) if found.size else 0.0,
        "median_delay_min": float(np.median(delay_h[found]) * 60.0) if found.any() else None,
        "first_check": first + (f" +{int((fired > 0).sum()) - 1}" if second else ""),
        "energy_until_detected_kwh": float(risk.mean()) if risk.size else 0.0,
        "most_energy_kwh": float(risk.max()) if risk.size else 0.0,
    }


def _forge_and_detect(
    attack: Attack, size: float, world: _World
) -> tuple[Floats, Floats, Floats, int]:
    """Return delay [h], first check, and false energy until then [kWh] of each attacked vehicle.

    The delay is NaN where nothing was found. Vehicles that were in doubt before their own attack,
    by comparison with others that were attacked already, are left out and counted apart.
    """
    detector = copy.deepcopy(world.detector)
    begin, chosen = world.own_minute.copy(), ~detector.in_doubt
    if attack.whole_fleet:
        there = world.reports[0].session[:, COORDINATED_MINUTE] >= 0
        begin[:] = COORDINATED_MINUTE
        chosen &= world.half & there
    chosen &= np.isfinite(begin)
    forged_days = []
    for day, true in enumerate(world.reports):
        minute = np.arange(MINUTES) + day * MINUTES
        since = np.where(chosen[:, None], minute - begin[:, None], -1.0)
        forged = attack.forge(true, since, size, world.nameplate)
        detector.see(forged)
        forged_days.append(forged)
    start_s = START_S + 60.0 * (CLEAN_DAYS * MINUTES + begin)
    failed_s = np.where(np.isnan(detector.since_s), np.inf, detector.since_s)
    first_s, check = failed_s.min(axis=1), failed_s.argmin(axis=1)
    delay_h = np.where(np.isfinite(first_s), (first_s - start_s) / 3600.0, np.nan)
    risk = _false_energy(world, forged_days, first_s)
    keep = chosen & ~(delay_h < -0.1)
    delay_h = np.maximum(delay_h, 0.0)  # clocks of stations are two seconds off
    return delay_h[keep], check[keep].astype(float), risk[keep], int((chosen & ~keep).sum())


def _false_energy(world: _World, forged: list[Telemetry], until_s: Floats) -> Floats:
    """Largest false stored energy, or summed false energy at the plug if larger [kWh]."""
    stored, passed = np.zeros(until_s.size), np.zeros(until_s.size)
    for true, false in zip(world.reports, forged, strict=True):
        counts = ~(true.time_s > until_s[:, None]) & ~np.isnan(true.time_s)
        soc = np.where(counts, np.abs(false.soc - true.soc), 0.0)
        stored = np.maximum(stored, np.nan_to_num(soc).max(axis=1) * world.capacity_kwh)
        power = np.where(counts, np.abs(false.power_ac_kw - true.power_ac_kw), 0.0)
        passed += np.nansum(power, axis=1) / 60.0
    energy: Floats = np.maximum(stored, passed)
    return energy


def _quiet(vehicles: int, seed: int, full_share: float, chemistry: str) -> dict[str, float]:
    """Count alarms on clean telemetry."""
    days = TelemetryDays(vehicles, seed, full_share, chemistry)
    detector = Detector(days.nameplate)
    for _ in range(QUIET_DAYS):
        detector.see(days.next_day())
    return {
        "false_alarms": float(detector.in_doubt.sum()),
        "vehicle_years": vehicles * QUIET_DAYS / 365.25,
    }


def _speed(vehicles: int, seed: int) -> float:
    """Vehicle samples per CPU second, one sample of the whole fleet at a time."""
    few = TelemetryDays(min(vehicles, 1000), seed)
    day = few.next_day().between(600, 600 + SPEED_SAMPLES)
    times = -(-vehicles // len(few.nameplate))
    plate, fields = few.nameplate, few.nameplate.__dataclass_fields__
    repeated = {name: np.concatenate([getattr(plate, name)] * times) for name in fields
                if name != "chemistry"}  # fmt: skip
    detector = Detector(replace(plate, **repeated, chemistry=plate.chemistry * times))
    columns = []
    for k in range(SPEED_SAMPLES):
        one = day.between(k, k + 1)
        each = {name: np.tile(getattr(one, name), (times, 1)) for name in one.__dataclass_fields__}
        columns.append(Telemetry(**each))
    detector.see(columns[0])
    began = cpu_s()
    for column in columns[1:]:
        detector.see(column)
    spent = cpu_s() - began
    seen = sum(int(np.isfinite(c.time_s).sum()) for c in columns[1:])
    return seen / max(spent, 1e-9)
