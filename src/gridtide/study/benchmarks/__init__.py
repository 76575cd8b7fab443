"""Named benchmarks: a generator, a size, a seed; what was measured, and whether it is right."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from gridtide.core import Finding, InputError

BENCHMARKS = {
    "ageing": "every cell model through hourly days that differ, and a fleet over years",
    "physics": "one control step of losses, taper, limits and metering for many vehicles",
    "loop": "observe, decide along a plan, apply, meter, reasons for many vehicles",
    "dispatch": "a fleet's target every two seconds, shared among many vehicles",
    "step": "a step of the frequency: how soon a fleet answers, by the delay of its link",
    "regulation": "a fast signal followed by a workplace with real sessions, against foresight",
    "spin": "real reserve events replayed on car parks that sold it, against foresight",
    "hosting": "violations on a feeder: uncontrolled, planned, with V2G and volt-var",
    "flow": "three-phase power flow of a day on a feeder of 907 nodes",
    "memory": "a day of many vehicles with the recording streamed to disk",
    "plan": "a fleet below feeders of 250 whose limits bind, planned to a proven gap",
    "replan": "the same, planned again a step later from the plan before",
    "plan_site": "the reference optimiser on 200 vehicles and 96 steps, stays of 8 to 60 steps",
    "plan_site_all_day": "the same with stays of the whole day",
    "plan_site_wear": "the same as plan_site, with wear by depth in 8 segments",
    "plan_site_wear_all_day": "the same with stays of the whole day",
    "oracle": "the exact schedule of every vehicle at given prices",
    "integrality": "smallest powers: heuristic against MILP; few at high power against many",
    "integrality_fleet": "smallest powers in a large fleet, from a plan coordinated by prices",
    "reserve": "reserve with energy: what fast ways lose against the full linear problem",
    "wear": "profit after wear of planning with segments, linear prices, none; 30 price days",
    "uncertainty": "day-ahead bids for a real garage: foresight, stochastic, deterministic, none",
    "uncertainty_v1g": "the same with vehicles that cannot discharge",
    "plausibility": "false battery telemetry: what is detected, how soon, and what is not",
    "plausibility_lfp": "the same with LFP cells, whose voltage tells little about their charge",
}
# Benchmarks that are another's module with an option of its own.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "plan": ("plan_fleet", {}),
    "replan": ("plan_fleet", {"again": True}),
    "oracle": ("plan_oracle", {}),
    "plan_site_all_day": ("plan_site", {"all_day": True}),
    "plan_site_wear": ("plan_site", {"segments": 8}),
    "plan_site_wear_all_day": ("plan_site", {"all_day": True, "segments": 8}),
    "uncertainty_v1g": ("uncertainty", {"bidirectional": False}),
    "plausibility_lfp": ("plausibility", {"chemistry": "lfp"}),
}
# Options that only some benchmarks have.
OPTIONS: dict[str, tuple[str, ...]] = {
    "years": ("ageing",),
    "v2g_share": ("plan", "replan", "oracle"),
    "price_shape": ("plan", "replan", "oracle"),
    "gap": ("plan", "replan"),
    "stored_kwh": ("plan",),
}


def run_benchmark(
    name: str, size: int | None, seed: int, **given: float | str | None
) -> dict[str, Any]:
    """Run one benchmark.

    Parameters
    ----------
    name
        A key of ``BENCHMARKS``.
    size
        Number of vehicles; None for the benchmark's own.
    seed
        Seed of its generator.
    given
        Options that only some benchmarks have (``OPTIONS``); None for the benchmark's own.

    Raises
    ------
    InputError
        If there is no benchmark of that name, or it has no such option.
    """
    if name == "list":
        return dict(BENCHMARKS)
    if name not in BENCHMARKS:
        known = "; ".join(f"{key}: {what}" for key, what in BENCHMARKS.items())
        raise InputError([Finding(f"bench {name}", "no such benchmark", f"Known: {known}")])
    # Each module offers measure(size, seed, its options) -> dict; imported only when asked for.
    module_name, options = VARIANTS.get(name, (name, {}))
    for option, value in given.items():
        if value is None:
            continue
        if name not in OPTIONS[option]:
            mend = f"Leave it out, or run `bench {OPTIONS[option][0]}`"
            raise InputError([Finding(f"bench {name}", f"has no {option}", mend)])
        options = {**options, option: value}
    module = importlib.import_module(f"gridtide.study.benchmarks.{module_name}")
    result: dict[str, Any] = module.measure(size=size, seed=seed, **options)
    return {"benchmark": name, **result}


def data_folder() -> Path:
    """Folder of published data: ``GRIDTIDE_DATA``, or ``../shared/data``."""
    return Path(os.environ.get("GRIDTIDE_DATA", str(Path("..") / "shared" / "data")))


def peak_memory_mb(used: Any = None) -> float:
    """Largest resident memory [MB]: of this process so far, or of a child's ``rusage``."""
    import resource

    used = used or resource.getrusage(resource.RUSAGE_SELF)
    return float(used.ru_maxrss) / 1024.0
