"""A power flow of a feeder over a day: which feeder, which loads, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import Finding, InputError, cpu_s, stream
from gridtide.grid import Feeder, FlowModel, draw_feeder, low_voltage_v, read_opendss, violations

Floats = npt.NDArray[np.float64]

MINUTES = 1440
# Who charges uncontrolled plugs in around the evening and charges for some hours: assumed.
HOME_H, HOME_SPREAD_H, CHARGES_H = 18.0, 2.0, 3.0


def feeder_named(name: str) -> Feeder:
    """Return the feeder in a folder of OpenDSS text, or one that is drawn.

    Parameters
    ----------
    name
        A folder with ``Master.dss``, or ``synthetic:HOUSES`` or ``synthetic:HOUSES:SEED``.

    Raises
    ------
    InputError
        If it is neither, or cannot be read.
    """
    if not name.startswith("synthetic:"):
        return read_opendss(Path(name))
    parts = name.split(":")[1:]
    if not all(part.isdigit() for part in parts) or not 1 <= int(parts[0] or 0) <= 5_000:
        mend = "Write synthetic:HOUSES or synthetic:HOUSES:SEED, up to 5000 houses"
        raise InputError([Finding(name, "is no drawn feeder", mend)])
    seed = int(parts[1]) if len(parts) > 1 else 1
    return draw_feeder(int(parts[0]), stream(seed, "feeder"))


def uncontrolled_kw(
    feeder: Feeder, steps: int, share: float, charger_kw: float, seed: int
) -> Floats:
    """Draw vehicles that charge as they come home, at a share of the points [kW], (steps, m).

    Synthetic: home at 18 h ± 2 h, three hours at full power.
    """
    rng, m = stream(seed, "uncontrolled vehicles"), len(feeder)
    has = np.zeros(m, dtype=bool)
    has[rng.permutation(m)[: round(share * m)]] = True
    home = rng.normal(HOME_H, HOME_SPREAD_H, m)
    hour = 24.0 * np.arange(steps)[:, None] / steps
    charging = ((hour - home) % 24.0 < CHARGES_H) & has
    return np.where(charging, charger_kw, 0.0)


def flow_document(
    feeder: Feeder, *, steps: int, ev_share: float = 0.0, ev_kw: float = 7.4, seed: int = 1
) -> dict[str, Any]:
    """Solve a day of a feeder and tell what came of it.

    Raises
    ------
    InputError
        If there are more steps than minutes, or shares and powers are none.
    """
    _check(steps, ev_share, ev_kw)
    minute = np.arange(steps) * MINUTES // steps
    profile = feeder.profiles(minute)
    vehicles = uncontrolled_kw(feeder, steps, ev_share, ev_kw, seed)
    model = FlowModel(feeder)
    began = cpu_s()
    flow = model.solve(
        profile * feeder.load_kw + vehicles, profile * feeder.load_kvar, unbalance=True
    )
    spent = cpu_s() - began
    volts = low_voltage_v(feeder, flow)
    names = [name for k, name in enumerate(feeder.nodes) if k != feeder.supply_node]
    hours = 24.0 / steps
    count = violations(feeder, flow)
    assert flow.unbalance is not None  # asked for above
    return {
        "feeder": feeder.source,
        "nodes": len(feeder.nodes),
        "connection_points": len(feeder),
        "steps": steps,
        "vehicles": int((vehicles > 0).any(axis=0).sum()),
        "lowest": _extreme(volts, names, minute, lowest=True),
        "highest": _extreme(volts, names, minute, lowest=False),
        "line_loading": float(np.nanmax(flow.line_loading)),
        "transformer_loading": float(np.nanmax(flow.transformer_loading)),
        "unbalance": float(np.nanmax(flow.unbalance)),
        "load_kwh": float(np.nansum(flow.load_kw)) * hours,
        "loss_kwh": float(np.nansum(flow.loss_kw)) * hours,
        "violations": {
            "under_voltage": count.under,
            "over_voltage": count.over,
            "line": count.line,
            "transformer": count.transformer,
            "unbalance": count.unbalanced,
            "unsolved_steps": count.unsolved,
        },
        "cpu_s": spent,
    }


def flow_text(told: dict[str, Any]) -> str:
    """Say what a power flow found, in sentences."""
    low, high, broken = told["lowest"], told["highest"], told["violations"]
    said = [f"{count} {name.replace('_', ' ')}" for name, count in broken.items() if count]
    return "\n".join(
        [
            f"{told['feeder']}: {told['nodes']} nodes, {told['connection_points']} points, "
            f"{told['vehicles']} vehicles, {told['steps']} steps in {told['cpu_s']:.2f} s CPU.",
            f"Voltage from {low['voltage_v']:.1f} V at {low['node']} L{low['phase']} ({low['at']}) "
            f"to {high['voltage_v']:.1f} V at {high['node']} L{high['phase']} ({high['at']}).",
            f"Lines up to {told['line_loading']:.0%}, the transformer's worst phase up to "
            f"{told['transformer_loading']:.0%}, unbalance {told['unbalance']:.2%}.",
            f"{told['loss_kwh']:.1f} kWh are lost of {told['load_kwh']:.0f} kWh drawn.",
            f"Not kept: {', '.join(said)}." if said else "All limits are kept.",
        ]
    )


def _check(steps: int, ev_share: float, ev_kw: float) -> None:
    findings = []
    if not 1 <= steps <= MINUTES:
        findings.append(Finding("steps", f"{steps}", f"Write 1 to {MINUTES}"))
    if not 0.0 <= ev_share <= 1.0:
        findings.append(Finding("ev-share", f"{ev_share:g}", "Write a share from 0 to 1"))
    if not 0.0 <= ev_kw <= 1e4:
        findings.append(Finding("ev-kw", f"{ev_kw:g}", "Write a power of 0 or more [kW]"))
    if findings:
        raise InputError(findings)


def _extreme(
    volts: Floats, names: list[str], minute: npt.NDArray[np.int64], *, lowest: bool
) -> dict[str, Any]:
    """Where and when the voltage is lowest, or highest."""
    flat = int(np.nanargmin(volts) if lowest else np.nanargmax(volts))
    step, node, phase = np.unravel_index(flat, volts.shape)
    clock = int(minute[step])
    return {
        "voltage_v": float(volts[step, node, phase]),
        "node": names[int(node)],
        "phase": int(phase) + 1,
        "at": f"{clock // 60:02d}:{clock % 60:02d}",
    }
