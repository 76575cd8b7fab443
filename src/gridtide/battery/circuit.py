"""Equivalent circuit of a pack: a voltage source, a resistance, and at most one RC pair.

    V   = OCV(s) - I*R0 - v1                       I > 0 while discharging, inside here only
    v1' = (R1*I - v1)/tau          s' = -I*eta/(3600*Q)
    R(T) = R(25 degC) * growth * exp(Ea/R*(1/T - 1/298.15 K))

**Scaling.** All cells of a pack are alike and carry the same power, so that it does not matter
how many stand in series and how many in parallel: a pack of E kWh is E/e cells, e being the
energy of one cell, its capacity times the mean of its open-circuit voltage. The number need
not be whole. For an aged pack give the present capacity, and as ``growth`` its relative
resistance times its relative capacity: the same cells, each holding less, still stand in it.

**Sign.** Powers of the public functions are positive into the battery, as everywhere. They
turn into the circuit's own sign in :func:`turn_sign`, and nowhere else.

Card: docs/models/circuit.md.

References
----------
.. [1] G. L. Plett, "Battery Management Systems, Volume I: Battery Modeling", Artech House, 2015.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gridtide.battery import _circuit_tables as tables
from gridtide.battery._kernel_circuit import table_mean
from gridtide.core import Finding, InputError

Floats = npt.NDArray[np.float64]

GAS_CONSTANT = 8.3144
REFERENCE_K = 298.15
ZERO_C_IN_K = 273.15
# Outside this range no lithium-ion cell is used; above 200 someone has written kelvin.
COLDEST_C, HOTTEST_C = -40.0, 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Parameters of one cell at 25 degC.

    Parameters
    ----------
    name, chemistry
        What it is called, and the kind of positive electrode.
    capacity_ah
        Capacity of one cell [Ah].
    soc
        Grid of states of charge, 0 to 1, rising, shape (k,).
    ocv_v, r0_ohm, r1_ohm
        Open-circuit voltage [V], ohmic resistance and resistance of the RC pair [ohm] on that
        grid, shape (k,). Linear in between. ``r1_ohm`` is 0 where there is no pair.
    tau_s
        Time constant of the pair [s]; does not matter where there is none.
    activation_j_per_mol
        Activation energy of both resistances [J/mol].
    min_v, max_v
        Window of the terminal voltage of a cell [V].
    source
        Where every number comes from, with DOI and licence; what is assumed says so.
    """

    name: str
    chemistry: str
    capacity_ah: float
    soc: Floats
    ocv_v: Floats
    r0_ohm: Floats
    r1_ohm: Floats
    tau_s: float
    activation_j_per_mol: float
    min_v: float
    max_v: float
    source: str


def _circuit(
    name: str,
    chemistry: str,
    ocv: tuple[tables.Point, ...],
    r0: tuple[tables.Point, ...],
    r1: tuple[tables.Point, ...] = ((0.0, 0.0),),
    **rest: Any,
) -> Circuit:
    """Bring tables of different states of charge onto the grid of the open-circuit voltage."""
    soc, ocv_v = (np.array(column) for column in zip(*ocv, strict=True))
    r0_ohm, r1_ohm = (np.interp(soc, [s for s, _ in p], [r for _, r in p]) for p in (r0, r1))
    for column in (soc, ocv_v, r0_ohm, r1_ohm):
        column.flags.writeable = False
    return Circuit(
        name=name, chemistry=chemistry, soc=soc, ocv_v=ocv_v, r0_ohm=r0_ohm, r1_ohm=r1_ohm,
        **rest,
    )  # fmt: skip


