"""Inverters that answer to the voltage of the flow they change, and what a flow answers to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridtide.core import CollapseError
from gridtide.grid.feeder import THREE_PHASE, Feeder
from gridtide.grid.feeder_limits import FeederLimits
from gridtide.grid.flow import Flow, FlowModel
from gridtide.grid.inverter import Curve, reactive_kvar, within_circle

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SETTLED_KVAR = 1e-3
ROUNDS = 60
KINDS = ("under", "over", "line", "transformer", "unbalance")
STEP = 0.5
"""Part of the way to the curve that reactive power goes in each round: volt-var is stiff."""
PROBE_KW = 0.5
"""By how much a power is changed to see what the flow answers [kW]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inverters:
    """Inverters with a volt-var curve at connection points.

    Parameters
    ----------
    curve
        Reactive power by voltage.
    rated_kva
        Of the inverter that is there in each step, 0 for none, shape (T, m).
    nominal_v
        Voltage that the curve is in parts of [V], line to neutral.
    """

    curve: Curve
    rated_kva: Floats
    nominal_v: float = 230.0


def point_voltage_v(feeder: Feeder, flow: Flow) -> Floats:
    """Voltage at each connection point [V], the mean of the phases where it has three, (T, m)."""
    volts = flow.voltage_pu[:, feeder.node] * (feeder.rated_v[feeder.node] / np.sqrt(3.0))[:, None]
    one = np.take_along_axis(volts, np.maximum(feeder.phase, 0)[None, :, None], axis=2)[:, :, 0]
    return np.asarray(np.where(feeder.phase == THREE_PHASE, volts.mean(axis=2), one))


def settle_reactive(
    model: FlowModel, power_kw: Floats, load_kw: Floats, load_kvar: Floats, inverters: Inverters
) -> tuple[Flow, Floats, Floats]:
    """Solve flow and inverters together, until reactive power is what the curve gives.

    Reactive power goes first, as IEEE 1547 has it: active power gives way to the circle.

    Parameters
    ----------
    model
        The feeder.
    power_kw
        Of the vehicles, + is drawn, shape (T, m).
    load_kw, load_kvar
        Of everything else, shape (T, m).
    inverters
        What answers to the voltage.

    Returns
    -------
    flow, reactive_kvar, power_kw
        The solved steps, reactive power absorbed, and active power that the circle left, (T, m).

    Raises
    ------
    CollapseError
        If they do not come to rest.
    """
    kvar = np.zeros_like(power_kw)
    for _ in range(ROUNDS):
        kept, kvar = within_circle(power_kw, kvar, inverters.rated_kva)
        flow = model.solve(load_kw + kept, load_kvar + kvar)
        x_pu = point_voltage_v(model.feeder, flow) / inverters.nominal_v
        goal = reactive_kvar(inverters.curve, np.nan_to_num(x_pu, nan=1.0), inverters.rated_kva)
        off = goal - kvar
        if float(np.abs(off).max(initial=0.0)) <= SETTLED_KVAR:
            return flow, kvar, kept
        kvar = kvar + STEP * off
    raise CollapseError(
        f"volt-var control does not come to rest: {np.abs(off).max():.3g} kvar are left"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """By how much the worst of each kind is beyond its limit in each step, 0 where it is not.

    Parameters
    ----------
    under, over
        Voltage [pu of nominal], shape (T,).
    line, transformer, unbalance
        In parts of the rating, and of the positive sequence, shape (T,).
    """

    under: Floats
    over: Floats
    line: Floats
    transformer: Floats
    unbalance: Floats

    @property
    def any_step(self) -> npt.NDArray[np.bool_]:
        """Steps in which anything is beyond its limit, shape (T,)."""
        return np.asarray(np.any([getattr(self, kind) > 0 for kind in KINDS], axis=0))


def excess(feeder: Feeder, flow: Flow, limits: FeederLimits, margin: float = 0.0) -> Excess:
    """Return what is beyond limits that are drawn in by a margin (in parts of each)."""
    low = np.arange(len(feeder.nodes)) != feeder.supply_node
    volts = flow.voltage_pu[:, low] * feeder.rated_v[low][:, None] / np.sqrt(3.0)
    pu = volts / limits.nominal_v
    least, most = pu.min(axis=(1, 2)), pu.max(axis=(1, 2))
    room = margin * abs(limits.high - limits.low) / 2.0

    def beyond(value: Floats, limit: float) -> Floats:
        return np.asarray(np.maximum(value - limit, 0.0))

    turned = np.zeros(len(pu)) if flow.unbalance is None else flow.unbalance[:, low].max(axis=1)
    return Excess(
        under=beyond(-least, -(limits.low + room)),
        over=beyond(most, limits.high - room),
        line=beyond(flow.line_loading.max(axis=1), limits.loading * (1.0 - margin)),
        transformer=beyond(flow.transformer_loading.max(axis=1), limits.loading * (1.0 - margin)),
        unbalance=beyond(turned, limits.unbalance * (1.0 - margin)),
    )


def answers(
    model: FlowModel,
    steps: Ints,
    power_kw: Floats,
    reactive_kvar: Floats,
    points: Ints,
    limits: FeederLimits,
    margin: float,
) -> tuple[Excess, dict[str, Floats]]:
    """Return the excess of some steps, and how it changes with the power of some points.

    Sensitivities are differences of full power flows, one for each step and point, with reactive
    power as it is.

    Parameters
    ----------
    model
        The feeder.
    steps
        Which steps, shape (s,).
    power_kw, reactive_kvar
        Of all connection points and steps, shape (T, m).
    points
        Whose power is changed, shape (v,).
    limits, margin
        What must be kept, and by how much limits are drawn in.

    Returns
    -------
    excess, slopes
        And by kind the change with power [1/kW], shape (s, v).
    """
    base, kvar = power_kw[steps], reactive_kvar[steps]
    v = len(points)
    rows = np.repeat(base, v + 1, axis=0)
    which = np.arange(len(rows)) % (v + 1)
    moved = np.flatnonzero(which > 0)
    rows[moved, points[which[moved] - 1]] += PROBE_KW
    flow = model.solve(rows, np.repeat(kvar, v + 1, axis=0), unbalance=True)
    # Below a limit there is no excess: slopes are taken of the values, with all limits at 0.
    values = excess(model.feeder, flow, _NONE)
    told = excess(model.feeder, flow, limits, margin)
    slopes = {}
    for kind in KINDS:
        table = getattr(values, kind).reshape(len(steps), v + 1)
        slopes[kind] = (table[:, 1:] - table[:, :1]) / PROBE_KW
    here = {kind: getattr(told, kind).reshape(len(steps), v + 1)[:, 0] for kind in KINDS}
    return Excess(**here), slopes


# Limits that everything is beyond: the excess is the value itself, up to a constant.
_NONE = FeederLimits(low=10.0, high=-10.0, loading=-10.0, unbalance=-10.0)
