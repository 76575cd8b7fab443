"""Unbalanced three-phase power flow of a feeder over many steps, by power-grid-model.

References
----------
.. [1] power-grid-model (LF Energy, MPL-2.0): iterative current and Newton-Raphson, batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.core import CollapseError, Finding, InputError
from gridtide.grid.feeder import THREE_PHASE, Feeder

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TOLERANCE = 1e-8
ITERATIONS = 100
TURN = np.exp(2j * np.pi / 3.0)
WYE_N, DELTA, CLOCK = 1, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a power flow found; steps that have no solution are NaN and told by ``failed``.

    Parameters
    ----------
    voltage_pu
        Of every node and phase, line to neutral, shape (T, n, 3).
    line_loading
        Current of the worst phase over the rated one, shape (T, l).
    transformer_loading
        The same at the transformer's low side, phase by phase, shape (T, 3).
    source_kw, load_kw
        Drawn from the source, and by the points [kW], shape (T,).
    unbalance
        |V2|/|V1| of every node, shape (T, n); None where it was not asked for.
    failed
        Steps without a solution, shape (T,).
    """

    voltage_pu: Floats
    line_loading: Floats
    transformer_loading: Floats
    source_kw: Floats
    load_kw: Floats
    unbalance: Floats | None
    failed: Bools

    @property
    def loss_kw(self) -> Floats:
        """What lines and transformer lose [kW], shape (T,)."""
        return self.source_kw - self.load_kw


class FlowModel:
    """A feeder made ready to be solved again and again with other powers.

    Raises
    ------
    InputError
        If a part of the feeder is islanded, or power-grid-model finds it invalid.
    """

    def __init__(self, feeder: Feeder, *, frequency_hz: float = 50.0) -> None:
        from power_grid_model import PowerGridModel
        from power_grid_model.validation import validate_input_data

        islanded = feeder.islanded()
        if islanded.size:
            names = ", ".join(feeder.nodes[k] for k in islanded[:5])
            what = f"{islanded.size} nodes are joined to no source: {names}"
            raise InputError([Finding(feeder.source, what, "Close a line, or leave them out")])
        self.feeder = feeder
        data = _input(feeder)
        found = validate_input_data(data, symmetric=False)
        if found:
            told = [Finding(feeder.source, str(error), "Correct the feeder") for error in found]
            raise InputError(told)
        self._model = PowerGridModel(data, system_frequency=frequency_hz)
        self._load_ids = data["asym_load"]["id"].copy()

    def solve(self, power_kw: Floats, reactive_kvar: Floats, *, unbalance: bool = False) -> Flow:
        """Solve every step.

        Parameters
        ----------
        power_kw, reactive_kvar
            At each connection point, + is drawn (absorbed), shape (T, m).
        unbalance
            Whether the unbalance of voltages is wanted; it takes their angles.

        Raises
        ------
        InputError
            If powers are not of the feeder's shape, or no numbers.
        CollapseError
            If no step has a solution.
        """
        self._check(power_kw, reactive_kvar)
        update = self._update(power_kw, reactive_kvar)
        out, failed = self._run(update, unbalance=unbalance)
        if failed.all():
            raise CollapseError("no step has a solution: the load is beyond what the feeder bears")
        return self._told(out, failed, power_kw, unbalance=unbalance)

    def _check(self, power_kw: Floats, reactive_kvar: Floats) -> None:
        m = len(self.feeder)
        findings = []
        for name, values in (("power_kw", power_kw), ("reactive_kvar", reactive_kvar)):
            if values.ndim != 2 or values.shape[1] != m or values.shape != power_kw.shape:
                what = f"is of shape {values.shape}"
                mend = f"Give one row for each step and {m} columns"
                findings.append(Finding(name, what, mend))
            elif not np.isfinite(values).all():
                findings.append(Finding(name, "holds something that is no number", "Correct it"))
        if findings:
            raise InputError(findings)

    def _update(self, power_kw: Floats, reactive_kvar: Floats) -> Any:
        from power_grid_model import initialize_array

        steps, m = power_kw.shape
        update = initialize_array("update", "asym_load", (steps, m))
        update["id"] = self._load_ids
        share = _phase_share(self.feeder)
        update["p_specified"] = 1000.0 * power_kw[:, :, None] * share
        update["q_specified"] = 1000.0 * reactive_kvar[:, :, None] * share
        return update

    def _run(self, update: Any, *, unbalance: bool) -> tuple[Any, Bools]:
        """Solve fast; what fails is tried again by Newton's method."""
        from power_grid_model import CalculationMethod

        out = self._once(update, CalculationMethod.iterative_current, unbalance=unbalance)
        failed = self._failed(len(update))
        if failed.any():
            again = self._once(
                update[failed], CalculationMethod.newton_raphson, unbalance=unbalance
            )
            still = self._failed(int(failed.sum()))
            for component, columns in again.items():
                for name, values in columns.items():
                    out[component][name][failed] = values
            failed[failed] = still
        return out, failed

    def _once(self, update: Any, method: Any, *, unbalance: bool) -> Any:
        wanted = {
            "node": ["u_pu", "u_angle"] if unbalance else ["u_pu"],
            "line": ["loading"],
            "transformer": ["i_to"],
            "source": ["p"],
        }
        return self._model.calculate_power_flow(
            symmetric=False,
            update_data={"asym_load": update},
            calculation_method=method,
            error_tolerance=TOLERANCE,
            max_iterations=ITERATIONS,
            output_component_types=wanted,
            continue_on_batch_error=True,
        )

    def _failed(self, steps: int) -> Bools:
        failed = np.zeros(steps, dtype=bool)
        error = self._model.batch_error
        if error is not None:
            failed[list(error.failed_scenarios)] = True
        return failed

    def _told(self, out: Any, failed: Bools, power_kw: Floats, *, unbalance: bool) -> Flow:
        feeder = self.feeder
        rated = feeder.transformer_va / (np.sqrt(3.0) * feeder.rated_v[feeder.feeding_node])

        def solved(values: Floats) -> Floats:
            masked = np.array(values, dtype=np.float64)
            masked[failed] = np.nan
            return masked

        node = out["node"]
        return Flow(
            voltage_pu=solved(node["u_pu"]),
            line_loading=solved(out["line"]["loading"]),
            transformer_loading=solved(out["transformer"]["i_to"][:, 0] / rated),
            source_kw=solved(out["source"]["p"][:, 0].sum(axis=1) / 1000.0),
            load_kw=solved(power_kw.sum(axis=1)),
            unbalance=solved(unbalance_of(node["u_pu"], node["u_angle"])) if unbalance else None,
            failed=failed,
        )