CIRCUITS: dict[str, Circuit] = {
    "nmc": _circuit(
        "NMC/graphite, EV cell of 50 Ah", "nmc", tables.NMC_OCV, tables.NMC_R0, tables.NMC_R1,
        capacity_ah=50.0, tau_s=54.0, activation_j_per_mol=15_000.0, min_v=3.0, max_v=4.2,
        source="Open-circuit voltage: Sanyo UR18650E, Schmalstieg et al. 2014, "
        "doi:10.1016/j.jpowsour.2014.02.012, as digitised in BLAST-Lite (BSD-3-Clause). "
        "Resistances and time constant: CALB L148N50B, Zheng et al. 2024, "
        "doi:10.1109/TMECH.2024.3367291, at 25 degC between SOC 0.1 and 0.9, held beyond "
        "(assumed). That the two cells go together is assumed. Activation energy 15 kJ/mol "
        "(assumed): the source gives 14 (R0) and 5 (R1) between 25 and 45 degC, LFP and LMO "
        "measured below 25 degC give 15 and 16. Voltage window assumed.",
    ),
    "nca": _circuit(
        "NCA/graphite, Panasonic NCR18650", "nca", tables.NCA_OCV, tables.NCA_R0,
        capacity_ah=2.73, tau_s=1.0, activation_j_per_mol=15_000.0, min_v=2.5, max_v=4.2,
        source="Open-circuit voltage and resistance: SimSES (TU Munich, BSD-3-Clause, "
        "doi:10.1016/j.est.2021.103743) for the cell of Keil et al. 2016, "
        "doi:10.1149/2.0411609jes; mean of charging and discharging, no RC pair. "
        "Activation energy 15 kJ/mol (assumed, as measured for LFP).",
    ),
    "lfp": _circuit(
        "LFP/graphite, Sony US26650FTC1", "lfp", tables.LFP_OCV, tables.LFP_R0,
        capacity_ah=3.0, tau_s=1.0, activation_j_per_mol=15_000.0, min_v=2.0, max_v=3.6,
        source="Open-circuit voltage and resistance: SimSES (TU Munich, BSD-3-Clause, "
        "doi:10.1016/j.est.2021.103743) after M. Naumann, dissertation, TU Munich 2018; mean of "
        "charging and discharging at 25 degC, no RC pair, hysteresis left out. Activation energy: "
        "fit to its tables at 10, 25 and 40 degC (14.4 to 16.6 kJ/mol between SOC 0.2 and 1).",
    ),
    "lmo": _circuit(
        "LMO blend/graphite, Nissan Leaf 2013 cell", "lmo",
        tables.LMO_OCV, tables.LMO_R0, tables.LMO_R1,
        capacity_ah=30.18, tau_s=95.0, activation_j_per_mol=16_000.0, min_v=3.0, max_v=4.2,
        source="Read by this project from the records of Wiggins, Allu and Wang, Oak Ridge "
        "National Laboratory 2019, doi:10.5281/zenodo.2580327 (MIT). Open-circuit voltage: 10 A "
        "charge at 25 degC less the overvoltage of 48 mV that charge and discharge show at SOC "
        "0.5, within about 10 mV. R0: pulses at SOC 0.47 and 1; R1: the rest of the overvoltage, "
        "the same at all SOC (assumed). Activation energy: charges at 10 and 25 degC.",
    ),
}  # fmt: skip


def find_circuit(chemistry: str) -> Circuit:
    """Return the circuit of a chemistry; an unknown name is a finding with the nearest one."""
    found = CIRCUITS.get(chemistry.lower())
    if found is not None:
        return found
    near = difflib.get_close_matches(chemistry.lower(), CIRCUITS, n=1, cutoff=0.3)
    mend = f"Did you mean {near[0]}? " if near else ""
    names = ", ".join(CIRCUITS)
    raise InputError(
        [Finding("chemistry", f"{chemistry!r} is not known", f"{mend}Write one of {names}")]
    )


def open_circuit_v(circuit: Circuit, soc: npt.ArrayLike) -> Floats:
    """Open-circuit voltage of a cell [V] at states of charge of any shape."""
    soc = np.asarray(soc, float)
    raise_findings(check_ranges(soc=soc))
    return np.asarray(np.interp(soc, circuit.soc, circuit.ocv_v), float)


def resistances_ohm(
    circuit: Circuit, soc: npt.ArrayLike, temperature_c: npt.ArrayLike, growth: npt.ArrayLike = 1.0
) -> tuple[Floats, Floats]:
    """Ohmic resistance and resistance of the RC pair of one cell [ohm].

    Parameters
    ----------
    circuit
        Parameters at 25 degC.
    soc, temperature_c, growth
        State of charge [-], temperature [degC], relative resistance by ageing (1 is new).
        Shapes broadcast.
    """
    soc = np.asarray(soc, float)
    raise_findings(check_ranges(soc=soc, temperature_c=temperature_c, growth=growth))
    factor = resistance_factor(circuit, temperature_c, growth)
    r0 = np.interp(soc, circuit.soc, circuit.r0_ohm) * factor
    return r0, np.interp(soc, circuit.soc, circuit.r1_ohm) * factor


def resistance_factor(
    circuit: Circuit, temperature_c: npt.ArrayLike, growth: npt.ArrayLike
) -> Floats:
    """Resistance relative to that of the new cell at 25 degC: Arrhenius times ageing [-]."""
    kelvin = np.asarray(temperature_c, float) + ZERO_C_IN_K
    exponent = circuit.activation_j_per_mol / GAS_CONSTANT * (1.0 / kelvin - 1.0 / REFERENCE_K)
    return np.asarray(np.exp(exponent) * np.asarray(growth, float))


