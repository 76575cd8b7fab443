"""Three-phase power flow of a day: the European low-voltage feeder, or a drawn one of its size."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridtide.core import cpu_s, stream
from gridtide.grid import Feeder, FlowModel, draw_feeder, read_opendss
from gridtide.study.benchmarks import data_folder, peak_memory_mb
from gridtide.study.flow_told import MINUTES, uncontrolled_kw

STEPS = 96
FOLDER = "feeder/ieee_european_lv"
HOUSES = 453


def measure(size: int | None, seed: int) -> dict[str, Any]:
    """Solve 96 steps; the model is built before. ``size`` is a number of houses to draw."""
    feeder = _feeder(size, seed)
    minute = np.arange(STEPS) * MINUTES // STEPS
    profile = feeder.profiles(minute)
    power = profile * feeder.load_kw + uncontrolled_kw(feeder, STEPS, 0.6, 7.4, seed)
    reactive = profile * feeder.load_kvar
    began = cpu_s()
    model = FlowModel(feeder)
    built = cpu_s() - began
    model.solve(power[:1], reactive[:1])
    began = cpu_s()
    flow = model.solve(power, reactive)
    spent = cpu_s() - began
    return {
        "feeder": feeder.source,
        "vehicles": size if size is not None else round(0.6 * len(feeder)),
        "nodes": len(feeder.nodes),
        "steps": STEPS,
        "cpu_s": spent,
        "cpu_build_s": built,
        "lowest_pu": float(np.nanmin(flow.voltage_pu)),
        "unsolved_steps": int(flow.failed.sum()),
        "losses_positive": bool((flow.loss_kw > 0).all()),
        "peak_memory_mb": peak_memory_mb(),
    }


def _feeder(size: int | None, seed: int) -> Feeder:
    folder = data_folder() / FOLDER
    if size is None and folder.is_dir():
        return read_opendss(folder)
    return draw_feeder(size or HOUSES, stream(seed, "feeder"))