def unbalance_of(size_pu: Floats, angle: Floats) -> Floats:
    """Return |V2|/|V1| from the three phasors on the last axis; sizes alone would not do."""
    phasor = size_pu * np.exp(1j * angle)
    a, b, c = (phasor[..., k] for k in range(3))
    positive = np.abs(a + TURN * b + TURN**2 * c)
    with np.errstate(invalid="ignore", divide="ignore"):  # steps without a solution
        return np.asarray(np.abs(a + TURN**2 * b + TURN * c) / positive)


def _phase_share(feeder: Feeder) -> Floats:
    """Share of a point's power on L1, L2, L3, shape (m, 3)."""
    share = np.full((len(feeder), 3), 1.0 / 3.0)
    single = feeder.phase != THREE_PHASE
    share[single] = np.eye(3)[feeder.phase[single]]
    return share


def _input(feeder: Feeder) -> dict[str, Any]:
    """Build the model's input: SI units, whole ohms, ids unique over all components."""
    from power_grid_model import LoadGenType, initialize_array

    n, count, m = len(feeder.nodes), len(feeder.lines), len(feeder)
    node = initialize_array("input", "node", n)
    node["id"], node["u_rated"] = np.arange(n), feeder.rated_v
    line = initialize_array("input", "line", count)
    line["id"] = n + np.arange(count)
    line["from_node"], line["to_node"] = feeder.from_node, feeder.to_node
    line["from_status"] = line["to_status"] = 1
    for name in ("r1", "x1", "r0", "x0"):
        line[name] = getattr(feeder, f"{name}_ohm")
    line["c1"], line["c0"], line["tan1"], line["tan0"] = feeder.c1_f, feeder.c0_f, 0.0, 0.0
    line["i_n"] = feeder.rated_a
    load = initialize_array("input", "asym_load", m)
    load["id"], load["node"] = n + count + np.arange(m), feeder.node
    load["status"], load["type"] = 1, LoadGenType.const_power
    load["p_specified"] = load["q_specified"] = 0.0
    last = n + count + m
    return {
        "node": node,
        "line": line,
        "asym_load": load,
        "transformer": _transformer_input(feeder, last),
        "source": _source_input(feeder, last + 1),
    }


def _transformer_input(feeder: Feeder, number: int) -> Any:
    from power_grid_model import initialize_array

    array = initialize_array("input", "transformer", 1)
    given = {
        "id": number, "from_node": feeder.supply_node, "to_node": feeder.feeding_node,
        "from_status": 1, "to_status": 1, "u1": feeder.rated_v[feeder.supply_node],
        "u2": feeder.rated_v[feeder.feeding_node], "sn": feeder.transformer_va,
        "uk": feeder.short_circuit, "pk": feeder.loss_w, "i0": 0.0, "p0": 0.0,
        "winding_from": DELTA, "winding_to": WYE_N, "clock": CLOCK, "tap_side": 0, "tap_pos": 0,
        "tap_min": 0, "tap_max": 0, "tap_nom": 0, "tap_size": 0.0,
    }  # fmt: skip
    for name, value in given.items():
        array[name] = value
    return array


def _source_input(feeder: Feeder, number: int) -> Any:
    from power_grid_model import initialize_array

    array = initialize_array("input", "source", 1)
    given = {
        "id": number, "node": feeder.supply_node, "status": 1, "u_ref": feeder.source_pu,
        "sk": feeder.source_va, "rx_ratio": feeder.source_rx, "z01_ratio": 1.0,
    }  # fmt: skip
    for name, value in given.items():
        array[name] = value
    return array