def power_limits_kw(
    circuit: Circuit,
    soc: npt.ArrayLike,
    temperature_c: npt.ArrayLike,
    capacity_kwh: npt.ArrayLike,
    growth: npt.ArrayLike = 1.0,
    v1: npt.ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    """Largest powers at the DC terminals that the voltage window allows at this instant [kW].

    Discharging is bound by ``V >= min_v`` and by the largest power ``Eo**2/(4*R0)``, charging
    by ``V <= max_v``. These are limits of the circuit, far above what a battery management
    system allows; they hold for an instant, before the RC pair has answered.

    Parameters
    ----------
    circuit, soc, temperature_c, growth
        As in :func:`resistances_ohm`.
    capacity_kwh
        Energy of the pack [kWh].
    v1
        Voltage of the RC pair of one cell [V], positive after discharging.

    Returns
    -------
    charge_kw, discharge_kw
        Both >= 0; ``inf`` where there is no resistance.
    """
    raise_findings(
        check_ranges(soc=soc, temperature_c=temperature_c, growth=growth, capacity_kwh=capacity_kwh)
    )
    soc = np.asarray(soc, float)
    r0, _ = resistances_ohm(circuit, soc, temperature_c, growth)
    eo = open_circuit_v(circuit, soc) - np.asarray(v1, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        out_a = np.where(
            soc > 0.0, np.maximum(np.minimum((eo - circuit.min_v) / r0, 0.5 * eo / r0), 0.0), 0.0
        )
        in_a = np.where(soc < 1.0, np.maximum((circuit.max_v - eo) / r0, 0.0), 0.0)
        # Without resistance the voltage is Eo whatever the current.
        out_w = np.where(r0 > 0.0, out_a * (eo - out_a * r0), out_a)
        in_w = np.where(r0 > 0.0, in_a * (eo + in_a * r0), in_a)
    cells = cells_in(circuit, capacity_kwh)
    return np.asarray(in_w * cells / 1000.0), np.asarray(out_w * cells / 1000.0)


def cells_in(circuit: Circuit, capacity_kwh: npt.ArrayLike) -> Floats:
    """Return the number of cells in a pack, not necessarily whole."""
    cell_kwh = circuit.capacity_ah * mean_open_circuit_v(circuit) / 1000.0
    return np.asarray(np.asarray(capacity_kwh, float) / cell_kwh)


def turn_sign(values: Floats) -> Floats:
    """From the project's sign (positive charges) to the circuit's (positive discharges), or back.

    The one place where the two meet.
    """
    return 0.0 - values


def mean_open_circuit_v(circuit: Circuit) -> float:
    """Mean of the open-circuit voltage over the state of charge, 0 to 1 [V]."""
    return _mean_of(circuit.soc.tobytes(), circuit.ocv_v.tobytes())


@cache
def _mean_of(soc: bytes, ocv_v: bytes) -> float:
    return float(table_mean(0.0, 1.0, np.frombuffer(soc), np.frombuffer(ocv_v)))


def check_ranges(**values: npt.ArrayLike) -> list[Finding]:
    """Return findings about inputs of the circuit, by their names."""
    findings = []
    for name, value in values.items():
        low, high, mend = _RANGES[name]
        array = np.asarray(value, float)
        wrong = array[~((array >= low) & (array <= high))]
        if wrong.size == 0:
            continue
        if name == "temperature_c" and np.all(wrong > 200.0):
            mend = f"That looks like kelvin: write {wrong.flat[0] - ZERO_C_IN_K:.4g}"
        elif name.startswith("soc") and 1.0 < wrong.flat[0] <= 100.0:
            mend = f"A share is a fraction from 0 to 1: write {wrong.flat[0] / 100:g}"
        findings.append(Finding(name, f"{wrong.flat[0]:g} is not allowed", mend))
    return findings


_SMALL = 1e-9
_RANGES: dict[str, tuple[float, float, str]] = {
    "soc": (0.0, 1.0, "Write a fraction from 0 to 1"),
    "soc0": (0.0, 1.0, "Write a fraction from 0 to 1"),
    "soc_min": (0.0, 1.0, "Write a fraction from 0 to 1"),
    "soc_max": (0.0, 1.0, "Write a fraction from 0 to 1"),
    "temperature_c": (COLDEST_C, HOTTEST_C, "Write degrees Celsius from -40 to 80"),
    "growth": (0.0, 100.0, "Write the relative resistance, 1 for a new battery"),
    "coulombic": (0.5, 1.0, "Write a share from 0.5 to 1, usually above 0.99"),
    "capacity_kwh": (_SMALL, 1e6, "Write the energy of the pack in kWh, above 0"),
    "step_s": (_SMALL, 86_400.0, "Write the length of a step in seconds, above 0"),
    "power_kw": (-1e6, 1e6, "Write a finite power in kW"),
}


def raise_findings(findings: list[Finding]) -> None:
    """Raise what was found, all at once."""
    if findings:
        raise InputError(findings)
